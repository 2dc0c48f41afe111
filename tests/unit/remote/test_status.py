"""What `headline status` prints of what Airflow and its pages answer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.remote.server import PERSON, Server

from headline.local import logs
from headline.remote import status

RUN = {"dag_run_id": "scheduled__1", "state": "failed", "end_date": "2026-03-02T04:00:00Z"}
ANSWERS: dict[str, Any] = {
    "/api/v2/dags": {"dags": [{"dag_id": "shop", "is_paused": True}]},
    "/api/v2/dags/shop/dagRuns": {"dag_runs": [RUN]},
    "/api/v2/importErrors": {"import_errors": [{"filename": "dags/a.py", "stack_trace": "Traceback\nKeyError: 'b'"}]},
    "/headline/api/status": {
        "runs": [{"dag_id": "shop", "state": "failed", "name": "run", "days": "2026-03-01", "reason": "ingest: [/bad] markup"}],
        "behind": [{"table": "core.orders", "count": 2, "days": "2026-03-01 to 2026-03-02"}],
        "problem": "",
    },
}


def test_it_needs_neither_a_home_nor_a_ledger(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers |= ANSWERS
    status.show_status()
    said = capsys.readouterr().out
    assert "shop (paused)  scheduled__1  failed  2026-03-02 04:00:00" in said
    assert "failed shop, run for 2026-03-01: ingest: [/bad] markup\n" in said
    assert "behind its inputs core.orders, 2 days: 2026-03-01 to 2026-03-02\n" in said
    assert "not loaded dags/a.py: KeyError: 'b'\n" in said
    assert f"Airflow: {PERSON.url} as ada\n" in said


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((503, {"detail": "the ledger is out of reach"}), "answered 503: the ledger is out of reach"),
        ({"runs": [], "behind": [], "problem": "the ledger is old"}, "is not known: the ledger is old"),
        ((404, "<html>"), "does not answer as Airflow with Headline's pages does"),
    ],
)
def test_what_airflow_itself_knows_is_shown_without_the_pages(
    server: Server, capsys: pytest.CaptureFixture[str], answer: Any, told: str
) -> None:
    server.answers |= ANSWERS | {"/headline/api/status": answer, "/api/v2/importErrors": (403, {"detail": "Forbidden"})}
    status.show_status()
    said = capsys.readouterr().out
    assert "scheduled__1" in said
    assert told in said
    assert "not loaded" not in said


def test_a_home_in_which_nothing_runs_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path))
    (tmp_path / "env").write_text(f"AIRFLOW__API__BASE_URL=http://127.0.0.1:9\nHEADLINE_HOME={tmp_path}\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "admin").write_text("secret")
    status.show_status()
    assert "Airflow does not run: make run starts it." in capsys.readouterr().out


def test_logs_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Neither markup nor signs for pictures, and a long line stays one."""
    line = f"scheduler     | a:x:b [/b] [red] {'word ' * 50}end"
    monkeypatch.setattr(logs, "Processes", lambda _home: SimpleNamespace(logs=tmp_path))
    monkeypatch.setattr(logs, "follow", lambda _logs: iter([line]))
    logs.show_logs()
    assert capsys.readouterr().out == f"{line}\n"
