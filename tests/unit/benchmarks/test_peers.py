"""The projects that are generated for dbt and SQLMesh, and the comparison of rows; neither tool need be installed."""

from pathlib import Path

import duckdb
import pytest
from benchmarks.deployment import DAGS
from benchmarks.peers import project_dbt, project_sqlmesh
from benchmarks.peers.models import MARKS, PERIOD_DAYS, Model, lookbacks, models, outside, sides
from benchmarks.peers.rows import differences

from headline import specs

PLACE = ("/landing", "2026-01-05", "/peers.duckdb")
PROFIT = ("shop", "finance", "core_shop", "core_finance", "unit_profit", "investor_profit")


@pytest.fixture(scope="module")
def chosen() -> list[Model]:
    return models(DAGS)


def test_every_table_is_a_model_after_those_that_it_reads(chosen: list[Model]) -> None:
    names = [model.name for model in chosen]
    assert sorted(names) == sorted(specs.load().tables)
    makers = {output: model.name for model in chosen for output in model.table.outputs}
    reads = [(makers[read], model.name) for model in chosen for read in model.table.reads if read in makers]
    assert len(reads) > len(names)
    assert all(names.index(read) < names.index(reader) for read, reader in reads if read != reader)


def test_a_new_day_reaches_as_far_back_through_a_table_as_its_inputs_do(chosen: list[Model]) -> None:
    back = lookbacks(specs.load())
    by_name = {model.name: model.table for model in chosen}
    seen = [(model, read, window) for model in chosen for read, window in model.table.reads.items() if read in by_name]
    assert seen
    for model, read, window in seen:
        own = 0 if window.lookahead_days == "all" else window.lookahead_days
        assert back[model.name] >= max(own + back[read], PERIOD_DAYS[by_name[read].period])


def test_only_the_schema_and_thresholds_are_left_out_of_the_checks(chosen: list[Model]) -> None:
    listed = [check for model in chosen for check in model.contract.listed_checks]
    left_out = [check for check in listed if check.type == "schema" or "threshold" in check.body]
    assert sum(len(model.checks) for model in chosen) == len(listed) - len(left_out) > 400


def test_a_project_has_a_file_for_every_table_and_no_mark_of_the_interval(chosen: list[Model], tmp_path: Path) -> None:
    counts = (
        project_dbt.write_project(tmp_path / "dbt", chosen, *PLACE, checks=True),
        project_sqlmesh.write_project(tmp_path / "sqlmesh", chosen, outside(chosen), *PLACE, checks=True),
    )
    assert counts[0] == counts[1] == sum(len(model.checks) for model in chosen)
    tables = [name for name, _ in sides(chosen)] + [model.target for model in chosen if model.views]
    assert {file.stem for file in (tmp_path / "dbt" / "models").glob("*.sql")} == {name.replace(".", "__") for name in tables}
    assert {file.stem for file in (tmp_path / "sqlmesh" / "models").glob("*.sql")} == set(tables)
    texts = {file: file.read_text() for file in tmp_path.rglob("*.*") if file.is_file()}
    assert len(texts) > 2 * len(tables)
    assert not [file for file, text in texts.items() if str(MARKS.start) in text or str(MARKS.end) in text]
    assert not [file for file, text in texts.items() if "landing." in text]


def test_what_the_chosen_pipelines_do_not_make_is_named_once(chosen: list[Model]) -> None:
    assert outside(chosen) == []
    named = [name for name, _, _ in outside(models(PROFIT))]
    assert "core.exposures" in named
    assert not set(named) & {output for model in models(PROFIT) for output in model.table.outputs}


def test_rows_in_another_order_and_type_are_equal_and_one_other_value_or_row_is_found(tmp_path: Path) -> None:
    columns = {"ds": "date", "amount": "decimal(18, 4)", "name": "varchar"}
    contents = {
        "one": "select date '2026-01-01' + i as ds, cast(i as decimal(18, 4)) as amount, null as name from range(3) as t(i)",
        "same": "select date '2026-01-01' + cast(i as int) as ds, i as amount, '' as name from range(3) as t(i) order by i desc",
        "other": "select date '2026-01-01' + i as ds, i + 0.0001 as amount, null as name from range(3) as t(i)",
        "more": "select * from one union all select * from one limit 4",
    }
    with duckdb.connect() as connection:
        for name, query in contents.items():
            (tmp_path / name).mkdir()
            select = query.replace("'' as name", "cast(null as varchar) as name").replace("+ i as ds", "+ cast(i as int) as ds")
            connection.execute(f"create table {name} as {select}")
            connection.execute(f"copy {name} to '{tmp_path}/{name}/core.t.parquet'")
    found = differences({name: tmp_path / name for name in contents}, {"core.t": columns})
    assert [(one.other, one.rows, one.lacking) for one in found] == [("other", (3, 3), (3, 3)), ("more", (3, 4), (0, 1))]
    assert "3 rows in one, 0 of them not in more" in str(found[1])
