"""All that is wrong with a folder is told at once, and of a sound one nothing."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import forget
from tests.unit.rules.daily_refunds import CHECK, DAG, FILES

from headline import cli, runbooks
from headline.errors import BadRequest
from headline.rules.report import check, find_folders, written
from headline.settings import PROJECT
from headline.specs import load

SPEC, SELECT, CONTRACT, RUNBOOK = (
    f"include/sql/profit/daily_refunds/{name}" for name in ("pipeline.yml", "refunds.sql", "refunds.contract.yml", "RUNBOOK.md")
)
EXPECT = "tests/sql/profit/daily_refunds/refunds/two_channels/expect.yml"


class Tree:
    """A copy of what a repository has of pipelines, with one more."""

    def __init__(self, root: Path, forget: Callable[[], None]) -> None:
        self.root = root
        self.forget = forget

    def replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))
        self.forget()

    def faults(self) -> dict[str, list[str]]:
        """What is wrong with the pipeline, by file."""
        self.forget()
        [(_, found)] = check(find_folders("profit/daily_refunds")).items()
        told: dict[str, list[str]] = {}
        for fault in found:
            told.setdefault(fault.file, []).append(fault.text)
        return told


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree without faults, of which sqlfluff has said so; every test changes a copy of it."""
    root = tmp_path_factory.mktemp("sound")
    shutil.copytree(PROJECT / "include", root / "include")
    for settings in (".sqlfluff", ".yamllint", ".gitignore"):
        shutil.copy(PROJECT / settings, root)
    shutil.copytree(PROJECT / "docs" / "alerts", root / "docs" / "alerts")
    (root / "dags").mkdir()
    (root / "dags/profit.py").write_text((PROJECT / "dags/profit.py").read_text() + DAG)
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        enter(root, patch)
        made = Tree(root, forget)
        forget()
        catalog = load()
        runbook = root / RUNBOOK
        runbook.write_text(
            re.sub(
                r"^(## .*)\n\n(?=## |<!--)",
                r"\1\n\nNothing yet.\n\n",
                runbooks.regenerated(catalog.pipelines["daily_refunds"], catalog),
                flags=re.M,
            )
        )
        made.replace(RUNBOOK, "## Backfill", f"### {CHECK}\n\nLook at the channel.\n\n## Backfill")
        runbook.write_text(runbooks.regenerated(catalog.pipelines["daily_refunds"], catalog))
        assert made.faults() == {}
    forget()
    return root


def enter(root: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HEADLINE_INCLUDE", str(root / "include"))
    patch.setenv("HEADLINE_HOME", str(root / "home"))


@pytest.fixture
def tree(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Tree:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    enter(tmp_path, monkeypatch)
    forget_settings()
    return Tree(tmp_path, forget_settings)


def test_a_sound_folder_has_no_faults(tree: Tree) -> None:
    assert tree.faults() == {}
    [(folder, faults)] = check(find_folders(f"{tree.root}/include/sql/profit/daily_refunds/")).items()
    assert list(written(folder, faults)) == ["include/sql/profit/daily_refunds: no faults"]


def test_all_faults_are_told_at_once(tree: Tree) -> None:
    tree.replace(SPEC, "tier: 2\n", "tier: 2\nteam: support\n")
    tree.replace(SPEC, '"03:40"', '"02:00"')
    tree.replace(SPEC, "      core.refund_lines: {}\n", "      core.refunds: {}\n")
    tree.replace(
        SELECT,
        "coalesce(refund_lines.sales_channel, 'unknown') as sales_channel",
        "any_value(refund_lines.sales_channell) AS sales_channel",
    )
    tree.replace(SELECT, "as bigint) as refund_count", "as bigint) as refunds")
    tree.replace(CONTRACT, "refund_count: Number of refunds.", "refund_count:")
    tree.replace(CONTRACT, "Sum of the refunds, in reporting currency.", "{nulable: true, description: Sum of the refunds.}")
    tree.replace(CONTRACT, "  is_partial:", "  is_incomplete:")
    tree.replace(CONTRACT, "    differences:", "    dimension: comparison\n    differences:")
    tree.replace(EXPECT, "interval: {start: 2026-01-05, end: 2026-01-06}", "interval: {start: 2026-01-05, end: 2026-01-05}")
    (tree.root / SPEC).with_name("notes.txt").write_text("")
    (tree.root / "dags/profit.py").write_text("")
    told = tree.faults()
    for file, text in (
        (SPEC, "team: unknown key"),
        (SPEC, "lands_at: is 02:00, no later than core_shop (03:00)"),
        (SPEC, "tables.refunds.reads: nobody makes core.refunds"),
        (SPEC, "tables.refunds.reads: the SQL reads core.refund_lines without stating it"),
        (SPEC, "notes.txt belongs to no table"),
        (SPEC, 'no DAG file loads it: write daily_refunds = pipeline_dag("profit/daily_refunds") in dags/profit.py'),
        (SELECT, "Unknown column: sales_channell"),
        (SELECT, "the SELECT gives refunds, is_partial, which the contract does not have"),
        (SELECT, "line 6: Keywords must be lower case. (CP01)"),
        (CONTRACT, "columns.refund_count: say what it means; conventions.yml does not"),
        (CONTRACT, "columns.refund_amount.nulable: Extra inputs are not permitted"),
        (CONTRACT, "has coverage alone: coverage and is_partial go together"),
        (CONTRACT, "checks.refunds by channel = core.refund_lines.dimension: Input should be 'schema', "),
        (EXPECT, "interval: Value error, end is the day after the last one"),
    ):
        assert text in "\n".join(told[file])
    assert all(len(set(texts)) == len(texts) for texts in told.values())


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        (SPEC, "tables:\n", "tables: [\n", "not valid YAML"),
        (SELECT, "group by", "grou by", "not valid SQL: line "),
        (SELECT, "covered_days(", "days_covered(", "'days_covered' is undefined"),
        (CONTRACT, "checks:", "checks: [", "not valid YAML"),
        (CONTRACT, "by: [ds]", "by: [sales_channell]", "sales_channell"),
        (CONTRACT, "differences: {", "difference: {", "no macro is called difference; include/sql/checks has days_cut_wrong, "),
        (CONTRACT, "count: Number of", "count: {type: integer, description: Number.} #", "its name says count: bigint"),
        (
            CONTRACT,
            "  coverage: Share of the day's rows that were valid, 0 to 1.\n"
            "  is_partial: Whether rows of the day were quarantined, so that refunds are missing.\n",
            "",
            "lacks coverage and is_partial, which every figure has: covered_days of macros/coverage.jinja gives both",
        ),
        (EXPECT, '"12.50"', "12.50", "write decimals in quotes"),
        (EXPECT, "refund_count: 2", "refund_count: 3", "unexpected 2026-01-05, web, 12.5000, 2, 0.950000, True"),
        (EXPECT, "interval:", "days:", "interval: Field required"),
        (EXPECT, "sales_channel: web", "channel: web", "no such column: channel"),
        (RUNBOOK, "by **03:40 UTC**", "by **03:50 UTC**", "the part «facts» is stale"),
    ],
)
def test_a_fault_is_told_with_its_file(tree: Tree, file: str, old: str, new: str, fault: str) -> None:
    tree.replace(file, old, new)
    assert fault in "\n".join(tree.faults()[file])


