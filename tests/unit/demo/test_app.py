"""What users do in the app: rhythm, spells, sessions, late and repeated events, and two experiments of which one works."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from statistics import mean
from time import process_time

import pytest

from headline.demo.app import App, Arrival, Event
from headline.demo.company import Company, days_between, midnight
from headline.demo.experiments import DAYS_OF_RUN, running
from headline.demo.sales import Sales

DAY = timedelta(days=1)
A_DAY = date(2026, 3, 11)
FOUR_WEEKS = days_between(A_DAY, A_DAY + 27 * DAY)


@pytest.fixture(scope="module")
def app() -> App:
    """The app of a company that makes no blemishes."""
    return App(Company(lines_on_first_day=180, blemish_share=0))


@pytest.fixture(scope="module")
def heard(app: App) -> dict[date, list[Arrival]]:
    """What the collector hears in four weeks, and in the two days after."""
    return {day: app.arrivals(day) for day in days_between(FOUR_WEEKS[0], FOUR_WEEKS[-1] + 2 * DAY)}


@pytest.fixture(scope="module")
def active(heard: dict[date, list[Arrival]]) -> dict[date, set[str]]:
    """Who was active on each day of the four weeks."""
    users: dict[date, set[str]] = defaultdict(set)
    for arrivals in heard.values():
        for arrival in arrivals:
            if arrival.event.event_type != "notification_received" and arrival.event.user_id:
                users[arrival.event.occurred_at.date()].add(arrival.event.user_id)
    return {day: users[day] for day in FOUR_WEEKS}


def test_a_day_alone_equals_the_day_in_a_range(app: App, heard: dict[date, list[Arrival]]) -> None:
    for day in (A_DAY + 9 * DAY, A_DAY):
        assert App(app.company).arrivals(day) == heard[day]
        assert App(app.company).assignments(day) == app.assignments(day)
    assert sum(map(len, heard.values())) > 20_000


def test_nothing_happens_before_the_opening(app: App) -> None:
    before = app.company.first_day - DAY
    assert (app.events(before), app.arrivals(before), app.assignments(before)) == ([], [], [])
    assert app.arrivals(app.company.first_day)


def test_users_come_in_the_rhythm_of_days_and_weeks(app: App, active: dict[date, set[str]]) -> None:
    everyone = app.sales.customers.before(midnight(FOUR_WEEKS[-1] + DAY))
    monthly = set().union(*active.values())
    daily = {day: len(users) for day, users in active.items()}
    assert 0.1 < mean(daily.values()) / len(everyone) < 0.3
    assert 0.4 < len(monthly) / len(everyone) < 0.95
    by_weekday = Counter[int]()
    for day, count in daily.items():
        by_weekday[day.weekday()] += count
    assert {weekday for weekday, _ in by_weekday.most_common(2)} == {5, 6}
    by_hour = Counter(event.occurred_at.hour for event in app.events(A_DAY))
    assert sum(by_hour[hour] for hour in range(18, 22)) > 4 * sum(by_hour[hour] for hour in range(1, 5))


def test_users_sign_up_stay_away_and_return(app: App, active: dict[date, set[str]]) -> None:
    customers = {customer.customer_id: customer for customer in app.sales.customers.before(midnight(FOUR_WEEKS[-1] + DAY))}
    for day, users in active.items():
        assert all(customers[user].since.date() <= day < customers[user].until.date() for user in users)
    weeks = [set().union(*(active[day] for day in FOUR_WEEKS[start : start + 7])) for start in range(0, 28, 7)]
    assert weeks[1] - weeks[0]
    assert weeks[0] - weeks[1] - weeks[2] - weeks[3]
    assert (weeks[0] & weeks[3]) - weeks[1] - weeks[2]
    newcomers = {key for key, customer in customers.items() if customer.since.date() == A_DAY + DAY}
    assert newcomers
    assert any(newcomers & users for users in active.values())


def test_sessions_begin_with_opening_the_app_and_belong_to_one_user(app: App) -> None:
    events = app.events(A_DAY)
    assert len({event.event_id for event in events}) == len(events) > 500
    sessions: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.session_id is None:
            assert event.event_type == "notification_received"
        else:
            sessions[event.session_id].append(event)
    assert any(event.session_id is None for event in events)
    for session in sessions.values():
        assert len({event.user_id for event in session}) == len({event.platform for event in session}) == 1
        assert [event.event_type for event in session].index("app_opened") == 0
        assert session == sorted(session, key=lambda event: event.occurred_at)
        assert session[-1].occurred_at - session[0].occurred_at < timedelta(hours=1)
    assert {event.event_type for event in events} == {
        "app_opened",
        "product_viewed",
        "cart_updated",
        "checkout_started",
        "purchase_completed",
        "notification_received",
    }


def test_what_is_bought_in_the_app_is_an_order_of_the_shop(app: App) -> None:
    bought = {(event.user_id, event.occurred_at) for event in app.events(A_DAY) if event.event_type == "purchase_completed"}
    orders = {
        (order.customer_id, order.ordered_at)
        for order in app.sales.headers(A_DAY)
        if order.sales_channel == "app" and order.customer_id
    }
    assert bought == orders
    assert orders


def test_events_come_late_and_twice_and_some_too_late(app: App, heard: dict[date, list[Arrival]]) -> None:
    delays = [arrival.arrived_at - arrival.event.occurred_at for arrivals in heard.values() for arrival in arrivals]
    late = [delay for delay in delays if delay > timedelta(hours=1)]
    too_late = [delay for delay in delays if delay > timedelta(hours=48)]
    assert 0.01 < len(late) / len(delays) < 0.06
    assert 0 < len(too_late) < len(delays) / 200
    assert min(too_late) >= timedelta(days=3)
    assert max(delays) < timedelta(days=6)
    times = Counter(arrival.event for arrivals in heard.values() for arrival in arrivals)
    assert 0.005 < sum(count > 1 for count in times.values()) / len(times) < 0.02
    order = [arrival.event.occurred_at for arrival in heard[A_DAY]]
    assert order != sorted(order)
    arrived = {arrival.event for day in days_between(A_DAY, A_DAY + 6 * DAY) for arrival in heard[day]}
    assert arrived >= set(app.events(A_DAY))


def test_some_events_arrive_damaged(company: Company) -> None:
    events = [arrival.event for arrival in App(company).arrivals(A_DAY)]
    damaged = sum(None in (event.event_id, event.user_id, event.event_type) for event in events)
    assert company.blemish_share / 3 < damaged / len(events) < company.blemish_share * 3


def test_two_experiments_run_on_any_day() -> None:
    for day in days_between(A_DAY, A_DAY + 60 * DAY):
        experiments = running(day)
        assert sorted(experiment.has_effect for experiment in experiments) == [False, True]
        for experiment in experiments:
            assert experiment.first <= day < experiment.end == experiment.first + DAYS_OF_RUN * DAY
    assert len({experiment for day in days_between(A_DAY, A_DAY + 60 * DAY) for experiment in running(day)}) in (4, 5)


def test_users_are_shown_one_variant_again_and_a_few_the_other(app: App) -> None:
    [experiment] = [experiment for experiment in running(A_DAY) if experiment.has_effect]
    customers = app.sales.customers.before(midnight(experiment.end))
    shown = {customer.customer_id: rows for customer in customers if (rows := app.sales.experiments.shown(experiment, customer))}
    first = Counter(rows[0].variant for rows in shown.values())
    assert 0.4 < first["treatment"] / sum(first.values()) < 0.6
    assert 1_000 < sum(first.values()) < len(customers)
    again = [rows for rows in shown.values() if len(rows) > 1]
    other = [rows for rows in again if rows[0].variant != rows[1].variant]
    assert 0.03 < len(again) / len(shown) < 0.1
    assert 0.002 < len(other) / len(shown) < 0.02
    assert all(rows[0].exposed_at < rows[1].exposed_at for rows in again)
    members = {customer.customer_id: customer for customer in customers}
    for user, rows in shown.items():
        assert members[user].since <= rows[0].exposed_at < midnight(experiment.end)
        assert app.sales.experiments.habit(members[user]).holds_on(rows[0].exposed_at.date())


def test_who_is_shown_an_experiment_uses_the_app_then(app: App) -> None:
    assigned = {(row.user_id, row.exposed_at) for row in app.assignments(A_DAY)}
    opened = {(event.user_id, event.occurred_at) for event in app.events(A_DAY) if event.event_type == "app_opened"}
    assert assigned
    assert assigned <= opened


def test_one_experiment_makes_users_buy_more_and_the_other_does_not() -> None:
    sales = Sales(Company(blemish_share=0))
    members = {customer.customer_id: customer for customer in sales.customers.before(midnight(FOUR_WEEKS[-1]))}
    lines: dict[tuple[bool, str], list[int]] = defaultdict(list)
    for day in FOUR_WEEKS[::4]:
        for number in range(sales.order_count(day)):
            order = sales.order(day, number)
            for experiment in running(day) if order.header.customer_id else ():
                shown = sales.experiments.shown(experiment, members[order.header.customer_id or ""])
                if shown and shown[0].exposed_at <= order.header.ordered_at:
                    lines[experiment.has_effect, shown[0].variant].append(len(order.lines))
    sizes = {key: mean(counts) for key, counts in lines.items()}
    assert min(map(len, lines.values())) > 300
    assert 0.85 < sizes[True, "treatment"] - sizes[True, "control"] < 1.15
    assert abs(sizes[False, "treatment"] - sizes[False, "control"]) < 0.25


def test_an_order_before_the_exposure_is_as_ever(app: App) -> None:
    [experiment] = [experiment for experiment in running(A_DAY) if experiment.has_effect]
    treated = 0
    for customer in app.sales.customers.before(midnight(A_DAY)):
        shown = app.sales.experiments.shown(experiment, customer)
        if shown and shown[0].variant == "treatment":
            treated += 1
            moment = shown[0].exposed_at
            assert app.sales.experiments.is_treated(customer, moment)
            assert not app.sales.experiments.is_treated(customer, moment - timedelta(seconds=1))
    assert treated > 300


def test_a_day_costs_little() -> None:
    app = App(replace(Company(), seed=2))
    app.arrivals(A_DAY)
    started = process_time()
    app.arrivals(A_DAY + DAY)
    assert process_time() - started < 1  # about 0.06 s; the limit allows for a busy machine
