"""TPC-DS through the example's pipeline, held against what TPC-DS itself states; its files are made once, and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.tpcds.__main__ import ENVIRONMENT, generated
from benchmarks.tpcds.run import LINES, Run, compute, figures, variables
from tests.conftest import forget
from tests.examples.house import House

from headline import specs
from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.pipeline import Waiver
from headline.warehouse import open_warehouse

# Each has sales and returns, at so small a scale too; with the year new versions of items are sold.
DAYS = Interval(date(2000, 12, 27), date(2001, 1, 2))
PIPELINES = ("items", "store", "store_profit")
NEEDED = ("ss_quantity", "ss_list_price", "ss_sales_price", "ss_coupon_amt", "ss_wholesale_cost", "ss_net_profit")

pytestmark = [
    pytest.mark.skipif(
        not (ENVIRONMENT / "installed").is_file(),
        reason="the generator's packages are not there: python -m benchmarks.tpcds installs them",
    ),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def data() -> Path:
    return generated("0.01")


@contextmanager
def house(postgres: str, folder: Path, data: Path) -> Iterator[House]:
    """An empty installation with the example's SQL, which reads these files."""
    name = f"tpcds_{folder.name}".replace("-", "_")
    with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute(f"create database {name}")
    ledger = json.dumps({"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": name})
    with pytest.MonkeyPatch.context() as environment:
        own = {"HEADLINE_HOME": str(folder), "AIRFLOW_CONN_HEADLINE_LEDGER": ledger}
        for variable, value in (own | variables(folder, data, "1GB")).items():
            environment.setenv(variable, value)
        forget()
        migrate()
        yield House(folder / "warehouse.duckdb", specs.load(), Ledger(), open_warehouse(), PIPELINES, Waiver("none", by="x"))
    forget()


def run(made: House, days: Interval, name: str) -> None:
    compute(days, made.warehouse, made.ledger, Run(name))


@pytest.fixture(scope="module")
def shop(postgres: str, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(postgres, tmp_path_factory.mktemp("range"), data) as made:
        run(made, DAYS, "range")
        yield made


def of_files(data: Path, sql: str) -> list[tuple[Any, ...]]:
    days = f"ds >= date '{DAYS.start}' and ds < date '{DAYS.end}'"
    with closing(duckdb.connect()) as connection:
        for table in ("store_sales", "store_returns"):
            rows = f"from read_parquet('{data}/{table}/*/*.parquet', hive_partitioning = true) where {days}"
            connection.execute(f"create view {table} as {rows}")
        connection.execute(f"create view item as from '{data}/item.parquet'")
        return connection.execute(sql).fetchall()


def test_rows_and_profit_are_those_that_tpcds_states(shop: House, data: Path) -> None:
    found = list(figures(shop.warehouse, data, DAYS))
    assert [one for one in found if not one.is_right] == []
    assert found[0].ours > 100
    assert found[2].ours
    reasons = shop.query("select distinct quarantine_reason from quarantine.line_profit")
    assert reasons
    assert all(reason.startswith("missing_") for (reason,) in reasons)


def test_items_are_those_versions_that_tpcds_states(shop: House, data: Path) -> None:
    expected = of_files(
        data,
        f"""
        select i_item_sk, i_rec_start_date, i_rec_end_date from item where i_rec_start_date < '{DAYS.end}' order by i_item_sk""",
    )
    found = shop.query("""
        select
            item_number, cast(valid_from as date),
            case when not is_current then cast(valid_to - interval '1' day as date) end
        from core.items order by item_number""")
    assert len(expected) > 100
    # Of a version that ends after the last day nobody knows yet that it does.
    assert found == [(number, first, last if last and last < DAYS.end else None) for number, first, last in expected]


def test_running_it_again_changes_nothing(shop: House) -> None:
    contents, version = shop.contents(), shop.ledger.newest_version()
    run(shop, DAYS, "again")
    assert shop.contents() == contents
    assert shop.ledger.newest_version() == version


def test_days_one_by_one_equal_the_range(shop: House, postgres: str, data: Path, tmp_path: Path) -> None:
    names = ("core.items", "core.line_profit", "quarantine.line_profit", "core.line_coverage")
    expected = {name: content for name, content in shop.contents().items() if name in names}
    with house(postgres, tmp_path, data) as other:
        run(other, Interval(DAYS.start, DAYS.start + DAY), "first")
        for day in Interval(DAYS.start + DAY, DAYS.end):
            other.compute(Interval(day, day + DAY), f"day {day}")
        assert {name: content for name, content in other.contents().items() if name in names} == expected


def test_another_profit_than_tpcds_states_is_not_published(postgres: str, data: Path, tmp_path: Path) -> None:
    """A single line of which TPC-DS says a cent more."""
    day = Interval(DAYS.start, DAYS.start + DAY)
    folder = tmp_path / "altered"
    for name in ("store_sales", "store_returns"):
        shutil.copytree(data / name / f"ds={day.start}", folder / name / f"ds={day.start}")
    shutil.copy2(data / "item.parquet", folder)
    file = folder / "store_sales" / f"ds={day.start}" / "data_0.parquet"
    sales = pq.read_table(file)
    place = next(place for place, row in enumerate(sales.to_pylist()) if not any(row[name] is None for name in NEEDED))
    profit = sales["ss_net_profit"].to_pylist()
    profit[place] += Decimal("0.01")
    column = sales.schema.get_field_index("ss_net_profit")
    pq.write_table(sales.set_column(column, sales.schema.field(column), pa.array(profit, sales.schema.field(column).type)), file)
    with house(postgres, tmp_path, folder) as made:
        with pytest.raises(BadData, match="net profit is what TPC-DS states"):
            run(made, day, "altered")
        assert made.ledger.states([LINES]) == []
