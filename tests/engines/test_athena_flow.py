"""A pipeline's run on Athena, by its stand-in: what is published when statements fail, are throttled, or outlive their task."""

import datetime
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from pyarrow import parquet
from tests.engines.athena_double import REGION, AthenaDouble, Failure, client
from tests.engines.conftest import CONNECTION, EXTRA
from tests.unit.conftest import Project

from headline import specs
from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient
from headline.intervals import DAY
from headline.ledger import Statements
from headline.operators.summary import summary
from headline.pipeline import write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.warehouse import open_warehouse
from headline.warehouse.athena import engine
from headline.warehouse.athena.engine import AthenaEngine
from headline.warehouse.athena.glue import Glue
from headline.warehouse.athena.landed import landed_rows
from headline.warehouse.athena.statements import AthenaStatements
from headline.warehouse.iceberg.names import STAGING
from headline.warehouse.iceberg.staging import IcebergStaging

LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
D1, D2, D3 = (date(2026, 3, 1 + n) for n in range(3))
ORDERS = [("a", 1), ("b", 10), ("c", 100)]
TOTALS = [(D1, 1), (D2, 11), (D3, 111)]


class Killed(BaseException):
    """What ends a task from outside."""


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.fixture
def shop(project: Project) -> Project:
    """Three days of orders have landed, and are published in raw."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")], D3: [("c", "100.00"), ("d", "-5.00")]})
    project.publish("shop", D1, D3)
    return project


def rows(project: Project, sql: str) -> list[Any]:
    return project.query(f"{sql} order by 1")


def is_right(project: Project) -> bool:
    """Whether everything is published, and is what the ledger says."""
    assert rows(project, "select order_id, amount from core.orders") == ORDERS
    assert rows(project, "select order_id, quarantine_reason from quarantine.orders") == [("d", "negative_amount")]
    assert rows(project, "select ds, amount from core.running_totals") == TOTALS
    return not verify_published(specs.load().tables.values(), project.ledger, project.warehouse).differences


def test_tables_are_made_from_their_contracts(shop: Project, athena: AthenaDouble) -> None:
    shop.publish("core_shop", D1, D3)
    [ddl] = [sql for sql in athena.executed if sql.startswith("create table if not exists `core`.`orders`")]
    assert ddl == (
        "create table if not exists `core`.`orders` (`ds` DATE comment 'Business day.', "
        "`order_id` STRING comment 'Key of the order.', `amount` DECIMAL(18, 4) comment 'What was paid.') "
        "partitioned by (day(`ds`)) location 's3://tables/warehouse/core/orders' "
        "tblproperties ('table_type'='ICEBERG','format'='parquet')"
    )
    assert is_right(shop)
    databases = {one["Name"] for one in client("glue").get_databases()["DatabaseList"]}
    assert databases == {"calendar", "core", "headline", "headline_staging", "quarantine", "raw"}
    staged = [one["Name"] for one in client("glue").get_tables(DatabaseName="headline_staging")["TableList"]]
    assert {name.split("_")[0] for name in staged} == {"landed"}, "a run drops its staging tables"


def test_each_table_takes_a_statement_a_step_and_says_what_it_cost(shop: Project, athena: AthenaDouble) -> None:
    athena.scanned = 2**30
    run = shop.run("core_shop", D1, D3)
    tables = {one.table: one for one in write_audit_publish(run)}
    assert [(one.table, one.step) for one in tables["core.orders"].statements] == [
        ("core.orders", "stage"),
        ("core.orders", "audit"),
        ("core.orders", "publish"),
        ("quarantine.orders", "publish"),
    ]
    shown = summary(tables["core.running_totals"])["statements"]
    assert (shown["count"], shown["bytes_scanned"], shown["cost_usd"]) == (3, 3 * 2**30, "0.014649")
    assert {step: len(ids) for step, ids in shown["query_ids"].items()} == {"stage": 1, "audit": 1, "publish": 1}
    known = {one.query_id: one.state for one in Statements().of_run(run.key)}
    assert {known[one.query_id] for table in tables.values() for one in table.statements} == {"succeeded"}


def test_a_crash_between_two_tables_rolls_forward_and_again_nothing_is_published(
    shop: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, replaced = IcebergStaging._replace, []

    def second_kills(self: IcebergStaging, *arguments: Any) -> None:
        replaced.append(arguments)
        if len(replaced) == 2:
            raise Killed
        replace(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(IcebergStaging, "_replace", second_kills)
        with pytest.raises(Killed):
            shop.publish("core_shop", D1, D3)
    assert rows(shop, "select order_id, amount from core.orders") == ORDERS
    assert rows(shop, "select ds, amount from core.running_totals") == []
    assert shop.ledger.states(["core.orders"]) == [], "what a person may rely on is in the ledger"
    shop.publish("core_shop", D1, D3)
    assert is_right(shop)
    merges = len(athena.statements("merge into"))
    assert [one.changed_count for one in shop.publish("core_shop", D1, D3).values()] == [0, 0]
    assert len(athena.statements("merge into")) == merges


@pytest.mark.parametrize(
    ("statement", "failure", "kind"),
    [
        ("create table headline_staging.core__orders", Failure("COLUMN_NOT_FOUND: line 1:8: x"), SpecError),
        ("create table headline_staging.core__running_totals", Failure("NUMERIC_VALUE_OUT_OF_RANGE: overflow"), BadData),
        ("MERGE INTO core.running_totals", Failure("ICEBERG_COMMIT_ERROR: Failed to commit", 1, retryable=True), Transient),
    ],
)
def test_a_run_whose_statement_failed_can_be_run_again(
    shop: Project, athena: AthenaDouble, statement: str, failure: Failure, kind: type[HeadlineError]
) -> None:
    athena.failures[statement] = failure
    run = shop.run("core_shop", D1, D3)
    with pytest.raises(kind, match=failure.reason.split(":")[0]):
        write_audit_publish(run)
    athena.throttled = 2
    write_audit_publish(run)
    assert (athena.failures, is_right(shop)) == ({}, True)


def test_a_failed_check_publishes_nothing_and_says_which_rows(shop: Project) -> None:
    shop.arrive({D2: [("a", "10.00")]})
    shop.publish("shop", D2)
    with pytest.raises(BadData, match=r"No duplicate values.*order_id a"):
        shop.publish("core_shop", D1, D3)
    assert rows(shop, "select order_id from core.orders") == []


def test_a_check_that_cannot_be_evaluated_is_told_apart_from_the_others(shop: Project, athena: AthenaDouble) -> None:
    """Statements that were asked together and failed are asked one by one."""
    athena.failures["select 0 as query_number"] = Failure("NUMERIC_VALUE_OUT_OF_RANGE: overflow")
    shop.publish("core_shop", D1, D3)
    assert is_right(shop)


def test_a_retry_takes_over_the_staging_table_that_was_on_its_way(
    shop: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, athena.held = shop.run("core_shop", D1, D3), "create table headline_staging.core__orders"
    with monkeypatch.context() as patched:
        patched.setattr(AthenaStatements, "_wait", killed)
        patched.setattr(AthenaEngine, "foresee", killed)
        patched.setattr(IcebergStaging, "drop_staged", lambda *_: None)  # as after SIGKILL
        with pytest.raises(Killed):
            write_audit_publish(run)
    assert [one.state for one in Statements().of_run(run.key)] == ["running"]
    athena.release()
    write_audit_publish(run)
    assert len(athena.statements("create table headline_staging.core__orders")) == 1
    assert is_right(shop)


def test_a_merge_that_outlived_its_task_is_cancelled_before_others_publish(
    shop: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    athena.held = "MERGE INTO core.orders"
    with monkeypatch.context() as patched:
        wait = AthenaStatements._wait

        def killed_in_merge(self: AthenaStatements, statement: Any, seconds: Any) -> None:
            killed() if statement.step == "publish" else wait(self, statement, seconds)

        patched.setattr(AthenaStatements, "_wait", killed_in_merge)
        with pytest.raises(Killed):
            shop.publish("core_shop", D1, D3)
    [left] = Statements().running()
    athena.held = ""
    shop.publish("core_shop", D1, D3)
    assert athena.executions[left.query_id]._status == "CANCELLED"
    assert (Statements().running(), is_right(shop)) == ([], True)


def test_more_days_than_athena_writes_at_once_are_published_in_parts(
    project: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {D1 + DAY * n: [(f"o{n}", "1.00")] for n in range(150)}
    project.arrive(days)
    with monkeypatch.context() as patched:
        patched.setattr(AthenaEngine, "most_partitions", 150)
        with pytest.raises(SpecError, match="ICEBERG_TOO_MANY_OPEN_PARTITIONS"):
            project.publish("shop", min(days), max(days))
    merges = len(athena.statements("merge into raw.orders"))
    project.publish("shop", min(days), max(days))
    assert len(athena.statements("merge into raw.orders")) == merges + 2
    assert rows(project, "select count(*) from raw.orders") == [(150,)]


def test_upkeep_merges_files_and_forgets_snapshots_of_every_table(shop: Project, athena: AthenaDouble) -> None:
    tables = ["core.orders", "core.running_totals", "quarantine.orders", "raw.orders"]
    shop.publish("core_shop", D1, D3)
    old, new = ("headline_staging.landed_old", "headline_staging.landed_new")
    with shop.warehouse.open_engine() as opened:
        for name in (old, new):
            opened._glue.list_files(name, f"s3://tables/warehouse/{name}", ["s3://tables/a"], {"x": "string"})
    glue_backends[DEFAULT_ACCOUNT_ID][REGION].databases["headline_staging"].tables["landed_old"].created_time = LONG_AGO
    assert shop.warehouse.keep_up() == tables
    left = {one["Name"] for one in client("glue").get_tables(DatabaseName="headline_staging")["TableList"]}
    assert ("landed_old" in left, "landed_new" in left) == (False, True)
    assert athena.statements("optimize") == [f"OPTIMIZE {name} REWRITE DATA USING BIN_PACK" for name in tables]
    assert athena.statements("vacuum") == [f"VACUUM {name}" for name in tables]
    assert {(one.table, one.step) for one in Statements().of_run("upkeep")} == {(name, "upkeep") for name in tables}
    with shop.warehouse.session() as session:
        session.change(["delete from core.orders where order_id = 'a'"])
    assert athena.executed[-4].startswith("alter table `core`.`orders` set tblproperties ('vacuum_max_snapshot_age_seconds'='1'")
    assert [sql.split()[0] for sql in athena.executed[-3:]] == ["OPTIMIZE", "VACUUM", "alter"]
    assert rows(shop, "select order_id, amount from core.orders") == ORDERS[1:]


def test_what_is_too_long_for_a_statement_is_staged_in_parts(
    project: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, selects = f"{STAGING}.core__orders__0123456789abcdef", [f"select {number} as n" for number in range(10)]
    monkeypatch.setattr(engine, "_LONGEST", 150)
    with project.warehouse.open_engine("r1") as opened:
        opened.create_namespace(STAGING)
        opened.create_union(name, selects)
        assert [row[0] for row in opened.query(f"select n from {name} order by n").rows] == [*range(10)]
        assert opened.tables() == {name}
    made = athena.statements("create table")
    assert [sql.count("select ") for sql in made] == [4, 4, 2, 3]
    assert {(one.table, one.step) for one in Statements().of_run("r1")} == {("core.orders", "stage"), ("core.orders", "audit")}


def test_databases_have_the_prefix_of_the_connection_and_nobody_sees_it(
    project: Project, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = CONNECTION | {"extra": EXTRA | {"database_prefix": "dev_anna_"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(connection))
    own = Project(project.sql, project.ledger, open_warehouse(), project.forget)
    own.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")], D3: [("c", "100.00"), ("d", "-5.00")]})
    own.publish("shop", D1, D3)
    own.publish("core_shop", D1, D3)
    assert is_right(own)
    assert own.warehouse.keep_up() == ["core.orders", "core.running_totals", "quarantine.orders", "raw.orders"]
    assert all(one["Name"].startswith("dev_anna_") for one in client("glue").get_databases()["DatabaseList"])
    table = client("glue").get_table(DatabaseName="dev_anna_core", Name="orders")["Table"]
    assert table["StorageDescriptor"]["Location"] == "s3://tables/warehouse/dev_anna_/core/orders"
    assert rows(own, "select orders.order_id from core.orders") == [("a",), ("b",), ("c",)]
    connection["extra"] = EXTRA | {"database_prefix": "A-"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(connection))
    with pytest.raises(SpecError, match="database_prefix"):
        open_warehouse()


def test_files_with_other_columns_are_read_as_one(athena: AthenaDouble, project: Project, tmp_path: Path) -> None:
    """A column that has other types in other files is a text, one that a file lacks is NULL, one of no known type is left out."""
    files = {}
    for name, table in {
        "a": {"ds": [D1], "Key": ["x"], "n": [1], "t": [datetime.time(1)]},
        "b": {"ds": [D2], "n": ["two"]},
    }.items():
        file = tmp_path / "landing" / f"{name}.parquet"
        file.parent.mkdir(exist_ok=True)
        parquet.write_table(pyarrow.table(table), file)
        files[f"file://{file}"] = {field.name: str(field.type) for field in parquet.read_schema(file)}
    with project.warehouse.staging("r1") as session:
        both = session.landing(files, {}).sql("athena")
        assert rows(project, f"select ds, n, key from {both} as arrived") == [(D1, "1", "x"), (D2, "two", None)]
        made = len(client("glue").get_tables(DatabaseName="headline_staging")["TableList"])
        assert session.landing(files, {}).sql("athena") == both
    with pytest.raises(BadRequest, match="HEADLINE_LANDING"):
        landed_rows(Glue(client("glue"), client("s3")), "s3://tables", files)
    assert len(client("glue").get_tables(DatabaseName="headline_staging")["TableList"]) == made == 2
