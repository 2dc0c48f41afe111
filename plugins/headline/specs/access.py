"""include/access.yml: which roles see which DAGs, and so which tables and figures, and which of them personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headline import settings
from headline.errors import SpecError
from headline.specs.files import read_yaml

# What Airflow calls the right to see personal data in the tables of DAGs that one may read.
PERSONAL_DATA = "Personal Data"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Strict):
    """Who has the role, and the areas and DAGs that it sees."""

    who: str = Field(min_length=10)
    areas: tuple[str, ...] = ()
    dags: tuple[str, ...] = ()
    personal_data: bool = False

    def sees(self, dag_id: str, area: str) -> bool:
        """Whether it sees a DAG of an area."""
        return area in self.areas or any(fnmatchcase(dag_id, pattern) for pattern in self.dags)


class Access(_Strict):
    """The whole file; `in_airflow` and `others`: actions by resource, as Airflow calls both."""

    roles: Mapping[str, Role]
    in_airflow: Mapping[str, str]
    others: Mapping[str, Mapping[str, str]]

    def rights(self) -> list[dict[str, str]]:
        """What include/roles.json holds: a right of a role a line, in the order of their names."""
        found = {name: dict(self.in_airflow) for name in self.roles}
        for name, role in self.roles.items():
            if role.personal_data:
                found[name][PERSONAL_DATA] = "can_read"
        return [
            {"name": name, "resource": resource, "action": action}
            for name, rights in sorted({**found, **self.others}.items(), key=lambda one: one[0].casefold())
            for resource, action in sorted(rights.items())
        ]


def load_access() -> Access:
    """The project's file; raises SpecError for what it does not know."""
    try:
        return Access.model_validate(read_yaml(settings.ACCESS))
    except ValidationError as error:
        raise SpecError([f"access.yml: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]) from None


def roles_json() -> str:
    """include/roles.json as it has to be."""
    lines = ",\n".join(f"    {json.dumps(right)}" for right in load_access().rights())
    return f"[\n{lines}\n]\n"


def readers(dag_id: str, area: str) -> dict[str, dict[str, set[str]]]:
    """The access control of a DAG: the roles that may look at it and its runs; all others are the engineers' alone."""
    return {name: {"DAGs": {"can_read"}, "DAG Runs": {"can_read"}} for name in _roles_that_see(dag_id, area)}


@cache  # a DAG file is parsed again and again, in processes that end
def _roles_that_see(dag_id: str, area: str) -> tuple[str, ...]:
    return tuple(name for name, role in load_access().roles.items() if role.sees(dag_id, area))
