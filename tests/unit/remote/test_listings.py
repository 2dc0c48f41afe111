"""What commands list: of the server of a login, and of this machine's ledger where that is whose data are meant."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.remote.server import PERSON, Server

from headline import cli
from headline.remote import login
from headline.remote.client import listed
from headline.show import Rows

AUDIT = ["table", "check", "kind", "outcome", "measured", "threshold", "audited_at", "sample"]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["headline", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


def rows(columns: list[str], *values: list[Any], **more: Any) -> dict[str, Any]:
    return json.loads(Rows(columns, values, **more).to_json())


ANSWERS = {
    "query": rows(["unit", "profit"], ["a", Decimal("12345.2500")]),
    "tables": rows(["table", "command"], ["core.orders", "headline trigger core_shop"], notes=["all of them: …"]),
    "audits": rows(AUDIT, ["core.orders", "one row a key", "duplicates", "failed", "2", "0", "2026-03-01 02:00:00", [{"id": 1}]]),
    "why/core.orders/2026-03-01": ["core.orders 2026-03-01: complete.", "Next: nothing"],
    "backfills/plan": json.dumps("# The plan"),
    "backfills/all": rows(["backfill", "state"], [7, "running"]),
    "backfills/7/chunks": rows(["chunk", "state"], [1, "done"], title="backfill 7", notes=["nobody works on it now"]),
}


@pytest.mark.parametrize(
    ("arguments", "asked", "told"),
    [
        (("query", "select 1"), "POST /headline/api/query", "│ 12,345.2500 │"),
        (("tables", "--stale"), "GET /headline/api/tables?stale=true", "headline trigger core_shop"),
        (("audits", "core.orders"), "GET /headline/api/audits?failed=false&table=core.orders", "one row a key"),
        (("why", "core.orders", "2026-03-01"), "GET /headline/api/why/core.orders/2026-03-01", "Next: nothing"),
        (("backfill", "plan", "shop+", "--from", "2026-03-01"), "POST /headline/api/backfills/plan", "# The plan"),
        (("backfill", "status"), "GET /headline/api/backfills/all", "running"),
        (("backfill", "status", "7"), "GET /headline/api/backfills/7/chunks", "backfill 7"),
    ],
)
def test_a_command_needs_neither_a_home_nor_a_ledger_nor_a_warehouse(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    asked: str,
    told: str,
) -> None:
    server.answers |= {f"/headline/api/{path}": found for path, found in ANSWERS.items()}
    assert run(monkeypatch, *arguments) == 0
    out = capsys.readouterr().out
    assert told in out
    assert server.paths == [asked]


def test_values_for_programs_are_the_same_as_beside_the_warehouse(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/headline/api/query"] = ANSWERS["query"]
    run(monkeypatch, "query", "select 1", "--format", "json")
    assert json.loads(capsys.readouterr().out) == [{"unit": "a", "profit": "12345.2500"}]
    assert json.loads(server.asked[0].content) == {"sql": "select 1"}


def test_what_the_server_refuses_is_told_in_a_line(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/headline/api/query"] = 400, {"detail": "core.orders is not published"}
    assert run(monkeypatch, "query", "select * from core.orders") == 1
    assert capsys.readouterr().err == "headline: core.orders is not published\n"


def test_a_sandbox_and_the_home_of_the_login_read_what_is_here(
    server: Server, monkeypatch: pytest.MonkeyPatch, forget_settings: Any, tmp_path: Path
) -> None:
    server.answers["/headline/api/tables"] = json.dumps("there")

    def found() -> Any:
        return listed(lambda: "here", "tables", str)

    assert found() == "there"
    home = tmp_path / "home"
    home.mkdir()
    (home / "env").write_text(f"AIRFLOW__API__BASE_URL={PERSON.url}\nHEADLINE_HOME={home}\n")
    assert found() == "here", "the login is for this home"
    (home / "env").write_text(f"AIRFLOW__API__BASE_URL=http://127.0.0.1:9\nHEADLINE_HOME={home}\n")
    assert found() == "here", "HEADLINE_HOME names another home"
    (home / "env").unlink()
    assert found() == "there"
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "dev")
    forget_settings()
    assert found() == "here", "a sandbox has data of its own"
    monkeypatch.delenv("HEADLINE_ENVIRONMENT")
    forget_settings()
    login.forget()
    assert found() == "here"
