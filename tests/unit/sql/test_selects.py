"""A SELECT that is prepared once says for each run what it says where it is rendered, parsed and resolved for that run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlglot

from headline import specs
from headline.errors import SpecError
from headline.intervals import Interval
from headline.pipeline import prepare
from headline.pipeline.names import expected
from headline.specs.folders import placed
from headline.specs.models import Pipeline, Table
from headline.sql import DIALECT, Overlay, Resolution, compile_table, parse, render, resolve, selects, write

TWO_STRETCHES = [Interval(date(2026, 2, 2), date(2026, 2, 4)), Interval(date(2026, 2, 9), date(2026, 2, 16))]
RUN = Interval(date(2026, 2, 2), date(2026, 2, 3))
FILES = sqlglot.parse_one("select * from read_parquet(['a.parquet', 'b.parquet'])", read="duckdb").subquery()


def table_of(folder: Path, sql: str) -> Table:
    (folder / "figures.sql").write_text(sql)
    pipeline = Pipeline(description="Figures by day.", tier=2, lands_at="06:00", tables={"figures": Table(key=["ds"])})
    return placed(pipeline, folder).tables["figures"]


def from_scratch(table: Table, period: Interval, names: dict[str, Resolution]) -> sqlglot.exp.Expr:
    query = parse(render(table.sql_file.read_text(), period.widen(table.period), "here", **table.template_names), "here")
    return same(write(resolve(query, names), DIALECT))


def same(text: str) -> sqlglot.exp.Expr:
    """The text as it is understood, whatever its white space and brackets."""
    tree = sqlglot.parse_one(text, read="duckdb")
    return tree.transform(lambda node: node.this if isinstance(node, sqlglot.exp.Paren) else node)


def test_every_select_of_the_repository_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selects, "_PREPARED", {})
    catalog, compared = specs.load(), 0
    for pipeline in catalog.pipelines.values():
        prepare(pipeline)
        known = len(selects._PREPARED)
        for table in pipeline.ordered_tables:
            names = {
                name: Overlay(one.staging_table, one.columns, TWO_STRETCHES, one.period_column)
                if isinstance(one, Overlay)
                else FILES
                for name, one in expected(pipeline, table, DIALECT).items()
            }
            for period in (RUN, Interval(date(2026, 3, 30), date(2026, 5, 4))):
                assert same(compile_table(table, period, names, DIALECT)) == from_scratch(table, period, names)
                compared += 1
        assert len(selects._PREPARED) == known, "a run must find what was prepared for it"
    assert compared > 60
    assert None not in selects._PREPARED.values(), "a template that computes on its dates is parsed by every run"


def test_a_template_that_computes_on_its_dates_is_rendered_for_each_run(tmp_path: Path) -> None:
    table = table_of(tmp_path, "select cast('{{ start[:7] }}-01' as date) as ds from shop.sales where ds >= '{{ start }}'")
    assert "'2026-02-01'" in compile_table(table, RUN, {}, DIALECT)
    assert "'2026-05-01'" in compile_table(table, Interval(date(2026, 5, 9), date(2026, 5, 10)), {}, DIALECT)


def test_a_template_that_rewrites_its_dates_is_rendered_for_each_run(tmp_path: Path) -> None:
    table = table_of(tmp_path, "select ds from shop.sales where number = '{{ start | replace('-', '') }}'")
    assert "'20260202'" in compile_table(table, RUN, {}, DIALECT)


def test_an_edited_file_is_prepared_anew(tmp_path: Path) -> None:
    table = table_of(tmp_path, "select ds from shop.sales where ds >= '{{ start }}'")
    assert "shop.sales" in compile_table(table, RUN, {}, DIALECT)
    table_of(tmp_path, "select ds from shop.refunds where ds >= '{{ start }}'")
    assert "shop.refunds" in compile_table(table, RUN, {}, DIALECT)


def test_a_broken_query_is_told_with_its_file(tmp_path: Path) -> None:
    table = table_of(tmp_path, "select ds frm shop.sales where")
    with pytest.raises(SpecError, match=r"figures\.sql"):
        compile_table(table, RUN, {}, DIALECT)
