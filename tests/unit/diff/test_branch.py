"""A branch beside main: a small repository with one pipeline over the demo company's finance service and data share."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from textwrap import dedent
from typing import Any

import pytest

from headline import cli
from headline.diff.changed import find_changed, versions
from headline.settings import PROJECT
from headline.specs import Catalog, load

FILES = {
    "pipeline.yml": """
        description: Rates as they arrived, and how many there are of each day.
        tier: 2
        lands_at: "03:00"
        tables:
          rates:
            key: [ds, currency_code]
            reads:
              raw.exchange_rates:
          rate_days:
            key: [ds]
            reads:
              core.rates:
          currencies:
            key: [ds, currency_code]
            reads:
              core.rates:
        """,
    "rates.sql": """
        select
            ds,
            currency_code,
            rate_to_reporting,
            'fixed' as rate_type
        from raw.exchange_rates
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "rates.contract.yml": """
        description: One row per rate that arrived.
        columns: {ds: , currency_code: The currency., rate_to_reporting: Its rate., rate_type: What kind of rate it is.}
        """,
    "rate_days.sql": """
        select
            ds,
            count(*) as rate_count
        from core.rates
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by ds
        """,
    "rate_days.contract.yml": """
        description: One row per day.
        columns: {ds: , rate_count: How many rates there are.}
        """,
    "currencies.sql": """
        select
            ds,
            currency_code
        from core.rates
        where ds >= date '{{ start }}' and ds < date '{{ end }}' and currency_code = 'USD'
        """,
    "currencies.contract.yml": """
        description: One row per day and currency that is asked for.
        columns: {ds: , currency_code: The currency.}
        """,
}
CHANGED = {
    "rates.sql": """
        select
            ds,
            currency_code,
            cast(case when currency_code = 'USD' then rate_to_reporting * 2 else rate_to_reporting end as decimal(18, 8))
                as rate_to_reporting,
            rate_date
        from raw.exchange_rates
        where ds >= date '{{ start }}' and ds < date '{{ end }}' and currency_code <> 'GBP'
        """,
    "rates.contract.yml": """
        description: One row per rate that arrived and is wanted.
        columns: {ds: , currency_code: The currency., rate_to_reporting: Its rate., rate_date: The day it is of.}
        """,
}


class Branch:
    """A repository whose main has FILES, and what `headline diff` says of it: exit code, output, errors."""

    def __init__(self, root: Path, run: Callable[..., tuple[int, str, str]]) -> None:
        self.root, self.diff = root, run
        self.sql = root / "include" / "sql"

    def write(self, files: dict[str, str]) -> None:
        folder = self.sql / "core" / "core_rates"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(dedent(text).lstrip("\n"))

    def git(self, *words: str) -> None:
        who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", self.root, *who, *words], check=True, capture_output=True)


@pytest.fixture
def branch(
    tmp_path: Path, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Branch:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headline", "diff", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    made = Branch(tmp_path / "repository", run)
    for name in ("sources/finance", "macros", "checks"):
        copytree(PROJECT / "include" / "sql" / name, made.sql / name)
    for name in ("team.yml", "sql/conventions.yml"):
        (made.root / "include" / name).write_text((PROJECT / "include" / name).read_text())
    made.write(FILES)
    made.git("init", "--initial-branch=main")
    made.git("add", ".")
    made.git("commit", "--message=main")
    monkeypatch.setenv("HEADLINE_INCLUDE", str(made.root / "include"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    return made


def test_what_a_branch_changes_is_shown_as_tables_in_markdown(branch: Branch) -> None:
    branch.write(CHANGED)
    code, out, errors = branch.diff("--from", "2026-02-28", "--to", "2026-03-01", "--format", "markdown")
    assert (code, errors) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("### Data diff with ")
    assert lines[0].endswith(": the demo company from 2026-02-28 to 2026-03-01")
    assert lines[2:6] == [
        "| table | rows before | rows after | added | removed | changed | columns |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| core.rate_days | 2 | 2 | 0 | 0 | 2 |  |",
        "| core.rates | 12 | 10 | 0 | 2 | 2 | + rate_date, − rate_type |",
    ]
    assert "| core.rate_days | rate_count | 12 | 10 | -2 | 2 |" in lines
    assert "| core.rates | removed | ds 2026-02-28, currency_code GBP |  |  |  |" in lines
    [before, after] = next(line for line in lines if "changed | ds 2026-03-01, currency_code USD" in line).split("|")[5:7]
    assert float(after) == 2 * float(before)
    assert lines[-2] == "No differences in core.currencies"


def test_nothing_is_computed_where_only_comments_have_changed(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headline.diff.branch._compute", lambda *_: pytest.fail("it computes"))
    unchanged = branch.diff()
    assert unchanged[:2] == (0, "")
    assert unchanged[2].startswith("Nothing to compare: no SQL, contract or spec has changed since ")
    branch.write({"rates.sql": FILES["rates.sql"] + "-- so\n"})
    assert branch.diff() == unchanged


def test_revisions_are_compared_from_where_they_parted(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def compared(before: Path, after: Path, *_: Any) -> dict[str, Any]:
        seen.append("GBP" in (after / "sql/core/core_rates/rates.sql").read_text())
        assert (before / "sql/core/core_rates/rates.sql").read_text() == dedent(FILES["rates.sql"]).lstrip("\n")
        return {}

    monkeypatch.setattr("headline.diff.branch.compare_versions", compared)
    branch.git("checkout", "-b", "topic")
    branch.write(CHANGED)
    branch.git("commit", "--all", "--message=topic")
    branch.git("checkout", "main")
    branch.write({"pipeline.yml": FILES["pipeline.yml"].replace("03:00", "04:00")})
    branch.git("commit", "--all", "--message=main goes on")
    assert branch.diff("--head", "topic")[0] == 0
    assert seen == [True]
    code, _, errors = branch.diff("--base", "nobody")
    assert (code, errors) == (1, "headline: git knows no revision nobody: name one with --base, or fetch it\n")


@pytest.mark.parametrize(
    ("path", "old", "new", "changed"),
    [
        ("core/core_rates/currencies.sql", "'USD'", "'CHF'", {"core.currencies"}),
        ("core/core_rates/pipeline.yml", "raw.exchange_rates:", "raw.exchange_rates: {lookback_days: 1}", {"core.rates"}),
        ("core/core_rates/pipeline.yml", "Rates as they arrived", "All rates as they arrived", set()),
        ("sources/finance/source.yml", "path: /expenses", "path: /spent", {"raw.expenses"}),
        ("sources/finance/source.yml", 'lands_at: "02:00"', 'lands_at: "01:00"', set()),
    ],
)
def test_a_table_is_made_in_another_way_if_sql_reads_or_ingest_are_other_ones(
    branch: Branch, forget_settings: Callable[[], None], path: str, old: str, new: str, changed: set[str]
) -> None:
    before, before_versions = read()
    text = (branch.sql / path).read_text()
    assert old in text
    (branch.sql / path).write_text(text.replace(old, new))
    forget_settings()
    after, after_versions = read()
    found = find_changed(before, after, before_versions, after_versions)
    assert found.tables == changed
    behind = {"core.rate_days", "core.currencies"} if changed == {"core.rates"} else set()
    assert found.dependent == behind
    assert found.inputs == ({"finance"} if changed and path.startswith("core") else set())


def read() -> tuple[Catalog, dict[str, str]]:
    catalog = load()
    return catalog, versions(catalog)
