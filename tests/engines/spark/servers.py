"""Servers that stand in for AWS and for Spark on this machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

BUCKET = "lake"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Lake:
    """Where tables lie, and the Spark Connect endpoint of an engine that keeps them there."""

    aws: str
    port: int
    catalog: str = "glue"

    def variables(self, name: str) -> dict[str, str]:
        """The connection to a warehouse of its own, and what clients of AWS want."""
        extra = {
            "catalog": self.catalog,
            "location": f"s3://{BUCKET}/{name}",
            "snapshots": "glue",
            "comments": False,
            "aws_endpoint_url": self.aws,
            "region_name": CREDENTIALS["AWS_DEFAULT_REGION"],
            "lock_timeout": 60,
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

    def clear(self) -> None:
        """Leave no table and no file."""
        glue, s3 = self.client("glue"), self.client("s3")
        for database in glue.get_databases()["DatabaseList"]:
            for page in glue.get_paginator("get_tables").paginate(DatabaseName=database["Name"]):
                for table in page["TableList"]:
                    glue.delete_table(DatabaseName=database["Name"], Name=table["Name"])
            glue.delete_database(Name=database["Name"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
            if keys := [{"Key": one["Key"]} for one in page.get("Contents", [])]:
                s3.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """S3 and Glue; gives their address."""
    port = free_port()
    with server([sys.executable, str(Path(__file__).parent / "aws.py"), "-p", str(port)], port, folder / "moto.log", CREDENTIALS):
        address = f"http://127.0.0.1:{port}"
        Lake(address, 0).client("s3").create_bucket(Bucket=BUCKET)
        yield address


@contextmanager
def sail(folder: Path, aws: str) -> Iterator[Lake]:
    """Sail, which speaks Spark Connect, on the tables of a Glue catalog."""
    port = free_port()
    catalog = f'[{{type="glue",name="glue",region="us-east-1",endpoint_url="{aws}"}}]'
    variables = CREDENTIALS | {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ENDPOINT": aws,
        "AWS_ALLOW_HTTP": "true",
        "SAIL_CATALOG__LIST": catalog,
        "SAIL_CATALOG__DEFAULT_CATALOG": "glue",
    }
    command = [sys.executable, "-m", "pysail", "spark", "server", "--ip", "127.0.0.1", "--port", str(port)]
    with server(command, port, folder / "sail.log", variables):
        yield Lake(aws, port)


@contextmanager
def server(
    command: list[str], port: int, log: Path, variables: Mapping[str, str], seconds: float = 30
) -> Iterator[subprocess.Popen]:
    """A process that listens on a port for as long as this is entered."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **variables}, cwd=log.parent)
    try:
        deadline = time.monotonic() + seconds
        while True:
            with socket.socket() as tried:
                if not tried.connect_ex(("127.0.0.1", port)):
                    break
            assert process.poll() is None, f"{command[:4]} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[:4]} does not listen after {seconds} s: {log.read_text()[-2000:]}"
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
