"""Specs: everything wrong is told at once, each fault with its file and key."""

from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from headline import specs
from headline.errors import SpecError
from headline.specs import load_contract, load_pipeline

PIPELINE = "core/core_shop/pipeline.yml"


def faults_of(load: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load()
    return caught.value.faults


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


def test_all_faults_of_a_file_are_told_with_their_keys(project: Any) -> None:
    project.write(
        PIPELINE,
        """
        description: short
        tier: 3
        lands_at: 12:30
        owner: somebody
        tables:
          Orders:
            reads: {orders: {}}
          totals:
            period: year
            reads:
              core.orders: {lookback_days: -1, days_behind: 2}
        """,
    )
    faults = faults_of(lambda: load_pipeline(project.sql / "core/core_shop"))
    assert all(fault.startswith("core/core_shop/pipeline.yml: ") for fault in faults)
    told = {fault.split(": ")[1] for fault in faults}
    assert {"description", "tier", "lands_at", "owner", "tables.totals.period"} <= told
    assert any("tables.Orders" in fault for fault in faults)
    assert any("lookback_days" in fault for fault in faults)
    assert any("days_behind: unknown key" in fault for fault in faults)
    assert any('write the time in quotes: "12:30"' in fault for fault in faults)


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("encoding: base64", "no encoding is called 'base64'"),
        ("encoding: utf-9", "no encoding is called 'utf-9'"),
        ('delimiter: ";;"', "';;' is not one sign within a line"),
        ('delimiter: "\\n"', "is not one sign within a line"),
        ('quote: ","', "delimiter and quote are both ','"),
        ("zone: Berlin", "no time zone is called 'Berlin'"),
        ('decimal_separator: ";"', "decimal_separator"),
    ],
)
def test_how_a_file_is_written_must_be_possible(project: Any, key: str, complaint: str) -> None:
    project.replace("sources/shop/source.yml", "format: csv}", f"format: csv, {key}}}")
    [fault, *others] = faults_of(lambda: load_pipeline(project.sql / "sources/shop"))
    assert not others
    assert complaint in fault


def test_coverage_is_strict_unless_stated_and_in_order(project: Any) -> None:
    folder = project.sql / "core/core_shop"
    assert load_pipeline(folder).coverage == specs.Coverage(complete=Decimal(1), partial=Decimal(1))
    project.replace(PIPELINE, "tier: 1", "tier: 1\ncoverage: {complete: 0.99, partial: 0.9}")
    pipeline = load_pipeline(folder)
    assert pipeline.coverage == specs.Coverage(complete=Decimal("0.99"), partial=Decimal("0.9"))
    assert pipeline.tables["orders"].template_names == {"coverage": pipeline.coverage}
    for wrong, complaint in (("0.98}", "above 0.9"), ("1.1}", "less than or equal to 1"), ("1, below: 1}", "unknown key")):
        project.replace(PIPELINE, "complete: 0.99, partial: 0.9}", f"complete: 0.9, partial: {wrong}")
        assert complaint in "\n".join(faults_of(lambda: load_pipeline(folder)))
        project.replace(PIPELINE, f"complete: 0.9, partial: {wrong}", "complete: 0.99, partial: 0.9}")


def test_faults_of_all_folders_are_told_together(project: Any) -> None:
    project.replace(PIPELINE, "tier: 1", "tier: 9")
    project.replace("sources/shop/source.yml", "kind: files", "kind: carrier_pigeon")
    faults = faults_of(specs.load)
    assert any(fault.startswith("core/core_shop/pipeline.yml: tier") for fault in faults)
    assert any(fault.startswith("sources/shop/source.yml: ingest.orders") for fault in faults)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("description: [unclosed", "not valid YAML: .*line 1"),
        ("", "the file"),
        ("- just\n- a list", "the file"),
    ],
)
def test_a_file_that_is_no_spec_is_told(project: Any, text: str, complaint: str) -> None:
    (project.sql / PIPELINE).write_text(text)
    with pytest.raises(SpecError, match=complaint):
        load_pipeline(project.sql / "core/core_shop")


def test_missing_files_are_told_together(project: Any) -> None:
    for name in ("core/core_shop/orders.sql", "core/core_shop/running_totals.contract.yml"):
        (project.sql / name).unlink()
    assert faults_of(lambda: load_pipeline(project.sql / "core/core_shop")) == [
        "core/core_shop/pipeline.yml: tables.running_totals: the folder has no running_totals.contract.yml",
        "core/core_shop/pipeline.yml: tables.orders: the folder has no orders.sql",
    ]


