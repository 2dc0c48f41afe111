"""What follows from a specification, on the throw-away repository: a source shop and the pipeline core_shop that reads it."""

import shutil
from typing import Any

import pytest

from headline import specs
from headline.runbooks import faults, regenerated
from headline.runbooks.generate import generated_parts
from headline.settings import PROJECT


@pytest.fixture(autouse=True)
def team(project: Any) -> None:
    shutil.copy(PROJECT / "include" / "team.yml", project.sql.parent)


def parts_of(pipeline: str) -> dict[str, str]:
    catalog = specs.load()
    return generated_parts(catalog.pipelines[pipeline], catalog)


def test_facts_say_when_it_must_land_and_who_comes_before_and_after(project: Any) -> None:
    assert "by **02:00 UTC**" in parts_of("shop")["facts"]
    assert "| Downstream | [core_shop](../../core/core_shop/RUNBOOK.md) 03:00 |" in parts_of("shop")["facts"]
    assert "Waits for" not in parts_of("shop")["facts"]
    assert "| Waits for | [shop](../../sources/shop/RUNBOOK.md) 02:00 |" in parts_of("core_shop")["facts"]
    assert "Downstream" not in parts_of("core_shop")["facts"]


def test_owners_are_those_of_the_area(project: Any) -> None:
    owners = specs.load_team().owners["sources"]
    first, second = (specs.load_team().engineer(people[0]).name for people in (owners.primary, owners.secondary))
    assert f"| Owners | {first} (" in parts_of("shop")["facts"]
    assert f"; secondary {second} (" in parts_of("shop")["facts"]
    assert "30 minutes apart" in parts_of("shop")["on call"], "tier 1"


def test_the_procedure_names_the_commands_of_this_pipeline(project: Any) -> None:
    procedure = parts_of("core_shop")["on call"]
    assert "   headline retry core_shop\n" in procedure
    assert "   headline trigger shop core_shop\n" in procedure
    assert "   headline trigger shop\n" in parts_of("shop")["on call"]


def test_checks_of_one_name_stand_in_one_line(project: Any) -> None:
    lines = parts_of("core_shop")["checks"].splitlines()
    assert any(line.startswith("- Schema matches expected structure, `orders`, `running_totals`: **blocks**. ") for line in lines)
    assert any(line.startswith("- raw = core + quarantine, `orders`: **blocks**. ") for line in lines)


def test_a_check_with_a_section_stands_first_and_leads_there(project: Any) -> None:
    text = "## When a check fails\n\n### raw = core + quarantine\n\nLook.\n"
    described = generated_parts(specs.load().pipelines["core_shop"], specs.load(), text)["checks"]
    assert described.splitlines()[0] == "- [raw = core + quarantine](#raw--core--quarantine), `orders`: **blocks**"


def test_a_check_that_warns_stands_last_and_says_so(project: Any) -> None:
    project.replace(
        "core/core_shop/running_totals.contract.yml", "- schema:", "- schema:\n  - row_count: {threshold: {level: warn}}"
    )
    last = parts_of("core_shop")["checks"].splitlines()[-1]
    assert last.startswith("- Row count meets expected threshold, `running_totals`: warns. ")


def test_data_are_described_from_the_source_to_the_target(project: Any) -> None:
    data = parts_of("core_shop")["data"]
    assert "Made by [shop](../../sources/shop/RUNBOOK.md#raworders); read for the day. `ds` date, `order_id` varchar, " in data
    assert "| [orders.sql](orders.sql) | `raw.orders` | `quarantine.orders` |" in data
    assert "| `ds` | date | not null | Business day. |" in data
    assert "One row per day. Key: `ds`. Replaced day by day (`ds`). [Contract](running_totals.contract.yml)" in data
    assert (
        "#### landing.orders\n\nFiles `orders_{{ ds }}.csv` (csv), by the connection `headline_drop`." in parts_of("shop")["data"]
    )


def test_a_new_runbook_is_begun_with_what_follows_and_says_what_is_to_be_written(project: Any) -> None:
    catalog = specs.load()
    pipeline = catalog.pipelines["core_shop"]
    assert list(faults(pipeline, catalog)) == ["is missing: `headline runbooks` begins one"]
    for one in catalog.pipelines.values():
        one.runbook_file.write_text(regenerated(one, catalog))
    assert list(faults(pipeline, catalog)) == [
        f"«{title}» is empty" for title in ("Look at the data", "What can go wrong", "Backfill", "False alarms", "Past incidents")
    ]
    assert regenerated(pipeline, catalog) == pipeline.runbook_file.read_text(), "again changes nothing"
