"""A Trino of this machine in the place of Athena: `make trino`, with a JDK 25 and Maven."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from tests.engines import conftest
from tests.engines.athena_double import AthenaDouble, athena_double
from tests.engines.trino.tables import TrinoTables

from headline.warehouse.athena import engine

# The classpath that Maven has found and the folder of Server.class.
CLASSES = os.environ.get("HEADLINE_TEST_TRINO", "")
OPTIONS = ("-Xmx1500m", "--add-modules", "jdk.incubator.vector", "--sun-misc-unsafe-memory-access=allow")
# It runs for minutes only: the second compiler would take more time than it saves.
FAST = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
READY = "listens at "


@pytest.fixture(scope="session")
def trino(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of Trino, whose S3 and Glue are those of this process."""
    folder = tmp_path_factory.mktemp("trino")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    aws = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    command = [
        str(Path(os.environ["JAVA_HOME"]) / "bin" / "java"),
        *OPTIONS,
        *FAST,
        "-cp",
        CLASSES,
        "Server",
        f"http://{host}:{port}",
    ]
    with (folder / "trino.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
    try:
        assert process.stdout
        address = next((line.removeprefix(READY).strip() for line in process.stdout if line.startswith(READY)), "")
        assert address, (folder / "trino.log").read_text()[-3000:]
        yield address
    finally:
        process.communicate()  # the end of its input ends it
        aws.stop()


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch, trino: str) -> Iterator[AthenaDouble]:
    """Athena behind the connection headline_warehouse, by Trino; local landed files are in a bucket too."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(conftest.CONNECTION))
    monkeypatch.setattr(engine, "landed_rows", conftest.in_bucket(engine.landed_rows))
    with athena_double(lambda _: TrinoTables(trino)) as double:
        yield double
