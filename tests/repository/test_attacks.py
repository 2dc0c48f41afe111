"""The table of docs/security.md tells every attack there is a test of, and is written from their results."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

from tests.attacks.table import BEGIN, END, Attack, Section, written
from tests.repository.written import ROOT

ATTACKS = ROOT / "tests" / "attacks"


def test_every_file_of_attacks_stands_in_the_table() -> None:
    table = (ROOT / "docs" / "security.md").read_text().partition(BEGIN)[2].partition(END)[0]
    files = sorted(file.name for file in ATTACKS.glob("test_*.py"))
    assert len(files) >= 3
    assert [name for name in files if f"### `{name}`\n" not in table] == [], "run `make attack file=<name>`"


def section(name: str, outcomes: dict[str, int], why: str = "") -> str:
    attack = Attack.of(name, "test_no_file_is_read", "Not even | by a link.")
    return Section.of(ATTACKS / name, [(attack, Counter(outcomes), why)], date(2026, 11, 29), "abc1234").text


def test_a_section_tells_what_each_test_shows_and_how_it_went() -> None:
    text = section("test_query.py", {"passed": 12, "skipped": 1}, "no file system may be mounted here")
    assert text.startswith(
        "### `test_query.py`\n\nA SELECT of a person reads the published tables and can reach nothing else. Run on 2026-11-29 at"
    )
    assert text.endswith("| No file is read. Not even \\| by a link. | 12 passed, skipped: no file system may be mounted here |")
    assert section("test_query.py", {}).endswith("| not run |")


def test_sections_of_files_that_did_not_run_stay() -> None:
    document = f"# Security\n\n{BEGIN}\n\n{END}\n\n## How to report\n"
    both = written(document, {name: section(name, {"passed": 1}) for name in ("test_query.py", "test_pages.py")})
    again = written(both, {"test_pages.py": section("test_pages.py", {"failed": 1})})
    assert again == both.replace("passed", "failed", 1)
    assert written(again, {}) == again
    assert "test_gone.py" not in written(again.replace("test_query.py", "test_gone.py"), {})
    assert again.endswith("## How to report\n")
    assert Path(ATTACKS / "table.py").is_file()