def test_every_query_of_a_database_is_in_the_folder(project: Any) -> None:
    files = '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv}'
    queries = "{kind: database, connection: headline_x, extract: orders.extract.sql, orphans: orders.orphans.sql}"
    project.replace("sources/shop/source.yml", files, queries)
    assert [fault for fault in faults_of(lambda: load_pipeline(project.sql / "sources/shop")) if ".sql" in fault] == [
        "sources/shop/source.yml: ingest.orders.extract: the folder has no orders.extract.sql",
        "sources/shop/source.yml: ingest.orders.orphans: the folder has no orders.orphans.sql",
    ]


def test_a_folder_without_its_spec_is_told(project: Any) -> None:
    with pytest.raises(SpecError, match=r"pipeline\.yml: cannot be read"):
        load_pipeline(project.sql / "core/nothing")


@pytest.mark.parametrize(
    ("reads", "circle"),
    [
        ("core.running_totals", "core.running_totals → core.orders|core.orders → core.running_totals"),
        ("core.orders", "core.orders → core.orders"),
    ],
)
def test_tables_that_read_each_other_are_told_as_a_circle(project: Any, reads: str, circle: str) -> None:
    project.replace(PIPELINE, "raw.orders:", f"{reads}:")
    with pytest.raises(SpecError, match=f"in a circle: .*({circle})"):
        load_pipeline(project.sql / "core/core_shop")


def test_a_table_that_reads_its_own_quarantine_is_a_circle_too(project: Any) -> None:
    project.replace(PIPELINE, "raw.orders:", "quarantine.orders:")
    with pytest.raises(SpecError, match="in a circle"):
        load_pipeline(project.sql / "core/core_shop")


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


@pytest.mark.parametrize("pattern", ["orders.csv", "records.csv", "{{ reporting_zone }}.csv"])
def test_a_pattern_must_say_which_day_a_file_is_of(project: Any, pattern: str) -> None:
    project.replace("sources/shop/source.yml", "orders_{{ ds }}.csv", pattern)
    [fault] = faults_of(lambda: load_pipeline(project.sql / "sources/shop"))
    assert "ingest.orders.pattern" in fault
    assert "undated: true" in fault
    project.replace("sources/shop/source.yml", "format: csv", "format: csv, day: ordered_on")
    assert load_pipeline(project.sql / "sources/shop").id == "shop"


@pytest.mark.parametrize(
    ("pattern", "is_fit"),
    [
        ("events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz", True),
        ("%Y/%m/%d/%H%M*", True),
        ("events/%Y-%m-%dT%H%M-*.jsonl.gz", False),
        ("events/arrived=%Y-%m-%d/*.jsonl.gz", False),
        ("events/arrived=%Y-%m-%d/%H%M.jsonl.gz", False),
        ("events/%H%M-*.jsonl.gz", False),
    ],
)
def test_a_streams_pattern_must_say_when_a_file_arrived(project: Any, pattern: str, is_fit: bool) -> None:
    fitting = f'{{kind: stream, connection: headline_drop, pattern: "{pattern}", moment: ordered_at}}'
    project.replace(
        "sources/shop/source.yml",
        '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv}',
        fitting,
    )
    if is_fit:
        assert load_pipeline(project.sql / "sources/shop").id == "shop"
    else:
        [fault] = faults_of(lambda: load_pipeline(project.sql / "sources/shop"))
        assert "ingest.orders.pattern: name folder and minute" in fault


def test_lookahead_days_of_a_landing_are_refused_for_nobody_waits_for_them(project: Any) -> None:
    reads = "  orders:\n    reads:\n      landing.orders: {lookahead_days: 1}\n"
    project.replace("sources/shop/source.yml", "  orders:\n", reads)
    [fault] = faults_of(lambda: load_pipeline(project.sql / "sources/shop"))
    assert "tables.orders.reads: landing.orders: lookahead_days is not possible" in fault
    assert "`moment` of the ingest" in fault


def test_a_file_tells_its_day_in_one_way(project: Any) -> None:
    files = '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv}'
    project.replace("sources/shop/source.yml", files, files.replace("format: csv", "format: csv, day: ds, moment: ordered_at"))
    [fault] = faults_of(lambda: load_pipeline(project.sql / "sources/shop"))
    assert "moment is for one file a day" in fault


