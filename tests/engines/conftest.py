"""A stand-in for Athena, and the connection that leads to it."""

import json
from collections.abc import Iterator

import pytest
from tests.engines.athena_double import REGION, AthenaDouble, athena_double

EXTRA = {"region_name": REGION, "work_group": "primary", "location": "s3://tables/warehouse", "lock_timeout": 20}
CONNECTION = {"conn_type": "athena", "login": "testing", "password": "testing", "extra": EXTRA}


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> Iterator[AthenaDouble]:
    """Athena behind the connection headline_warehouse, without tables."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(CONNECTION))
    with athena_double() as double:
        yield double
