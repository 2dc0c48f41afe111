"""What somebody on call types; Airflow itself is stood in for by one whose runs end at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.records import record

from headline import specs
from headline.errors import BadRequest, HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Published
from headline.local import job, runs
from headline.local.home import Home

RUN = {"start_date": "2026-02-01T00:00:00+00:00", "end_date": "2026-02-01T00:01:30+00:00"}


class Airflow:
    """Has two DAGs, and `others`; runs of `fails` fail."""

    def __init__(
        self, *, paused: str = "", fails: str = "", failed_before: tuple[str, ...] = (), others: tuple[str, ...] = ()
    ) -> None:
        self.known = ("shop", "core_shop", *others)
        self.paused, self.fails, self.failed_before = paused, fails, failed_before
        self.asked: list[tuple[Any, ...]] = []

    def dags(self) -> list[dict[str, Any]]:
        return [{"dag_id": name, "is_paused": name == self.paused} for name in self.known]

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
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Let the commands meet this Airflow."""

    def put(airflow: Airflow) -> Airflow:
        @contextmanager
        def there() -> Iterator[Airflow]:
            yield airflow

        monkeypatch.setattr(runs, "_airflow", there)
        monkeypatch.setattr(job.time, "sleep", lambda seconds: None)
        monkeypatch.setattr(Home, "environment", lambda self: {"AIRFLOW__API__BASE_URL": "http://airflow"})
        monkeypatch.setenv("HEADLINE_HOME", str(tmp_path))
        return airflow

    return put


def test_pipelines_run_one_after_the_other(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    airflow = use(Airflow())
    runs.trigger(["shop", "core_shop"], date(2026, 1, 30), date(2026, 1, 31))
    days = {"from": "2026-01-30", "to": "2026-01-31"}
    assert airflow.asked == [("trigger", "shop", days), ("trigger", "core_shop", days)]
    assert "http://airflow/dags/core_shop/runs/manual__2026-02-01T00%3A00%3A00%2B00%3A00\n" in capsys.readouterr().out


def test_the_order_in_which_they_are_named_does_not_matter(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A reader that ran first would wait for what comes after it, and the command with it."""
    airflow = use(Airflow())
    runs.trigger(["core_shop", "shop", "core_shop"], date(2026, 1, 30), None)
    assert [dag_id for _, dag_id, _ in airflow.asked] == ["shop", "core_shop"]
    assert "in the order in which they read each other: shop core_shop\n" in capsys.readouterr().out


def test_what_is_left_out_between_them_is_said(use: Any, capsys: pytest.CaptureFixture[str]) -> None:
    airflow = use(Airflow(others=("unit_profit",)))
    runs.trigger(["shop", "unit_profit"], date(2026, 1, 30), None)
    assert [dag_id for _, dag_id, _ in airflow.asked] == ["shop", "unit_profit"]
    said = capsys.readouterr().out
    assert "left out between them is core_shop" in said
    assert "headline trigger shop core_shop unit_profit" in said


def test_what_a_run_waits_for_is_said_with_what_brings_it(use: Any, capsys: pytest.CaptureFixture[str], ledger: Ledger) -> None:
    use(Airflow())
    runs.trigger(["core_shop"], date(2026, 1, 30), date(2026, 1, 31))
    said = capsys.readouterr().out
    assert "core_shop waits for " in said
    assert "more tables, 2026-01-30 to 2026-01-31, and goes on" in said
    [line] = [line for line in said.splitlines() if line.startswith("  headline trigger ")]
    named, _, days_said = line.removeprefix("  headline trigger ").partition(" --from ")
    assert (set(named.split()), days_said) == ({"shop", "finance", "core_finance"}, "2026-01-30 --to 2026-01-31")
    assert named.index("finance") < named.index("core_finance")
    days = [Interval(day, day + DAY) for day in (date(2026, 1, 30), date(2026, 1, 31))]
    reads = [name for name in specs.load().pipelines["core_shop"].inputs if name != "calendar.days"]
    record(ledger, *(Published(name, day, "1:a", 1) for name in reads for day in days))
    runs.trigger(["core_shop"], date(2026, 1, 30), date(2026, 1, 31))
    assert "waits for" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("first", "last", "conf"),
    [
        (None, None, {}),
        (date(2026, 1, 30), None, {"from": "2026-01-30", "to": "2026-01-30"}),
        (None, date(2026, 1, 30), {"to": "2026-01-30"}),
    ],
)
def test_the_days_are_left_to_airflow_where_they_are_not_given(use: Any, first: Any, last: Any, conf: Any) -> None:
    airflow = use(Airflow())
    runs.trigger(["shop"], first, last)
    assert airflow.asked == [("trigger", "shop", conf)]


FIGURES = [f"raw.orders.usual@2026-01-{day},amount=5" for day in (30, 31)]


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(pipelines: list[str], first: date, last: date) -> list[str]:
        return [name for name in FIGURES if "shop" in pipelines and str(first) <= name.split("@")[1][:10] <= str(last)]

    monkeypatch.setattr(runs, "open_figures", found)


@pytest.mark.parametrize(("chosen", "waived"), [([], FIGURES), (FIGURES[1:], FIGURES[1:])])
def test_figures_that_runs_have_found_are_waived_by_name(
    use: Any, held_back: None, capsys: pytest.CaptureFixture[str], chosen: list[str], waived: list[str]
) -> None:
    airflow = use(Airflow())
    runs.trigger(["shop"], date(2026, 1, 30), date(2026, 1, 31), " A sale. ", chosen)
    [(_, _, conf)] = airflow.asked
    assert conf == {"from": "2026-01-30", "to": "2026-01-31", "accept": "A sale.", "figures": waived}
    said = capsys.readouterr().out
    assert [name for name in FIGURES if name in said] == waived


@pytest.mark.parametrize(
    ("pipeline", "first", "accept", "chosen", "complaint"),
    [
        ("core_shop", date(2026, 1, 30), "A sale.", [], "no unusual figure of core_shop is held back from 2026-01-30"),
        ("shop", date(2026, 1, 29), "A sale.", [], "there is nothing to waive"),
        ("shop", date(2026, 1, 31), "A sale.", FIGURES, f"(?s)no run has found these.*{FIGURES[0]}\n.*back are:\n  {FIGURES[1]}"),
        ("shop", date(2026, 1, 30), " ", FIGURES, "say why these figures are right"),
        ("shop", None, "A sale.", [], "say with --from and --to"),
    ],
)
def test_what_nobody_has_seen_is_not_waived(
    use: Any, held_back: None, pipeline: str, first: Any, accept: str, chosen: list[str], complaint: str
) -> None:
    airflow = use(Airflow())
    with pytest.raises(BadRequest, match=complaint):
        runs.trigger([pipeline], first, None, accept, chosen)
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


def test_no_home_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path))
    with pytest.raises(BadRequest, match="holds no Airflow: name its home"):
        runs.retry("shop")


def test_an_airflow_that_is_down_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path))
    there = {"AIRFLOW__API__BASE_URL": "http://127.0.0.1:9", "HEADLINE_HOME": str(tmp_path)}
    Home(tmp_path).secrets.make()
    monkeypatch.setattr(Home, "environment", lambda self: there)
    with pytest.raises(BadRequest, match=r"does not answer .*make status"):
        runs.unpause("shop")
