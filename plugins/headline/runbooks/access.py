"""docs/rights.md: who may do what on AWS and in Airflow, from what Terraform and set-up make roles of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from headline.runbooks.document import replace_parts
from headline.runbooks.markdown import code, table
from headline.settings import PROJECT
from headline.specs import access

ACCESS = PROJECT / "infra" / "terraform" / "access.yml"
PAGE = PROJECT / "docs" / "rights.md"
Right = Literal["read", "add", "change"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(_Strict):
    """A bucket or a schema; `personal`: personal data may lie in it."""

    described: str = Field(alias="is")
    personal: bool = False


class Role(_Strict):
    """Who has the role, and its right to each bucket and schema that it names."""

    who: str
    buckets: Mapping[str, Right] = {}
    schemas: Mapping[str, Right] = {}
    arrivals: Literal["receive"] | None = None
    alerts: Literal["publish"] | None = None

    def rights(self) -> Iterator[tuple[str, str]]:
        """Each right with what it is to, in words."""
        yield from (("bucket " + name, right) for name, right in self.buckets.items())
        yield from (("schema " + name, right) for name, right in self.schemas.items())
        if self.arrivals:
            yield "queue of arrivals", self.arrivals
        if self.alerts:
            yield "topic of alerts", self.alerts


class Access(_Strict):
    """infra/terraform/access.yml, of which Terraform makes IAM's policies."""

    buckets: Mapping[str, Place]
    schemas: Mapping[str, Place]
    roles: Mapping[str, Role]

    def personal(self, role: Role) -> bool:
        """Whether personal data can be seen with this role."""
        return any(self.buckets[name].personal for name in role.buckets) or any(
            self.schemas[one].personal for one in role.schemas
        )


@cache
def load_access() -> Access:
    """Read and validate access.yml; raises pydantic's ValidationError for what it does not know."""
    return Access.model_validate(yaml.safe_load(ACCESS.read_text()))


def regenerated_access() -> str:
    """docs/rights.md with its generated tables up to date."""
    return replace_parts(PAGE.read_text(), {"aws": on_aws(), "airflow": in_airflow(), "actions": rights_in_airflow()})


def on_aws() -> str:
    """A row for each role of AWS."""
    access = load_access()
    return table(
        ["role", "who has it", "may", "personal data"],
        [
            (code(name), role.who, _in_words(role), "yes" if access.personal(role) else "no")
            for name, role in access.roles.items()
        ],
    )


def _in_words(role: Role) -> str:
    """What a role may, each right once: «read: schema profit; change: schema core»."""
    found = defaultdict(list)
    for what, right in role.rights():
        found[right].append(what)
    return "; ".join(f"{right}: {_joined(places)}" for right, places in found.items())


def _joined(places: list[str]) -> str:
    kinds: dict[str, list[str]] = defaultdict(list)
    for place in places:
        kind, _, name = place.partition(" ")
        kinds[kind].append(name)
    return ", ".join(f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}" for kind, names in kinds.items())


def in_airflow() -> str:
    """A row for each role of include/access.yml, with whose DAGs it sees."""
    return table(
        ["role", "who has it", "sees", "personal data"],
        [
            (code(name), role.who, "; ".join(_seen(role)), "yes" if role.personal_data else "no")
            for name, role in access.load_access().roles.items()
        ],
    )


def _seen(role: access.Role) -> Iterator[str]:
    if role.areas:
        yield f"all of {', '.join(role.areas)}"
    if role.dags:
        yield ", ".join(code(one) for one in role.dags)


def rights_in_airflow() -> str:
    """A row for each resource of Airflow, with what these roles may do there, and those that are given besides."""
    known = access.load_access()
    given = {"the roles above": known.in_airflow, **{code(name): rights for name, rights in known.others.items()}}
    resources = sorted({resource for rights in given.values() for resource in rights})
    return table(
        ["resource", *given],
        [(one, *(_action(rights.get(one, "")) for rights in given.values())) for one in resources],
    )


def _action(actions: str) -> str:
    return actions.replace("can_", "").replace("menu_access", "menu").replace(",", ", ")
