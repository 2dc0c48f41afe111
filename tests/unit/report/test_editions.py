"""Reports of what the ledger has issued: when there is one, as of which moment, and what is missing where there is none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.report.rows import OCTOBER
from typer.testing import CliRunner

from headline.cli import app
from headline.errors import BadRequest
from headline.intervals import Interval
from headline.ledger import FigureRow, IssuedFigures, Ledger, Reads
from headline.report.editions import edition_of, file_name, missing_of, moment_of, report_of, title
from headline.report.render import Rendered
from headline.settings import shell

Restate = Callable[[str, str], FigureRow]
EMPTY = Rendered(b"html", b"pdf")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def recorded() -> list[FigureRow]:
    return IssuedFigures().history()


def test_the_moment_of_a_report_is_that_of_its_newest_figure(issued: list[FigureRow]) -> None:
    newest = recorded()[-1]
    report = report_of(OCTOBER)
    assert (report.as_of, report.chain_head) == (newest.recorded_at, newest.hash)
    assert report.figure_count == len([row for row in issued if row.end > OCTOBER.start])
    draft = newest.__class__(**(vars(newest) | {"status": "draft", "metric": "monthly_vouchers"}))
    IssuedFigures().record([draft])  # what is not issued is in no report, and makes no other one
    assert report_of(OCTOBER) == report


def test_what_was_issued_later_is_not_in_a_report_as_of_then(issued: list[FigureRow], restate: Restate) -> None:
    before = report_of(OCTOBER)
    restate("monthly_net_profit", "1234.50")
    after = report_of(OCTOBER)
    assert report_of(OCTOBER, before.as_of) == before
    assert (before.is_restated, after.is_restated) == (False, True)
    assert after.as_of > before.as_of
    [note] = after.notes
    assert [(one.title, one.new) for one in note.changes] == [("Net profit of the month", "1,234.50")]
    assert title(edition_of(after, "run", lambda _: EMPTY)) == "Investor report October 2026, restated"


def test_a_month_that_is_not_wholly_issued_is_refused_with_what_to_do(ledger: Ledger, issued: list[FigureRow]) -> None:
    september, november = Interval(date(2026, 9, 1), OCTOBER.start), Interval(OCTOBER.end, date(2026, 12, 1))
    assert (missing_of(OCTOBER), missing_of(september)) == ([], [])
    assert len(missing_of(november)) == 5 + 9 + 4
    with pytest.raises(BadRequest, match=r"2026-11 is not issued: 18 figure\(s\)") as refused:
        report_of(november, leave_out=True)
    assert "monthly_net_revenue, monthly_gross_profit" in str(refused.value)
    by_then = r"18 figure\(s\) of 2026-10 were not issued by the end of 2020-01-01, UTC: .*Name a later day"
    with pytest.raises(BadRequest, match=by_then):
        report_of(OCTOBER, datetime(2020, 1, 1, tzinfo=UTC))


def test_what_is_not_issued_is_left_out_where_somebody_asks_for_that(ledger: Ledger, issued: list[FigureRow]) -> None:
    gone = [row for row in issued if row.metric != "monthly_quick_ratio"]
    other = Interval(date(2025, 10, 1), date(2025, 11, 1))
    moved = [row.__class__(**(vars(row) | {"start": other.start, "end": other.end})) for row in gone if row.interval == OCTOBER]
    IssuedFigures().record(moved)
    with pytest.raises(BadRequest) as refused:
        report_of(other)
    assert str(refused.value) == (
        "2025-10 is not issued: 1 figure(s) of the month are missing.\n"
        "  - monthly_quick_ratio: growth.monthly_growth is not published for it: run investor_growth for 2025-10-01 to 2025-10-31"
    )
    edition = edition_of(report_of(other, leave_out=True), "run", lambda _: EMPTY)
    assert (title(edition), edition.missing) == ("Investor report October 2025, incomplete", ["monthly_quick_ratio"])


@pytest.mark.parametrize(
    ("day", "fault"), [("2026-11-30", "is not over"), ("2026-12-01", "is not over"), ("tomorrow", "is no day")]
)
def test_a_day_that_is_not_over_has_no_report_as_of_it(day: str, fault: str) -> None:
    with pytest.raises(BadRequest, match=fault):
        moment_of(day, NOW)


def test_a_day_that_is_over_is_taken_to_its_end() -> None:
    assert moment_of("2026-11-29", NOW) == datetime(2026, 11, 29, 23, 59, 59, 999999, UTC)


def test_the_command_writes_both_files_and_their_hashes(issued: list[FigureRow], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("headline.report.editions.edition_of.__defaults__", (lambda _: EMPTY,))
    done = CliRunner().invoke(app, ["report", "--month", "2026-10", "--output", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    edition = edition_of(report_of(OCTOBER), "run", lambda _: EMPTY)
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [file_name(edition, "html"), file_name(edition, "pdf")]
    assert [file.read_bytes() for file in files] == [b"html", b"pdf"]
    assert re.findall(r"SHA-256 (\w{64})", done.output) == [edition.html_sha256, edition.pdf_sha256]
    assert edition.chain_head in done.output
    [read] = Reads().newest()
    assert (read.reader, read.channel, read.detail) == (shell(), "report", files[1].name)
