"""The files of the data share: rates and assignments once a day, events several times; complete, never touched again."""

import csv
import gzip
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from headline.demo.app import App
from headline.demo.company import Company
from headline.demo.datashare import drop
from headline.demo.finance import exchange_rates

FIRST = date(2026, 2, 27)
LAST = date(2026, 3, 2)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory, company: Company) -> Path:
    """The files of four days."""
    folder = tmp_path_factory.mktemp("dropped") / "datashare"
    assert drop(folder, FIRST, LAST, company) == len(files(folder)) > 4 * 9
    return folder


@pytest.fixture
def folder(dropped: Path, tmp_path: Path) -> Path:
    """A copy of them, of this test's own."""
    return Path(copytree(dropped, tmp_path / "datashare"))


def test_rates_and_assignments_every_calendar_day(folder: Path, company: Company) -> None:
    days = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]
    names = [f"{kind}_{day}.csv" for kind in ("assignments", "rates") for day in days]
    assert sorted(path.name for path in folder.iterdir()) == [*names[:4], "events", *names[4:]]
    header, *lines = (folder / "rates_2026-02-27.csv").read_text().splitlines()
    assert header == "rate_date,currency_code,rate_to_reporting"
    assert lines == [f"2026-02-27,{row.currency_code},{row.rate_to_reporting}" for row in exchange_rates(company, FIRST)]
    assert len(lines) == 6
    with (folder / "assignments_2026-02-27.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert list(rows[0]) == ["experiment_id", "variant", "user_id", "exposed_at"]
    assert all(row["exposed_at"].startswith("2026-02-27T") and row["exposed_at"].endswith("Z") for row in rows)


def test_events_in_micro_batches_by_the_minute_in_which_they_were_closed(tmp_path: Path, company: Company) -> None:
    drop(tmp_path, LAST, LAST, company)
    batches = sorted((tmp_path / "events" / f"arrived={LAST}").iterdir())
    assert {path.name[:4] for path in batches} == {f"{hour:02d}59" for hour in range(2, 24, 3)}
    lines = [line for path in batches for line in gzip.decompress(path.read_bytes()).decode().splitlines()]
    assert all(len(gzip.decompress(path.read_bytes()).splitlines()) <= 500 for path in batches)
    arrivals = App(company).arrivals(LAST)
    assert Counter(json.loads(line)["event_id"] for line in lines) == Counter(arrival.event.event_id for arrival in arrivals)
    assert all(arrival.arrived_at.date() == LAST for arrival in arrivals)
    first = json.loads(lines[0])
    assert list(first) == ["event_id", "user_id", "session_id", "event_type", "occurred_at", "platform"]
    assert first["occurred_at"].endswith("Z")


def test_dropping_again_leaves_the_files_alone(folder: Path, company: Company) -> None:
    touched = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert drop(folder, FIRST, LAST, company) == 0
    assert drop(folder, FIRST, LAST + timedelta(days=1), company) > 9
    assert {path: path.stat().st_mtime_ns for path in touched} == touched


def test_what_was_interrupted_is_completed(folder: Path, company: Company) -> None:
    whole = files(folder)
    lost = [name for name in sorted(whole) if "2026-03-02" in name][::2]
    for name in lost:
        (folder / name).unlink()
    assert "assignments_2026-03-02.csv" in lost  # it is dropped last: where it is, the others are
    assert drop(folder, FIRST, LAST, company) == len(lost)
    assert files(folder) == whole


def test_days_one_by_one_are_the_days_of_a_range(dropped: Path, tmp_path: Path, company: Company) -> None:
    for lag in (2, 0, 3, 1):
        drop(tmp_path / "alone", FIRST + timedelta(days=lag), FIRST + timedelta(days=lag), company)
    assert files(tmp_path / "alone") == files(dropped)
