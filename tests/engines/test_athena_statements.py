"""Statements on Athena: started once, waited for, cancelled where nobody waits any more, and accounted for."""

import threading
import time
from datetime import date, datetime
from decimal import Decimal

import pytest
from tests.engines.athena_double import AthenaDouble, Failure

from headline.connections import aws_client
from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient
from headline.ledger import Ledger, Statements
from headline.warehouse.athena import statements as module
from headline.warehouse.athena.engine import AthenaEngine
from headline.warehouse.athena.statements import About, AthenaStatements, cancel_running

STAGE = About("core.orders", "stage")
CTAS = (
    "create table core.staged with (table_type='ICEBERG', location='s3://tables/staged-{}/', is_external=false) as select 1 as x"
)
OTHER = CTAS.replace("staged-", "with-other-inputs-")
FIRST, SECOND = CTAS.format(0), CTAS.format(1)


@pytest.fixture
def statements(athena: AthenaDouble, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> AthenaStatements:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    aws_client("headline_warehouse", "glue").create_database(DatabaseInput={"Name": "core"})
    return opened()


def opened(run_key: str = "r1", price: int = 5) -> AthenaStatements:
    return AthenaStatements(aws_client("headline_warehouse", "athena"), "primary", "", Decimal(price), run_key, Statements())


def is_there(_: int = 0) -> bool:
    return bool(aws_client("headline_warehouse", "glue").get_tables(DatabaseName="core")["TableList"])


def test_rows_have_the_types_of_their_columns(statements: AthenaStatements) -> None:
    found = statements.execute(
        "select true as a, 1 as b, cast(2.5 as decimal(18, 4)) as c, cast(0.5 as double) as d, date '2026-03-01' as e, "
        "timestamp '2026-03-01 10:00:00' as f, '' as g, cast(null as varchar) as h union all "
        "select false, null, null, null, null, null, 'b', 'a'"
    )
    assert found.columns == ["a", "b", "c", "d", "e", "f", "g", "h"]
    first = (True, 1, Decimal("2.5000"), 0.5, date(2026, 3, 1), datetime.fromisoformat("2026-03-01T10:00:00"), "", None)
    assert sorted(found.rows, key=str, reverse=True) == [first, (False, None, None, None, None, None, "b", "a")]


def test_rows_that_are_many_are_fetched_as_they_are_asked_for(statements: AthenaStatements, athena: AthenaDouble) -> None:
    columns, found = AthenaEngine(statements, None, "s3://tables").rows("select n from unnest(sequence(1, 2500)) as t (n)")  # type: ignore[arg-type]
    assert (columns, [next(found) for _ in range(3)], athena.pages) == (["n"], [(1,), (2,), (3,)], 1)
    assert (sum(n for (n,) in found), athena.pages) == (sum(range(4, 2501)), 3)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"), SpecError),
        (Failure("TYPE_MISMATCH: line 1:8: varchar and bigint"), SpecError),
        (Failure("PERMISSION_DENIED: user has no privilege on core.orders"), SpecError),
        (Failure("Access denied when writing to location s3://tables/x"), SpecError),
        (Failure("INVALID_CAST_ARGUMENT: Cannot cast 'x' to INT"), BadData),
        (Failure("NUMERIC_VALUE_OUT_OF_RANGE: Decimal overflow"), BadData),
        (Failure("ICEBERG_COMMIT_ERROR: Failed to commit Iceberg update to table"), Transient),
        (Failure("GENERIC_INTERNAL_ERROR: null", category=1), Transient),
        (Failure("Query exhausted resources at this scale factor"), Transient),
        (Failure("Query timeout"), Transient),
        (Failure("something new", category=3, retryable=True), Transient),
        (Failure("Query cancelled! : Bytes scanned limit was exceeded"), BadRequest),
    ],
)
def test_the_reason_of_a_failure_says_what_can_be_done(
    statements: AthenaStatements, athena: AthenaDouble, failure: Failure, kind: type[HeadlineError]
) -> None:
    athena.failures["select"] = failure
    with pytest.raises(kind) as told:
        statements.execute("select 1 as x")
    assert type(told.value) is kind
    assert failure.reason in str(told.value)
    assert [(one.state, one.reason, one.cost) for one in Statements().of_run("r1")] == [("failed", failure.reason, 0)]
    assert statements.execute("select 1 as x").rows == [(1,)]


def test_calls_that_come_too_fast_are_repeated_and_not_for_ever(statements: AthenaStatements, athena: AthenaDouble) -> None:
    athena.throttled = 3
    assert statements.execute("select 1 as x").rows == [(1,)]
    athena.throttled = 1000
    with pytest.raises(Transient, match="rejected start_query_execution 8 times"):
        statements.execute("select 1 as x")
    assert athena.throttled == 992


