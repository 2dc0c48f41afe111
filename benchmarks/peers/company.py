"""The demo company's days in a landing zone, without Airflow: PostgreSQL, the sources and their ingests."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from threading import Thread
from unittest.mock import patch

from headline import ledger, settings, specs
from headline.demo import datashare, finance_api, shop
from headline.demo.company import Company
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load
from headline.local.postgres import Postgres
from headline.local.roles import SUPERUSER
from headline.pipeline import PipelineRun, ingest
from headline.warehouse import open_warehouse

Loads = dict[str, list[Load]]


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL for the company's shop and for ledgers, and the variables that lead to both."""
    postgres = Postgres(folder / "postgres")
    postgres.start()
    variables = {
        "AIRFLOW_HOME": f"{folder}/airflow",
        "HEADLINE_HOME": str(folder),
        "HEADLINE_LANDING": f"file://{folder}/landing",
        "AIRFLOW_CONN_HEADLINE_LEDGER": _database(postgres, "ledger"),
        "AIRFLOW_CONN_HEADLINE_SHOP": _database(postgres, "shop"),
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps({"conn_type": "duckdb", "host": f"{folder}/warehouse.duckdb"}),
        "AIRFLOW_CONN_HEADLINE_DATASHARE": json.dumps({"conn_type": "generic", "extra": {"path": f"file://{folder}/share"}}),
    }
    try:
        with patch.dict(os.environ, variables):
            settings.load.cache_clear()
            ledger.migrate()
            yield postgres
    finally:
        settings.load.cache_clear()
        postgres.stop()
        postgres.remove_outside()


def land(postgres: Postgres, folder: Path, interval: Interval) -> Loads:
    """Let the company have these days, ingest them; what arrived, by landing table."""
    logging.getLogger("headline").setLevel(logging.ERROR)  # else every ingest says how much it brought
    company, last = Company(), interval.end - DAY
    with closing(postgres.connect("shop")) as connection:
        connection.autocommit = False
        shop.fill(connection, interval.start, last, company)
    datashare.drop(folder / "share", interval.start, last, company)
    with _finance(company, last):
        catalog, known = specs.load(), Ledger()
        for source in catalog.pipelines.values():
            if isinstance(source, specs.Source):
                run = PipelineRun(source, "peers", interval, catalog, known, open_warehouse())
                for name in source.ingest:
                    ingest(run, name)
        landings = [name for source in catalog.pipelines.values() if isinstance(source, specs.Source) for name in source.landed]
        return {name: known.current_loads(name) for name in landings}


@contextmanager
def _finance(company: Company, today: date) -> Iterator[None]:
    service = finance_api.server(company, today=lambda: today)
    Thread(target=service.serve_forever, daemon=True).start()
    port = service.server_address[1]
    connection = json.dumps({"conn_type": "http", "host": "http://127.0.0.1", "port": port})
    with patch.dict(os.environ, AIRFLOW_CONN_HEADLINE_FINANCE=connection):
        try:
            yield
        finally:
            service.shutdown()
            service.server_close()


def _database(postgres: Postgres, name: str) -> str:
    login = {"login": SUPERUSER, "password": postgres.secrets[SUPERUSER]}
    return json.dumps({"conn_type": "postgres", "host": str(postgres.socket), **login, "schema": name})