def test_inputs_have_the_widest_window_that_a_table_asks_for(project: Any) -> None:
    project.replace(
        PIPELINE,
        "core.orders: {lookback_days: all}",
        "core.orders: {lookback_days: all}\n      raw.orders: {lookback_days: 3, lookahead_days: 1}",
    )
    project.replace(PIPELINE, "      raw.orders:\n", "      raw.orders: {lookback_days: 2, lookahead_days: 5}\n")
    assert specs.load().pipelines["core_shop"].inputs["raw.orders"] == specs.Window(lookback_days=3, lookahead_days=5)


def test_an_unknown_table_is_told_with_those_that_exist(project: Any) -> None:
    with pytest.raises(SpecError, match=r"no table is called core.oders; there are: core\.orders"):
        specs.load().table("core.oders")


CONTRACT = "core/core_shop/orders.contract.yml"


def test_all_faults_of_a_contract_are_told(project: Any) -> None:
    project.replace(CONTRACT, "description: Business day., ", "")
    project.replace(CONTRACT, "data_type: varchar, ", "")
    project.replace(CONTRACT, "name: amount", "name: Amount")
    faults = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert [fault.split(": ")[:2] for fault in faults] == [
        ["core_shop/orders.contract.yml", "columns.0.description"],
        ["core_shop/orders.contract.yml", "columns.1.data_type"],
        ["core_shop/orders.contract.yml", "columns.2.name"],
    ]


def test_a_contract_without_checks_is_refused(project: Any) -> None:
    text = (project.sql / CONTRACT).read_text()
    project.write(CONTRACT, text[: text.index("checks:\n")] + "checks: []\n")
    [fault] = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert ": checks:" in fault


@pytest.mark.parametrize(
    ("check", "fault"),
    [
        ("failed_rows: {name: A & B, expression: amount < 0}", "checks.failed_rows.a_b: say the dimension"),
        ("failed_rows: {name: a, attributes: {kind: beauty}, expression: amount < 0}", "checks.failed_rows.a: say the dimension"),
        ("freshness: {column: ds, threshold: {must_be_less_than: 1}}", "checks.freshness: say the dimension"),
        ("failed_rows: {name: a, attributes: {kind: schema}, keys_query: select 1}", "checks.failed_rows.a.keys_query: write"),
    ],
)
def test_a_check_that_is_not_understood_is_refused(project: Any, check: str, fault: str) -> None:
    project.replace(CONTRACT, "duplicate: {columns: [order_id]}", check)
    [found] = faults_of(lambda: load_contract(specs.load().table("core.orders")))
    assert fault in found


def test_a_contract_of_another_table_is_refused(project: Any) -> None:
    project.replace(CONTRACT, "warehouse/core/orders", "warehouse/core/order")
    with pytest.raises(SpecError, match="this file is the contract of warehouse/core/orders"):
        load_contract(specs.load().table("core.orders"))


def test_a_contract_tells_columns_as_sql_and_which_checks_only_warn(project: Any) -> None:
    project.replace(
        CONTRACT,
        "  - duplicate: {columns: [order_id]}",
        "  - row_count: {name: enough rows, threshold: {must_be_greater_than: 9, level: warn}}",
    )
    contract = load_contract(specs.load().table("core.orders"))
    assert contract.ddl(quarantine=True) == "ds date, order_id varchar, amount decimal(18, 4), quarantine_reason varchar"
    assert [(check.path, check.name, check.dimension, check.warns) for check in contract.listed_checks] == [
        ("columns.ds.checks.missing", "missing", "schema", False),
        ("checks.schema", "schema", "schema", False),
        ("checks.row_count.enough_rows", "enough rows", "completeness", True),
        ("checks.failed_rows.raw_core_quarantine", "raw = core + quarantine", "reconciliation", False),
    ]


def test_sources_that_stand_in_for_others_may_leave_contracts_where_they_are(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "sources" / "shop"
    elsewhere.mkdir(parents=True)
    for name in ("source.yml", "orders.sql"):
        (elsewhere / name).write_text((project.sql / "sources/shop" / name).read_text())
    monkeypatch.setenv("HEADLINE_SOURCES", str(tmp_path / "sources"))
    project.forget()
    table = specs.load().table("raw.orders")
    assert table.sql_file == elsewhere / "orders.sql"
    assert load_contract(table).column_names == ["ds", "order_id", "amount"]


def test_a_source_that_nothing_stands_in_for_is_the_original(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "sources"
    elsewhere.mkdir()
    monkeypatch.setenv("HEADLINE_SOURCES", str(elsewhere))
    project.forget()
    assert specs.load().pipelines["shop"].folder == project.sql / "sources" / "shop"
    (elsewhere / "shop").mkdir()
    project.forget()
    assert faults_of(specs.load)
