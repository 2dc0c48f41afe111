"""Who is next, by what everybody has had. Knows people by their names only, no calendar and no team file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement, count, pairwise, permutations, product

SHIFTS_OF_A_HOLIDAY = 3
SLACK = 2  # shifts that loads may be further apart for a while, where somebody would repeat a holiday otherwise
EXACT = 6  # digits; where a shift was divided, loads are fractions

Loads = dict[str, float]
Workers = tuple[str, ...]
Slots = dict[str, int]  # which shift of a holiday somebody has: 0, 1 or 2
Pair = tuple[str | None, str | None]  # who has the weekday shift of a week and who its weekend shift
Way = tuple[tuple[float, ...], tuple[Workers, ...], Loads]  # of sharing out holidays: what speaks against it, who works, loads


@dataclass(frozen=True)
class Holiday:
    """A holiday to share out.

    `available`: who could work. `had`: for each of its names, which shift everybody had when it last was; None: they were free.
    `celebrating`: whose own holiday it is. `weight`: of a shift on it. `follows`: whether the day before is a holiday too.
    """

    available: tuple[str, ...]
    had: tuple[Mapping[str, int | None], ...]
    celebrating: frozenset[str]
    weight: float
    follows: bool

    def repeats(self, order: Workers) -> int:
        """How often somebody would have what they had last time: the same shift, or to be free."""
        slots = {one: slot for slot, one in enumerate(order)}
        return sum(one in had and had[one] == slots.get(one) for had in self.had for one in self.available)


@dataclass(frozen=True)
class Week:
    """A week to share out: who could have its weekday and its weekend shift (nobody: it has none), who works its holidays."""

    weekday: tuple[str, ...]
    weekend: tuple[str, ...]
    holiday: Workers = ()


@dataclass(frozen=True)
class Standing:
    """What everybody has had so far, by kind of shift."""

    weekday: Loads
    weekend: Loads
    holiday: Loads

    @property
    def total(self) -> Loads:
        return {one: self.weekday[one] + self.weekend[one] + self.holiday[one] for one in self.weekday}


def spread(loads: Loads) -> float:
    """How much more than the one with least the one with most has."""
    return round(max(loads.values()) - min(loads.values()), EXACT)


def share_holidays(holidays: Sequence[Holiday], loads: Loads, weighted: Loads, yesterday: Workers = ()) -> list[Workers]:
    """Who works on each of some coming holidays, three a day; everybody else is free.

    It is the way in which the fewest have what they had on that holiday last time; then, in which the loads stay closest; then,
    in which the fewest work on two days running; then, in which the fewest work on a holiday of their own; then, in which the
    shifts that weigh most go to those whose load, `weighted`, is least.
    """
    ways: list[Way] = [((0, 0, 0, 0, 0), (yesterday,), loads)]
    for number, holiday in enumerate(holidays):
        followed = number + 1 < len(holidays) and holidays[number + 1].follows
        # What a choice costs whatever the way to it was.
        choices = [
            (
                workers,
                min(map(holiday.repeats, permutations(workers))),
                len(holiday.celebrating.intersection(workers)),
                holiday.weight * sum(weighted[one] for one in workers),
            )
            for workers in _choices(holiday.available)
        ]
        steps: list[tuple[Way, float]] = []
        for (again, apart, running, own, heavy), chosen, had in ways:
            for workers, repeats, of_own, weight in choices:
                after = _added(had, *workers)
                wide = spread(after)
                cost = (
                    again + repeats,
                    apart + max(0, wide - 1),
                    running + len(set(workers).intersection(chosen[-1]) if holiday.follows else ()),
                    own + of_own,
                    heavy + weight,
                )
                steps.append(((cost, (*chosen, workers), after), wide))
        closest = min(max(1, wide) for _, wide in steps)
        # What is best later on hangs on the loads alone and, within a run of holidays, on who worked the day before.
        best: dict[object, Way] = {}
        for way in sorted((way for way, wide in steps if wide <= closest + SLACK), key=lambda way: way[0]):
            _, chosen, after = way
            best.setdefault((_relative(after), chosen[-1] if followed else None), way)
        ways = list(best.values())
    _, chosen, _ = ways[0]
    return list(chosen[1:])


def order_shifts(run: Sequence[tuple[Workers, Holiday]], yesterday: Slots, counts: Mapping[tuple[str, int], int]) -> Workers:
    """The order in which those who work on the first day of a run of holidays follow each other.

    Nobody has the shift that they had on that holiday last time; whoever works two days running has 24 hours off in between; and
    over time everybody has each shift of the day equally often (`counts`: how often so far).
    """

    def dislikes(orders: tuple[Workers, ...]) -> tuple[int, int, int]:
        again = restless = often = 0
        before = yesterday
        for order, (_, holiday) in zip(orders, run, strict=True):
            again += holiday.repeats(order)
            for slot, one in enumerate(order):
                restless += before.get(one, -1) >= slot
                often += counts[one, slot]
            restless += sum(one == other for one, other in pairwise(order))
            before = {one: slot for slot, one in enumerate(order)}
        return again, restless, often

    return min(product(*(permutations(workers) for workers, _ in run)), key=dislikes)[0]


def share_week(weeks: Sequence[Week], standing: Standing, last_week: Pair = (None, None)) -> Pair:
    """Who has the weekday shift and who the weekend shift of the first of some coming weeks.

    Two different ones, if there are two: those who have had least, as long as nobody then gets ahead of anybody by more than one
    shift, of either kind or in total, by the end of any of these weeks. Where that cannot be, because somebody was away, by as
    little more as possible, in quarters of a shift.
    """
    limits = (quarters / 4 for quarters in count(4))
    return next(plan[0] for limit in limits if (plan := _plan(weeks, standing, last_week, limit, set())))


def _plan(weeks: Sequence[Week], standing: Standing, last_week: Pair, limit: float, hopeless: set[object]) -> list[Pair] | None:
    """The first plan within the limit that is found when those who have had least are tried first; None if there is none."""
    if not weeks:
        return []
    state = (len(weeks), _relative(standing.weekday), _relative(standing.weekend), _relative(standing.total))
    if state in hopeless:
        return None
    week, *later = weeks
    standing = Standing(standing.weekday, standing.weekend, _added(standing.holiday, *week.holiday))
    total = standing.total

    def dislikes(pair: Pair) -> tuple[float, int]:
        had = sum(kind[one] + total[one] for kind, one in zip((standing.weekday, standing.weekend), pair, strict=True) if one)
        return had, len({*pair}.intersection(last_week) - {None})

    pairs = [(one, other) for one in week.weekday or (None,) for other in week.weekend or (None,)]
    different = [pair for pair in pairs if pair[0] != pair[1]]
    for pair in sorted(different or pairs, key=dislikes):
        one, other = pair
        after = Standing(_added(standing.weekday, one), _added(standing.weekend, other), standing.holiday)
        apart = max(spread(after.weekday), spread(after.weekend), spread(after.total))
        if apart <= limit:
            rest = _plan(later, after, pair, limit, hopeless)
            if rest is not None:
                return [pair, *rest]
    hopeless.add(state)
    return None


def _choices(available: Sequence[str]) -> Iterator[Workers]:
    """Every choice of three; of fewer people everybody, some of them twice."""
    if len(available) >= SHIFTS_OF_A_HOLIDAY:
        return combinations(available, SHIFTS_OF_A_HOLIDAY)
    return (some for some in combinations_with_replacement(available, SHIFTS_OF_A_HOLIDAY) if {*some} == {*available})


def _added(loads: Loads, *workers: str | None) -> Loads:
    after = dict(loads)
    for worker in workers:
        if worker:
            after[worker] += 1
    return after


def _relative(loads: Loads) -> tuple[float, ...]:
    least = min(loads.values())
    return tuple([round(load - least, EXACT) for load in loads.values()])
