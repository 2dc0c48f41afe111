"""A person is erased: nothing names them any more, also of what arrives later, and no figure changes."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest
from tests.unit.conftest import Project
from tests.unit.once import Once
from typer.testing import CliRunner

from headline import specs
from headline.cli import app
from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval
from headline.ledger import ERASER, CheckResult, Ledger, StagingTable, Upkeep
from headline.maintenance.backup import back_up
from headline.maintenance.backups import dates_of_backups
from headline.maintenance.erasure import Place, erase, find_person
from headline.maintenance.old_backups import remove_backups
from headline.pipeline import ingest
from headline.pipeline.fingerprints import verify_published
from headline.pipeline.reconcile import reconcile
from headline.sources.intact import flaw_of

pytestmark = pytest.mark.usefixtures("eraser")
D1 = date(2026, 3, 2)
D2, D3 = D1 + DAY, D1 + 2 * DAY
# Ana has ordered on both days; the id of one customer is the beginning of another's.
ANA, ANABEL = "C12", "C123"
PIPELINES = ("shop", "core_shop", "daily")
WORDS = ("C12", "ana@example.com")

FILES = {
    "sources/shop/source.yml": """
        description: The shop's orders and customers, as they arrive.
        tier: 1
        lands_at: "02:00"
        tables:
          orders:
          customers:
        ingest:
          orders:
            {kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv, lookback_days: 1,
             key: [order_id], person: customer_id}
          customers:
            {kind: files, connection: headline_drop, pattern: "customers_{{ ds }}.csv", format: csv, person: customer_id,
             personal: [email]}
        """,
    "sources/shop/orders.sql": """
        select
            ds,
            cast(order_id as varchar) as order_id,
            cast(customer_id as varchar) as customer_id,
            cast(amount as decimal(18, 4)) as amount,
            headline_refusal as refusal,
            headline_text as refused_text,
            headline_origin as refused_origin
        from landing.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "sources/shop/orders.contract.yml": """
        dataset: warehouse/raw/orders
        description: One row per order that arrived.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: order_id, data_type: varchar, description: Key of the order.}
          - {name: customer_id, data_type: varchar, description: Who ordered.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: refusal, data_type: varchar, description: Why it was refused.}
          - {name: refused_text, data_type: varchar, attributes: {personal: true}, description: What arrived.}
          - {name: refused_origin, data_type: varchar, description: Where it stood.}
        checks:
          - schema:
        """,
    "sources/shop/customers.sql": """
        select
            ds,
            cast(customer_id as varchar) as customer_id,
            cast(email as varchar) as email
        from landing.customers
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "sources/shop/customers.contract.yml": """
        dataset: warehouse/raw/customers
        description: One row per customer and day.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: customer_id, data_type: varchar, description: Who it is.}
          - {name: email, data_type: varchar, attributes: {personal: true}, description: Where to write to.}
        checks:
          - schema:
        """,
    "core/core_shop/pipeline.yml": """
        description: Clean orders of customers.
        tier: 1
        lands_at: "03:00"
        coverage: {complete: 0.9, partial: 0.1}
        tables:
          orders: {key: [order_id], quarantine: true, reads: {raw.orders: {}}}
          customers: {key: [customer_id], period: all, reads: {raw.customers: {lookback_days: all}}}
        """,
    "core/core_shop/orders.sql": """
        select
            ds,
            order_id,
            customer_id,
            amount,
            case
                when refusal is not null then refusal
                when amount < 0 then 'negative_amount'
            end as quarantine_reason
        from raw.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "core/core_shop/orders.contract.yml": """
        dataset: warehouse/core/orders
        description: One row per valid order.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: order_id, data_type: varchar, description: Key of the order.}
          - {name: customer_id, data_type: varchar, description: Who ordered.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
        checks:
          - schema:
        """,
    "core/core_shop/customers.sql": """
        select
            customer_id,
            min(ds) as first_ds
        from raw.customers
        group by customer_id
        """,
    "core/core_shop/customers.contract.yml": """
        dataset: warehouse/core/customers
        description: One row per customer.
        columns:
          - {name: customer_id, data_type: varchar, description: Who it is.}
          - {name: first_ds, data_type: date, description: Since when they are there.}
        checks:
          - schema:
        """,
    "profit/daily/pipeline.yml": """
        description: What people decide by, without any person.
        tier: 1
        lands_at: "04:00"
        tables:
          daily: {key: [ds], reads: {core.orders: {lookback_days: all}, core.customers: {}}}
        """,
    "profit/daily/daily.sql": """
        select
            orders.ds,
            cast(sum(orders.amount) as decimal(18, 4)) as amount,
            count(distinct orders.customer_id) as customer_count,
            count(distinct case when customers.first_ds = orders.ds then orders.customer_id end) as new_count
        from core.orders as orders
        left join core.customers as customers on orders.customer_id = customers.customer_id
        where orders.ds >= date '{{ start }}' and orders.ds < date '{{ end }}'
        group by orders.ds
        """,
    "profit/daily/daily.contract.yml": """
        dataset: warehouse/profit/daily
        description: One row per day.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: customer_count, data_type: bigint, description: Who paid.}
          - {name: new_count, data_type: bigint, description: Who paid on their first day.}
        checks:
          - schema:
        """,
}
ORDERS = {
    D1: ["o1,C12,10.00", "o2,C123,20.00", "o3,C9,5.00", "o4,C12,-1.00", "o5,C12,ten", "o6,C123,six"],
    D2: ["o7,C12,11.00", "o8,C123,21.00", "o9,C8,6.00"],
}
CUSTOMERS = ["C12,ana@example.com", "C123,anabel@example.com", "C9,", "C8,ben@example.com"]


