"""The command line, run as a user runs it."""

import csv
import io
import json
import shutil
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import update

from headline import cli
from headline.errors import BadData
from headline.ledger import Attempt, ColumnChange, Reads, Repairs, SchemaChange, SchemaChanges, tables
from headline.pipeline import write_audit_publish
from headline.settings import PROJECT, shell
from headline.show import show

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def headline(project: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `headline …` on the throw-away repository; gives (exit code, output, errors)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headline", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    run.project = project  # type: ignore[attr-defined]
    return run


@pytest.fixture
def published(headline: Any, once: Any) -> Any:
    once(headline.project, two_days)
    return headline


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")], D2: [("b", "12345.25")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)


def test_query_writes_exact_values_for_programs(published: Any) -> None:
    sql = "select ds, order_id, amount from core.orders order by ds"
    code, out, _ = published("query", sql, "--format", "json")
    assert code == 0
    assert json.loads(out) == [
        {"ds": "2026-03-01", "order_id": "a", "amount": "1.5000"},
        {"ds": "2026-03-02", "order_id": "b", "amount": "12345.2500"},
    ]
    _, out, _ = published("query", sql, "--format", "csv")
    assert list(csv.reader(io.StringIO(out))) == [
        ["ds", "order_id", "amount"],
        ["2026-03-01", "a", "1.5000"],
        ["2026-03-02", "b", "12345.2500"],
    ]
    assert "12,345.2500" in published("query", sql)[1]
    told = [(one.reader, one.names, one.row_count) for one in Reads().newest()]
    assert told == [(shell(), ("core.orders",), 2)] * 3, "each is in the audit log"


@pytest.mark.parametrize(
    "sql", ["delete from core.orders", "drop table core.orders", "select 1; drop table core.orders", "create table t as select 1"]
)
def test_query_changes_nothing(published: Any, sql: str) -> None:
    code, _, err = published("query", sql)
    assert code == 1
    assert "must hold exactly one SELECT" in err
    assert published.project.query("select count(*) from core.orders") == [(2,)]


def test_query_tells_a_wrong_name_without_a_traceback(published: Any) -> None:
    code, _, err = published("query", "select nonsense from core.orders")
    assert code == 1
    assert "nonsense" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("value", ["a[/b]", "a:x:b", "[red]", "[link=x]y"])
def test_data_are_shown_as_they_are(published: Any, value: str) -> None:
    """Neither a cell, nor a column's name, nor a title is markup."""
    code, out, _ = published("query", f"""select '{value}' as "{value}" """)
    assert code == 0
    assert out.count(value) == 2


def test_a_title_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show(["a" * 20], [["b"]], title="run [/b] :x:")
    assert "run [/b] :x:" in capsys.readouterr().out


def test_contract_show_prints_what_the_command_line_of_soda_takes(headline: Any) -> None:
    from soda_core.common.yaml import ContractYamlSource
    from soda_core.contracts.contract_verification import ContractVerificationSession

    code, out, _ = headline("contract", "show", "core.orders", "--from", "2026-03-01", "--to", "2026-03-31")
    assert code == 0
    assert "filter: ds >= date '2026-03-01' and ds < date '2026-04-01'" in out
    assert "query: |-" in out, "lines of SQL stay lines"
    # What `soda contract test` does.
    found = ContractVerificationSession.execute(
        contract_yaml_sources=[ContractYamlSource.from_str(out)], only_validate_without_execute=True
    )
    assert not found.has_errors, found.get_errors_str()


def test_compile_prints_what_an_engine_would_run(headline: Any) -> None:
    code, out, _ = headline("compile", "core.orders", "--from", "2026-03-01", "--to", "2026-03-31")
    assert code == 0
    assert "CAST('2026-03-01' AS DATE)" in out
    assert "CAST('2026-04-01' AS DATE)" in out
    assert "AS STRING" in headline("compile", "raw.orders", "--engine", "spark")[1]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["compile", "core.oders"], "no table is called core.oders; there are: core.orders"),
        (["compile", "core.orders", "--from", "yesterday"], "'yesterday' is no day"),
        (["compile", "core.orders", "--from", "2026-03-02", "--to", "2026-03-01"], "before it begins"),
        (["compile", "core.orders", "--engine", "oracle"], "oracle"),
        (["query", "select 1"], "there is no warehouse"),
    ],
)
def test_what_cannot_be_done_is_said_without_a_traceback(headline: Any, arguments: list[str], complaint: str) -> None:
    code, _, err = headline(*arguments)
    assert code != 0
    assert complaint in " ".join(err.split())
    assert "Traceback" not in err


