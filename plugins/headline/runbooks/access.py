"""docs/rights.md: who may do what on AWS and in Airflow, from what Terraform and set-up make roles of."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from headline.runbooks.document import replace_parts
from headline.runbooks.markdown import code, table
from headline.settings import PROJECT, ROLES

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
    return replace_parts(PAGE.read_text(), {"aws": on_aws(), "airflow": in_airflow()})


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
    """A row for each resource of Airflow that roles.json gives, with what each of its roles may do there."""
    rights: list[dict[str, Any]] = json.loads(ROLES.read_text())
    roles = list(dict.fromkeys(right["name"] for right in rights))
    given = {
        (right["resource"], right["name"]): right["action"].replace("can_", "").replace("menu_access", "menu") for right in rights
    }
    resources = sorted({right["resource"] for right in rights})
    return table(
        ["resource", *map(code, roles)],
        [(one, *(given.get((one, role), "").replace(",", ", ") for role in roles)) for one in resources],
    )
