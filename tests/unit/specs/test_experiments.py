"""experiments.yml: what is planned reaches the SQL of experiments, and a fault of it nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from headline import settings, specs
from headline.errors import SpecError
from headline.intervals import DAY, Interval
from headline.rules.golden import make_output, open_in_memory, run_select
from headline.specs.experiments import ExperimentPlans, experiment_plans
from headline.sql.versions import code_version
from headline.warehouse import Output

DAY_OF_TEST = date(2026, 3, 2)
PLANS = """
minimum_users: 50
experiments:
  E1: {weights: {control: 90, treatment: 10}}
  E2: {control: b, minimum_users: 7}
"""


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Path:
    """Our own pipelines with other plans."""
    for one in settings.load().include.iterdir():
        if one.name != "experiments.yml":
            (tmp_path / one.name).symlink_to(one)
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path))
    forget_settings()
    return tmp_path


def test_without_a_file_nothing_is_planned(include: Path) -> None:
    assert experiment_plans() == ExperimentPlans()


def test_plans_are_read(include: Path) -> None:
    (include / "experiments.yml").write_text(PLANS)
    first, second = experiment_plans().plans
    assert (first.weight_sum, first.variant_count, dict(first.weights)["treatment"]) == (100, 2, Decimal(10))
    assert (second.control_text, second.minimum_users, second.weights) == ("'b'", 7, ())
    assert experiment_plans().minimum_users == 50


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("experiments: {E1: {weights: {a: 1}}}", "at least two"),
        ("experiments: {E1: {weights: {a: 1, b: 0}}}", "experiments.E1.weights.b"),
        ("experiments: {E1: {weights: {a: 1, b: 1}, control: c}}", "control is c, which weights does not have"),
        ('experiments: {"it\'s": {}}', "pattern"),
        ("experiments: {E1: {weigths: {}}}", "weigths"),
        ("minimum_users: 1", "minimum_users"),
        ("experiments: [", "not valid YAML"),
    ],
)
def test_a_fault_is_told_to_who_asks_for_plans(include: Path, text: str, fault: str) -> None:
    (include / "experiments.yml").write_text(text)
    with pytest.raises(SpecError, match=fault):
        _ = experiment_plans().plans
    with pytest.raises(SpecError, match=fault):
        verdicts({"control": 9, "treatment": 1})


def verdicts(users: dict[str, int], experiment_id: str = "E1") -> set[bool]:
    """Whether profit.experiment_profit finds a mismatch where the variants of an experiment have so many users."""
    table, day = specs.load().tables["profit.experiment_profit"], Interval(DAY_OF_TEST, DAY_OF_TEST + DAY)
    with open_in_memory() as session:
        for name in table.reads:
            if name != "calendar.days":
                make_output(Output(name, specs.load().tables[name]), session)
        for variant, number in users.items():
            session.query(
                f"insert into core.exposures by name select date '2026-03-02' as ds, '{experiment_id}' as experiment_id, "
                f"'{variant}' as variant, '{variant}' || n as user_id, timestamp '2026-03-02' as exposed_at, "
                f"false as is_contaminated from range({number}) as numbers(n)"
            )
        return {row["is_sample_ratio_off"] for row in run_select(table, day, session)}


@pytest.mark.parametrize(
    ("experiment_id", "users", "is_off"),
    [
        ("E1", {"control": 900, "treatment": 100}, False),
        ("E1", {"control": 870, "treatment": 130}, False),  # chi² 10
        ("E1", {"control": 868, "treatment": 132}, True),  # chi² 11.4
        ("E1", {"control": 500, "treatment": 500}, True),
        ("E1", {"control": 50}, False),  # 5 users are missing: chi² 5.6
        ("E1", {"control": 100}, True),  # 10 are missing: chi² 11.1
        ("E1", {"control": 900, "treatment": 100, "other": 1}, True),  # a variant that nobody planned
        ("E2", {"a": 500, "b": 500}, False),
        ("E2", {"a": 900, "b": 100}, True),
    ],
)
def test_users_are_compared_with_the_planned_split(
    include: Path, experiment_id: str, users: dict[str, int], *, is_off: bool
) -> None:
    (include / "experiments.yml").write_text(PLANS)
    assert verdicts(users, experiment_id) == {is_off}


@pytest.mark.parametrize(
    ("experiment_id", "variants", "found"),
    [
        ("E2", ("a", "b", "control"), [("a", "b", 7, 9), ("control", "b", 7, 9)]),
        ("E3", ("a", "b", "control"), [("a", "control", 50, 9), ("b", "control", 50, 9)]),
        ("E2", ("a", "c"), [("a", "b", 7, 0), ("c", "b", 7, 0)]),  # nobody has seen the control yet
    ],
)
def test_variants_are_compared_with_the_planned_control(
    include: Path, experiment_id: str, variants: tuple[str, ...], found: list[tuple[str, str, int, int]]
) -> None:
    (include / "experiments.yml").write_text(PLANS)
    table, figures = (specs.load().tables[f"profit.experiment_{name}"] for name in ("readout", "profit"))
    with open_in_memory() as session:
        make_output(Output(figures.full_name, figures), session)
        for variant in variants:
            session.query(
                f"insert into {figures.full_name} by name select date '2026-03-02' as ds, '{experiment_id}' as experiment_id, "
                f"'{variant}' as variant, 9 as exposed_users, 0 as contaminated_users, false as is_sample_ratio_off"
            )
        rows = run_select(table, Interval(DAY_OF_TEST, DAY_OF_TEST + DAY), session)
    names = ("variant", "control_variant", "minimum_users", "control_users")
    assert sorted({tuple(row[name] for name in names) for row in rows}) == found
    assert len(rows) == 12 * len(found)


def test_another_plan_is_another_version_of_what_reads_it_and_of_nothing_else(include: Path) -> None:
    names = ("profit.experiment_profit", "profit.experiment_readout", "growth.experiment_readout", "profit.unit_profit")
    tables = [specs.load().tables[name] for name in names]
    before = [code_version(table) for table in tables]
    (include / "experiments.yml").write_text(PLANS)
    assert [code_version(table) == one for table, one in zip(tables, before, strict=True)] == [False, False, False, True]
