"""How customers use the app: in spells of weeks, with pauses between them, until they stay away for good."""

from datetime import date, timedelta
from random import Random
from typing import NamedTuple

from headline.demo.company import Company
from headline.demo.rosters import Customer

PLATFORM_WEIGHTS = {"ios": 45, "android": 40, "web": 15}
FREQUENCY_WEIGHTS = {60: 20, 180: 30, 350: 25, 600: 15, 900: 10}  # in thousandths; mean 330
LEAVES_FOR_GOOD_PERCENT = 12
SESSION_HOURS = tuple(  # when people have time: a little in the morning and at noon, most in the evening
    hour
    for hour, weight in enumerate((2, 1, 1, 1, 1, 2, 5, 8, 8, 6, 6, 7, 10, 8, 6, 6, 7, 9, 12, 15, 17, 16, 11, 6))
    for _ in range(weight)
)


class Spell(NamedTuple):
    """Days on which a customer uses the app now and then: from the first up to, not including, the end."""

    first: date
    end: date


class Habit(NamedTuple):
    """How a customer uses the app; `frequency` is the chance of a visit on a day of a spell, in thousandths."""

    platform: str
    frequency: int
    spells: tuple[Spell, ...]

    def holds_on(self, day: date) -> bool:
        """Whether the customer uses the app at that time, if not on every day."""
        return any(spell.first <= day < spell.end for spell in self.spells)

    def next_day(self, day: date) -> date | None:
        """Return the first day from the given one on that lies in a spell."""
        return next((max(day, spell.first) for spell in self.spells if spell.end > day), None)


def habit(company: Company, customer: Customer) -> Habit:
    """Return the customer's habit, drawn at once for his whole life; he begins on the day on which he signs up."""
    rng = company.draws("habit", customer.customer_id)
    platform = rng.choices(tuple(PLATFORM_WEIGHTS), tuple(PLATFORM_WEIGHTS.values()))[0]
    frequency = rng.choices(tuple(FREQUENCY_WEIGHTS), tuple(FREQUENCY_WEIGHTS.values()))[0]
    spells = []
    first, last = customer.since.date(), customer.until.date()
    while first < last:
        end = first + timedelta(days=rng.randint(3, 30) * rng.randint(1, 6))
        spells.append(Spell(first, min(end, last)))
        if rng.randrange(100) < LEAVES_FOR_GOOD_PERCENT:
            break
        first = end + timedelta(days=rng.randint(7, 70))
    return Habit(platform, frequency, tuple(spells))


def time_of_session(rng: Random) -> timedelta:
    """Return a time of the day, UTC, at which somebody opens the app."""
    return timedelta(hours=rng.choice(SESSION_HOURS), seconds=rng.randrange(3_600))
