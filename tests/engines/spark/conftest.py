"""The demo company's landed days on engines that speak Spark Connect, with tables of Iceberg."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tests.engines.spark.servers import Lake, moto, sail, spark
from tests.engines.worlds import clocked, compute, published, unlike
from tests.faults.world import Table, World

pytest.importorskip("pysail", reason="make engines installs it")

ENGINES = {
    "sail": sail,
    "apache": spark,
}
if os.environ.get("HEADLINE_TEST_ALL_ENGINES"):
    ENGINES["sail_two_workers"] = partial(sail, SAIL_MODE="local-cluster", SAIL_CLUSTER__WORKER_INITIAL_COUNT="2")
# The pipeline that is published again and again.
PIPELINE = "core_finance"


@pytest.fixture(scope="session", params=ENGINES)
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> Iterator[Lake]:
    """Tables in S3 and Glue of a server on this machine, and an engine that keeps them there."""
    folder, begun = tmp_path_factory.mktemp("lake"), time.monotonic()
    with moto(folder) as endpoint, ENGINES[request.param](folder, endpoint) as found:
        told.append(f"{found.engine}, to start: {time.monotonic() - begun:.0f} s")
        yield found


@pytest.fixture(scope="session")
def computed(at_first: World, lake: Lake, tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> World:
    """The days on the engine; every pipeline has been planned, transformed, audited and published there."""
    world = at_first.copy(tmp_path_factory.mktemp("computed"))
    with world.entered(**lake.variables("warehouse")), clocked(lake.engine, told):
        compute(world, at_once=2)
    return world


@pytest.fixture
def on_engine(computed: World, lake: Lake) -> Iterator[World]:
    with computed.entered(**lake.variables("warehouse")):
        yield computed


@pytest.fixture
def unlike_duckdb(on_engine: World, expected: dict[str, Table]) -> Callable[[], dict[str, Any]]:
    """Says what one pipeline has published there that DuckDB has not made, by table."""
    return lambda: unlike(published([PIPELINE]), expected, at_least=20)
