"""The demo company computed by DuckDB and, from the same landed files, by another engine on Iceberg."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from tests.engines.spark.servers import Lake, moto, sail
from tests.faults.world import COMPANY, D1, D3, D5, PIPELINES, World, complete

from headline import specs
from headline.demo import finance_api
from headline.pipeline import ingest

FIRST, LAST = D1, D3


@pytest.fixture(scope="session")
def finance() -> Iterator[int]:
    """Serve the company's expenses; gives the port."""
    with finance_api.server(COMPANY, today=lambda: D5) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        yield service.server_port
        service.shutdown()


@pytest.fixture(scope="session")
def landed(postgres: str, finance: int, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The sources' days have landed, and nothing was computed yet."""
    world = World(tmp_path_factory.mktemp("landed"), postgres, finance, "landed").create()
    world.days_pass(FIRST, LAST)
    with world.entered():
        for pipeline in PIPELINES:
            run = world.run(pipeline, FIRST, LAST)
            for name in run.pipeline.ingest if isinstance(run.pipeline, specs.Source) else ():
                ingest(run, name)
    return world


@pytest.fixture(scope="session")
def on_duckdb(landed: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """All pipelines computed by DuckDB."""
    world = landed.copy(tmp_path_factory.mktemp("duckdb"))
    with world.entered():
        world.complete(PIPELINES, FIRST, LAST)
    return world


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """An engine on Iceberg's tables, in S3 and Glue of a server in this machine."""
    folder = tmp_path_factory.mktemp("lake")
    with moto(folder) as endpoint, sail(folder, endpoint) as found:
        yield found


__all__ = ["complete"]
