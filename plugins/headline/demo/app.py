"""The app: what users do in it, and when its collector hears of it.

Users are the shop's customers. On a day of a spell one comes with his own frequency, more often at weekends; he also comes when
he is first shown an experiment, and when he places one of the shop's orders through the app. A phone sends what happened within
minutes, but one that is offline up to 48 hours later, a very few later still; what was not confirmed is sent again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import NamedTuple

from headline.demo.company import Company, midnight
from headline.demo.experiments import Assignment
from headline.demo.rosters import Customer
from headline.demo.sales import Sales
from headline.demo.users import time_of_session

WEEKDAY_PERMILLE = (950, 930, 930, 950, 990, 1120, 1130)  # Monday first; mean 1000
NOTIFIED_PERMILLE = 80
OFFLINE_PERMILLE = 25
TOO_LATE_PER_10_000 = 4
SENT_AGAIN_PERMILLE = 10
HOURS_OFFLINE = 48
DAYS_TOO_LATE = 5
DAY = timedelta(days=1)


class Event(NamedTuple):
    """One event; a session begins with app_opened. A notification reaches a user outside of any session."""

    event_id: str | None
    user_id: str | None
    session_id: str | None
    event_type: str | None
    occurred_at: datetime
    platform: str


BLEMISHES: tuple[Callable[[Event], Event], ...] = (
    lambda event: event._replace(event_id=None),
    lambda event: event._replace(user_id=None),
    lambda event: event._replace(event_type=None),
)


class Arrival(NamedTuple):
    """An event as the collector gets it."""

    arrived_at: datetime
    event: Event


class App:
    """What happens in a company's app."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.sales = Sales(company)
        self._sent: dict[date, dict[date, list[Arrival]]] = {}

    def arrivals(self, day: date) -> list[Arrival]:
        """Return what the collector hears on the day, in the order of arrival; blemishes included."""
        begun = [day - DAY * lag for lag in range(DAYS_TOO_LATE + 2)]
        self._sent = {since: self._sent.get(since) or self._send(since) for since in begun}
        return sorted((arrival for since in begun for arrival in self._sent[since].get(day, ())), key=_order)

    def assignments(self, day: date) -> list[Assignment]:
        """Return who is shown which variant of an experiment on the day; blemishes included."""
        return self.sales.experiments.assignments(self._users(day), day)

    def events(self, day: date) -> list[Event]:
        """Return what truly happens in the sessions that begin on the day."""
        if day < self.company.first_day:
            return []
        rng = self.company.draws(day, "app")
        events: list[Event] = []
        for number, (customer, steps) in enumerate(self._sessions(rng, day), start=1):
            habit = self.sales.experiments.habit(customer)
            session_id = f"S{day:%Y%m%d}-{number:05d}" if steps[0][1] != "notification_received" else None
            events += [
                Event(f"A{day:%Y%m%d}-{len(events) + place:06d}", customer.customer_id, session_id, step, moment, habit.platform)
                for place, (moment, step) in enumerate(steps, start=1)
            ]
        return events

    def _sessions(self, rng: Random, day: date) -> Iterator[tuple[Customer, list[tuple[datetime, str]]]]:
        """Yield who comes on the day, with the moments of what he does; and who is notified."""
        start = midnight(day)
        experiments = self.sales.experiments
        customers = self._users(day)
        for customer in customers:
            habit = experiments.habit(customer)
            if rng.random() * 1_000 < NOTIFIED_PERMILLE:
                yield customer, [(start + time_of_session(rng), "notification_received")]
            if habit.holds_on(day) and rng.random() * 1_000_000 < habit.frequency * WEEKDAY_PERMILLE[day.weekday()]:
                for _ in range(rng.choice((1, 1, 1, 2, 3))):
                    yield customer, _look_around(rng, max(start + time_of_session(rng), customer.since))
        known = {customer.customer_id: customer for customer in customers}
        for assignment in dict.fromkeys(self.assignments(day)):
            if assignment.user_id:
                yield known[assignment.user_id], _look_around(rng, assignment.exposed_at)
        for order in self.sales.headers(day):
            if order.sales_channel == "app" and order.customer_id:
                yield known[order.customer_id], _buy(rng, order.ordered_at)

    def _users(self, day: date) -> list[Customer]:
        end = midnight(day + DAY)
        return [customer for customer in self.sales.customers.before(end) if customer.until >= end]

    def _send(self, day: date) -> dict[date, list[Arrival]]:
        """Return by day of arrival what the collector hears of the sessions that begin on the day."""
        rng = self.company.draws(day, "collector")
        found: dict[date, list[Arrival]] = defaultdict(list)
        delays: dict[str | None, timedelta] = {}
        for event in self.events(day):
            if event.session_id is None or event.session_id not in delays:
                delays[event.session_id] = _offline(rng)
            delay = delays[event.session_id] or timedelta(seconds=int(rng.random() * 1_200))
            copies = [Arrival(event.occurred_at + delay, event)]
            if rng.random() * 1_000 < SENT_AGAIN_PERMILLE:
                copies.append(Arrival(event.occurred_at + max(delay, HOURS_OFFLINE * timedelta(hours=rng.random())), event))
            if rng.random() < self.company.blemish_share:
                copies[0] = copies[0]._replace(event=rng.choice(BLEMISHES)(event))
            for copy in copies:
                found[copy.arrived_at.date()].append(copy)
        return found


def _look_around(rng: Random, start: datetime) -> list[tuple[datetime, str]]:
    steps = ["app_opened", *["product_viewed"] * rng.choice((1, 1, 2, 2, 3, 4, 6))]
    if rng.random() < 0.25:
        steps.append("cart_updated")
        if rng.random() < 0.2:
            steps.append("checkout_started")
    return list(zip(_moments(rng, start, len(steps)), steps, strict=True))


def _buy(rng: Random, ordered_at: datetime) -> list[tuple[datetime, str]]:
    steps = ["app_opened", "product_viewed", "product_viewed", "cart_updated", "checkout_started", "purchase_completed"]
    moments = _moments(rng, ordered_at, len(steps))
    before = moments[-1] - ordered_at
    return [(max(moment - before, midnight(ordered_at.date())), step) for moment, step in zip(moments, steps, strict=True)]


def _moments(rng: Random, start: datetime, count: int) -> list[datetime]:
    moments = [start]
    for _ in range(count - 1):
        moments.append(moments[-1] + timedelta(seconds=4 + int(rng.random() * 90)))
    return moments


def _offline(rng: Random) -> timedelta:
    """Return how long the phone of a session stays offline; nothing for most."""
    chance = rng.random() * 10_000
    if chance < TOO_LATE_PER_10_000:
        return timedelta(days=3) + timedelta(seconds=int(rng.random() * (DAYS_TOO_LATE - 3) * 86_400))
    if chance < OFFLINE_PERMILLE * 10:
        return timedelta(seconds=int(rng.random() * HOURS_OFFLINE * 3_600))
    return timedelta(0)


def _order(arrival: Arrival) -> tuple[datetime, str]:
    return arrival.arrived_at, arrival.event.event_id or ""
