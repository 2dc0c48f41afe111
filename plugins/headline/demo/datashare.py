"""The folder into which another company drops one file of exchange rates a day."""

import csv
from datetime import date
from io import StringIO
from pathlib import Path

from headline.demo.company import Company, days_between
from headline.demo.finance import ExchangeRate, exchange_rates


def drop(folder: Path, first: date, last: date, company: Company) -> int:
    """Drop `rates_YYYY-MM-DD.csv` for every day from first to last that has none yet, and return how many were dropped.

    A file appears complete or not at all; one that is there is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [day for day in days_between(first, last) if not (folder / file_name(day)).exists()]
    for day in missing:
        unfinished = folder / f".{file_name(day)}.part"
        unfinished.write_text(rates_csv(company, day))
        unfinished.replace(folder / file_name(day))
    return len(missing)


def file_name(day: date) -> str:
    return f"rates_{day}.csv"


def rates_csv(company: Company, day: date) -> str:
    """Return the file of the day: header, then one line per currency."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ExchangeRate._fields)
    writer.writerows(exchange_rates(company, day))
    return text.getvalue()
