"""Rules over folders: everything that is there is used, everything that is needed is there, and each fits to the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.repository.written import ROOT, folders, pipelines

from headline.rules import folders as rules
from headline.rules.folders import FolderRule, dag_calls
from headline.rules.report import find_folders
from headline.specs import Catalog, DatabaseIngest, Pipeline, load, load_contract, load_pipeline

FOLDERS = folders()
# What stands in for a source is known under the same name as what it stands in for.
RULES_OF_EXAMPLES = (
    rules.files_belong_to_tables,
    rules.nothing_is_left_to_write,
    rules.extracts_take_rows_without_a_day_along,
    rules.refusals_are_counted,
    rules.it_lands_after_its_inputs,
    rules.columns_have_one_type,
)
CASES = [
    (rule, catalog, pipeline)
    for catalog, pipeline, _ in pipelines()
    for rule in (rules.RULES if pipeline.folder.is_relative_to(ROOT / "include") else RULES_OF_EXAMPLES)
]


@pytest.mark.parametrize(
    ("rule", "catalog", "pipeline"),
    CASES,
    ids=[f"{rule.__name__}: {pipeline.folder.relative_to(ROOT)}" for rule, _, pipeline in CASES],
)
def test_folders_obey(rule: FolderRule, catalog: Catalog, pipeline: Pipeline) -> None:
    assert list(rule(pipeline, catalog)) == []


def test_every_dag_is_a_folder() -> None:
    loaded = {name: path for file in sorted((ROOT / "dags").glob("*.py")) for name, path in dag_calls(file).items()}
    assert len(FOLDERS) >= 6
    assert {folder.name: f"{folder.parent.name}/{folder.name}" for folder in FOLDERS} == loaded


def test_no_folder_lacks_its_spec() -> None:
    assert find_folders() == FOLDERS


SHOP, PROFIT = (load().pipelines[name] for name in ("core_shop", "unit_profit"))


def changed(pipeline: Pipeline, area: str = "", name: str = "", **values: Any) -> Pipeline:
    """The pipeline with other values, in another place."""
    copy = pipeline.model_copy(update=values)
    if area or name:
        copy._folder = copy.folder.parents[1] / (area or copy.area) / (name or copy.id)
    return copy


def without(pipeline: Pipeline, table: str) -> Pipeline:
    copy = pipeline.model_copy(update={"tables": {name: one for name, one in pipeline.tables.items() if name != table}})
    copy.__dict__.pop("outputs", None)  # worked out already, of all tables
    return copy


def unfinished(pipeline: Pipeline, tmp_path: Path) -> Pipeline:
    """A folder as `headline new` leaves it."""
    (tmp_path / "pipeline.yml").write_text('description: "TODO: what it makes."\n')
    copy = pipeline.model_copy()
    copy._folder = tmp_path
    return copy


def retyped(pipeline: Pipeline, tmp_path: Path) -> Pipeline:
    """A copy of its folder in which customer_id is a number."""
    copy = pipeline.model_copy(deep=True)
    for table in copy.tables.values():
        for file in (table.contract_file, *load_contract(table).sql_files.values()):
            text = re.sub(
                r"(?m)^(  customer_id:) (.*)$", r"\1\n    type: bigint\n    description: Their number.", file.read_text()
            )
            (tmp_path / file.name).write_text(text)
        table._folder = tmp_path
    return copy


def with_extract(where: str, tmp_path: Path) -> Pipeline:
    """A copy of the shop in which each extract has this WHERE."""
    for name in {one.extract for one in load().source("shop").ingest.values() if isinstance(one, DatabaseIngest)}:
        (tmp_path / name).write_text(f"select placed_on as ds from orders where {where}")
    copy = load().source("shop").model_copy()
    copy._folder = tmp_path
    return copy


def with_metrics(cause: str, tmp_path: Path) -> Pipeline:
    """A copy of profit's folder whose differences have another cause."""
    (tmp_path / "metrics.yml").write_text(f"causes: {{gifts: [{cause}]}}\n")
    copy = PROFIT.model_copy()
    copy._folder = tmp_path
    return copy


