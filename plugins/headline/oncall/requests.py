"""In which order requests are met, in which sprint, and which of them become tickets or need a decision first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from headline.intervals import DAY
from headline.oncall.sprints import Request, SprintDuty, sprint_duty, triage
from headline.specs.requests import FiledRequest
from headline.specs.team import Team

MOST_SPRINTS = 26  # a year: what has no place in it is no request any more


@dataclass(frozen=True)
class Phase:
    """One sprint of the plan: who takes which requests, and how many points of its budget are left."""

    duty: SprintDuty
    taken: Sequence[FiledRequest]
    left: Decimal


@dataclass(frozen=True)
class RequestPlan:
    """The phased plan.

    `ranked`: what is open or taken, the best first. `undecided`: by name, the requests that must be decided upon first.
    `tickets`: the names of those that take more than any sprint's budget has.
    """

    ranked: Sequence[FiledRequest]
    phases: Sequence[Phase]
    undecided: dict[str, list[str]]
    tickets: frozenset[str]

    def outcome(self, name: str) -> str:
        """What becomes of a request, in words."""
        if name in self.undecided:
            return f"decide first: conflicts with {', '.join(self.undecided[name])}"
        for phase in self.phases:
            if name in [one.name for one in phase.taken]:
                return f"sprint of {phase.duty.first}"
        return "ticket for new work"


def ranked(requests: Iterable[FiledRequest]) -> list[FiledRequest]:
    """Requests by impact per point of effort, the best first; of equals the older one."""
    return sorted(requests, key=lambda one: (-one.impact / one.effort, one.asked_on, one.name))


def plan_requests(team: Team, requests: Iterable[FiledRequest], day: date) -> RequestPlan:
    """Fill one sprint after the other, from that of a day on, with the requests that are open, each within its budget.

    What somebody is at comes first. Of two that conflict the one of lower rank waits until the other is declined. The ticket
    rule: what takes more than the budget of a sprint in which everybody is there is a ticket. Raises BadRequest for a day before
    the first sprint.
    """
    filed = list(requests)
    order = ranked(one for one in filed if one.status in ("open", "taken"))
    order.sort(key=lambda one: one.status != "taken")
    undecided = _undecided(order, filed)
    largest = team.sprint.points * team.sprint.request_share
    waiting = [one for one in order if one.name not in undecided and one.effort <= largest]
    phases: list[Phase] = []
    while waiting and len(phases) < MOST_SPRINTS:
        duty = sprint_duty(team, day)
        asked = {one.name: one for one in waiting}
        done = triage([Request(one.name, one.effort) for one in waiting], duty.budget)
        phases.append(Phase(duty, [asked[one.name] for one in done.taken], done.left))
        waiting = [asked[one.name] for one in done.tickets]
        day = duty.last + DAY
        while team.sprint.number(day) == team.sprint.number(duty.last):
            day += DAY
    planned = {one.name for phase in phases for one in phase.taken}
    tickets = frozenset(one.name for one in order if one.name not in planned and one.name not in undecided)
    return RequestPlan(order, phases, undecided, tickets)


def _undecided(order: Sequence[FiledRequest], filed: Sequence[FiledRequest]) -> dict[str, list[str]]:
    """By name the requests of higher rank, and those that are done, with which one conflicts."""
    pairs = {(one.name, other) for one in filed for other in one.conflicts}
    pairs |= {(other, one) for one, other in pairs}
    before = [one.name for one in filed if one.status in ("done", "ticket")]
    found = {}
    for request in order:
        against = [other for other in before if (request.name, other) in pairs]
        if against:
            found[request.name] = against
        before.append(request.name)
    return found
