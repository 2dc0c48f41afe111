"""The European Central Bank's rates through finance, held against the file itself; what they become is compared for every day."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal

import psycopg2
import pyarrow.parquet as pq
import pytest
from tests.conftest import forget
from tests.examples.house import House

from headline import settings, specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.local.example import Example
from headline.pipeline import Waiver
from headline.warehouse import open_warehouse

FOLDER = settings.PROJECT / "examples" / "ecb_rates"
DATA = settings.PROJECT.parent / "shared" / "data" / "ecb_eurofxref_hist.parquet"
EXAMPLE = Example.load(FOLDER)
# They begin with a weekend, and hold holidays and the end of a currency.
DAYS = Interval(date(2025, 12, 20), date(2026, 1, 12))

pytestmark = pytest.mark.skipif(not DATA.is_file(), reason=f"the data are not there: {DATA.name} belongs into ../shared/data")


@pytest.fixture(scope="module")
def bank(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("ecb_rates")
    shutil.copy2(DATA, folder / EXAMPLE.data_as)
    with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("create database ecb_rates")
    connections = {
        "LEDGER": {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "ecb_rates"},
        "WAREHOUSE": {"conn_type": "duckdb", "host": str(folder / "warehouse.duckdb"), "extra": {"memory_limit": "1GB"}},
        "DATASHARE": {"conn_type": "fs", "extra": {"path": f"file://{folder}"}},
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HEADLINE_HOME", str(folder))
        environment.setenv("HEADLINE_SOURCES", str(FOLDER / "sources"))
        for name, connection in connections.items():
            environment.setenv(f"AIRFLOW_CONN_HEADLINE_{name}", json.dumps(connection))
        forget()
        migrate()
        pipelines = ("finance", "core_finance")
        made = House(folder / "warehouse.duckdb", specs.load(), Ledger(), open_warehouse(), pipelines, Waiver("history", by="x"))
        made.compute(DAYS, "range")
        yield made
    forget()


def test_every_rate_of_every_day_is_that_of_the_file(bank: House) -> None:
    told = {
        (row["Date"], code): (1 / Decimal(str(rate))).quantize(Decimal("1e-8"))
        for row in pq.read_table(DATA).to_pylist()
        for code, rate in row.items()
        if code != "Date" and rate is not None and DAYS.start <= row["Date"] < DAYS.end
    }
    found = {
        (ds, code): rate for ds, code, rate in bank.query("select ds, currency_code, rate_to_reporting from raw.exchange_rates")
    }
    assert len({day for day, _ in told}) == 12
    assert found == told


def test_the_last_rates_stay_in_force_while_the_bank_is_closed(bank: House) -> None:
    found = dict(bank.query("select ds, rate_to_reporting from core.exchange_rates where currency_code = 'USD'"))
    assert set(found) == set(Interval(DAYS.start + 2 * DAY, DAYS.end)), "of the weekend before the first rates nothing is known"
    friday = date(2026, 1, 2)
    assert found[friday] == found[friday + DAY] == found[friday + 2 * DAY] != found[friday + 3 * DAY]
    assert bank.query("select max(ds) from raw.exchange_rates where currency_code = 'BGN'") == [(date(2025, 12, 31),)]