def test_tables_tell_what_is_published_of_each(published: Any) -> None:
    found = {row["table"]: row for row in json.loads(published("tables", "--format", "json")[1])}
    assert set(found) == {"raw.orders", "core.orders", "core.running_totals"}
    assert (found["core.orders"]["from"], found["core.orders"]["before"]) == ("2026-03-01", "2026-03-03")
    assert found["core.orders"]["status"] == "complete"
    assert found["core.orders"]["pipeline"] == "core_shop"


def test_days_that_an_earlier_version_of_the_code_made_are_told_with_the_run_that_computes_them(published: Any) -> None:
    def told(*options: str) -> dict[str, Any]:
        return {row["table"]: row for row in json.loads(published("tables", *options, "--format", "json")[1])}

    assert told("--stale") == {}
    published.project.replace("core/core_shop/orders.sql", "amount < 0", "amount < 0.00")
    assert told("--stale") == {
        "core.orders": {
            "table": "core.orders",
            "stale_days": "",
            "days_by_earlier_code": "2026-03-01 to 2026-03-02",
            "command": "headline trigger core_shop --from 2026-03-01 --to 2026-03-02",
        }
    }
    days = {name: row["days_by_earlier_code"] for name, row in told().items()}
    assert days == {"raw.orders": "", "core.orders": "2026-03-01 to 2026-03-02", "core.running_totals": ""}


def test_tables_that_were_never_published_are_listed_too(headline: Any) -> None:
    found = json.loads(headline("tables", "--format", "json")[1])
    assert {row["status"] for row in found} == {"never published"}


def test_checks_tell_which_kinds_a_table_has_and_lacks(headline: Any) -> None:
    text = "orders:\n    key: [order_id]\n    exempt: {anomaly: too few orders to tell}"
    headline.project.replace("core/core_shop/pipeline.yml", "orders:\n    key: [order_id]", text)
    found = {row["table"]: row for row in json.loads(headline("checks", "--format", "json")[1])}
    kinds = {"schema": 2, "reconciliation": 1, "anomaly": "exempt", "duplicates": 1, "completeness": None}
    assert found["core.orders"] == {"table": "core.orders", "not_additive": None} | kinds
    assert set(found) == {"raw.orders", "core.orders", "core.running_totals"}


@pytest.mark.parametrize("command", [("tables",), ("tables", "--stale"), ("checks",), ("verify",)])
def test_a_faulty_folder_hides_no_other(published: Any, command: tuple[str, ...]) -> None:
    published.project.write("growth/daily_growth/pipeline.yml", "description: Growth, which reads core.\ntier: 3\n")
    code, out, err = published(*command, "--format", "json")
    assert code == 0
    assert "growth/daily_growth/pipeline.yml: tier: Input should be 1 or 2" in err
    if command in (("tables",), ("checks",)):
        assert {row["table"] for row in json.loads(out)} == {"raw.orders", "core.orders", "core.running_totals"}


def test_a_faulty_folder_is_told_apart_from_those_that_read_it(published: Any) -> None:
    published.project.replace("sources/shop/source.yml", "tier: 1", "tier: 3")
    code, out, err = published("tables", "--format", "json")
    assert code == 0
    assert {row["table"] for row in json.loads(out)} == {"core.orders", "core.running_totals"}
    assert "sources/shop/source.yml: tier: Input should be 1 or 2" in err
    assert "nobody makes" not in err


