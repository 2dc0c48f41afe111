"""How well unusual figures are found: `python -m benchmarks.anomaly`.

Made-up figures with weekdays, growth, chance and days that truly are unusual, into which outliers of known size are put, one at
a time. They are judged by the SQL that contracts use, and by mean ± 3 standard deviations on the same figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from statistics import mean, stdev
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from headline.connections import Connection
from headline.intervals import DAY, Interval
from headline.sql import parse, render, write
from headline.warehouse import Session
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

SEED = 1
LEVELS = (40, 400, 4_000)  # of a day, on average: chance weighs most on the smallest
SERIES_PER_LEVEL = 20
FIRST = date(2024, 1, 1)  # a Monday
WEEKS_BEFORE, WEEKS = 12, 52
AS_IT_IS = 1.0
SIZES = (0.5, 0.7, AS_IT_IS, 1.5, 2.0, 10.0)
AT_LEAST = 0.25
DAYS_TRULY_UNUSUAL = 9  # of a year


class Series(NamedTuple):
    """What is known of one made-up series: its average level, its figures, and the days that truly are unusual."""

    level: int
    figures: dict[date, float]
    unusual: set[date]


class Seen(NamedTuple):
    """The figure of a day as it was told, and the figures before it that a judge may look at."""

    value: float
    same_weekdays: Sequence[float]
    last_days: Sequence[float]


def series() -> list[Series]:
    return [one(level, Random(f"{SEED}:{level}:{n}")) for level in LEVELS for n in range(SERIES_PER_LEVEL)]  # noqa: S311


def one(level: int, rng: Random) -> Series:
    """Its own rhythm of the week, 20 % less to 60 % more in a year, 4 % of chance beside that of counting, and holidays."""
    rhythm = [rng.uniform(0.6, 1.4) for _ in range(7)]
    growth = rng.uniform(0.8, 1.6)
    days = [FIRST + DAY * n for n in range((WEEKS_BEFORE + WEEKS) * 7)]
    unusual = {day for day in days if rng.random() < DAYS_TRULY_UNUSUAL / 365}
    figures = {}
    for n, day in enumerate(days):
        expected = level * rhythm[day.weekday()] * growth ** (n / 365) * rng.gauss(1, 0.04)
        expected *= rng.choice((rng.uniform(0.3, 0.7), rng.uniform(1.4, 3))) if day in unusual else 1
        figures[day] = max(0.0, float(round(rng.gauss(expected, expected**0.5))))
    return Series(level, figures, unusual)


def weeks() -> Iterator[Interval]:
    start = FIRST + timedelta(weeks=WEEKS_BEFORE)
    return (Interval(start + timedelta(weeks=n), start + timedelta(weeks=n + 1)) for n in range(WEEKS))


def found_by_sql(made: Sequence[Series], session: Session) -> set[tuple[int, float, date]]:
    """(number of the series, size, day) of every outlier that checks/anomaly.jinja finds."""
    rows = [f"({n}, '{day}', {figure})" for n, one in enumerate(made) for day, figure in one.figures.items()]
    session.query(f"create table figures as select * from (values {', '.join(rows)}) as rows(series, day, figure)")
    session.query(f"create table sizes as select unnest({list(SIZES)}) as size")
    session.query("create view told as select cast(day as date) as ds, series, figure, size from figures cross join sizes")
    found = set()
    for week in weeks():
        # The outliers stand in the week that is tested, one to a history: no other tested day is part of it.
        call = (
            f"unusual('figure', \"max(figure * case when ds >= date '{week.start}' then size else 1 end)\", "
            f"at_least={AT_LEAST}, floor=0, by=['series', 'size'])"
        )
        text = "{% from 'checks/anomaly.jinja' import unusual with context %}{{ " + call + " }}"
        names = {"table": "told", "key": ["ds"], "period_column": "ds"}
        result = session.query(write(parse(render(text, week, "the benchmark", **names), "the benchmark"), "duckdb"))
        for row in result.rows:
            finding = dict(zip(result.columns, row, strict=True))
            if finding["finding"] == "outlier":
                found.add((finding["series"], float(finding["size"]), finding["ds"]))
    return found


def found_by(judge: Callable[[Seen], bool], made: Sequence[Series]) -> set[tuple[int, float, date]]:
    found = set()
    for n, one in enumerate(made):
        for week in weeks():
            for day in week:
                same_weekdays = [one.figures[day - timedelta(weeks=ago)] for ago in range(1, WEEKS_BEFORE + 1)]
                last_days = [one.figures[day - DAY * ago] for ago in range(1, 57)]
                for size in SIZES:
                    if judge(Seen(one.figures[day] * size, same_weekdays, last_days)):
                        found.add((n, size, day))
    return found


def three_sigma(value: float, history: Sequence[float]) -> bool:
    return abs(value - mean(history)) > 3 * stdev(history)


def matters(value: float, history: Sequence[float]) -> bool:
    return abs(value - mean(history)) > AT_LEAST * mean(history)


JUDGES: dict[str, Callable[[Seen], bool]] = {
    "mean ± 3σ, same weekdays": lambda seen: three_sigma(seen.value, seen.same_weekdays),
    "the same, 25 %": lambda seen: three_sigma(seen.value, seen.same_weekdays) and matters(seen.value, seen.same_weekdays),
    "mean ± 3σ, last 56 days": lambda seen: three_sigma(seen.value, seen.last_days),
}


def report(made: Sequence[Series], found: dict[str, set[tuple[int, float, date]]]) -> Table:
    """Share of the outliers found by size and of the days that truly are unusual, and false alarms a year and series."""
    table = Table(title=f"{len(made)} series, {WEEKS} weeks each, seed {SEED}", title_justify="left")
    sizes = [size for size in SIZES if size != AS_IT_IS]
    for heading in ("figure of a day", "judged by"):
        table.add_column(heading)
    for heading in (*(f"× {size:g}" for size in sizes), "truly unusual", "false alarms a year"):
        table.add_column(heading, justify="right")
    for level in LEVELS:
        mine = {n: one for n, one in enumerate(made) if one.level == level}
        days = [day for week in weeks() for day in week]
        ordinary = {(n, day) for n, one in mine.items() for day in days if day not in one.unusual}
        unusual = {(n, day) for n, one in mine.items() for day in days if day in one.unusual}
        table.add_section()
        for judge, outliers in found.items():
            hits = Counter(size for n, size, day in outliers if (n, day) in ordinary)
            seen = sum((n, AS_IT_IS, day) in outliers for n, day in unusual) / len(unusual)
            shares = [f"{hits[size] / len(ordinary):.1%}" for size in sizes] + [f"{seen:.0%}"]
            table.add_row(f"{level:,}", judge, *shares, f"{hits[AS_IT_IS] / len(ordinary) * 365:.2f}")
    return table


def main() -> None:
    made = series()
    with DuckDBWarehouse(Connection("anomaly", "duckdb", host=":memory:")).session() as session:
        found = {"modified z-score, 25 %": found_by_sql(made, session)}
    found |= {name: found_by(judge, made) for name, judge in JUDGES.items()}
    Console(width=None if Console().is_terminal else 200).print(report(made, found))


if __name__ == "__main__":
    main()
