"""What the rota is made of: shifts, and the load that they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from headline.specs.team import Engineer, ShiftKind


@dataclass(frozen=True)
class Shift:
    """One engineer on call from `start` to before `end`, UTC, without a break.

    `part`: which part of a whole shift of its kind it is; less than 1 where somebody else has the rest. `weight`: what a whole
    shift counts when it is compensated. `holiday`: its name. `instead_of`: whose turn it was, where somebody else steps in.
    """

    engineer: Engineer
    start: datetime
    end: datetime
    kind: ShiftKind
    part: Fraction = Fraction(1)
    weight: Decimal = Decimal(1)
    holiday: str = ""
    instead_of: Engineer | None = None

    def follows(self, other: Shift) -> bool:
        """Whether it goes on where the other ends, and in all else is the same."""
        return other.end == self.start and replace(other, start=self.start, end=self.end, part=self.part) == self


@dataclass(frozen=True)
class Load:
    """Shifts that somebody worked, by kind, and all of them as they are compensated."""

    weekday: Fraction = Fraction(0)
    weekend: Fraction = Fraction(0)
    holiday: Fraction = Fraction(0)
    weighted: Fraction = Fraction(0)

    @property
    def total(self) -> Fraction:
        return self.weekday + self.weekend + self.holiday

    def with_shift(self, shift: Shift) -> Load:
        weighted = self.weighted + shift.part * Fraction(shift.weight)
        return replace(self, weighted=weighted, **{shift.kind: getattr(self, shift.kind) + shift.part})


def merged(shifts: Iterable[Shift]) -> list[Shift]:
    """The same shifts in order, those in one that follow one another."""
    found: list[Shift] = []
    for shift in sorted(shifts, key=lambda shift: shift.start):
        if found and shift.follows(found[-1]):
            found[-1] = replace(shift, start=found[-1].start, part=found[-1].part + shift.part)
        else:
            found.append(shift)
    return found
