"""The audit log of readers."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from headline.connections import lent, variable
from headline.ledger import ERASER, Ledger, Read, Reads, Upkeep, only_read, reading
from headline.ledger.engine import CONNECTION, READER, WRITER, engine
from headline.local.postgres import Postgres


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


def test_a_process_that_only_reads_records_its_readings_all_the_same(
    ledger: Ledger, postgres: str, server_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases = Postgres(server_folder / "postgres").secrets.databases(postgres)
    for conn_id, name in ((READER, "LEDGER_READER"), (CONNECTION, "LEDGER"), (WRITER, "LEDGER")):
        monkeypatch.setenv(variable(conn_id), databases[name])
    monkeypatch.delenv(variable(WRITER))
    for _ in range(2):
        only_read()
        with pytest.raises(DBAPIError, match=r"read-only|permission denied"):
            Reads().record(Read("ines", "query", ()))
        with reading(is_on=False):
            Reads().record(Read("ines", "query", ()))
    assert len(Reads().newest()) == 2


def test_an_erased_person_stands_in_no_query_that_was_recorded(ledger: Ledger, postgres: str, server_folder: Path) -> None:
    Reads().record(Read("ines", "query", ("core.orders",), "select * from core.orders where user_id in ('C12', 'C123')", 1))
    assert Upkeep().count_told("C12") == {"ledger read.detail": 1}
    eraser = Postgres(server_folder / "postgres").secrets.databases(postgres)["LEDGER_ERASER"]
    with lent({ERASER: eraser}):
        Upkeep(ERASER).replace_told("C12", "-000000000000001")
        engine(ERASER).dispose()
    [read] = Reads().newest()
    assert read.detail == "select * from core.orders where user_id in ('-000000000000001', 'C123')"
