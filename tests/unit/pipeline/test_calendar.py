"""A source that rests on some days: nothing is expected then, and something on every other day."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headline.errors import BadData, Transient
from headline.intervals import DAY
from headline.pipeline.ingest import ingest

FRIDAY, SATURDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 6), date(2026, 6, 8)
HEADER = "order_id,amount\n"


@pytest.fixture
def drop(project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Drops a day's file; the source rests at weekends."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}}))
    project.replace("sources/shop/source.yml", "format: csv}", "format: csv, calendar: {closed: [saturday, sunday]}}")
    return lambda day, text: (tmp_path / f"orders_{day}.csv").write_text(HEADER + text)


def loaded(project: Any, first: date, last: date) -> dict[date, int]:
    [done] = ingest(project.run("shop", first, last))
    assert done.file_count == (last - first).days + 1
    return {state.interval.start: state.row_count for state in project.ledger.states(["landing.orders"])}


def test_a_day_of_rest_needs_no_file_and_is_not_asked_for(project: Any, drop: Any) -> None:
    drop(FRIDAY, "a,1.00\n")
    drop(SATURDAY, "an old file again,1.00\n")
    drop(MONDAY, "b,2.00\n")
    assert loaded(project, FRIDAY, MONDAY) == {FRIDAY: 1, SATURDAY: 0, SATURDAY + DAY: 0, MONDAY: 1}
    project.publish("shop", FRIDAY, MONDAY)
    assert project.query("select ds, order_id from raw.orders order by ds") == [(FRIDAY, "a"), (MONDAY, "b")]


def test_a_header_alone_is_a_missing_day_where_the_source_is_open(project: Any, drop: Any) -> None:
    drop(MONDAY, "")
    with pytest.raises(Transient, match=r"landing\.orders: what arrived for 2026-06-08 is empty, .* the day is missing"):
        ingest(project.run("shop", MONDAY))
    assert project.ledger.states(["landing.orders"]) == []
    drop(MONDAY, "b,2.00\n")
    assert loaded(project, MONDAY, MONDAY) == {MONDAY: 1}


@pytest.mark.parametrize("content", ["<html><body>Please log in</body></html>\n", '{"error": "quota"}\n'])
def test_a_file_that_is_something_else_altogether_is_no_missing_day(
    project: Any, drop: Any, tmp_path: Path, content: str
) -> None:
    """A page in the place of a table has a header of its own and no row: no retry makes one."""
    drop(MONDAY, "")
    (tmp_path / f"orders_{MONDAY}.csv").write_text(content)
    with pytest.raises(BadData, match=r"does not match the schema.*\n  - order_id: removed"):
        ingest(project.run("shop", MONDAY))
