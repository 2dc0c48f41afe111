"""Servers that stand in for AWS and for Spark on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from tests.engines.spark.cluster import HOME, QUICK, cluster
from tests.engines.spark.processes import free_port, server

BUCKET = "lake"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Lake:
    """Where tables lie, and the Spark Connect endpoint of an engine that keeps them there.

    `needs`: what its connection has to say besides.
    """

    engine: str
    aws: str
    port: int
    needs: Mapping[str, Any] = field(default_factory=dict)

    def variables(self, name: str) -> dict[str, str]:
        """The connection to a warehouse of its own, and what clients of AWS want."""
        extra = {
            "catalog": "glue",
            "location": f"s3://{BUCKET}/{name}",
            "aws_endpoint_url": self.aws,
            "region_name": CREDENTIALS["AWS_DEFAULT_REGION"],
            "lock_timeout": 600,
            **self.needs,
        }
        connection = {"conn_type": "spark_connect", "host": "127.0.0.1", "port": self.port, "extra": extra}
        return CREDENTIALS | {"AIRFLOW_CONN_HEADLINE_WAREHOUSE": json.dumps(connection)}

    def client(self, service: str) -> Any:
        """A client of boto3."""
        return boto3.client(
            service,
            endpoint_url=self.aws,
            region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """S3 and Glue; gives their address."""
    port = free_port()
    with server([sys.executable, str(Path(__file__).parent / "aws.py"), "-p", str(port)], port, folder / "moto.log", CREDENTIALS):
        address = f"http://127.0.0.1:{port}"
        Lake("", address, 0).client("s3").create_bucket(Bucket=BUCKET)
        yield address


@contextmanager
def sail(folder: Path, aws: str, **settings: str) -> Iterator[Lake]:
    """Sail, which speaks Spark Connect, on the tables of a Glue catalog."""
    port = free_port()
    catalog = f'[{{type="glue",name="glue",region="us-east-1",endpoint_url="{aws}"}}]'
    variables = CREDENTIALS | {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ENDPOINT": aws,
        "AWS_ALLOW_HTTP": "true",
        "SAIL_CATALOG__LIST": catalog,
        "SAIL_CATALOG__DEFAULT_CATALOG": "glue",
        **settings,
    }
    command = [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    with server(command, port, folder / "sail.log", variables):
        yield Lake("Sail with two workers" if settings else "Sail", aws, port, {"snapshots": "glue", "comments": False})


@contextmanager
def spark(folder: Path, aws: str) -> Iterator[Lake]:
    """Apache Spark with two workers on the tables of a Glue catalog; skips the test where there is none."""
    if not HOME:
        pytest.skip("no Apache Spark: `make engines` brings it where Java 17 and Maven are")
    catalog = "spark.sql.catalog.glue"
    settings = {
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "glue",
        f"{catalog}.warehouse": f"s3://{BUCKET}/warehouse",
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.client.region": CREDENTIALS["AWS_DEFAULT_REGION"],
        f"{catalog}.glue.endpoint": aws,
        f"{catalog}.s3.endpoint": aws,
        f"{catalog}.s3.path-style-access": "true",
        f"{catalog}.io.manifest.cache-enabled": "true",
        # To plan fast rather than to compute fast: these days are few, and to compile a statement takes longer than to run it.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.constraintPropagation.enabled": "false",
        "spark.sql.optimizer.dynamicPartitionPruning.enabled": "false",
        "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
        "spark.sql.lightweightPlanChangeValidation": "false",
        # Nobody looks at a plan that is described.
        "spark.sql.ui.explainMode": "simple",
        "spark.sql.maxPlanStringLength": "1000",
    }
    variables = CREDENTIALS | {"AWS_REGION": CREDENTIALS["AWS_DEFAULT_REGION"]}
    with cluster(folder, settings, java=QUICK, variables=variables) as port:
        yield Lake("Apache Spark", aws, port)
