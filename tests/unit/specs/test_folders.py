"""The spec of one folder, with its faults."""

from decimal import Decimal
from typing import Any

import pytest
from tests.unit.specs.told import faults_of

from headline import specs
from headline.errors import SpecError
from headline.specs import load_pipeline

PIPELINE = "core/core_shop/pipeline.yml"


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
    assert pipeline.tables["orders"].template_names["coverage"] == pipeline.coverage
    for wrong, complaint in (("0.98}", "above 0.9"), ("1.1}", "less than or equal to 1"), ("1, below: 1}", "unknown key")):
        project.replace(PIPELINE, "complete: 0.99, partial: 0.9}", f"complete: 0.9, partial: {wrong}")
        assert complaint in "\n".join(faults_of(lambda: load_pipeline(folder)))
        project.replace(PIPELINE, f"complete: 0.9, partial: {wrong}", "complete: 0.99, partial: 0.9}")


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
