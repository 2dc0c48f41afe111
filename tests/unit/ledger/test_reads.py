"""The audit log of readers."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from headline.ledger import Ledger, Read, Reads


def test_readings_are_found_by_reader_and_name_and_never_changed(ledger: Ledger) -> None:
    reads = Reads()
    reads.record(
        Read("ines", "page", ("monthly_net_profit",), "/headline/metrics/monthly_net_profit", 24),
        Read("sanne", "query", ("core.orders", "core.customers"), "select 1", None),
    )
    newest = reads.newest()
    assert [(one.reader, one.row_count) for one in newest] == [("sanne", None), ("ines", 24)]
    assert all(one.read_at for one in newest)
    assert [one.channel for one in reads.newest(reader="ines")] == ["page"]
    assert [one.reader for one in reads.newest(names=["core.orders", "core.products"])] == ["sanne"]
    assert reads.newest(names=["core.products"]) == []
    with pytest.raises(DBAPIError, match="permission denied"), reads._begin() as connection:
        connection.exec_driver_sql("delete from read")


def test_a_channel_that_nobody_knows_is_refused(ledger: Ledger) -> None:
    with pytest.raises(DBAPIError, match="read_by_channel"):
        Reads().record(Read("ines", "fax", ()))  # type: ignore[arg-type]
