"""What `headline new` writes is right but for what it marks; it overwrites nothing, and refuses what cannot be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headline import cli
from headline.errors import BadRequest
from headline.rules.content import content_faults
from headline.rules.report import find_folders
from headline.settings import PROJECT
from headline.specs import load_contract, load_understood

# Golden cases of what is there already are not copied.
FOR_A_PERSON = re.compile(r"TODO|» is empty$|^has no golden case")
BEGIN = [
    "pipeline",
    "profit/refund_reasons",
    "--table",
    "refunds",
    "--reads",
    "core.refund_lines",
    "--by",
    "sales_channel",
    "--sum",
    "refund_amount",
]
SOURCE = [
    "source",
    "crm",
    "--table",
    "tickets",
    "--column",
    "ticket_id",
    "--column",
    "opened_at",
    "--column",
    "ticket_text",
    "--key",
    "ticket_id",
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Path:
    """A repository that can be written to."""
    for name in ("include", "dags"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    return tmp_path


def new(*words: str, answers: str | None = None) -> str:
    """What the command prints; its error is raised."""
    result = CliRunner().invoke(cli.app, ["new", *words], input=answers)
    if result.exception:
        raise result.exception
    return result.output


def left(place: str) -> list[str]:
    """The faults of a folder that are not for a person to mend."""
    [folder] = find_folders(place)
    faults = content_faults(folder, load_understood())
    return [f"{one.file}: {one.text}" for one in faults if not FOR_A_PERSON.search(one.text)]


def contents(root: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_a_pipeline_is_whole_but_for_what_is_marked(root: Path) -> None:
    told = new(*BEGIN)
    assert left("profit/refund_reasons") == []
    assert 'refund_reasons = pipeline_dag("profit/refund_reasons")\n' in (root / "dags/profit.py").read_text()
    assert "wrote   include/sql/profit/refund_reasons/refunds.sql" in told
    assert "refunds.contract.yml: line 1: TODO: what its figures say" in told
    assert told.endswith("next: headline check profit/refund_reasons\n")
    case = root / "tests/sql/profit/refund_reasons/refunds/first_case"
    assert 'sales_channel: web, refund_amount: "12.5000", refund_line_count: 2' in (case / "expect.yml").read_text()
    assert "sales_channel: unknown" in (case / "expect.yml").read_text()
    contract = (root / "include/sql/profit/refund_reasons/refunds.contract.yml").read_text()
    assert "values: [web, app, marketplace, unknown]" in contract


def test_the_runbooks_of_what_it_reads_name_it(root: Path) -> None:
    new(*BEGIN)
    assert "[refund_reasons](" in (root / "include/sql/core/core_shop/RUNBOOK.md").read_text()


def test_a_second_table_and_a_dag_file_of_its_own(root: Path) -> None:
    new(*BEGIN)
    new("table", "profit/refund_reasons", "orders_a_day", "--reads", "core.order_lines", "--count", "line_count")
    assert left("profit/refund_reasons") == []
    assert load_understood().table("profit.orders_a_day").key == ["ds"]
    (root / "dags/growth.py").unlink()
    new("pipeline", "growth/stays", "--table", "stays", "--reads", "core.sessions")
    assert left("growth/stays") == []


def test_a_table_must_not_be_late(root: Path) -> None:
    with pytest.raises(
        BadRequest, match=r"core_finance lands by 02:30 as tier 1, and core\.sessions comes from core_app \(02:30"
    ):
        new("table", "core/core_finance", "stays", "--reads", "core.sessions")


@pytest.mark.parametrize("kind", ["csv", "parquet", "database", "http", "stream"])
def test_a_source_is_whole_but_for_what_is_marked(root: Path, kind: str) -> None:
    told = new(*SOURCE, "--kind", kind, *([] if kind in ("csv", "parquet") else ["--moment", "opened_at"]))
    assert left("sources/crm") == []
    assert ("tickets.extract.sql" in told) == (kind == "database")
    assert 'crm = pipeline_dag("sources/crm")\n' in (root / "dags/sources.py").read_text()


def test_a_check_finds_the_rows_that_meet_its_condition(root: Path) -> None:
    new(*BEGIN)
    name = "no refund: beyond a million"
    told = new("check", "profit.refunds", name, "--dimension", "schema", "--wrong", "refund_amount > 1000000")
    assert left("profit/refund_reasons") == []
    assert "wrote   include/sql/profit/refund_reasons/refunds.no_refund_beyond_a_million.sql" in told
    [check] = [one for one in load_contract(load_understood().table("profit.refunds")).listed_checks if one.name == name]
    assert "refund_amount > 1000000" in check.body["query"]
    with pytest.raises(BadRequest, match="has a check «no refund: beyond a million» already"):
        new("check", "profit.refunds", name, "--dimension", "schema")


def test_a_check_without_a_condition_is_left_to_be_written(root: Path) -> None:
    told = new("check", "engagement.daily_engagement", "users have events", "--dimension", "schema")
    assert "daily_engagement.users_have_events.sql: line 2: TODO: the condition of the rows that are wrong" in told
    assert left("engagement/investor_engagement") == []


def test_a_metric_is_a_column_before_coverage(root: Path) -> None:
    new(*BEGIN)
    new("metric", "profit.refunds", "refund_count", "--value", "count(distinct refund_lines.refund_id)")
    assert left("profit/refund_reasons") == []
    sql = (root / "include/sql/profit/refund_reasons/refunds.sql").read_text()
    assert "    cast(count(distinct refund_lines.refund_id) as bigint) as refund_count,\n    covered_days.coverage,\n" in sql


def test_a_metric_that_does_not_run_is_taken_back(root: Path) -> None:
    new(*BEGIN)
    before = contents(root)
    with pytest.raises(BadRequest, match=r"nothing was written, for then it would not be right:\n.*refund_idd"):
        new("metric", "profit.refunds", "refund_count", "--value", "count(distinct refund_lines.refund_idd)")
    assert contents(root) == before


def test_a_metric_of_an_existing_table(root: Path) -> None:
    new("metric", "engagement.daily_engagement", "weekly_only_users", "--value", "windows.weekly_active_users")
    assert left("engagement/investor_engagement") == []


def test_nothing_is_overwritten(root: Path) -> None:
    new(*BEGIN)
    (root / "include/sql/profit/refund_reasons/pipeline.yml").unlink()
    before = contents(root)
    with pytest.raises(BadRequest, match=r"nothing was written, for it is there already: .*refunds\.sql"):
        new(*BEGIN)
    assert contents(root) == before


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["pipeline", "refunds_of_a_day"], "names no area: write <area>/<name>, such as profit/refunds_of_a_day"),
        (["pipeline", "profit/Refunds"], "'Refunds' cannot be the name of a pipeline: write small letters"),
        (["pipeline", "profit/import"], "'import' cannot be the name of a pipeline: it is a word of SQL or Python"),
        (["pipeline", "beauty/creams"], "nobody owns the area beauty: add owners.beauty to include/team.yml first"),
        (["pipeline", "sources/creams"], "include/sql/sources holds no pipelines: headline new source"),
        (["pipeline", "growth/core_shop"], "the name core_shop is taken by core/core_shop"),
        (["pipeline", "profit/a", "--table", "order"], "'order' cannot be the name of a table"),
        (["pipeline", "profit/a", "--table", "unit_profit"], "profit.unit_profit is there already, made by unit_profit"),
        (["pipeline", "profit/a", "--reads", "core.refunds"], "no table core.refunds can be read; there are: core.app_coverage"),
        (["pipeline", "profit/a", "--reads", "core.products"], "core.products has no rows of a day (its period is all)"),
        (["pipeline", "profit/a", "--sum", "sales_channel"], "core.refund_lines.sales_channel (varchar) cannot be summed"),
        (["pipeline", "profit/a", "--sum", "amount"], "core.refund_lines has no column amount; there are: ds, refund_id"),
        (["pipeline", "profit/a", "--by", "line_number"], "may be NULL and is no text"),
        (["pipeline", "profit/a", "--by", "currency_code", "--by", "currency_code"], "a column has one name of its own"),
        (["pipeline", "profit/a", "--count", "lines"], "lines counts rows, and its name should say so"),
        (["table", "profit/nothing", "a"], "there is no pipeline profit/nothing; there are: "),
        (["table", "sources/shop", "a"], "sources/shop is a source"),
        (["source", "shop", "--column", "a_id", "--key", "a_id"], "the name shop is taken by sources/shop"),
        (["source", "crm", "--column", "colour", "--key", "colour"], "its name tells no type"),
        (["source", "crm", "--column", "a_id:integer", "--key", "a_id"], "is called like text, which is varchar"),
        (["source", "crm", "--column", "a_id", "--key", "b_id"], "b_id: is none of the columns a_id"),
        (["source", "crm", "--kind", "http", "--column", "a_id", "--key", "a_id"], "--moment is missing"),
        (["check", "core.product", "every product has a name"], "no table is called core.product"),
        (["check", "core.products", "every product has a name", "--dimension", "luck"], "'luck' is no dimension of checks"),
        (["metric", "core.products", "name_count", "--value", "1"], "core.products holds no figures"),
        (["metric", "profit.unit_profit", "fun", "--value", "1"], "fun: its name tells no type"),
        (["metric", "profit.unit_profit", "net_revenue", "--value", "1"], "has a column net_revenue already"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused(root: Path, words: list[str], fault: str) -> None:
    defaults = {
        "pipeline": {"--table": "daily_a", "--reads": "core.refund_lines"},
        "table": {"--reads": "core.refund_lines"},
        "source": {"--table": "tickets", "--kind": "csv"},
        "check": {"--dimension": "schema"},
    }
    given = defaults.get(words[0], {})
    before = contents(root)
    with pytest.raises(BadRequest) as told:
        new(*words, *(word for option, value in given.items() if option not in words for word in (option, value)))
    assert fault in str(told.value)
    assert contents(root) == before


def test_what_is_left_out_is_asked_for_at_a_terminal_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest, match="--table is missing: name of its table"):
        new("pipeline", "growth/stays")
    monkeypatch.setattr("headline.new.commands.is_asked", lambda: True)
    told = new("pipeline", "growth/stays", answers="stays\ncore.sessions\nplatform\nevent_count\n\n")
    assert "Name of its table: stays" in told
    assert left("growth/stays") == []
    table = load_understood().table("growth.stays")
    assert table.key == ["ds", "platform"]