@pytest.fixture
def shop(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, once: Once) -> Project:
    """Two days of orders and customers are published, and what is made of them."""
    connection = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/drop"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps(connection))
    return once(project, two_days)


def two_days(project: Project) -> None:
    for path in [file for file in project.sql.rglob("*") if file.is_file()]:
        path.unlink()
    for name, text in FILES.items():
        project.write(name, text)
    (project.folder / "drop").mkdir()
    for day in (D1, D2):
        drop(project.folder, day)
        compute(project, day)


def drop(folder: Path, day: date, orders: list[str] | None = None) -> None:
    written = {
        "orders": ["order_id,customer_id,amount", *(orders or ORDERS[day])],
        "customers": ["customer_id,email", *CUSTOMERS],
    }
    for name, lines in written.items():
        (folder / "drop" / f"{name}_{day}.csv").write_text("\n".join(lines) + "\n")


def compute(project: Project, day: date) -> list[str]:
    """Ingest and compute a day; the tables of which anything was published."""
    ingest(project.run("shop", day))
    return [name for pipeline in PIPELINES for name, done in project.publish(pipeline, day).items() if done.published]


def erased(project: Project, person: str = ANA) -> dict[str, int]:
    places = erase(person, "the officer", specs.load(), Ledger(ERASER), project.warehouse)
    return {place.name: place.row_count for place in places}


def found(project: Project, person: str = ANA) -> list[Place]:
    return find_person(person, specs.load(), project.ledger, project.warehouse)


def dying(*_: Any) -> None:
    raise MemoryError


FIGURES = "select * from profit.daily order by ds"
NAMED = {
    "landing.orders": 4,
    "landing.customers": 2,
    "raw.orders": 4,
    "raw.customers": 2,
    "core.orders": 2,
    "quarantine.orders": 2,
    "core.customers": 1,
}


def everything(folder: Path, postgres: str, project: Project) -> str:
    """All that is kept anywhere, as text."""
    files = [str(pq.read_table(file, partitioning=None).to_pylist()) for file in (folder / "home").rglob("*.parquet")]
    files += [file.read_text() for file in (folder / "home").rglob("*.json")]
    tables = [name for table in specs.load().tables.values() for name in table.outputs]
    rows = [str(project.query(f"select * from {name}")) for name in tables]
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server, server.cursor() as cursor:
        for name in ("load", "audit", "period_state", "erasure", "held_day", "incident", "schema_change", "staging_table"):
            cursor.execute(f"select * from {name}")
            rows.append(str(cursor.fetchall()))
    return "\n".join([*files, *rows])


def named(text: str, *words: str) -> list[str]:
    return [word for word in words if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]


def test_nothing_names_the_person_and_no_figure_changes(shop: Project, tmp_path: Path, postgres: str) -> None:
    figures, before = shop.query(FIGURES), everything(tmp_path, postgres, shop)
    assert named(before, *WORDS, "C123") == [*WORDS, "C123"]
    states = {(one.table, one.interval.start): one for one in shop.ledger.states(specs.load().tables)}
    assert erased(shop) == NAMED
    after = everything(tmp_path, postgres, shop)
    assert named(after, *WORDS) == []
    assert named(after, "C123", "anabel@example.com", "C123,six") == ["C123", "anabel@example.com"]
    assert shop.query(FIGURES) == figures
    assert shop.query("select distinct refused_text from raw.orders order by 1") == [("(erased)",), ("six",), (None,)]
    for one in shop.ledger.states(specs.load().tables):
        known = states[one.table, one.interval.start]
        assert (one.version, one.row_count, one.status) == (known.version, known.row_count, known.status)
        assert (one.fingerprint == known.fingerprint) == (one.table == "profit.daily"), one.table
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).differences == []


