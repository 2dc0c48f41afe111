"""A store of this machine that answers as S3 does, with an empty landing zone in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

KEYS = {"aws_access_key_id": "a-key", "aws_secret_access_key": "its secret", "region_name": "us-east-1"}


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of moto's server. To import it takes longer than most tests."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def connection(address: str, **more: Any) -> str:
    """The JSON of a connection of the amazon provider."""
    extra = {"region_name": "us-east-1", "endpoint_url": address, **more}
    return json.dumps({"conn_type": "aws", "login": "a-key", "password": "its secret", "extra": extra})


@pytest.fixture
def client(moto: str) -> Iterator[Any]:
    """A client of an S3 that has one bucket, `lake`, which is empty."""
    import boto3
    import requests

    requests.post(f"{moto}/moto-api/reset", timeout=10)
    found = boto3.client("s3", endpoint_url=moto, **KEYS)
    found.create_bucket(Bucket="lake")
    yield found
    found.close()


@pytest.fixture
def landing(moto: str, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> str:
    """The address of the landing zone, which is in the bucket."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LANDING", connection(moto))
    monkeypatch.setenv("HEADLINE_LANDING", "s3://lake/landing")
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    return "s3://lake/landing"


def keys(client: Any) -> list[str]:
    """The keys of all objects in the bucket."""
    return [one["Key"] for one in client.list_objects_v2(Bucket="lake").get("Contents", ())]


def unfinished(client: Any) -> list[str]:
    """The keys of uploads that were begun and neither ended nor removed."""
    return [one["Key"] for one in client.list_multipart_uploads(Bucket="lake").get("Uploads", ())]
