"""`python -m headline.demo`: fill the demo company's sources, serve its finance interface."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import date, timedelta

from headline import connections, settings
from headline.demo import datashare, finance_api, shop
from headline.demo.company import Company, last_month, utc_today
from headline.demo.crm_api import Crm
from headline.sources import dropped


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m headline.demo", description=__doc__)
    commands = parser.add_subparsers(required=True)

    filling = commands.add_parser("fill", help="bring days into the shop's database and the data share; days already there stay")
    filling.add_argument("--days", type=int, default=61, help="how many days, the last one included (default: %(default)s)")
    filling.add_argument("--last", type=date.fromisoformat, help="the last day, YYYY-MM-DD (default: yesterday, UTC)")
    filling.set_defaults(command=lambda options: fill(options.days, options.last or utc_today() - timedelta(days=1)))

    serving = commands.add_parser("serve-finance", help="serve the expenses and the CRM over HTTP until stopped")
    serving.add_argument("--port", type=int, required=True)
    serving.set_defaults(command=lambda options: serve_finance(options.port))

    options = parser.parse_args(arguments)
    if settings.load().environment == "prod":
        parser.error("there is no demo company in production (HEADLINE_ENVIRONMENT=prod)")
    options.command(options)
    return 0


def fill(days: int, last: date) -> None:
    """Fill the database of connection `headline_shop_owner` and the place of `headline_datashare` with the days up to `last`.

    As in every shop, what is wrong in a month is corrected before its books are closed.
    """
    import psycopg2

    company = Company()
    first = last - timedelta(days=days - 1)
    found = connections.get("headline_shop_owner")
    target = {"host": found.host, "port": found.port, "user": found.login, "password": found.password, "dbname": found.schema}
    with closing(psycopg2.connect(**{name: value for name, value in target.items() if value})) as connection:
        new_days = shop.fill(connection, first, last, company, progress=lambda day: _show(f"\rshop: filled up to {day}"))
        corrected = shop.correct(connection, last_month(last + timedelta(days=1)), company)
    new_files = datashare.drop(dropped.root("headline_datashare"), first, last, company)
    _show(f"\rshop: {first} to {last}, {new_days} new days, {corrected} rows corrected; data share: {new_files} new files\n")


def serve_finance(port: int) -> None:
    crm = Crm(settings.load().home / "crm.sqlite")
    with finance_api.server(Company(), port, crm=crm) as service, suppress(KeyboardInterrupt):
        service.serve_forever()


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