def test_computing_again_after_an_erasure_changes_nothing(shop: Project) -> None:
    erased(shop)
    for day in (D1, D2):
        for pipeline in PIPELINES:
            assert all(done.published == [] for done in shop.publish(pipeline, day).values()), pipeline
    loads = [load for name in ("orders", "customers") for load in shop.ledger.current_loads(f"landing.{name}")]
    assert [flaw_of(load) for load in loads] == [""] * 4


def test_the_same_day_that_arrives_again_does_not_bring_the_person_back(shop: Project, tmp_path: Path, postgres: str) -> None:
    erased(shop)
    ingested = ingest(shop.run("shop", D2))
    assert [one.changed_count for one in ingested] == [0, 0], "a day with the pseudonym is what had landed"
    assert list(reconcile(specs.load().source("shop"), Interval(D1, D3), shop.ledger)) == []
    drop(tmp_path, D3, ["o10,C12,12.00", "o11,C12,twelve", "o12,C5,1.00"])
    assert compute(shop, D3) == ["raw.orders", "raw.customers", "core.orders", "core.customers", "profit.daily"]
    assert named(everything(tmp_path, postgres, shop), *WORDS) == []
    *_, (_, paid, customers, new) = shop.query(FIGURES)
    assert (str(paid), customers, new) == ("13.0000", 2, 0), "the person is one and the same under the pseudonym"


def test_what_is_changed_is_listed_first_and_changed_only_when_asked(shop: Project, tmp_path: Path, postgres: str) -> None:
    before = everything(tmp_path, postgres, shop)
    listed = CliRunner().invoke(app, ["erase", "--customer", ANA, "--format", "json"])
    assert {row["place"]: row["rows"] for row in json.loads(listed.stdout)} == NAMED
    assert "--yes" in listed.stderr
    assert everything(tmp_path, postgres, shop) == before
    done = CliRunner().invoke(app, ["erase", "--customer", ANA, "--by", "the officer", "--yes", "--format", "json"])
    assert {row["place"]: row["rows"] for row in json.loads(done.stdout)} == NAMED
    [record] = Upkeep().erasures()
    assert (record.asked_by, record.counts, len(record.files)) == ("the officer", NAMED, 4)
    assert record.finished_at
    assert found(shop) == []
    again = CliRunner().invoke(app, ["erase", "--customer", ANA, "--yes"])
    assert "nothing of this person is there" in again.stderr
    assert len(Upkeep().erasures()) == 1


def test_tables_that_no_pipeline_fills_any_more_are_erased_too(shop: Project) -> None:
    with shop.warehouse.session() as session:
        session.query("create table core.orders_of_before as select * from core.orders")
    assert erased(shop) == NAMED | {"core.orders_of_before": 2}
    assert found(shop) == []


def test_samples_of_audits_and_older_readings_are_changed_too(shop: Project, tmp_path: Path, postgres: str) -> None:
    sample = CheckResult(
        "checks.failed_rows", "one", "failed_rows", "failed", None, "= 0", sample=[{"customer_id": ANA}, {"customer_id": ANABEL}]
    )
    staging_table = StagingTable("key", "core.orders", [Interval(D1, D2)], 1, 1, "failed", "run")
    shop.ledger.record_staging_table(staging_table)
    shop.ledger.record_audit(staging_table, [sample], "failed")
    drop(tmp_path, D2, ["o7,C12,11.50", "o8,C123,21.00", "o9,C8,6.00"])
    compute(shop, D2)
    assert erased(shop)["ledger audit.sample"] == 1
    after = everything(tmp_path, postgres, shop)
    assert named(after, *WORDS, ANABEL) == [ANABEL]
    assert len(list((tmp_path / "home" / "landing" / "shop" / "orders" / f"ds={D2}").glob("*.parquet"))) == 2