def test_a_query_that_is_too_long_is_faulty(statements: AthenaStatements) -> None:
    with pytest.raises(SpecError, match="InvalidRequestException"):
        statements.execute(f"select '{'x' * 262_144}' as x")


class Killed(BaseException):
    """What ends a task from outside."""


def killed(*_: object) -> None:
    raise Killed


def states() -> list[str]:
    return [one.state for one in Statements().of_run("r1")]


def test_a_task_that_ends_while_it_waits_cancels_its_statement(
    statements: AthenaStatements, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    athena.held = "create table"
    monkeypatch.setattr(module.time, "sleep", killed)
    with pytest.raises(Killed):
        statements.execute(FIRST, STAGE)
    assert states() == ["cancelled"]
    assert [one._status for one in athena.executions.values()] == ["CANCELLED"]


def test_a_killed_task_cancels_what_it_waits_for(statements: AthenaStatements, athena: AthenaDouble) -> None:
    athena.held = "create table"
    threading.Timer(0.1, cancel_running).start()
    with pytest.raises(Transient, match="cancelled"):
        statements.execute(FIRST, STAGE)
    assert (states(), athena.executed) == (["cancelled"], [])


def orphan(statements: AthenaStatements, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the CTAS as a process does that is then killed with SIGKILL."""
    athena.held = "create table"
    with monkeypatch.context() as patched:
        patched.setattr(AthenaStatements, "_wait", killed)
        with pytest.raises(Killed):
            statements.execute_once(CTAS.format, STAGE, is_there)
    assert states() == ["running"]


def test_a_retry_waits_for_the_statement_that_is_running(
    statements: AthenaStatements, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan(statements, athena, monkeypatch)
    threading.Timer(0.1, athena.release).start()
    begun = time.monotonic()
    opened().execute_once(CTAS.format, STAGE, is_there)
    assert time.monotonic() - begun > 0.05
    assert (athena.executed, states(), is_there()) == ([FIRST], ["succeeded"], True)


def test_a_retry_takes_what_was_made_meanwhile(
    statements: AthenaStatements, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan(statements, athena, monkeypatch)
    athena.release()
    opened().execute_once(CTAS.format, STAGE, is_there)
    assert (athena.executed, states()) == ([FIRST], ["succeeded"])
    aws_client("headline_warehouse", "glue").delete_table(DatabaseName="core", Name="staged")
    athena.tables.execute("drop table core.staged")
    opened().execute_once(CTAS.format, STAGE, is_there)
    assert (athena.executed, states()) == ([FIRST, SECOND], ["succeeded", "succeeded"])


def test_a_retry_runs_again_what_failed(statements: AthenaStatements, athena: AthenaDouble) -> None:
    athena.failures["create table"] = Failure("GENERIC_INTERNAL_ERROR: null", category=1)
    with pytest.raises(Transient):
        statements.execute_once(CTAS.format, STAGE, is_there)
    opened().execute_once(CTAS.format, STAGE, is_there)
    assert (states(), is_there()) == (["failed", "succeeded"], True)


def test_a_retry_with_other_inputs_cancels_what_is_running(
    statements: AthenaStatements, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan(statements, athena, monkeypatch)
    athena.held = ""
    opened().execute_once(OTHER.format, STAGE, is_there)
    assert (athena.executed, states()) == ([OTHER.format(0)], ["cancelled", "succeeded"])


def test_a_statement_has_a_time_limit(statements: AthenaStatements, athena: AthenaDouble) -> None:
    athena.held = "select"
    with pytest.raises(BadRequest, match=r"stopped after 0\.05 s"):
        statements.execute("select 1 as x", seconds=0.05)
    assert states() == ["cancelled"]


def test_bytes_and_cost_are_recorded(statements: AthenaStatements, athena: AthenaDouble) -> None:
    statements.execute("select 1 as x")
    athena.scanned = 3 * 2**40
    statements.execute("select 1 as x", About("core.orders", "audit"))
    statements.execute("drop table if exists core.none")
    found = [(one.table, one.step, one.state, one.bytes_scanned, one.cost) for one in statements.take()]
    assert found == [
        ("", "query", "succeeded", 0, Decimal("0.000048")),  # 10 MB are charged at least
        ("core.orders", "audit", "succeeded", 3 * 2**40, Decimal(15)),
        ("", "query", "succeeded", 3 * 2**40, Decimal(0)),  # DDL is free
    ]
    assert [one.cost for one in Statements().of_run("r1")] == [one[-1] for one in found]
    assert statements.take() == []
