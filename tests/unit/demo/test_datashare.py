"""The files of the data share: one a day, complete, never touched again."""

from datetime import date, timedelta
from pathlib import Path

from headline.demo.company import Company
from headline.demo.datashare import drop
from headline.demo.finance import exchange_rates

FIRST = date(2026, 2, 27)
LAST = date(2026, 3, 2)


def test_a_file_for_every_calendar_day(tmp_path: Path, company: Company) -> None:
    folder = tmp_path / "datashare"
    assert drop(folder, FIRST, LAST, company) == 4
    names = ["rates_2026-02-27.csv", "rates_2026-02-28.csv", "rates_2026-03-01.csv", "rates_2026-03-02.csv"]
    assert sorted(path.name for path in folder.iterdir()) == names
    header, *lines = (folder / names[0]).read_text().splitlines()
    assert header == "rate_date,currency_code,rate_to_reporting"
    assert lines == [f"2026-02-27,{row.currency_code},{row.rate_to_reporting}" for row in exchange_rates(company, FIRST)]
    assert len(lines) == 6


def test_dropping_again_leaves_the_files_alone(tmp_path: Path, company: Company) -> None:
    drop(tmp_path, FIRST, LAST, company)
    touched = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert drop(tmp_path, FIRST, LAST + timedelta(days=1), company) == 1
    assert {path: path.stat().st_mtime_ns for path in touched} == touched
