"""What somebody on call types; Airflow itself is stood in for by one whose runs end at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from headline.errors import BadRequest, HeadlineError
from headline.local import job
from headline.remote import runs

RUN = {"start_date": "2026-02-01T00:00:00+00:00", "end_date": "2026-02-01T00:01:30+00:00"}
FIGURES = [f"raw.orders.usual@2026-01-{day},amount=5" for day in (30, 31)]


class Airflow:
    """Has two DAGs; runs of `fails` fail, and `figures` hold days back."""

    def __init__(
        self, *, paused: str = "", fails: str = "", failed_before: tuple[str, ...] = (), figures: Sequence[str] = ()
    ) -> None:
        self.paused, self.fails, self.failed_before, self.figures = paused, fails, failed_before, figures
        self.asked: list[tuple[Any, ...]] = []
        self.acts: list[tuple[str, bool]] = []

    def dags(self) -> list[dict[str, Any]]:
        return [{"dag_id": name, "is_paused": name == self.paused} for name in ("shop", "core_shop")]

    def order(self, dag_ids: list[str], days: Mapping[str, str]) -> dict[str, Any]:
        found = [name for name in ("shop", "core_shop") if name in dag_ids]
        return {"order": found, "notes": ["a note"], "figures": self.figures}

    def waits(self, dag_id: str, days: Mapping[str, str]) -> list[str]:
        return [f"{dag_id} waits for {dict(days)}"]

    def address(self, dag_id: str, run_id: str) -> str:
        return f"http://airflow/{dag_id}/{run_id}"

    def trigger(self, dag_id: str, *, conf: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(("trigger", dag_id, dict(conf)))
        return {"dag_id": dag_id, "dag_run_id": "manual__2026-02-01T00:00:00+00:00"}

    def runs(self, dag_id: str, state: str, limit: int) -> list[dict[str, Any]]:
        assert state == "failed"
        return [{"dag_id": dag_id, "dag_run_id": run_id} for run_id in self.failed_before[:limit]]

    def clear(self, dag_id: str, run_id: str, *, only_failed: bool) -> None:
        self.asked.append(("clear", dag_id, run_id, "failed tasks" if only_failed else "all tasks"))

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        return RUN | {"state": "failed" if dag_id == self.fails else "success"}

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        return [{"task_id": "publish", "state": "failed", "end_date": "", "try_number": 1}]

    def log(self, *_: Any) -> list[str]:
        return ["BadData: 2 rows without a day"]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the commands meet this Airflow."""

    def put(airflow: Airflow) -> Airflow:
        @contextmanager
        def there(act: str = "", *, is_named: bool = False) -> Iterator[Airflow]:
            airflow.acts.append((act, is_named))
            yield airflow

        monkeypatch.setattr(runs, "airflow", there)
        monkeypatch.setattr(runs, "home_of", lambda _api: None)
        monkeypatch.setattr(job.time, "sleep", lambda seconds: None)
        return airflow

    return put


def test_pipelines_run_one_after_the_other_as_the_server_orders_them(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    airflow = use(Airflow())
    runs.trigger(["core_shop", "shop"], date(2026, 1, 30), date(2026, 1, 31))
    days = {"from": "2026-01-30", "to": "2026-01-31"}
    assert airflow.asked == [("trigger", "shop", days), ("trigger", "core_shop", days)]
    assert airflow.acts == [("a run", False)]
    said = capsys.readouterr().out
    assert "a note\n" in said
    assert f"core_shop waits for {days}\nhttp://airflow/core_shop/manual__2026-02-01T00:00:00+00:00\n" in said


@pytest.mark.parametrize(
    ("first", "last", "conf"),
    [
        (None, None, {}),
        (date(2026, 1, 30), None, {"from": "2026-01-30", "to": "2026-01-30"}),
    ],
)
def test_the_days_are_left_to_airflow_where_they_are_not_given(use: Any, first: Any, last: Any, conf: Any) -> None:
    airflow = use(Airflow())
    runs.trigger(["shop"], first, last)
    assert airflow.asked == [("trigger", "shop", conf)]


@pytest.mark.parametrize(("chosen", "waived"), [([], FIGURES), (FIGURES[1:], FIGURES[1:])])
def test_figures_that_runs_have_found_are_waived_by_name(
    use: Any, capsys: pytest.CaptureFixture[str], chosen: list[str], waived: list[str]
) -> None:
    airflow = use(Airflow(figures=FIGURES))
    runs.trigger(["shop"], date(2026, 1, 30), date(2026, 1, 31), " A sale. ", chosen)
    assert airflow.acts == [("a waiver", True)]
    [(_, _, conf)] = airflow.asked
    assert conf == {"from": "2026-01-30", "to": "2026-01-31", "accept": "A sale.", "figures": waived}
    said = capsys.readouterr().out
    assert [name for name in FIGURES if name in said] == waived


@pytest.mark.parametrize(
    ("held", "first", "accept", "chosen", "complaint"),
    [
        ([], date(2026, 1, 30), "A sale.", [], "no unusual figure of shop is held back from 2026-01-30.*nothing to waive"),
        (FIGURES[1:], date(2026, 1, 31), "A sale.", FIGURES, f"(?s)found these.*{FIGURES[0]}\n.*back are:\n  {FIGURES[1]}"),
        ([], date(2026, 1, 31), "A sale.", FIGURES, "(?s)found these.*nothing is held back"),
        (FIGURES, date(2026, 1, 30), " ", FIGURES, "say why these figures are right"),
        (FIGURES, None, "A sale.", [], "say with --from and --to"),
    ],
)
def test_what_nobody_has_seen_is_not_waived(
    use: Any, held: list[str], first: Any, accept: str, chosen: list[str], complaint: str
) -> None:
    airflow = use(Airflow(figures=held))
    with pytest.raises(BadRequest, match=complaint):
        runs.trigger(["shop"], first, None, accept, chosen)
    assert airflow.asked == []


def test_a_failure_ends_the_line(use: Any) -> None:
    airflow = use(Airflow(fails="shop"))
    with pytest.raises(HeadlineError, match=r"shop: task publish failed at try 1\n.*2 rows without a day"):
        runs.trigger(["shop", "core_shop"], None, None)
    assert [dag_id for _, dag_id, _ in airflow.asked] == ["shop"]


@pytest.mark.parametrize(
    ("pipelines", "complaint"),
    [
        (["shop", "core_shop"], "core_shop is paused.*headline unpause core_shop"),
        (["shop", "stock"], "no DAG stock; there are: shop"),
    ],
)
def test_nothing_starts_where_the_line_could_not_end(use: Any, pipelines: list[str], complaint: str) -> None:
    airflow = use(Airflow(paused="core_shop"))
    with pytest.raises(BadRequest, match=complaint):
        runs.trigger(pipelines, None, None)
    assert airflow.asked == []


def test_a_retry_is_of_the_newest_failed_run_and_of_all_its_tasks(use: Any) -> None:
    airflow = use(Airflow(failed_before=("newest", "older")))
    runs.retry("shop")
    assert airflow.asked == [("clear", "shop", "newest", "all tasks")]


def test_nothing_to_retry_is_said(use: Any) -> None:
    use(Airflow())
    with pytest.raises(BadRequest, match=r"shop: no run has failed; .* headline trigger shop"):
        runs.retry("shop")
