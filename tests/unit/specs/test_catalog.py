"""Specs: everything wrong is told at once, each fault with its file and key."""

from datetime import time
from typing import Any

import pytest
from tests.unit.specs.told import faults_of

from headline import specs
from headline.errors import SpecError

PIPELINE = "core/core_shop/pipeline.yml"


def test_a_sound_repository_loads(project: Any) -> None:
    catalog = specs.load()
    assert set(catalog.pipelines) == {"shop", "core_shop"}
    assert set(catalog.tables) == {"raw.orders", "core.orders", "core.running_totals"}
    core = catalog.pipelines["core_shop"]
    assert [table.name for table in core.ordered_tables] == ["orders", "running_totals"]
    assert set(core.inputs) == {"raw.orders", "calendar.days"}
    assert core.lands_at == time(3)
    assert catalog.table("raw.orders").reads == {"landing.orders": specs.Window()}
    assert catalog.table("core.orders").outputs == ["core.orders", "quarantine.orders"]
    assert catalog.makers["core.orders"].id == "core_shop"


def test_faults_of_all_folders_are_told_together(project: Any) -> None:
    project.replace(PIPELINE, "tier: 1", "tier: 9")
    project.replace("sources/shop/source.yml", "kind: files", "kind: carrier_pigeon")
    faults = faults_of(specs.load)
    assert any(fault.startswith("core/core_shop/pipeline.yml: tier") for fault in faults)
    assert any(fault.startswith("sources/shop/source.yml: ingest.orders") for fault in faults)


def test_a_run_is_not_stopped_by_what_is_wrong_in_another_folder(project: Any) -> None:
    project.write("sources/shop/source.yml", "description: nothing else")
    assert set(specs.load_for("core_shop").pipelines) == {"core_shop"}
    assert any("sources/shop/source.yml: tier" in fault for fault in faults_of(lambda: specs.load_for("shop")))


def test_a_table_that_nobody_makes_is_told(project: Any) -> None:
    project.replace(PIPELINE, "raw.orders:", "raw.oders:")
    assert faults_of(specs.load) == ["core_shop: tables.orders.reads: nobody makes raw.oders"]


def another_pipeline(project: Any, folder: str, table: str, reads: str = "raw.orders") -> None:
    project.write(
        f"{folder}/pipeline.yml",
        f"""
        description: Another pipeline of the repository.
        tier: 2
        lands_at: "03:00"
        tables:
          {table}:
            quarantine: true
            reads:
              {reads}:
        """,
    )
    area = folder.split("/")[0]
    project.write(f"{folder}/{table}.sql", f"select ds, cast(null as varchar) as quarantine_reason from {reads}")
    project.write(f"{folder}/{table}.contract.yml", f"dataset: warehouse/{area}/{table}")


@pytest.mark.parametrize(
    ("folder", "table", "complaint"),
    [
        ("core/other", "running_totals", "core.running_totals is made by"),
        ("profit/other", "orders", "quarantine.orders is made by"),
        ("profit/core_shop", "sales", "the id core_shop is taken by"),
    ],
)
def test_names_taken_twice_are_told(project: Any, folder: str, table: str, complaint: str) -> None:
    another_pipeline(project, folder, table)
    assert any(complaint in fault for fault in faults_of(specs.load))


def test_landings_taken_twice_are_told(project: Any) -> None:
    for old, new in (
        ("source.yml", "source.yml"),
        ("orders.sql", "deliveries.sql"),
        ("orders.contract.yml", "deliveries.contract.yml"),
    ):
        text = (project.sql / "sources/shop" / old).read_text()
        project.write(
            f"sources/other/{new}", text.replace("tables:\n  orders:", "tables:\n  deliveries: {reads: {landing.orders: {}}}")
        )
    assert any("landing.orders is made by" in fault for fault in faults_of(specs.load))


def test_another_pipelines_quarantine_cannot_be_waited_for(project: Any) -> None:
    another_pipeline(project, "profit/other", "sales", reads="quarantine.orders")
    assert faults_of(specs.load) == [
        "other: tables.sales.reads: quarantine.orders holds what core_shop refused; read what it accepted"
    ]


@pytest.mark.parametrize(
    ("zone", "how", "is_held"),
    [
        ("America/New_York", "", True),
        ("Europe/London", ", zone: Europe/Berlin", True),
        ("UTC", "", False),
        ("Asia/Tokyo", "", False),
        ("America/New_York", ", zone: America/New_York", False),
        ("America/New_York", ", moment: at", False),
    ],
)
def test_a_day_whose_evening_is_in_the_next_file_needs_the_moment(
    project: Any, monkeypatch: pytest.MonkeyPatch, zone: str, how: str, is_held: bool
) -> None:
    """Where a reader looks a day ahead and the raw table knows the moment; rates, which have none, are of their date."""
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", zone)
    project.replace("sources/shop/source.yml", "format: csv}", f"format: csv{how}}}")
    project.replace("core/core_shop/pipeline.yml", "raw.orders:", "raw.orders: {lookahead_days: 1}")
    assert specs.load().pipelines, "it has no moment"
    column = "          - {name: at, data_type: timestamp, description: When.}\n"
    contract = "sources/shop/orders.contract.yml"
    project.replace(contract, "columns:\n", f"columns:\n{column.removeprefix('        ')}")
    if not is_held:
        assert specs.load().pipelines
        return
    [fault] = faults_of(specs.load)
    assert fault.startswith(f"shop: ingest.orders: a business day of {zone} ends after the day of ")
    assert fault.endswith("Name the column that tells when a record happened as `moment`")


def test_an_unknown_table_is_told_with_those_that_exist(project: Any) -> None:
    with pytest.raises(SpecError, match=r"no table is called core.oders; there are: core\.orders"):
        specs.load().table("core.oders")
