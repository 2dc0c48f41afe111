"""experiments.yml: what is planned of experiments, for the templates of their SELECTs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from headline import settings
from headline.errors import SpecError
from headline.specs.files import file_state, parse_yaml
from headline.specs.values import Model

FILE = "experiments.yml"
MINIMUM_USERS = 500
# It becomes a text of SQL as it is.
Id = Annotated[str, Field(pattern=r"^[\w. -]+$")]
Weight = Annotated[Decimal, Field(gt=0, le=1_000_000)]
Users = Annotated[int, Field(ge=2)]


class _Experiment(Model):
    weights: dict[Id, Weight] = Field(default_factory=dict)
    control: Id | None = None
    minimum_users: Users | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.weights) == 1:
            raise ValueError("weights has one variant; an experiment has at least two")
        if self.weights and self.control and self.control not in self.weights:
            raise ValueError(f"control is {self.control}, which weights does not have")
        return self


class _File(Model):
    minimum_users: Users = MINIMUM_USERS
    experiments: dict[Id, _Experiment] = Field(default_factory=dict)


class ExperimentPlan(NamedTuple):
    """What is planned of one experiment; 0 and empty where nothing is. `control_text`: its control as a text of SQL."""

    experiment_id: str
    weights: tuple[tuple[str, Decimal], ...] = ()
    weight_sum: Decimal = Decimal(0)
    variant_count: int = 0
    control_text: str = ""
    minimum_users: int = 0


@dataclass(frozen=True)
class ExperimentPlans:
    """The file as templates know it: only those that ask for the plans of a faulty file fail."""

    minimum_users: int = MINIMUM_USERS
    known: tuple[ExperimentPlan, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def plans(self) -> tuple[ExperimentPlan, ...]:
        """All plans; raises SpecError with the faults of the file."""
        if self.faults:
            raise SpecError(list(self.faults))
        return self.known


def experiment_plans() -> ExperimentPlans:
    """The plans of experiments.yml, none where there is no such file; a fault is told to whoever asks for `plans`."""
    file = settings.load().include / FILE
    return _read(file, file_state(file))


@cache  # every compiled SELECT asks
def _read(file: Path, state: tuple[int, ...] | None) -> ExperimentPlans:
    if state is None:
        return ExperimentPlans()
    try:
        found = _File.model_validate(parse_yaml(file.read_text(), file) or {})
    except ValidationError as error:
        told = [f"{FILE}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return ExperimentPlans(faults=tuple(told))
    except SpecError as error:
        return ExperimentPlans(faults=tuple(error.faults))
    plans = [
        ExperimentPlan(
            name,
            tuple(one.weights.items()),
            sum(one.weights.values(), Decimal(0)),
            len(one.weights),
            f"'{one.control}'" if one.control else "",
            one.minimum_users or 0,
        )
        for name, one in found.experiments.items()
    ]
    return ExperimentPlans(found.minimum_users, tuple(plans))
