"""The demo company's landed days on engines that speak Spark Connect, with tables of Iceberg."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tests.engines.spark.cluster import spark
from tests.engines.spark.servers import ALL, Lake, moto, sail
from tests.engines.worlds import compute, published, unlike
from tests.faults.world import PIPELINES, Table, World

pytest.importorskip("pysail", reason="make engines installs it")

ENGINES = {
    "sail": sail,
    "apache": spark,
}
if ALL:
    ENGINES["sail_two_workers"] = partial(sail, SAIL_MODE="local-cluster", SAIL_CLUSTER__WORKER_INITIAL_COUNT="2")
SECONDS = pytest.StashKey[dict[str, float]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SECONDS] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for what, seconds in config.stash[SECONDS].items():
        terminalreporter.write_line(f"{what}: {seconds:.0f} s")


@pytest.fixture(scope="session", params=ENGINES)
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Tables in S3 and Glue of a server on this machine, and an engine that keeps them there."""
    folder, begun = tmp_path_factory.mktemp("lake"), time.monotonic()
    with moto(folder) as endpoint, ENGINES[request.param](folder, endpoint) as found:
        request.config.stash[SECONDS][f"{found.engine}, to start"] = time.monotonic() - begun
        yield found


@pytest.fixture(scope="session")
def computed(request: pytest.FixtureRequest, at_first: World, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The days on the engine; every pipeline has been planned, transformed, audited and published there."""
    world, begun = at_first.copy(tmp_path_factory.mktemp("computed")), time.monotonic()
    with world.entered(**lake.variables("warehouse")):
        compute(world, pipelines=lake.pipelines)
    request.config.stash[SECONDS][f"{lake.engine}, {len(lake.pipelines)} pipelines"] = time.monotonic() - begun
    return world


@pytest.fixture
def on_engine(computed: World, lake: Lake) -> Iterator[World]:
    with computed.entered(**lake.variables("warehouse")):
        yield computed


@pytest.fixture
def unlike_duckdb(on_engine: World, lake: Lake, expected: dict[str, Table]) -> Callable[[], dict[str, Any]]:
    """Says what is published there that DuckDB has not made, by table."""
    few = len(lake.pipelines) < len(PIPELINES)
    return lambda: unlike(published(lake.pipelines), expected, at_least=50 if few else 1000)
