"""Backfills as somebody asks for them from a shell; Airflow itself is stood in for by one whose runs end at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.unit.remote.test_runs import Airflow

from headline.errors import BadRequest
from headline.incidents.stranded import Stranded
from headline.remote import backfills, runs

DAYS = (date(2026, 1, 30), date(2026, 1, 31))


class WithBackfills(Airflow):
    """Has the DAG backfill besides."""

    has_nothing_to_do = False

    def dags(self) -> list[dict[str, Any]]:
        return [*super().dags(), {"dag_id": "backfill", "is_paused": self.paused == "backfill"}]

    def cancel(self, number: int) -> dict[str, Any]:
        return self.ranged(number) | {"standing": "cancelled by ana"}

    def ranged(self, number: int) -> dict[str, Any]:
        known = {"name": f"backfill {number}", "standing": "failed", "progress": "1/3", "is_open": number == 7}
        return known | {"fields": {"select": "shop+", "reason": "as before"}, "effect": ["raw.orders rows: 1 → 2 (+1)"]}

    def ranged_of(self, run_id: str) -> dict[str, Any] | None:
        return None if self.has_nothing_to_do else self.ranged(7)

    def fail(self, dag_id: str, run_id: str, _note: str) -> None:
        self.asked.append(("fail", dag_id, run_id))


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> WithBackfills:
    found = WithBackfills()

    @contextmanager
    def there(act: str) -> Iterator[WithBackfills]:
        found.acts.append((act, False))
        yield found

    monkeypatch.setattr(backfills, "airflow", there)
    monkeypatch.setattr(runs, "home_of", lambda _api: None)
    return found


def test_what_was_said_goes_to_the_dag_and_its_run_is_shown(airflow: WithBackfills, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"select": "shop+", "from": "2026-01-30", "to": None, "days": "everything"}
    backfills.run(said)
    assert airflow.asked == [("trigger", "backfill", {"select": "shop+", "from": "2026-01-30", "days": "everything"})]
    told = capsys.readouterr().out
    assert "http://airflow/backfill/manual__2026-02-01T00:00:00+00:00" in told
    assert "backfill 7: failed, 1/3 chunk(s) are done\nraw.orders rows: 1 → 2 (+1)" in told
    airflow.has_nothing_to_do = True
    backfills.run(said)
    assert "there was nothing to compute" in capsys.readouterr().out
    airflow.paused = "backfill"
    with pytest.raises(BadRequest, match="headline unpause backfill"):
        backfills.run(said)
    assert airflow.acts == [("a backfill", False)] * 3


def test_the_server_ends_one_in_the_name_of_who_asks(airflow: WithBackfills) -> None:
    assert backfills.cancel(7) == "backfill 7: cancelled by ana, 1/3 chunk(s) are done"


def test_one_is_resumed_as_the_server_knows_it_whatever_ledger_is_here(
    airflow: WithBackfills, capsys: pytest.CaptureFixture[str]
) -> None:
    backfills.resume(7)
    assert airflow.asked == [("trigger", "backfill", {"select": "shop+", "reason": "as before", "resume": 7})]
    assert "backfill 7: failed, 1/3 chunk(s) are done" in capsys.readouterr().out
    with pytest.raises(BadRequest, match=r"backfill 8: failed, .*there is nothing to go on with"):
        backfills.resume(8)


def test_stranded_runs_of_one_dag_are_ended_and_their_days_named(
    airflow: WithBackfills, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [Stranded(name, f"r{day.day}", day, datetime.now(UTC)) for name in ("core_shop", "shop") for day in DAYS]
    monkeypatch.setattr(backfills, "stranded_runs", lambda *_: found)
    backfills.free("shop")
    assert airflow.asked == [("fail", "shop", "r30"), ("fail", "shop", "r31")]
    assert "headline trigger shop --from 2026-01-30 --to 2026-01-31" in capsys.readouterr().out
    with pytest.raises(BadRequest, match=r"there is no DAG shopp; there are: .*shop"):
        backfills.free("shopp")
    backfills.free("backfill")
    assert "no queued run of a backfill is stranded" in capsys.readouterr().out
