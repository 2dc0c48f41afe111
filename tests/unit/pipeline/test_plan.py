"""What planning costs: it follows the days at stake, not history."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg2
from sqlalchemy import event, insert, text

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, tables
from headline.ledger.engine import engine
from headline.pipeline.plan import plan

FIRST = date(2022, 1, 1)
TABLES = ("landing.orders", "raw.orders", "core.orders", "core.running_totals")


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that the ledger executes, as they are."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        seen.append(statement)

    event.listen(engine(), "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine(), "before_cursor_execute", note)


def history(days: int) -> date:
    """So many days of states of all tables, a version a day, as daily runs leave them; gives the day after them."""
    rows = [
        {
            "table_name": table,
            "start": FIRST + timedelta(days=n),
            "end": FIRST + timedelta(days=n + 1),
            "version": n * len(TABLES) + number + 1,
            "as_of": (n + 1) * len(TABLES),
            "fingerprint": f"1:{n}",
            "row_count": 1,
            "status": "complete",
            "coverage": 1,
            "run_id": f"run {n}",
            "changed_at": FIRST,
            "computed_at": FIRST,
        }
        for n in range(days)
        for number, table in enumerate(TABLES)
    ]
    with engine().begin() as connection:
        connection.execute(text("delete from period_state"))
        connection.execute(insert(tables.period_state), rows)
    administer("analyze period_state")
    return FIRST + timedelta(days=days)


def administer(statement: str) -> None:
    """What the ledger's writer may not do."""
    host = engine().url.query["host"]
    with closing(psycopg2.connect(host=host, user="postgres", dbname="ledger")) as server:
        server.autocommit = True
        server.cursor().execute(statement)


def with_one_day_more(project: Any, days: int) -> date:
    """History, the files of the day after it, and what raw makes of them; a first day has made the tables."""
    if project.warehouse.is_empty():
        project.arrive({FIRST: []})
        for pipeline in ("shop", "core_shop"):
            project.publish(pipeline, FIRST)
    day = history(days)
    administer(f"select setval('version', {days * len(TABLES) + 1})")
    project.arrive({day: [("a", "1.00")]})
    project.publish("shop", day)
    return day


def test_a_run_asks_the_ledger_as_often_whatever_its_history(project: Any) -> None:
    asked: dict[int, list[str]] = {}
    for days in (60, 1800):
        day = with_one_day_more(project, days)
        with statements() as asked[days]:
            done = project.publish("core_shop", day)
        assert done["core.orders"].intervals == [Interval(day, day + DAY)]
    assert asked[60] == asked[1800]
    assert 0 < len(asked[60]) <= 33, "\n".join(asked[60])


def test_planning_costs_the_days_at_stake(project: Any, ledger: Ledger) -> None:
    """In CPU time of the process, the least of several: what else runs on the machine does not count."""
    costs: dict[int, float] = {}
    for days in (60, 1825):
        day = with_one_day_more(project, days)
        run = project.run("core_shop", day)
        spent = []
        for _ in range(7):
            begun = time.process_time()
            planned = plan(run)
            found = [planned.intervals(table) for table in run.pipeline.ordered_tables]
            spent.append(time.process_time() - begun)
        assert found == [[Interval(day, day + DAY)]] * 2
        assert max(map(len, planned.states.values())) <= 47, "no state is read that nobody asks about"
        costs[days] = min(spent)
    assert costs[1825] < 0.020 * len(specs.load().pipelines["core_shop"].tables), costs