@pytest.mark.parametrize("dies_at", ["rewrite_landed", "change_published"])
def test_erasing_again_completes_an_erasure_that_crashed(
    shop: Project, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    figures = shop.query(FIGURES)

    with monkeypatch.context() as patch:
        patch.setattr(f"headline.maintenance.erasure.{dies_at}", dying)
        with pytest.raises(MemoryError):
            erased(shop)
    assert [one.finished_at for one in Upkeep().erasures()] == [None]
    ingest(shop.run("shop", D2))
    erased(shop)
    assert named(everything(tmp_path, postgres, shop), *WORDS) == []
    assert shop.query(FIGURES) == figures
    assert [compute(shop, day) for day in (D1, D2)] == [[], []]


def test_after_a_crash_the_changed_days_count_as_in_doubt(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = shop.query(FIGURES)
    with monkeypatch.context() as patch:
        patch.setattr(Upkeep, "set_fingerprints", dying)
        with pytest.raises(MemoryError):
            erased(shop)
    erased(shop)
    for day in (D1, D2):
        compute(shop, day)
    assert shop.query(FIGURES) == figures
    assert found(shop) == []
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).differences == []


def test_nobody_is_erased_while_a_run_computes_or_from_a_damaged_file(shop: Project) -> None:
    staging_table = StagingTable("key", "core.orders", [Interval(D1, D2)], 1, 1, "transformed", "run")
    shop.ledger.record_staging_table(staging_table)
    with pytest.raises(Transient, match=r"a run is at work on core\.orders"):
        erased(shop)
    shop.ledger.record_staging_table(replace(staging_table, state="failed"))
    [load, _] = shop.ledger.current_loads("landing.orders")
    file = Path(load.file.removeprefix("file://"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(BadData, match="headline trigger shop"):
        erased(shop)


def test_each_person_has_a_pseudonym_of_their_own(shop: Project, forget_settings: Callable[[], None]) -> None:
    figures = shop.query(FIGURES)
    erased(shop)
    erased(shop, ANABEL)
    assert shop.query(FIGURES) == figures
    ids = [row[0] for row in shop.query("select customer_id from core.customers order by 1")]
    assert len(set(ids)) == 4
    assert sum(one.startswith("-") and one[1:].isdigit() for one in ids) == 2
    assert len({one.digest for one in Upkeep().erasures()}) == 2
    assert isinstance(shop.ledger, Ledger)


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Path:
    """Where backups go."""
    monkeypatch.setenv("HEADLINE_BACKUP_TO", str(tmp_path / "backups"))
    monkeypatch.setenv("HEADLINE_KEEP_BACKUP_DAYS", "30")
    forget_settings()
    return tmp_path / "backups"


def kept_in(target: Path) -> str:
    """All that backups hold but the warehouse's file, as text."""
    found = [str(pq.read_table(file, partitioning=None).to_pylist()) for file in target.rglob("*.parquet*")]
    found += [gzip.decompress(file.read_bytes()).decode() for file in target.rglob("*.csv.gz")]
    return "\n".join([*found, *(file.read_text() for file in target.rglob("*.json*"))])


def test_backups_that_hold_the_person_are_named_and_go_when_asked(shop: Project, target: Path) -> None:
    for _ in range(2):
        back_up(str(target), shop.ledger, shop.warehouse)
    done = CliRunner().invoke(app, ["erase", "--customer", ANA, "--yes"])
    gone = dates_of_backups(str(target))[-1] + timedelta(days=30)
    assert re.search(
        rf"2 backup\(s\) below {target}.* may still hold the person: the last goes after {gone:%Y-%m-%d}", done.stderr
    )
    assert named(kept_in(target), *WORDS) == [*WORDS]
    at_once = CliRunner().invoke(app, ["erase", "--customer", ANA, "--yes", "--with-backups"])
    assert "2 backup(s) of before are removed" in at_once.stderr
    assert len(dates_of_backups(str(target))) == 1
    assert named(kept_in(target), *WORDS) == []


def test_a_backup_after_an_erasure_keeps_no_earlier_reading_of_the_person(shop: Project, tmp_path: Path, target: Path) -> None:
    drop(tmp_path, D2, ["o7,C12,11.50"])
    compute(shop, D2)
    back_up(str(target), shop.ledger, shop.warehouse)
    erased(shop)
    back_up(str(target), shop.ledger, shop.warehouse)
    remove_backups(str(target), dates_of_backups(str(target))[-1], shop.ledger)
    assert named(kept_in(target), *WORDS) == []


@pytest.mark.usefixtures("owner")
def test_restoring_a_backup_from_before_an_erasure_erases_again(
    shop: Project, tmp_path: Path, postgres: str, target: Path
) -> None:
    back_up(str(target), shop.ledger, shop.warehouse)
    CliRunner().invoke(app, ["erase", "--customer", ANA, "--yes"])
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
        server.cursor().execute("set session_replication_role = replica; truncate erasure")  # the ledger was lost too
        server.commit()
    restored = CliRunner().invoke(app, ["restore", str(target), "--replace"])
    assert "1 person(s) who were erased since that backup are erased again" in restored.stderr, restored.output
    assert found(shop) == []
    assert named(everything(tmp_path, postgres, shop), *WORDS) == []
    assert len(Upkeep().erasures()) == 1
    assert verify_published(specs.load().tables.values(), shop.ledger, shop.warehouse).differences == []
