"""Every pipeline on Athena, by its stand-in: the rows of DuckDB, in few statements, whatever happens in between."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.engines.athena_double import AthenaDouble, client
from tests.engines.conftest import CONNECTION
from tests.engines.worlds import compute, connected, landed, published, unlike
from tests.faults.world import Table, World

from headline.warehouse.athena import engine


@pytest.fixture(scope="module")
def landed_world(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with landed(postgres, tmp_path_factory.mktemp("landed"), "landed_engines") as world:
        yield world


@pytest.fixture(scope="module")
def on_duckdb(landed_world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """What DuckDB publishes."""
    with landed_world.copy(tmp_path_factory.mktemp("duckdb")).entered() as world:
        compute(world)
        return published()


@pytest.fixture
def world(landed_world: World, tmp_path: Path, athena: AthenaDouble, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The landed days, with Athena behind the connection; landed files are in a bucket too."""
    original = engine.landed_rows

    def in_bucket(glue: Any, location: str, files: Mapping[str, Mapping[str, str]]) -> Any:
        s3 = client("s3")
        uploaded = {}
        for file, columns in files.items():
            key = file.split("/landing/")[1]
            s3.upload_file(file.removeprefix("file://"), "tables", f"landing/{key}")
            uploaded[f"s3://tables/landing/{key}"] = columns
        return original(glue, location, uploaded)

    monkeypatch.setattr(engine, "landed_rows", in_bucket)
    with landed_world.copy(tmp_path).entered() as entered:
        connected(monkeypatch, CONNECTION)
        yield entered


def test_every_pipeline_publishes_what_duckdb_publishes(world: World, on_duckdb: dict[str, Table], athena: AthenaDouble) -> None:
    compute(world)
    import collections, re
    from headline.ledger import Statements
    c = collections.Counter()
    with_ = Statements()
    for st in with_._found():
        c[(st.table, st.step)] += 1
    print(sorted(c.items()))
    open("/tmp/h-athena/executed.sql", "w").write("\n;;;;\n".join(athena.executed))
    assert unlike(published(), on_duckdb) == {}