def test_a_faulty_contract_hides_no_other(headline: Any) -> None:
    headline.project.replace("core/core_shop/running_totals.contract.yml", "description: Business day.", "meaning: Business day.")
    code, out, err = headline("checks", "--format", "json")
    assert (code, len(json.loads(out))) == (0, 3)
    assert "core_shop/running_totals.contract.yml: columns.0.description" in err


def test_inspect_works_beside_a_faulty_folder(published: Any) -> None:
    published.project.arrive({D1: [("a", "2.50"), ("a", "2.50")]})
    published.project.publish("shop", D1)
    with pytest.raises(BadData):
        write_audit_publish(published.project.run("core_shop", D1, run_id="manual__1"))
    published.project.write("growth/daily_growth/pipeline.yml", "tier: 3\n")
    code, out, err = published("inspect", "core.orders", "manual", "--format", "json")
    assert code == 0
    assert json.loads(out)
    assert "growth/daily_growth/pipeline.yml" in err


def test_verify_tells_what_is_not_known_in_a_line_and_adopts_it(published: Any) -> None:
    with published.project.ledger._begin() as connection:
        mine = tables.period_state.c.table_name == "core.orders"
        connection.execute(update(tables.period_state).where(mine).values(fingerprint=None))
    code, out, err = published("verify", "--format", "json")
    assert (code, json.loads(out)) == (0, [])
    assert (
        "core.orders: 2 period(s) not known, published before fingerprints were kept: headline verify core.orders --adopt" in err
    )
    assert "2 table(s) are as recorded" in err
    code, _, err = published("verify", "core.orders", "--adopt")
    assert (code, err) == (0, "core.orders: 2 period(s) adopted as published\n1 table(s) are as recorded\n")
    assert published("verify")[2] == "3 table(s) are as recorded\n"


def test_repairs_tell_what_was_done_about_missing_days(headline: Any) -> None:
    began = datetime(2026, 3, 3, 2, 15, tzinfo=UTC)
    nothing = {"files": 0, "rows": 0, "checksum": None}
    orders = Attempt("shop", "landing.orders", D1, 1, "repair__orders__2026-03-01__1", "nothing has been loaded", nothing, began)
    core = Attempt("core_shop", "core_shop", D2, 1, "repair__core_shop__2026-03-02__1", "never published", {"tables": []}, began)
    Repairs().begin([orders, core])
    Repairs().close(orders, "repaired", {"files": 1, "rows": 3, "checksum": "0123456789abcdef"}, began)
    found = json.loads(headline("repairs", "--format", "json")[1])
    assert [(one["landing"], one["day"], one["attempt"], one["outcome"], one["before"], one["after"]) for one in found] == [
        ("landing.orders", "2026-03-01", 1, "repaired", "nothing", "3 rows, 01234567"),
        ("core_shop", "2026-03-02", 1, "started", "nothing", None),
    ]
    assert len(json.loads(headline("repairs", "core_shop", "--format", "json")[1])) == 1
    assert "repair__orders__2026-03-01__1" in headline("repairs")[1]


def test_partial_days_are_told_of_each_table(telling: Any, published: Any) -> None:
    found = {row["table"]: row for row in json.loads(published("tables", "--format", "json")[1])}
    told = {name: (row["status"], row["partial_days"]) for name, row in found.items()}
    assert told["raw.orders"] == ("complete", "")
    assert told["core.orders"] == told["core.orders_coverage"] == ("partial", "2026-03-01")