def test_what_can_be_read_is_looked_at_where_the_spec_cannot(tree: Tree) -> None:
    tree.replace(SPEC, "tables:\n", "tables: [\n")
    tree.replace(SELECT, "count(distinct refund_lines.refund_id)", "count(distinct now())")
    tree.replace(CONTRACT, "refund_count: Number of refunds.", "refund_count: refunds")
    told = tree.faults()
    assert "NOW(): a transform reads no clock" in told[SELECT][0]
    assert told[CONTRACT] == ["the description of refund_count is no sentence: 'refunds'"]


def test_a_table_without_a_golden_case_is_run_on_nothing(tree: Tree) -> None:
    shutil.rmtree((tree.root / EXPECT).parent)
    tree.replace(SELECT, "cast(count(distinct refund_lines.refund_id) as bigint)", "count(*) + 0.5")
    told = tree.faults()
    assert told["tests/sql/profit/daily_refunds/refunds"][0].startswith("has no golden case: make <case>/expect.yml")
    assert any("gives refund_count as decimal" in text or "gives refund_count as double" in text for text in told[SELECT])


def test_a_given_table_that_is_not_read_is_told(tree: Tree) -> None:
    given = (tree.root / EXPECT).parent / "given"
    (given / "core.shop_coverage.yml").rename(given / "core.finance_coverage.yml")
    assert tree.faults()[EXPECT] == ["given/core.finance_coverage.yml: profit.refunds does not read it"]


def test_a_faulty_folder_spoils_no_other(tree: Tree) -> None:
    tree.replace("include/sql/core/core_shop/pipeline.yml", "tier: 1", "tier: first")
    assert tree.faults() == {}


def test_sound_sql_is_not_looked_at_again(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(tree.root / ".sqlfluff_cache")
    assert tree.faults() == {}
    with monkeypatch.context() as patch:
        patch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("looked at again"))
        assert tree.faults() == {}
    tree.replace(SELECT, "select", "SELECT")
    assert "Keywords must be lower case" in tree.faults()[SELECT][0]


def test_the_command_ends_with_the_verdict(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def headline(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["headline", "check", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    assert headline("profit/daily_refunds") == (0, "include/sql/profit/daily_refunds: no faults\n", "")
    tree.replace(EXPECT, "refund_count: 2", "refund_count: 3")
    code, out, err = headline("profit/daily_refunds")
    assert code == 1
    assert out.splitlines()[0] == EXPECT
    assert err == "headline: 1 fault(s) in 1 of 1 folder(s)\n"
    assert "include/sql has no folder profit/daily_refund; there are: core/core_app" in headline("profit/daily_refund")[2]


def test_the_documented_example_is_the_one_that_is_tried() -> None:
    page = (PROJECT / "docs" / "adding_a_pipeline.md").read_text()
    assert all(f"`{path}`:" in page and text in page for path, text in FILES.items())
    assert DAG in page


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([SELECT, CONTRACT], ["profit/daily_refunds"]),
        ([EXPECT, "include/sql/sources/shop/orders.extract.sql"], ["profit/daily_refunds", "sources/shop"]),
        (["profit/daily_refunds", "include/sql/profit/unit_profit"], ["profit/daily_refunds", "profit/unit_profit"]),
    ],
)
def test_files_mean_the_folders_that_they_are_of(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, names: list[str], found: list[str]
) -> None:
    monkeypatch.chdir(tree.root)
    assert [f"{folder.parent.name}/{folder.name}" for folder in find_folders(*names)] == found


def test_a_file_that_folders_share_is_of_all_of_them(tree: Tree) -> None:
    every = find_folders()
    for name in ("macros/ratio.jinja", "checks/anomaly.jinja", "conventions.yml"):
        assert find_folders(str(tree.root / "include/sql" / name), "profit/daily_refunds") == every
    assert len(every) > 6


def test_an_unknown_folder_is_refused() -> None:
    with pytest.raises(BadRequest, match="has no folder unit_profit"):
        find_folders("unit_profit")
