"""Who may do what on AWS: one file, of which Terraform makes policies and `headline access` the table in docs/rights.md."""

import json
from collections.abc import Iterator
from fnmatch import filter as matching
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from headline.listings.access import roles_of_airflow, roles_of_file, who_may_see
from headline.local.dag_files import of_operations
from headline.runbooks import access as module
from headline.runbooks import regenerated_access
from headline.runbooks.access import ACCESS, PAGE, Access, load_access
from headline.settings import ROLES
from headline.specs import load, load_contract
from headline.specs.access import PERSONAL_DATA, readers, roles_json
from headline.specs.access import load_access as access_in_airflow

SEES_PERSONAL_DATA = {"ingest", "transform", "upkeep"}


def faults(access: Access) -> Iterator[str]:
    """What is against the rules of rights."""
    tables = load().tables.values()
    schemas = {name.partition(".")[0] for table in tables for name in table.outputs} | {"staging"}
    if different := set(access.schemas) ^ schemas:
        yield f"schemas: {sorted(different)}"
    for table in tables:
        schema = table.full_name.partition(".")[0]
        if load_contract(table).personal_columns and not access.schemas[schema].personal:
            yield f"{table.full_name} has personal data, {schema} is not marked so"
    for name, role in access.roles.items():
        unknown = (set(role.buckets) - set(access.buckets)) | (set(role.schemas) - set(access.schemas))
        if unknown:
            yield f"{name}: no such place: {sorted(unknown)}"
        elif access.personal(role) and name not in SEES_PERSONAL_DATA:
            yield f"{name} sees personal data"
        if "warehouse" in role.buckets or "results" in role.buckets:
            yield f"{name} has a right to all schemas or all results"
        if "change" in role.buckets.get("landing", "") and name != "upkeep":
            yield f"{name} may delete what has landed"
        if name in access.schemas and dict(role.schemas) != {name: "read"}:
            yield f"{name} reads more than its area"


def changed(path: str, value: Any) -> Access:
    document = yaml.safe_load(ACCESS.read_text())
    *parents, last = path.split("/")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    return Access.model_validate(document)


def test_the_page_shows_what_is_so() -> None:
    page = PAGE.read_text()
    assert page == regenerated_access(), "run `headline access --write`"
    assert page.count("\n| `") > 15
    assert ROLES.read_text() == roles_json(), "run `headline access --write`"


def test_rights_obey_the_rules() -> None:
    access = load_access()
    assert list(faults(access)) == []
    assert len(access.roles) >= 8
    assert dict(access.roles["ingest"].buckets) == {"arrivals": "read", "landing": "add"}
    assert not access.roles["ingest"].schemas
    areas = {name for name in access.roles if name in access.schemas}
    assert areas == {name for name, role in access_in_airflow().roles.items() if role.areas == (name,)}


def test_every_area_and_dag_that_a_role_names_is_there() -> None:
    """A name that is none would let nobody see anything, silently."""
    pipelines = load().pipelines.values()
    areas, dags = {one.area for one in pipelines}, {*(one.id for one in pipelines), *of_operations()}
    for name, role in access_in_airflow().roles.items():
        assert set(role.areas) <= areas, name
        assert [pattern for pattern in role.dags if not matching(dags, pattern)] == [], name


def test_a_role_sees_its_dags_and_personal_data_if_it_says_so() -> None:
    def seen(dag_id: str, area: str) -> set[str]:
        return set(readers(dag_id, area))

    assert seen("investor_profit", "profit") == {"profit", "investor_relations", "analyst"}
    assert seen("unit_profit", "profit") == {"profit", "experimenter", "analyst"}
    assert seen("shop", "sources") == {"analyst", "data_protection"}
    assert seen("backfill", "operations") == set()
    rights = json.loads(ROLES.read_text())
    assert [one["name"] for one in rights if one["resource"] == PERSONAL_DATA] == ["data_protection"]
    assert not [one for one in rights if one["name"] != "watch" and one["resource"] == "DAGs" and "read" in one["action"]]


def test_who_may_see_what_is_listed_by_area_with_what_is_empty_to_them() -> None:
    catalog = load()
    told = [
        {"name": "Op", "actions": [{"action": {"name": one}, "resource": {"name": "DAGs"}} for one in ("can_read", "can_edit")]},
        {"name": "analyst", "actions": [{"action": {"name": "can_read"}, "resource": {"name": "DAG:shop"}}]},
    ]
    people = [
        {"username": "ines", "roles": [{"name": "Op"}], "active": True},
        {"username": "ada", "roles": [{"name": "analyst"}], "active": True},
        {"username": "left", "roles": [{"name": "Op"}], "active": False},
    ]
    found = {(row[0], row[2]): row for row in who_may_see(catalog, roles_of_airflow(told), people).rows}
    assert found["ines", "sources"][3:] == ("edit", "app, finance, shop", "")
    assert found["ada", "sources"][1:5] == ("analyst", "sources", "read", "shop")
    assert "raw.customers" in found["ada", "sources"][5]
    assert ("ada", "profit") not in found
    assert found["left", ""][1:] == ("Op (deactivated)", "", "nothing", "", "")
    of_file = {(row[0], row[2]): row for row in who_may_see(catalog, roles_of_file(catalog), []).rows}
    assert of_file["role experimenter", "profit"][4] == "unit_profit"
    assert of_file["role data_protection", "sources"][5] == "", "whoever may see it"
    assert "raw.customers" in of_file["role analyst", "sources"][5]


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("roles/profit/schemas/raw", "read", "profit sees personal data"),
        ("roles/growth/schemas/profit", "read", "growth reads more than its area"),
        ("roles/export/buckets/arrivals", "read", "export sees personal data"),
        ("roles/ingest/buckets/landing", "change", "ingest may delete what has landed"),
        ("roles/transform/buckets/warehouse", "read", "transform has a right to all schemas or all results"),
        ("roles/transform/schemas/gone", "read", "transform: no such place: ['gone']"),
        ("schemas/raw/personal", False, "raw.customers has personal data, raw is not marked so"),
        ("schemas/sales", {"is": "new"}, "schemas: ['sales']"),
    ],
)
def test_a_right_too_many_is_caught(path: str, value: Any, fault: str) -> None:
    assert fault in list(faults(changed(path, value)))


def test_a_right_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValidationError, match="Input should be 'read', 'add' or 'change'"):
        changed("roles/profit/schemas/profit", "admin")


def test_a_new_right_shows_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "load_access", lambda: changed("roles/export/alerts", "publish"))
    assert (
        "| change: bucket exports; read: schemas profit, growth, engagement; publish: topic of alerts | no |" in module.on_aws()
    )
