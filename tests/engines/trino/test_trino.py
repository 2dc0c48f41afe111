"""Athena's engine on a real Trino with tables of Iceberg in S3 and Glue: the rows of every pipeline are DuckDB's.

Athena is built on Trino and is not it. This shows grammar, types, functions, MERGE, and that Headline reads what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from pyarrow import parquet
from tests.attacks.test_erasure import NAMED, WORDS, erased, found, named
from tests.engines import meanings
from tests.engines.athena_double import AthenaDouble, client
from tests.engines.test_athena import test_every_pipeline_publishes_what_duckdb_publishes  # noqa: F401
from tests.engines.test_athena_flow import (  # noqa: F401
    D1,
    D2,
    D3,
    ORDERS,
    is_right,
    rows,
    shop,
    test_a_crash_between_two_tables_rolls_forward_and_again_nothing_is_published,
    test_a_failed_check_publishes_nothing_and_says_which_rows,
    test_files_with_other_columns_are_read_as_one,
    test_more_days_than_athena_writes_at_once_are_published_in_parts,
    test_upkeep_merges_files_and_forgets_snapshots_of_every_table,
)
from tests.engines.test_athena_removal import customers  # noqa: F401
from tests.engines.trino.conftest import CLASSES
from tests.unit.conftest import Project

from headline import specs
from headline.errors import SpecError
from headline.pipeline.fingerprints import verify_published

# Asked before anything is computed to compare it with.
pytestmark = pytest.mark.skipif(not CLASSES, reason="no Trino: `make trino` brings it where a JDK 25 and Maven are")


def test_expressions_mean_what_duckdb_means_by_them(athena: AthenaDouble) -> None:
    assert meanings.unlike(lambda sql: athena.tables.execute(sql)[1], "athena") == {}


def stored(prefix: str) -> Iterator[list[dict[str, Any]]]:
    """The rows of each Parquet file below a place in the bucket, whether any table has it or not."""
    s3 = client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="tables", Prefix=prefix):
        for one in page["Contents"]:
            if one["Key"].endswith(".parquet"):
                body = s3.get_object(Bucket="tables", Key=one["Key"])["Body"].read()
                yield parquet.read_table(BytesIO(body)).to_pylist()


def test_a_day_that_became_empty_is_emptied_and_no_file_keeps_its_rows(shop: Project, athena: AthenaDouble) -> None:  # noqa: F811
    shop.publish("core_shop", D1, D3)
    assert is_right(shop)
    shop.arrive({D2: []})
    shop.publish("shop", D2)
    shop.publish("core_shop", D1, D3)
    assert rows(shop, "select order_id, amount from core.orders") == [ORDERS[0], ORDERS[2]]
    assert rows(shop, "select ds, amount from core.running_totals") == [(D1, 1), (D2, 1), (D3, 101)]
    with shop.warehouse.session() as session:
        session.change(["delete from core.orders where order_id = 'a'"])
    assert rows(shop, "select order_id from core.orders") == [("c",)]
    assert list(stored("warehouse/core/orders/")) == [[{"ds": D3, "order_id": "c", "amount": 100}]]


def test_no_file_of_any_table_has_an_erased_person(customers: Project) -> None:  # noqa: F811
    assert named(str(list(stored("warehouse/"))), *WORDS, "C123") == [*WORDS, "C123"]
    assert erased(customers) == NAMED
    assert named(str(list(stored("warehouse/"))), *WORDS, "C123") == ["C123"]
    assert found(customers) == []
    assert not verify_published(specs.load().tables.values(), customers.ledger, customers.warehouse).differences


def test_a_statement_that_trino_refuses_is_faulty(shop: Project) -> None:  # noqa: F811
    with pytest.raises(SpecError, match="FUNCTION_NOT_FOUND"):
        rows(shop, "select percentile_cont(1, 0.5) as x from raw.orders")
