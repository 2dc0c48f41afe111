"""On which days a source has something to tell."""

from __future__ import annotations

import warnings
from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _known_holidays(name: str) -> str:
    holidays_in(name, 2026)
    return name


class WorkingDays(BaseModel):
    """The days on which a source is closed: it is not asked for them, and has nothing. On every other day it has something.

    `closed`: weekdays. `holidays`: those of a country, such as DE or DE-BY, or of a market, such as XECB, as the package holidays
    knows them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    closed: list[Weekday] = Field(default_factory=list)
    holidays: Annotated[str, AfterValidator(_known_holidays)] | None = None

    def is_closed(self, day: date) -> bool:
        """Whether the source has nothing on that day."""
        if WEEKDAYS[day.weekday()] in self.closed:
            return True
        return self.holidays is not None and day in holidays_in(self.holidays, day.year)


@cache
def holidays_in(name: str, year: int) -> frozenset[date]:
    """The holidays of a country, part of a country or market in a year; raises ValueError where there is none of that name."""
    import holidays

    country, _, part = name.partition("-")
    try:
        with warnings.catch_warnings():  # beyond the decades that it knows, a calendar has no holidays
            warnings.simplefilter("ignore")
            if country in holidays.list_supported_financial():
                return frozenset(holidays.financial_holidays(country, years=year))
            return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError as error:
        raise ValueError(f"no holidays are known for {name!r}: {error}") from None
