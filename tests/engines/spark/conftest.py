"""The demo company's landed days, computed by DuckDB and by Sail, which speaks Spark Connect, on Iceberg's tables."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.engines.spark.servers import Lake, moto, sail
from tests.engines.worlds import compute, landed, published
from tests.faults.world import Table, World

pytest.importorskip("pysail", reason="make engines installs it")


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Tables in S3 and Glue of a server on this machine, and an engine that keeps them there."""
    folder = tmp_path_factory.mktemp("lake")
    with moto(folder) as endpoint, sail(folder, endpoint) as found:
        yield found


@pytest.fixture(scope="session")
def at_first(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two days have landed, and nothing was computed."""
    with landed(postgres, tmp_path_factory.mktemp("landed"), "landed_for_spark") as world:
        yield world


@pytest.fixture(scope="session")
def expected(at_first: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Table]:
    """What DuckDB makes of these days."""
    with at_first.copy(tmp_path_factory.mktemp("on_duckdb")).entered() as world:
        compute(world)
        return published()


@pytest.fixture(scope="session")
def computed(at_first: World, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same days on the other engine; every pipeline has been planned, transformed, audited and published there."""
    world = at_first.copy(tmp_path_factory.mktemp("on_sail"))
    with world.entered(**lake.variables("warehouse")):
        compute(world)
    return world


@pytest.fixture
def on_sail(computed: World, lake: Lake) -> Iterator[World]:
    with computed.entered(**lake.variables("warehouse")):
        yield computed
