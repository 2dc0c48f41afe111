"""The rota, worked out week by week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from typing import Literal, NamedTuple

from headline.intervals import DAY
from headline.oncall import sharing
from headline.oncall.public_holidays import Holiday, holidays_of
from headline.oncall.shifts import Load, Shift, merged
from headline.specs.team import SATURDAY, Engineer, ShiftKind, Team

WEEK = 7 * DAY
EIGHT_HOURS = timedelta(hours=8)
WEEKS_AHEAD = 6
HOLIDAYS_AHEAD = 8
LONG_LEAVE = 4  # weeks; who is away for longer comes back like a joiner, with nothing to make up for
Span = tuple[datetime, datetime]


class PlannedWeek(NamedTuple):
    """A week of the rota: its shifts in order, whose holidays count in it, and what everybody had before it."""

    first_day: date
    crew: frozenset[str]
    loads: Mapping[str, Load]
    shifts: list[Shift]


class Planner:
    """Plans one week after the other.

    A week follows from the calendar, from the weeks before it, and from those entries of team.yml that are about its own days. It
    looks ahead at the calendar but never at the entries, so that an entry changes nothing before its first day.
    """

    def __init__(self, team: Team) -> None:
        self._team = team
        self._first_day = team.rota.first_day
        self._crew: frozenset[str] = frozenset()  # who is employed when the week begins
        self._loads: dict[str, Load] = {}  # of those who take part, in the order of team.yml
        self._weeks_away: Counter[str] = Counter()
        self._last_week: sharing.Pair = (None, None)
        self._last_holiday: tuple[date, sharing.Slots] = (date.min, {})
        self._had: dict[str, dict[str, int | None]] = {}  # by a holiday's name: which shift everybody had of it last; None: free
        self._slots: Counter[tuple[str, int]] = Counter()
        self._coming: list[tuple[Holiday, sharing.Workers]] = []  # holidays that are shared out already,
        self._expected: sharing.Loads = {}  # as long as these are the loads before the first of them

    def weeks(self) -> Iterator[PlannedWeek]:
        """All weeks from the first day of the rota on, without end."""
        while True:
            yield self._week()
            self._first_day += WEEK

    def _week(self) -> PlannedWeek:
        days = [self._first_day + i * DAY for i in range(7)]
        self._admit(days)
        loads = dict(self._loads)
        pair = self._pair()
        shifts = [shift for holiday in self._holidays(days[0], days[-1]) for shift in self._holiday(holiday)]
        kinds: tuple[ShiftKind, ShiftKind] = ("weekday", "weekend")
        for kind, holder, of_kind in zip(kinds, pair, self._ordinary_days(days[0]), strict=True):
            if holder:
                shifts += self._work(holder, kind, [(day, self._team.rota_day(day)) for day in of_kind], self._team.weights[kind])
        self._last_week = pair
        return PlannedWeek(days[0], self._crew, loads, sorted(shifts, key=lambda shift: shift.start))

    def _admit(self, days: Sequence[date]) -> None:
        """Let in who has joined or is back from a long leave, with as much as the colleague who has least; let others out."""
        self._crew = frozenset(engineer.id for engineer in self._team.engineers if engineer.is_employed(days[0]))
        part: dict[str, Load] = {}
        for engineer in self._team.engineers:
            is_there = any(engineer.is_free(*self._team.rota_day(day)) for day in days)
            self._weeks_away[engineer.id] = 0 if is_there else self._weeks_away[engineer.id] + 1
            if engineer.id in self._crew and self._weeks_away[engineer.id] <= LONG_LEAVE:
                part[engineer.id] = self._loads.get(engineer.id, Load())
        known = [load for name, load in part.items() if name in self._loads]
        least = min(known, key=lambda load: load.total, default=Load())
        self._loads = {name: self._loads.get(name, least) for name in part}

    def _pair(self) -> sharing.Pair:
        """Who has the weekday shift and who the weekend shift of this week."""
        self._share_holidays(self._first_day + WEEKS_AHEAD * WEEK)
        weeks = [self._ask_week(self._first_day + number * WEEK) for number in range(WEEKS_AHEAD)]
        standing = sharing.Standing(self._loads_of("weekday"), self._loads_of("weekend"), self._loads_of("holiday"))
        return sharing.share_week(weeks, standing, self._last_week)

    def _ask_week(self, first_day: date) -> sharing.Week:
        def candidates(days: list[date]) -> tuple[str, ...]:
            there = self._there_on(days) if first_day == self._first_day else ()
            return (there or tuple(self._loads)) if days else ()

        weekday, weekend = self._ordinary_days(first_day)
        holidays = [workers for holiday, workers in self._coming if first_day <= holiday.day < first_day + WEEK]
        return sharing.Week(candidates(weekday), candidates(weekend), tuple(one for workers in holidays for one in workers))

    def _ordinary_days(self, first_day: date) -> tuple[list[date], list[date]]:
        """The days of a week's weekday shift and those of its weekend shift."""
        holidays = {holiday.day for holiday in self._holidays(first_day, first_day + 6 * DAY)}
        days = [day for day in (first_day + i * DAY for i in range(7)) if day not in holidays]
        return [day for day in days if day.weekday() < SATURDAY], [day for day in days if day.weekday() >= SATURDAY]

    def _there_on(self, days: Sequence[date]) -> tuple[str, ...]:
        """Who takes part and is there on at least one of some days."""
        return tuple(
            name for name in self._loads if any(self._team.engineer(name).is_free(*self._team.rota_day(day)) for day in days)
        )

    def _holidays(self, first: date, last: date = date.max) -> Iterator[Holiday]:
        """The holidays, from a day on, of those who are employed now; up to the end of the next year at most."""
        for year in range(first.year, min(last.year, first.year + 1) + 1):
            yield from (holiday for day, holiday in holidays_of(self._team, self._crew, year).items() if first <= day <= last)

    def _share_holidays(self, until: date, available: tuple[str, ...] = ()) -> None:
        """Share out the holidays up to a day, unless that is done; on the first of them there are only those `available`."""
        if available or self._expected != self._loads_of("holiday"):
            self._coming, self._expected = [], self._loads_of("holiday")
        while not self._coming or self._coming[-1][0].day < until:
            if self._coming:
                last, workers = self._coming[-1][0].day, self._coming[-1][1]
            else:
                last, workers = self._last_holiday[0], tuple(self._last_holiday[1])
            coming = list(islice(self._holidays(max(last + DAY, self._first_day)), HOLIDAYS_AHEAD))
            if not coming:
                return
            asks = []
            for holiday in coming:
                asks.append(self._ask(holiday, follows=holiday.day - last == DAY, available=available))
                last, available = holiday.day, ()
            loads = dict(self._expected)
            for _, earlier in self._coming:
                for one in earlier:
                    loads[one] += 1
            shared = sharing.share_holidays(asks, loads, self._loads_of("weighted"), workers)
            self._coming += list(zip(coming, shared, strict=True))[: HOLIDAYS_AHEAD // 2]  # the rest only had to be possible

    def _ask(self, holiday: Holiday, *, follows: bool, available: tuple[str, ...] = ()) -> sharing.Holiday:
        had = tuple(self._had[name] for name in sorted(holiday.names) if name in self._had)
        return sharing.Holiday(available or tuple(self._loads), had, holiday.of, float(holiday.weight), follows)

    def _holiday(self, holiday: Holiday) -> list[Shift]:
        """The three shifts of a holiday."""
        start, _ = self._team.rota_day(holiday.day)
        self._share_holidays(holiday.day)
        there = self._there_on([holiday.day])
        if there and not {*self._coming[0][1]} <= {*there}:
            self._share_holidays(holiday.day, available=there)
        last, slots = self._last_holiday
        yesterday = slots if holiday.day - last == DAY else {}
        run = []
        for number, (coming, workers) in enumerate(self._coming):
            if coming.day != holiday.day + number * DAY:
                break
            run.append((workers, self._ask(coming, follows=bool(number))))
        order = sharing.order_shifts(run, yesterday, self._slots)
        had: dict[str, int | None] = dict.fromkeys(self._loads)
        shifts = []
        for slot, holder in enumerate(order):
            begins = start + slot * EIGHT_HOURS
            span = (holiday.day, (begins, begins + EIGHT_HOURS))
            worked = self._work(holder, "holiday", [span], holiday.weight, holiday.name, busy=order)
            had |= {shift.engineer.id: slot for shift in worked}
            self._slots.update((shift.engineer.id, slot) for shift in worked)
            shifts += worked
        self._had |= dict.fromkeys(holiday.names, had)
        self._last_holiday = (holiday.day, {one: slot for one, slot in had.items() if slot is not None})
        for one in self._coming.pop(0)[1]:
            self._expected[one] += 1
        return shifts

    def _work(
        self,
        holder: str,
        kind: ShiftKind,
        spans: Sequence[tuple[date, Span]],
        weight: Decimal,
        holiday: str = "",
        busy: Sequence[str] = (),
    ) -> list[Shift]:
        """Who really works a shift, after swaps, leave and overrides; it is added to their loads."""
        meant = self._team.engineer(holder)
        whole = sum((end - start for _, (start, end) in spans), timedelta())
        shifts = [
            Shift(engineer, start, end, kind, _part(end - start, whole), weight, holiday, None if engineer == meant else meant)
            for day, span in spans
            for engineer, start, end in self._overridden(self._stand_in(self._swapped(meant, day), span, busy), span)
        ]
        for shift in shifts:
            if shift.engineer.id in self._loads:
                self._loads[shift.engineer.id] = self._loads[shift.engineer.id].with_shift(shift)
        return merged(shifts)

    def _swapped(self, engineer: Engineer, day: date) -> Engineer:
        for swap in self._team.swaps:
            if day in swap and engineer.id in swap.between:
                one, other = swap.between
                return self._team.engineer(other if engineer.id == one else one)
        return engineer

    def _stand_in(self, engineer: Engineer, span: Span, busy: Sequence[str]) -> Engineer:
        """The engineer, or who covers while they are away: the first named, or whoever has least; on a holiday who is free."""
        if engineer.is_free(*span):
            return engineer
        others = sorted(self._loads, key=lambda name: self._loads[name].total)
        names = dict.fromkeys([*engineer.cover, *others, *(other.id for other in self._team.engineers)])
        covers = [cover for cover in map(self._team.engineer, names) if cover.is_free(*span)]
        return min(covers, key=lambda cover: cover.id in busy)

    def _overridden(self, engineer: Engineer, span: Span) -> Iterator[tuple[Engineer, datetime, datetime]]:
        """The span, cut where overrides begin and end, with who works in each part."""
        start, end = span
        for override in sorted(self._team.overrides, key=lambda override: override.start):
            first, last = max(start, override.start), min(end, override.end)
            if first < last:
                if start < first:
                    yield engineer, start, first
                yield self._team.engineer(override.engineer), first, last
                start = last
        if start < end:
            yield engineer, start, end

    def _loads_of(self, kind: ShiftKind | Literal["weighted"]) -> sharing.Loads:
        return {name: float(getattr(load, kind)) for name, load in self._loads.items()}


def _part(some: timedelta, whole: timedelta) -> Fraction:
    return Fraction(some // timedelta.resolution, whole // timedelta.resolution)