BROKEN: list[tuple[FolderRule, Callable[[Path], Pipeline], str]] = [
    (rules.files_belong_to_tables, lambda _: without(SHOP, "products"), "products.contract.yml belongs to no table"),
    (rules.nothing_is_left_to_write, lambda path: unfinished(SHOP, path), "pipeline.yml: line 1: TODO: what it makes."),
    (
        rules.extracts_take_rows_without_a_day_along,
        lambda path: with_extract("placed_on >= date '{{ start }}'", path),
        "orders.extract.sql: compares with {{ start }} or {{ end }}",
    ),
    (
        rules.refusals_are_counted,
        lambda _: without(SHOP, "shop_coverage"),
        "no table with a coverage reads quarantine.order_lines",
    ),
    (
        rules.reads_exist,
        lambda _: without(SHOP, "customer_changes"),
        "tables.customers.reads: nobody makes core.customer_changes",
    ),
    (rules.names_are_free, lambda _: changed(SHOP, area="growth"), "the id core_shop is taken by core/core_shop"),
    (rules.names_are_free, lambda _: changed(SHOP, name="shop_again"), "core.order_lines is made by core_shop too"),
    (rules.it_lands_after_its_inputs, lambda _: changed(PROFIT, lands_at=SHOP.lands_at), "no later than core_shop"),
    (rules.it_lands_after_its_inputs, lambda _: changed(PROFIT, tier=0), "matters less"),
    (rules.columns_have_one_type, lambda path: retyped(SHOP, path), "customer_id is bigint, but varchar in "),
    (rules.metrics_are_defined, lambda path: with_metrics("raw.gifts", path), "causes.gifts: nobody makes raw.gifts"),
    (rules.somebody_owns_it, lambda _: changed(SHOP, area="beauty"), "nobody owns the area beauty"),
    (
        rules.a_dag_file_loads_it,
        lambda _: changed(SHOP, name="core_sales"),
        'write core_sales = pipeline_dag("core/core_sales") in dags/core.py',
    ),
]


@pytest.mark.parametrize(("rule", "broken", "fault"), BROKEN, ids=[f"{rule.__name__}: {fault}" for rule, _, fault in BROKEN])
def test_a_broken_folder_is_caught(rule: FolderRule, broken: Callable[[Path], Pipeline], fault: str, tmp_path: Path) -> None:
    pipeline = broken(tmp_path)
    catalog = load()
    if rule is rules.reads_exist:  # what the copy lacks must not be found in the original
        catalog = Catalog({**catalog.pipelines, pipeline.id: pipeline})
    assert fault in "\n".join(rule(pipeline, catalog))


def test_every_rule_has_a_broken_folder() -> None:
    assert {rule for rule, _, _ in BROKEN} == set(rules.RULES)


def test_an_extract_that_names_its_days_without_a_comparison_is_none(tmp_path: Path) -> None:
    for where in ("{{ in_interval('placed_on') }}", "true -- from {{ start }} on", "placed_on = date '{{ start }}'"):
        assert list(rules.extracts_take_rows_without_a_day_along(with_extract(where, tmp_path), load())) == []


def test_refusing_without_a_limit_is_caught() -> None:
    pipeline = load_pipeline(ROOT / "include/sql/core/core_shop")
    pipeline.model_fields_set.remove("coverage")
    assert list(rules.refusals_are_counted(pipeline, load())) == [
        "does not state from which coverage a day is complete, and from which partial"
    ]


def test_a_dag_under_another_name_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "core.py"
    file.write_text('from headline.dag import pipeline_dag\n\nshop = pipeline_dag("core/core_shop")\n')
    assert dag_calls(file) == {"shop": "core/core_shop"}
    monkeypatch.setattr(rules, "dags_folder", lambda: tmp_path)
    [fault] = rules.a_dag_file_loads_it(SHOP, load())
    assert fault.startswith("dags/core.py calls it shop: write core_shop = ")
