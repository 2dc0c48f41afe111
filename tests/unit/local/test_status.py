"""What `headline status` says of runs and of days that are behind their inputs; it agrees with the board."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.unit.pages.airflow import FakeAirflow, run, task
from tests.unit.records import days_of, record

from headline.airflow_api import AirflowApi
from headline.intervals import DAY
from headline.local import status
from headline.local.status import behind_lines, failed_and_waiting_lines

D1 = date(2026, 3, 1)
EARLIER = datetime.now(UTC) - timedelta(hours=1)


def test_a_failed_run_is_a_line_with_its_reason(project: Any) -> None:
    failed = run("core_shop", "manual__1", "failed", EARLIER, conf={"from": str(D1)})
    airflow = FakeAirflow([failed], [task("core_shop", "manual__1", "failed", EARLIER)], errors={"manual__1": "[/bad] markup"})
    lines = [str(line) for line in failed_and_waiting_lines(airflow.api)]
    assert lines == ["failed core_shop, run for 2026-03-01: write_audit_publish: [/bad] markup"]


def test_what_airflow_does_not_tell_is_said(project: Any) -> None:
    refusing = AirflowApi.with_headers({}, httpx.MockTransport(lambda _request: httpx.Response(503, text="soon")))
    [line] = failed_and_waiting_lines(refusing)
    assert str(line).startswith("Which runs have failed or wait is not known: Airflow: GET")


def test_days_behind_their_inputs_are_told_until_they_are_computed_again(project: Any) -> None:
    record(project.ledger, *days_of("raw.orders", D1, D1 + DAY))
    record(project.ledger, *days_of("core.orders", D1, D1 + DAY))
    record(project.ledger, *days_of("core.running_totals", D1, D1 + DAY))
    assert list(behind_lines()) == []
    record(project.ledger, *days_of("raw.orders", D1, content="changed "))
    assert [str(line) for line in behind_lines()] == ["behind its inputs core.orders, 1 day: 2026-03-01"]
    record(project.ledger, unchanged={"core.orders": [D1]}, inputs={"core.orders": ["raw.orders"]})
    assert list(behind_lines()) == [], "also where it came out as it was, so that no version tells it"


def test_logs_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Neither markup nor signs for pictures, and a long line stays one."""
    line = f"scheduler     | a:x:b [/b] [red] {'word ' * 50}end"
    monkeypatch.setattr(status, "Processes", lambda _home: SimpleNamespace(logs=tmp_path))
    monkeypatch.setattr(status, "follow", lambda _logs: iter([line]))
    status.show_logs()
    assert capsys.readouterr().out == f"{line}\n"
