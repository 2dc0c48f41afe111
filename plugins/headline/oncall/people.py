"""Who answers for what, who is away, and who is told in which order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from headline.errors import SpecError
from headline.oncall.rota import on_call
from headline.specs.team import Engineer, Team


class AreaOwners(NamedTuple):
    """The owners of an area, each in the order in which they are told."""

    primaries: list[Engineer]
    secondaries: list[Engineer]


def owners(team: Team, area: str) -> AreaOwners:
    """Who answers for an area. Raises SpecError where nobody does."""
    if area not in team.owners:
        raise SpecError([f"team.yml: owners.{area}: is required; there are owners of: {', '.join(team.owners)}"])
    found = team.owners[area]
    return AreaOwners([team.engineer(name) for name in found.primary], [team.engineer(name) for name in found.secondary])


def is_away(team: Team, engineer: Engineer | str, day: date) -> bool:
    """Whether an engineer, or the one of that id, is on leave on a day of their time zone, has not joined yet or has left."""
    return (team.engineer(engineer) if isinstance(engineer, str) else engineer).is_away(day)


def cover(team: Team, engineer: Engineer, moment: datetime, told: Sequence[Engineer] = ()) -> Engineer | None:
    """Who stands for an engineer at a moment: the engineer, or else the first of the covers who is not away; None: nobody.

    `told`: who need not be told again, so that the next of the covers is.
    """
    covers = (team.engineer(name) for name in engineer.cover)
    for one in (engineer, *(cover for cover in covers if cover not in told)):
        if not one.is_away(moment.astimezone(ZoneInfo(one.zone)).date()):
            return one
    return None


def escalation_chain(team: Team, area: str, moment: datetime) -> list[Engineer]:
    """Who is told of an incident in an area, one after the other: on call, then the primary owners, then the secondary.

    Whoever is away is replaced by a cover who is not told yet, and nobody is told twice. Raises BadRequest like `on_call`,
    SpecError like `owners`.
    """
    primaries, secondaries = owners(team, area)
    told = [on_call(team, moment).engineer]
    for owner in [*primaries, *secondaries]:
        found = cover(team, owner, moment, told)
        if found and found not in told:
            told.append(found)
    return told
