"""Apache Spark on this machine: a master, two workers, and a driver that speaks Spark Connect."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.engines.spark.servers import ALL, BUCKET, CREDENTIALS, Lake, free_port, server
from tests.faults.world import PIPELINES

# The folder whose `jars` Maven has filled.
HOME = os.environ.get("HEADLINE_TEST_SPARK", "")
WORKERS = 2
# All pipelines take it minutes; these are a source and what stands on it.
FEW = ("finance", "core_finance")
# What Spark's own scripts ask of Java, and to start fast rather than to compute fast: these days are few.
_OPENED = (
    *(f"java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio")),
    *(f"java.util{name}" for name in ("", ".concurrent", ".concurrent.atomic")),
    *("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
_FAST = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"
_JAVA = (
    *("--add-modules=jdk.incubator.vector", *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED)),
    *("-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true", *_FAST.split()),
)
_DEPLOY = "org.apache.spark.deploy"


@contextmanager
def spark(folder: Path, aws: str) -> Iterator[Lake]:
    """A cluster of its own on the tables of a Glue catalog; skips the test where there is no Spark."""
    if not HOME:
        pytest.skip("no Apache Spark: `make engines` brings it where Java 17 and Maven are")
    master, page, port = free_port(), free_port(), free_port()
    address = f"spark://127.0.0.1:{master}"
    with ExitStack() as stack:
        ports = ("--host", "127.0.0.1", "--port", str(master), "--webui-port", str(page))
        _start(stack, folder / "master.log", page, ["-Dspark.master.rest.enabled=false", f"{_DEPLOY}.master.Master", *ports])
        for number in range(WORKERS):
            worker_page = free_port()
            room = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / f"worker{number}"))
            place = ("--host", "127.0.0.1", "--webui-port", str(worker_page))
            _start(stack, folder / f"worker{number}.log", worker_page, [f"{_DEPLOY}.worker.Worker", *place, *room, address])
        _wait_for_workers(page)
        settings = [f"-D{name}={value}" for name, value in _settings(aws, address, port).items()]
        driver = ["-Xmx1500m", *settings, "org.apache.spark.sql.connect.service.SparkConnectServer"]
        _start(stack, folder / "spark.log", port, driver)
        yield Lake("Apache Spark", aws, port, pipelines=PIPELINES if ALL else FEW)


def _settings(aws: str, master: str, port: int) -> dict[str, str]:
    catalog = "spark.sql.catalog.glue"
    return {
        "spark.master": master,
        "spark.app.name": "headline",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "1g",
        "spark.executor.extraJavaOptions": _FAST,
        "spark.ui.enabled": "false",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": str(port),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        "spark.sql.shuffle.partitions": str(WORKERS),
        "spark.sql.codegen.wholeStage": "false",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "glue",
        f"{catalog}.warehouse": f"s3://{BUCKET}/warehouse",
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.client.region": CREDENTIALS["AWS_DEFAULT_REGION"],
        f"{catalog}.glue.endpoint": aws,
        f"{catalog}.s3.endpoint": aws,
        f"{catalog}.s3.path-style-access": "true",
    }


def _start(stack: ExitStack, log: Path, port: int, arguments: list[str]) -> None:
    java = [str(Path(home) / "bin" / "java")] if (home := os.environ.get("JAVA_HOME", "")) else ["java"]
    command = [*java, *_JAVA, "-cp", f"{HOME}/jars/*", *arguments]
    variables = CREDENTIALS | {
        "AWS_REGION": CREDENTIALS["AWS_DEFAULT_REGION"],
        "NO_PROXY": "127.0.0.1",
        "SPARK_HOME": HOME,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_SCALA_VERSION": "2.13",
    }
    stack.enter_context(server(command, port, log, variables, seconds=90))


def _wait_for_workers(page: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/") as answer:
            if json.load(answer)["aliveworkers"] == WORKERS:
                return
        assert time.monotonic() < deadline, "the workers do not come to their master"
        time.sleep(0.2)
