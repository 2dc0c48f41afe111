"""What nobody needs any more goes after its time, and nothing that a published figure needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from time import time
from types import SimpleNamespace

import psycopg2
import pytest
from sqlalchemy.exc import InternalError, ProgrammingError
from tests.unit.conftest import Project

from headline import specs
from headline.errors import BadData
from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, HeldDay, HeldDays, Statement, Statements, Upkeep
from headline.ledger.engine import engine
from headline.maintenance.retention import Removed, retain
from headline.operators import RetentionOperator
from headline.pipeline.fingerprints import verify_published
from headline.sources.intact import flaw_of, manifest_of
from headline.sources.landing import LandingWriter
from headline.sources.text import batch

D1 = date(2026, 3, 2)
D2 = D1 + DAY
NOTHING = {"landing": 0, "logs": 0, "staging": 0, "quarantine": 0, "backups": 0, "audits": 0, "statements": 0}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def retained(project: Project, logs: Path) -> dict[str, int]:
    found = retain(specs.load(), project.ledger, project.warehouse, logs, "a run")
    assert all(isinstance(one, Removed) for one in found)
    return {one.kind: one.count for one in found}


def landed(project: Project) -> list[Path]:
    [load] = project.ledger.current_loads("landing.orders", [Interval(D1, D2)])
    return sorted(Path(load.file.removeprefix("file://")).parent.glob("*.parquet"))


def age(*paths: Path, days: float) -> None:
    for path in paths:
        os.utime(path, (time() - days * 24 * 3600,) * 2)


def load_file(project: Project) -> Path:
    [load] = project.ledger.current_loads("landing.orders", [Interval(D1, D2)])
    return Path(load.file.removeprefix("file://"))


def test_landed_files_that_nothing_refers_to_are_removed_after_their_time(project: Project, logs: Path) -> None:
    for amount in ("1.00", "2.00", "3.00"):
        project.arrive({D1: [("o1", amount)]})
        project.publish("shop", D1)
    newest = load_file(project)
    assert len(landed(project)) == 3
    age(*landed(project), days=91)
    fresh = next(file for file in landed(project) if file != newest)
    age(fresh, days=89)
    assert retained(project, logs) == NOTHING | {"landing": 1}
    assert set(landed(project)) == {newest, fresh}
    age(fresh, days=91)
    assert retained(project, logs) == NOTHING | {"landing": 1}
    assert (landed(project), manifest_of(newest).exists(), manifest_of(fresh).exists()) == ([newest], True, False)
    assert retained(project, logs) == NOTHING
    assert [set(one.removed) for one in Upkeep().retentions()] == [{"landing"}, {"landing"}]
    assert Upkeep().retentions()[0].removed["landing"]["bytes"] > 0
    assert project.publish("shop", D1)["raw.orders"].published == []


def test_the_file_that_a_published_day_was_made_from_stays(project: Project, logs: Path) -> None:
    """A later reading has landed, but nobody has computed the day from it."""
    project.arrive({D1: [("o1", "1.00")]})
    first = load_file(project)
    project.publish("shop", D1)
    for amount in ("2.00", "3.00"):
        project.arrive({D1: [("o1", amount)]})
    age(*landed(project), days=1000)
    assert retained(project, logs) == NOTHING
    assert first in landed(project)
    assert len(landed(project)) == 3
    project.publish("shop", D1)
    assert retained(project, logs) == NOTHING | {"landing": 2}
    assert landed(project) == [load_file(project)]


def test_a_reading_that_is_held_back_stays(project: Project, logs: Path) -> None:
    project.arrive({D1: [("o1", "1.00")]})
    held = load_file(project)
    project.arrive({D1: [("o1", "2.00")]})
    project.publish("shop", D1)
    HeldDays().hold([HeldDay("landing.orders", D1, f"file://{held}", "run", "o2 is gone")])
    age(*landed(project), days=1000)
    assert retained(project, logs) == NOTHING
    HeldDays().release("landing.orders", [D1], "test")
    assert retained(project, logs) == NOTHING | {"landing": 1}
    [load] = project.ledger.current_loads("landing.orders")
    assert flaw_of(load) == ""


def test_an_old_file_that_is_needed_again_counts_as_new(project: Project, logs: Path) -> None:
    """Retention may look between the landing of a file and the moment in which the ledger knows it."""
    for amount in ("1.00", "2.00"):
        project.arrive({D1: [("o1", amount)]})
    project.publish("shop", D1)
    age(*landed(project), days=1000)
    writer = LandingWriter("shop", "landing.orders", "test")
    [again] = writer.write([(D1, batch([{"order_id": "o1", "amount": "1.00"}]))], [])
    assert retained(project, logs) == NOTHING
    assert flaw_of(again) == ""


def test_the_task_removes_it_and_says_so(project: Project, logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.configuration.conf.get", lambda *_: str(logs))
    old = logs / "dag_id=shop" / "attempt=1.log"
    old.parent.mkdir(parents=True)
    old.write_text("a line")
    age(old, days=31)
    operator = RetentionOperator(task_id="remove")
    operator.execute({"dag_run": SimpleNamespace(run_id="scheduled__2026-03-02")})
    assert "logs: 1, 6 bytes" in operator.removed
    [record] = Upkeep().retentions()
    assert (record.run_id, record.removed) == ("scheduled__2026-03-02", {"logs": {"count": 1, "bytes": 6}})


def test_logs_and_empty_folders_are_removed_after_their_time(
    project: Project, logs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new = logs / "dag_id=shop" / "old" / "attempt=1.log", logs / "dag_id=shop" / "new" / "attempt=1.log"
    outside = tmp_path / "outside"
    for file in (old, new, outside / "kept.log"):
        file.parent.mkdir(parents=True)
        file.write_text("a line")
        age(file, days=31)
    age(new, days=29)
    (logs / "latest").symlink_to(outside)
    age(old.parent, days=31)
    assert retained(project, logs) == NOTHING | {"logs": 1}
    assert [new.exists(), old.exists(), (outside / "kept.log").exists(), (logs / "latest").is_symlink()] == [
        True,
        False,
        True,
        True,
    ]
    monkeypatch.setenv("HEADLINE_KEEP_LOG_DAYS", "0")
    project.forget()
    age(new, days=10_000)
    assert retained(project, logs) == NOTHING, "0 keeps them for ever"


def test_staging_tables_of_failed_audits_are_removed_after_their_time(project: Project, logs: Path, postgres: str) -> None:
    project.arrive({D1: [("o1", "1.00"), ("o1", "1.00")]})
    project.publish("shop", D1)
    with pytest.raises(BadData):
        project.publish("core_shop", D1)
    kept = list(project.sql.parents[1].rglob("*.kept/*"))
    assert len(kept) == 1
    assert retained(project, logs) == NOTHING
    backdate(postgres, "staging_table", "updated_at", 8, "state = 'failed'")
    assert retained(project, logs)["staging"] >= 1
    assert not kept[0].exists()


def backdate(postgres: str, table: str, column: str, days: int, where: str = "true") -> None:
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
        server.autocommit = True
        server.cursor().execute("set session_replication_role = replica")  # history is kept by a trigger
        server.cursor().execute(f"update {table} set {column} = {column} - interval '{days} days' where {where}")


def test_old_outcomes_of_checks_are_removed_but_the_newest_and_those_that_waivers_need_stay(
    project: Project, logs: Path, postgres: str
) -> None:
    project.arrive({D1: [("o1", "1.00")], D2: [("o2", "1.00")]})
    for day in (D1, D2):
        project.publish("shop", day)
    result = CheckResult("checks.failed_rows.x", "x", "failed_rows", "waived", None, "= 0", "anomaly", [{"ds": str(D1)}])
    project.ledger.record_audit(next(iter(project.ledger.staging_tables_of("raw.orders"))), [result], "passed")
    for day in (D1, D2):
        project.publish("shop", day)
    everything, newest = len(audits(postgres)), len(project.ledger.latest_audits(["raw.orders"]))
    backdate(postgres, "audit", "audited_at", 401)
    assert retained(project, logs) == NOTHING | {"audits": everything - newest - 1}
    assert sorted(audits(postgres)).count("waived") == 1
    assert len(project.ledger.latest_audits(["raw.orders"])) == newest


def test_old_statements_are_removed_but_those_that_run(project: Project, logs: Path, postgres: str) -> None:
    for query_id, state in {"old": "succeeded", "running": "running"}.items():
        Statements().started(Statement(query_id, "r1", "core.orders", "stage", state))
    backdate(postgres, "statement", "started_at", 401)
    Statements().started(Statement("new", "r1", "core.orders", "stage", "failed"))
    assert retained(project, logs) == NOTHING | {"statements": 1}
    assert {one.query_id for one in Statements().of_run("r1")} == {"running", "new"}


def audits(postgres: str) -> list[str]:
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server, server.cursor() as cursor:
        cursor.execute("select outcome from audit")
        return [outcome for (outcome,) in cursor.fetchall()]


def test_the_database_setting_alone_does_not_allow_changes_of_history(project: Project, eraser: str) -> None:
    """Whoever says that it is upkeep, without the function that does it, is refused as ever."""
    project.arrive({D1: [("o1", "1.00")]})
    project.publish("shop", D1)
    for statement in ("update audit set outcome = 'passed'", "delete from audit", "truncate audit"):
        with project.ledger._begin() as connection:
            connection.exec_driver_sql("set local headline.upkeep = 'on'")
            with pytest.raises(ProgrammingError, match=r"permission denied|is history"), connection.begin_nested():
                connection.exec_driver_sql(statement)
    with engine(eraser).begin() as connection, pytest.raises(InternalError, match="stands for a person"):
        connection.exec_driver_sql("select replace_in_history('failed', 'passed')")


def test_quarantined_rows_that_no_table_reads_are_removed(
    project: Project, logs: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    project.arrive({D1: [("o1", "1.00"), ("o2", "-1.00")], D2: [("o3", "-1.00")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)
    states = {(one.table, one.interval.start): one.version for one in project.ledger.states(specs.load().tables)}
    since = (datetime.now(UTC).date() - D2).days
    monkeypatch.setenv("HEADLINE_KEEP_QUARANTINE_DAYS", str(since))
    forget_settings()
    assert retained(project, logs) == NOTHING | {"quarantine": 1}
    assert project.query("select order_id from quarantine.orders") == [("o3",)]
    assert {(one.table, one.interval.start): one.version for one in project.ledger.states(specs.load().tables)} == states
    assert verify_published(specs.load().tables.values(), project.ledger, project.warehouse).differences == []


def test_quarantined_rows_that_a_coverage_table_reads_stay(
    project: Project, logs: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    project.arrive({D1: [("o1", "1.00"), ("o2", "-1.00")]})
    project.publish("shop", D1)
    project.publish("core_shop", D1)
    reads = "core.orders: {lookback_days: all}"
    project.replace("core/core_shop/pipeline.yml", reads, f"{reads}\n      quarantine.orders:")
    monkeypatch.setenv("HEADLINE_KEEP_QUARANTINE_DAYS", "1")
    forget_settings()
    assert retained(project, logs) == NOTHING
    assert project.query("select order_id from quarantine.orders") == [("o2",)]