def test_inspect_shows_what_was_held_beside_what_is_published(published: Any) -> None:
    published.project.arrive({D1: [("a", "2.50"), ("a", "2.50")]})
    published.project.publish("shop", D1)
    run = published.project.run("core_shop", D1, run_id="manual__1")
    with pytest.raises(BadData):
        write_audit_publish(run)
    code, out, _ = published("inspect", "core.orders", "manual", "--format", "json")
    assert code == 0
    told = [row for row in json.loads(out) if row["table"] == "core.orders"]
    assert {"what": "total", "published": "1.5000", "staging_table": "5.0000", "difference": "3.5000"}.items() <= told[4].items()
    assert {"what": "changed", "key": "order_id a", "column": "amount"}.items() <= told[-1].items()
    title, *_ = published("inspect", "core.orders", run.key)[1].splitlines()
    assert title.strip() == "core.orders for [2026-03-01, 2026-03-02), as the run manual__1 computed it (failed)"
    assert next(csv.reader(io.StringIO(published("inspect", "core.orders", run.key, "--format", "csv")[1])))[:2] == [
        "table",
        "what",
    ]
    for arguments, complaint in (
        (("core.oders", "manual"), "no table is called core.oders"),
        (("core.orders", "x"), "manual__1 ("),
    ):
        code, _, err = published("inspect", *arguments)
        assert (code, complaint in err) == (1, True)


def test_audits_tell_every_check_of_the_newest_audit(published: Any) -> None:
    found = json.loads(published("audits", "core.orders", "--format", "json")[1])
    assert {(row["check"], row["kind"]) for row in found} >= {("raw = core + quarantine", "reconciliation")}
    assert {row["outcome"] for row in found} == {"passed"}
    assert "sample" not in published("audits", "core.orders")[1]
    assert {row["table"] for row in json.loads(published("audits", "--format", "json")[1])} == {
        "raw.orders",
        "core.orders",
        "core.running_totals",
    }


def test_contract_diff_prints_the_edit_and_what_else_it_touches(published: Any) -> None:
    text = "description: One row per order.\ncolumns:\n  ds:\n  order_id: Its key.\n  amount: What was paid.\n"
    published.project.write("sources/shop/orders.contract.yml", text)
    assert published("contract", "diff", "raw.orders") == (0, "Nothing to change: raw.orders agrees with what arrived last\n", "")
    gone = SchemaChange("landing.orders", D2, "", "run", {}, [ColumnChange("amount", "removed", "decimal")])
    SchemaChanges().record(gone)
    code, out, _ = published("contract", "diff", "raw.orders")
    assert code == 0
    assert "# amount: removed (was decimal)" in out
    assert "# amount: mentioned in sources/shop/orders.sql" in out
    assert "\n-  amount: What was paid." in out
    code, _, err = published("contract", "diff", "core.orders")
    assert code == 1
    assert "core.orders is made of other tables" in err


def test_only_what_failed_is_listed_with_rows_that_it_found(headline: Any) -> None:
    headline.project.arrive({D1: [("a", "1.50"), ("a", "2.50")]})
    headline.project.publish("shop", D1)
    with pytest.raises(BadData):
        headline.project.publish("core_shop", D1)
    _, out, _ = headline("audits", "--failed")
    assert "No duplicate values" in out
    assert "order_id a, row_count 2" in out
    assert "passed" not in out
    assert len(json.loads(headline("audits", "core.orders", "--failed", "--format", "json")[1])) == 1


def test_runbooks_are_written_and_checked(headline: Any) -> None:
    shutil.copy(PROJECT / "include" / "team.yml", headline.project.sql.parent)
    code, _, err = headline("runbooks", "--check")
    assert code == 1
    assert "core/core_shop/RUNBOOK.md: is missing: `headline runbooks` begins one" in err
    headline("runbooks")
    runbook = headline.project.sql / "core/core_shop/RUNBOOK.md"
    assert "by **03:00 UTC**" in runbook.read_text()
    headline.project.replace("core/core_shop/pipeline.yml", "03:00", "05:00")
    before = runbook.read_text()
    assert "core/core_shop/RUNBOOK.md: the part «facts» is stale" in headline("runbooks", "--check")[2]
    assert runbook.read_text() == before
    headline("runbooks")
    assert "by **05:00 UTC**" in runbook.read_text()
