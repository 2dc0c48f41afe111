"""Apache Spark on this machine: a master, two workers, and a driver that speaks Spark Connect."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.engines.spark.processes import free_port, server

# The folder whose `jars` Maven has filled.
HOME = os.environ.get("HEADLINE_TEST_SPARK", "")
WORKERS = 2
# What Spark's own scripts ask of Java.
_OPENED = (
    *(f"java.{name}" for name in ("lang", "lang.invoke", "lang.reflect", "io", "net", "nio")),
    *(f"java.util{name}" for name in ("", ".concurrent", ".concurrent.atomic")),
    *("jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"),
)
_JAVA = (
    *("--add-modules=jdk.incubator.vector", *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED)),
    *("-Djdk.reflect.useDirectMethodHandle=false", "-Dio.netty.tryReflectionSetAccessible=true"),
)
# For minutes the second compiler would take more time than it saves. Without it Java keeps 48 MB of compiled code, of which Spark
# has more: half of the time would go to compiling what was thrown away.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m", "-Xshare:auto", "-XX:+UseSerialGC")
_DEPLOY = "org.apache.spark.deploy"
_VARIABLES = {"NO_PROXY": "127.0.0.1", "SPARK_HOME": HOME, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_SCALA_VERSION": "2.13"}


@contextmanager
def cluster(
    folder: Path, settings: Mapping[str, str], memory: str = "1g", java: Sequence[str] = (), variables: Mapping[str, str] = {}
) -> Iterator[int]:
    """While it is entered Spark Connect listens on the port that this gives; two executors compute, each of one core.

    `settings`: of Spark, besides those of the cluster. `memory`: of each executor. `java`: options of every Java.
    """
    master, page, port = free_port(), free_port(), free_port()
    address = f"spark://127.0.0.1:{master}"
    with ExitStack() as stack:

        def start(log: str, port: int, arguments: Sequence[str]) -> None:
            stack.enter_context(server(_command(java, arguments), port, folder / log, {**_VARIABLES, **variables}, seconds=90))

        ports = ("--host", "127.0.0.1", "--port", str(master), "--webui-port", str(page))
        start("master.log", page, ["-Dspark.master.rest.enabled=false", f"{_DEPLOY}.master.Master", *ports])
        for number in range(WORKERS):
            worker_page = free_port()
            room = ("--cores", "1", "--memory", memory, "--work-dir", str(folder / f"worker{number}"))
            place = ("--host", "127.0.0.1", "--webui-port", str(worker_page))
            start(f"worker{number}.log", worker_page, [f"{_DEPLOY}.worker.Worker", *place, *room, address])
        _wait_for_workers(page)
        own = {
            "spark.master": address,
            "spark.app.name": "headline",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.executor.memory": memory,
            "spark.executor.extraJavaOptions": " ".join(java),
            "spark.ui.enabled": "false",
            "spark.log.level": "WARN",
            "spark.locality.wait": "0s",
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": str(port),
            "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.shuffle.partitions": str(WORKERS),
        }
        stated = [f"-D{name}={value}" for name, value in (own | dict(settings)).items()]
        start("spark.log", port, ["-Xmx1500m", *stated, "org.apache.spark.sql.connect.service.SparkConnectServer"])
        yield port


def _command(java: Sequence[str], arguments: Sequence[str]) -> list[str]:
    program = str(Path(home) / "bin" / "java") if (home := os.environ.get("JAVA_HOME", "")) else "java"
    return [program, *_JAVA, *java, "-cp", f"{HOME}/jars/*", *arguments]


def _wait_for_workers(page: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/json/") as answer:
            if json.load(answer)["aliveworkers"] == WORKERS:
                return
        assert time.monotonic() < deadline, "the workers do not come to their master"
        time.sleep(0.2)
