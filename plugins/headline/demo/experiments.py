"""Two experiments run on any day: one truly makes users buy more, the other changes nothing.

Every 28 days one begins, by turns of the two kinds; it takes in users for as long as it runs, 56 days. `bundle_offer` works:
every order of a treated user, through whatever channel, holds one line more, which is 48 % more lines. `rounder_buttons` does
not.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from headline.demo.company import Company, midnight
from headline.demo.rosters import Customer
from headline.demo.users import Habit, habit, time_of_session

DAYS_BETWEEN_STARTS = 28
DAYS_OF_RUN = 56
DAYS_OF_INTAKE = 28
SHOWN_AGAIN_PERCENT = 5
SHOWN_THE_OTHER_PERMILLE = 8
VARIANTS = ("control", "treatment")
DAY = timedelta(days=1)


class Experiment(NamedTuple):
    """It runs from the first day up to, not including, the end."""

    experiment_id: str
    first: date
    end: date
    has_effect: bool


class Assignment(NamedTuple):
    """A user is shown a variant."""

    experiment_id: str
    variant: str
    user_id: str | None
    exposed_at: datetime


def running(day: date) -> list[Experiment]:
    """Return the experiments that run on the day."""
    newest = day.toordinal() // DAYS_BETWEEN_STARTS
    return [_experiment(number) for number in range(newest - DAYS_OF_RUN // DAYS_BETWEEN_STARTS + 1, newest + 1)]


def _experiment(number: int) -> Experiment:
    first = date.fromordinal(number * DAYS_BETWEEN_STARTS)
    has_effect = number % 2 == 0
    name = "bundle_offer" if has_effect else "rounder_buttons"
    return Experiment(f"{name}_{first:%Y%m%d}", first, first + DAYS_OF_RUN * DAY, has_effect)


class Experiments:
    """Who is shown what, and when."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._habits: dict[str, Habit] = {}
        self._shown: dict[tuple[str, str], list[Assignment]] = {}

    def habit(self, customer: Customer) -> Habit:
        """Return how the customer uses the app."""
        if customer.customer_id not in self._habits:
            self._habits[customer.customer_id] = habit(self._company, customer)
        return self._habits[customer.customer_id]

    def shown(self, experiment: Experiment, customer: Customer) -> list[Assignment]:
        """Return what the customer is shown of the experiment: nothing, a variant, or that again later; rarely the other one."""
        key = (experiment.experiment_id, customer.customer_id)
        if key not in self._shown:
            self._shown[key] = self._draw(experiment, customer)
        return self._shown[key]

    def is_treated(self, customer: Customer, moment: datetime) -> bool:
        """Whether an experiment that has an effect has it on the customer at the moment: he was first shown its treatment."""
        shown = [self.shown(experiment, customer) for experiment in running(moment.date()) if experiment.has_effect]
        return any(first.variant == "treatment" and first.exposed_at <= moment for first, *_ in filter(None, shown))

    def assignments(self, customers: Iterable[Customer], day: date) -> list[Assignment]:
        """Return what the customers are shown on the day, in the order of time; blemishes included."""
        experiments = running(day)
        rows = [
            assignment
            for customer in customers
            for experiment in experiments
            for assignment in self.shown(experiment, customer)
            if assignment.exposed_at.date() == day
        ]
        rng = self._company.draws(day, "assignments")
        blemished: list[Assignment] = []
        for row in sorted(rows, key=lambda row: (row.exposed_at, row.experiment_id, row.user_id)):
            blemished += [row, row] if rng.random() < 0.01 else [row]
            if rng.random() < self._company.blemish_share:
                blemished[-1] = row._replace(user_id=None)
        return blemished

    def _draw(self, experiment: Experiment, customer: Customer) -> list[Assignment]:
        since = max(midnight(experiment.first), midnight(self._company.first_day), customer.since)
        if since >= midnight(experiment.end):
            return []
        rng = self._company.draws("exposure", experiment.experiment_id, customer.customer_id)
        visit = self.habit(customer).next_day(since.date() + rng.randrange(DAYS_OF_INTAKE) * DAY)
        if visit is None or visit >= experiment.end:
            return []
        exposed_at = max(since, midnight(visit) + time_of_session(rng))
        variant = rng.choice(VARIANTS)
        first = Assignment(experiment.experiment_id, variant, customer.customer_id, exposed_at)
        again = first._replace(exposed_at=exposed_at + rng.randint(1, 14) * DAY)
        if rng.randrange(1_000) < SHOWN_THE_OTHER_PERMILLE:
            return [first, again._replace(variant=VARIANTS[variant == "control"])]
        return [first, again] if rng.randrange(100) < SHOWN_AGAIN_PERCENT else [first]
