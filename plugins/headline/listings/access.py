"""Who may see what: roles and people by area, with the tables whose personal data they see empty."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from headline.show import Rows
from headline.specs import Catalog, Pipeline, read_contract
from headline.specs.access import PERSONAL_DATA, load_access

# An action and what it is on, both as Airflow calls them.
Right = tuple[str, str]
COLUMNS = ("who", "roles", "area", "may", "dags", "masked")
READ, EDIT = "can_read", "can_edit"


def roles_of_file(catalog: Catalog) -> dict[str, set[Right]]:
    """The roles of include/access.yml with the rights that they get: those in Airflow, and to the DAGs that they see."""
    access = load_access()
    found: dict[str, set[Right]] = {name: set() for name in access.roles}
    for right in access.rights():
        found.setdefault(right["name"], set()).update((action, right["resource"]) for action in right["action"].split(","))
    for name, role in access.roles.items():
        found[name] |= {(READ, f"DAG:{one.id}") for one in catalog.pipelines.values() if role.sees(one.id, one.area)}
    return found


def roles_of_airflow(told: Iterable[Mapping[str, Any]]) -> dict[str, set[Right]]:
    """The same of the roles that Airflow has, as its API tells them."""
    return {role["name"]: {(one["action"]["name"], one["resource"]["name"]) for one in role["actions"]} for role in told}


def who_may_see(catalog: Catalog, roles: Mapping[str, set[Right]], people: Iterable[Mapping[str, Any]]) -> Rows:
    """A row for each role, then for each person, and each area of which they see anything; who sees nothing has one row.

    `people`: as Airflow's API tells its users. Those that are deactivated see nothing.
    """
    areas: dict[str, list[Pipeline]] = {}
    for pipeline in catalog.pipelines.values():
        areas.setdefault(pipeline.area, []).append(pipeline)
    rows = [row for name, rights in roles.items() for row in _rows(f"role {name}", "", rights, areas)]
    for person in people:
        names = [role["name"] for role in person["roles"] or ()]
        rights = set[Right]().union(*(roles.get(name, set()) for name in names)) if person["active"] else set()
        told = ", ".join(names) + ("" if person["active"] else " (deactivated)")
        rows += _rows(person["username"], told, rights, areas)
    return Rows(COLUMNS, rows)


def _rows(who: str, roles: str, rights: Collection[Right], areas: Mapping[str, Sequence[Pipeline]]) -> list[tuple[Any, ...]]:
    rows = []
    for area, pipelines in areas.items():
        seen = [one for one in pipelines if _may(READ, one, rights)]
        if seen:
            edits = [one for one in seen if _may(EDIT, one, rights)]
            may = "edit" if edits else "read"
            hidden = [] if (READ, PERSONAL_DATA) in rights else [one for one in seen if one not in edits]
            masked = [name for one in hidden for name in _personal(one)]
            rows.append((who, roles, area, may, ", ".join(one.id for one in seen), ", ".join(masked)))
    return rows or [(who, roles, "", "nothing", "", "")]


def _may(action: str, pipeline: Pipeline, rights: Collection[Right]) -> bool:
    return (action, "DAGs") in rights or (action, f"DAG:{pipeline.id}") in rights


def _personal(pipeline: Pipeline) -> list[str]:
    """The tables with personal data; one whose contract cannot be read counts as such."""
    found = []
    for table in pipeline.tables.values():
        contract, _ = read_contract(table)
        if contract is None or contract.personal_columns:
            found.append(table.full_name)
    return found
