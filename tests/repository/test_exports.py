"""Every export of the repository: it may leave, it is a DAG, and its SQL runs on every engine."""

from __future__ import annotations

from datetime import date

import pytest

from headline import specs
from headline.exports.entitled import check_entitled, personal_columns
from headline.exports.result import select_of
from headline.intervals import Interval
from headline.local.dag_files import of_operations
from headline.specs.exports import export_folders, load_export, load_exports, load_receivers
from headline.warehouse import staging_of

NAMES = [folder.name for folder in export_folders()]


def test_no_export_is_faulty_and_each_kind_has_an_example() -> None:
    exports, faults = load_exports()
    assert faults == []
    assert {"dump", "features", "webhook"} <= {one.kind for one in exports}
    assert {one.receiver for one in exports} == set(load_receivers())


@pytest.mark.parametrize("name", NAMES)
def test_an_export_may_leave_and_is_a_dag(name: str) -> None:
    export = load_export(name)
    check_entitled(export, specs.load())
    assert not personal_columns(export, specs.load())
    assert name in of_operations()


@pytest.mark.parametrize("dialect", ["duckdb", "athena", "spark"])
@pytest.mark.parametrize("name", NAMES)
def test_its_sql_can_be_written_for_every_engine(name: str, dialect: str) -> None:
    staging_of(dialect)  # where the dialect is known
    export = load_export(name)
    known = [f"known.{one}" for one in ("labels", *(export.features.landings if export.features else ()))]
    month = Interval(date(2026, 3, 1), date(2026, 4, 1))
    assert "select" in select_of(export, month, dialect, {one: one.replace(".", "_") for one in known}).lower()
