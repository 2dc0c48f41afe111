"""MathOverflow through growth and engagement, held against sets of users in plain Python that share nothing with the SQL.

Its first half, with the one day on which nothing happened; all of it for `make examples`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest
from tests.conftest import forget
from tests.examples.house import House

from headline import settings, specs
from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.local.example import Example
from headline.pipeline import PipelineRun, Waiver, write_audit_publish
from headline.warehouse import open_warehouse

FOLDER = settings.PROJECT / "examples" / "mathoverflow"
DATA = settings.PROJECT.parent / "shared" / "data" / "mathoverflow_events.parquet"
EXAMPLE = Example.load(FOLDER)
ACCEPTANCE = Waiver(EXAMPLE.accept or "", by="the example")
IS_WHOLE = "HEADLINE_TEST_WHOLE_EXAMPLES" in os.environ
LAST = EXAMPLE.last if IS_WHOLE else date(2012, 12, 6)  # each lies on the sixth day of its month
ALL_DAYS = Interval(EXAMPLE.first, LAST + DAY)
THE_EMPTY_DAY = date(2012, 10, 31)

Users = Mapping[date, set[int]]

pytestmark = [
    pytest.mark.skipif(not DATA.is_file(), reason=f"the data are not there: {DATA.name} belongs into ../shared/data"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """All days in one range."""
    folder = tmp_path_factory.mktemp("mathoverflow")
    shutil.copy2(DATA, folder / EXAMPLE.data_as)
    with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("create database mathoverflow")
    connections = {
        "LEDGER": {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "mathoverflow"},
        "WAREHOUSE": {
            "conn_type": "duckdb",
            "host": str(folder / "warehouse.duckdb"),
            "extra": {"memory_limit": "1GB", "threads": 1},
        },
        "DATASHARE": {"conn_type": "fs", "extra": {"path": f"file://{folder}"}},
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HEADLINE_HOME", str(folder))
        environment.setenv("HEADLINE_SOURCES", str(FOLDER / "sources"))
        environment.setenv("HEADLINE_WITHOUT", " ".join(EXAMPLE.without))
        for name, connection in connections.items():
            environment.setenv(f"AIRFLOW_CONN_HEADLINE_{name}", json.dumps(connection))
        forget()
        migrate()
        made = House(folder / "warehouse.duckdb", specs.load(), Ledger(), open_warehouse(), tuple(EXAMPLE.dags), ACCEPTANCE)
        made.compute(ALL_DAYS, "range")
        yield made
    forget()


# The independent computation: who was there on a day, in a period, in a window.


@pytest.fixture(scope="module")
def file() -> list[tuple[int, date]]:
    columns = pq.read_table(DATA, columns=["SRC", "UNIXTS"]).to_pydict()
    return [(user, datetime.fromtimestamp(second, UTC).date()) for user, second in zip(*columns.values(), strict=True)]


@pytest.fixture(scope="module")
def events(file: list[tuple[int, date]]) -> list[tuple[int, date]]:
    return [(user, day) for user, day in file if day in ALL_DAYS]


@pytest.fixture(scope="module")
def users(events: list[tuple[int, date]]) -> int:
    return len({user for user, _ in events})


@pytest.fixture(scope="module")
def by_day(events: list[tuple[int, date]]) -> Users:
    return grouped(events, lambda day: day)


def grouped(events: list[tuple[int, date]], period: Any) -> Users:
    users: dict[date, set[int]] = defaultdict(set)
    for user, day in events:
        users[period(day)].add(user)
    return users


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def month(day: date) -> date:
    return day.replace(day=1)


def states(active: Users, periods: list[date]) -> dict[date, tuple[int, ...]]:
    """Active, new, retained, resurrected, churned and unknown of each period.

    The file begins within its first week and month, so that newcomers of the second one are unknown too; its days begin whole.
    """
    known_from = 1 if active[periods[0]] and (periods[1] - periods[0]).days == 1 else 2
    seen: set[int] = set()
    before: set[int] = set()
    told = {}
    for number, period in enumerate(periods):
        now = active.get(period, set())
        first = now - seen
        new, unknown = (first, set()) if number >= known_from else (set(), first)
        returned = (now & seen) - before
        told[period] = tuple(map(len, (now, new, now & before, returned, before - now, unknown)))
        seen |= now
        before = now
    return told


def periods_of(period: Any) -> list[date]:
    return sorted({period(day) for day in ALL_DAYS})


STATES = "active_users, new_users, retained_users, resurrected_users, churned_users, unknown_users"


def test_the_file_is_the_one_that_the_example_describes(
    site: House, file: list[tuple[int, date]], events: list[tuple[int, date]], by_day: Users, users: int
) -> None:
    days = [day for _, day in file]
    assert (len(file), len({user for user, _ in file}), min(days), max(days)) == (
        506_550,
        19_774,
        EXAMPLE.first,
        EXAMPLE.last,
    )
    assert set(ALL_DAYS) - set(by_day) == {THE_EMPTY_DAY}
    assert site.query("select count(*), count(distinct user_id), count(distinct ds) from core.events") == [
        (len(events), users, len(ALL_DAYS) - 1)
    ]
    assert site.query("select count(*) from quarantine.events") == [(0,)]


@pytest.mark.parametrize(
    ("table", "column", "period"),
    [
        ("growth.daily_growth", "ds", lambda day: day),
        ("growth.weekly_growth", "week", monday),
        ("growth.monthly_growth", "month", month),
    ],
    ids=["day", "week", "month"],
)
def test_growth(site: House, events: list[tuple[int, date]], users: int, table: str, column: str, period: Any) -> None:
    expected = states(grouped(events, period), periods_of(period))
    found = {row[0]: row[1:] for row in site.query(f"select {column}, {STATES} from {table}")}
    assert len(expected) > 35
    assert found == expected
    assert sum(new + unknown for _, new, _, _, _, unknown in found.values()) == users


def test_rates_of_the_months(site: House, events: list[tuple[int, date]]) -> None:
    """Of all months but the first and the last, which is open; marked are those of the second: the first begins on its 29th."""
    months = periods_of(month)
    counts = states(grouped(events, month), months)
    expected = {}
    for before, now in pairwise(months[:-1]):
        base, (active, new, retained, resurrected, churned, _) = counts[before][0], counts[now]
        rates = (
            Fraction(active - base, base),
            Fraction(retained, base),
            Fraction(churned, base),
            Fraction(new + resurrected, churned),
        )
        expected[now] = [float(rate) for rate in rates]
    rows = site.query(
        "select month, growth_rate, retention_rate, churn_rate, quick_ratio from growth.monthly_growth "
        "where growth_rate is not null"
    )
    assert len(expected) == len(months) - 2
    assert {row[0]: [float(rate) for rate in row[1:]] for row in rows} == {
        now: pytest.approx(rates, abs=1e-6) for now, rates in expected.items()
    }
    assert site.query("select month from growth.monthly_growth where is_comparison_partial") == [(date(2009, 10, 1),)]
    provisional = site.query("select month, coverage from growth.monthly_growth where is_provisional order by month")
    assert [(told, round(float(coverage) * 31)) for told, coverage in provisional] == [
        (date(2009, 9, 1), 2),
        (month(LAST), 6),
    ]


def window(by_day: Users, last: date, length: int) -> set[int]:
    return set().union(*(by_day.get(last - n * DAY, set()) for n in range(length)))


def test_daily_engagement(site: House, events: list[tuple[int, date]], by_day: Users) -> None:
    event_counts = Counter(day for _, day in events)
    expected = {}
    for day in ALL_DAYS:
        daily, weekly, monthly = (len(window(by_day, day, length)) for length in (1, 7, 28))
        user_days = sum(len(by_day.get(day - n * DAY, ())) for n in range(28))
        stickiness = user_days / (28 * monthly) if day >= EXAMPLE.first + 27 * DAY else None
        expected[day] = (daily, weekly, monthly, stickiness, event_counts[day] / daily if daily else None)
    rows = site.query(
        "select ds, daily_active_users, weekly_active_users, monthly_active_users, stickiness, events_per_user "
        "from engagement.daily_engagement"
    )
    assert len(rows) == len(ALL_DAYS)
    for day, *counts, stickiness, events_per_user in rows:
        assert (*counts,) == expected[day][:3], day
        for share, wanted in ((stickiness, expected[day][3]), (events_per_user, expected[day][4])):
            assert share == wanted if None in (share, wanted) else float(share) == pytest.approx(wanted, abs=1e-6), day


def test_monthly_engagement(site: House, by_day: Users) -> None:
    rows = site.query(
        "select * exclude (stickiness, coverage, is_partial, is_provisional) from engagement.monthly_engagement order by month"
    )
    assert len(rows) == len(periods_of(month))
    for first, mean, monthly, active, *spread in rows:
        days = [day for day in ALL_DAYS if month(day) == first]
        active_days = Counter(user for day in days for user in by_day.get(day, ()))
        sizes = Counter(sum(count >= least for least in (2, 5, 10, 20)) for count in active_days.values())
        assert float(mean) == pytest.approx(sum(active_days.values()) / len(days), abs=1e-6)
        assert monthly == len(window(by_day, days[-1], 28))
        assert (active, spread) == (len(active_days), [sizes[size] for size in range(5)])


def test_a_day_without_events_is_empty_and_not_missing(site: House, by_day: Users) -> None:
    """Everybody is gone on it, as the data say; its month is whole all the same, though it is the month's last day."""
    [(active, churned)] = site.query(
        f"select active_users, churned_users from growth.daily_growth where ds = date '{THE_EMPTY_DAY}'"
    )
    assert (active, churned) == (0, len(by_day[THE_EMPTY_DAY - DAY]))
    assert site.query(f"select is_provisional from growth.monthly_growth where month = date '{month(THE_EMPTY_DAY)}'") == [
        (False,)
    ]


def test_a_day_computed_again_changes_nothing(site: House) -> None:
    """The empty day: who was there the day before has left on it, though it is computed alone; the days after it follow."""
    contents = site.contents()
    site.compute(Interval(THE_EMPTY_DAY, THE_EMPTY_DAY + DAY), "the empty day again")
    assert site.contents() == contents
    assert contents["growth.monthly_growth"][0] == len(periods_of(month))


def test_a_missing_day_stops_growth(site: House) -> None:
    """A day beyond the last one: not loaded, so nobody is said to have left on it."""
    day = LAST + DAY
    pipeline = site.catalog.pipelines["daily_growth"]
    run = PipelineRun(pipeline, "too early", Interval(day, day + DAY), site.catalog, site.ledger, site.warehouse)
    with pytest.raises(Transient, match=rf"core\.user_days lacks 1 day\(s\) from {day}"):
        write_audit_publish(run)
