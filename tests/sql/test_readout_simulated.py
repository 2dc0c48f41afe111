"""Simulated experiments through the readout's own SELECT: how often its intervals are wrong, on one day and on any of twenty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.readout.simulation import EFFECT, LAST, read_out

from headline.rules.golden import RESULT, open_in_memory
from headline.warehouse import Session

RUNS = 300
USERS = 400
ALWAYS_VALID = ("cuped_absolute_lift_always_valid_low", "cuped_absolute_lift_always_valid_high")
FIXED = ("cuped_absolute_lift_low", "cuped_absolute_lift_high")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_in_memory() as session:
        read_out(session, RUNS, USERS)
        yield session


def missed(session: Session, metric: str, ends: tuple[str, str], *, treated: bool, last: bool) -> float:
    """The share of experiments whose interval leaves out the true lift: on the last day, or on any day."""
    true = EFFECT[metric] if treated else 0
    [(missed, runs)] = session.query(f"""
        select
            count(distinct case when {true} < {ends[0]} or {true} > {ends[1]} then experiment_id end),
            count(distinct experiment_id)
        from {RESULT}
        where metric_name = '{metric}' and variant = 'treatment' and {ends[0]} is not null
            and (cast(substring(experiment_id, 4) as integer) >= {RUNS}) = {treated}
            and {f"ds = '{LAST}'" if last else "true"}
    """).rows
    assert runs == RUNS
    return missed / runs


@pytest.mark.parametrize("metric", EFFECT)
def test_looking_on_every_day_raises_at_most_one_false_alarm_in_twenty(session: Session, metric: str) -> None:
    assert missed(session, metric, ALWAYS_VALID, treated=False, last=False) <= 0.05
    assert missed(session, metric, FIXED, treated=False, last=False) > 0.1, "what looking often does to the other interval"


@pytest.mark.parametrize("metric", EFFECT)
def test_the_true_lift_is_in_the_always_valid_interval_on_all_days(session: Session, metric: str) -> None:
    assert missed(session, metric, ALWAYS_VALID, treated=True, last=False) <= 0.05


# Of 300 intervals of 95 %, 15 miss; three standard deviations are 11.
@pytest.mark.parametrize("metric", EFFECT)
@pytest.mark.parametrize("treated", [False, True])
@pytest.mark.parametrize("ends", [FIXED, ("absolute_lift_low", "absolute_lift_high")])
def test_an_interval_for_one_look_misses_as_often_as_it_says(
    session: Session, metric: str, ends: tuple[str, str], *, treated: bool
) -> None:
    assert 4 / 300 <= missed(session, metric, ends, treated=treated, last=True) <= 26 / 300


def test_cuped_takes_variance_away_and_finds_more(session: Session) -> None:
    [(reduction, found, found_without)] = session.query(f"""
        select
            avg(variance_reduction),
            avg(case when cuped_absolute_lift_always_valid_low > 0 then 1 else 0 end),
            avg(case when absolute_lift_always_valid_low > 0 then 1 else 0 end)
        from {RESULT}
        where metric_name = 'net_profit_per_user' and ds = '{LAST}' and cast(substring(experiment_id, 4) as integer) >= {RUNS}
    """).rows
    assert 0.1 < reduction < 0.9
    assert found > found_without
