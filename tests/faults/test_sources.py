"""A source that fails: worth another try or not, what the message says, that nothing is lost, and that the next try heals."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest
from sqlalchemy import text
from tests.faults.world import D4, World

from headline import sources
from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient
from headline.ledger import Ledger
from headline.pipeline import ingest
from headline.settings import PROJECT
from headline.sources import database, http
from headline.sources.storage import sha256_of

ANY_EXPENSE = {"expense_id": "E1", "incurred_on": str(D4), "expense_type": "labor", "amount": "1.00", "currency_code": "EUR"}


@pytest.fixture(scope="session")
def complete_loads(undisturbed: World) -> set[tuple[Any, ...]]:
    """What four days bring when nothing goes wrong."""
    with undisturbed.entered():
        return undisturbed.loads()


@pytest.fixture
def world(three_days: World, enter: Callable[[World], World]) -> World:
    """The fourth day is about to be ingested."""
    return enter(three_days)


def failure(world: World, pipeline: str, name: str) -> HeadlineError:
    """How the ingest fails; what had arrived before must stay as it was."""
    loads = world.loads()
    assert len(loads) == 27
    with pytest.raises(HeadlineError) as raised:
        ingest(world.run(pipeline), name)
    assert world.loads() == loads
    return raised.value


def says(error: HeadlineError, *words: str) -> bool:
    """Whether the message has all these words; those that it lacks are shown."""
    lacking = [word for word in words if word not in str(error)]
    assert not lacking, f"{str(error)!r} does not say {lacking}"
    return True


def heals(world: World, complete_loads: set[tuple[Any, ...]], pipeline: str, name: str) -> bool:
    """Whether the next try brings exactly what would have come without the fault."""
    ingest(world.run(pipeline), name)
    expected = {load for load in complete_loads if load[0] == f"landing.{name}"}
    assert len(expected) == 4
    return {load for load in world.loads() if load[0] == f"landing.{name}"} == expected


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# the shop's database


def test_database_refuses_connections(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    nowhere = {"conn_type": "postgres", "host": "127.0.0.1", "port": closed_port(), "login": "postgres", "schema": "shop"}
    with world.entered(AIRFLOW_CONN_HEADLINE_SHOP=json.dumps(nowhere)):
        error = failure(world, "shop", "orders")
    assert type(error) is Transient
    assert says(error, "connection headline_shop", "out of reach", "refused")
    assert heals(world, complete_loads, "shop", "orders")


def test_database_dies_in_mid_stream(world: World, complete_loads: set[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    read = sources.read

    def dying(*arguments: Any) -> Iterator[Any]:
        parts = read(*arguments)
        yield next(parts)
        others = "pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        assert world.in_shop(f"select pg_terminate_backend(pid) from {others}") == [(True,)]
        yield from parts

    with monkeypatch.context() as patch:
        patch.setattr(database, "ROWS_AT_A_TIME", 5)
        patch.setattr(sources, "read", dying)
        error = failure(world, "shop", "orders")
    assert type(error) is Transient
    assert says(error, "connection headline_shop", "terminat")
    assert heals(world, complete_loads, "shop", "orders")


def test_database_without_the_table_that_is_asked_for(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    world.in_shop("alter table orders rename to purchases")
    error = failure(world, "shop", "orders")
    assert isinstance(error, SpecError)
    assert says(error, "shop/orders.extract.sql", 'relation "orders" does not exist')
    world.in_shop("alter table purchases rename to orders")
    assert heals(world, complete_loads, "shop", "orders")


# finance's HTTP service


class Service:
    """An HTTP service that gives one answer after the other, the last one for ever."""

    def __init__(self, answers: Sequence[tuple[int, bytes]], seconds: float = 0, withheld: int = 0) -> None:
        remaining = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                time.sleep(seconds)
                status, body = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + withheld))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return json.dumps({"conn_type": "http", "host": "http://127.0.0.1", "port": self._server.server_port})

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def page(records: Any, following: str | None = None) -> tuple[int, bytes]:
    return 200, json.dumps({"data": records, "next_cursor": following}).encode()


GOOD, MORE = page([ANY_EXPENSE]), page([ANY_EXPENSE], "page-2")
PASSING = {
    "internal error": ([(500, b"oops")], "answered 500"),
    "unavailable on the second page": ([MORE, (503, b"")], "answered 503"),
    "too many requests": ([(429, b"slow down")], "answered 429"),
    "a page for humans": ([(200, b"<html>Down for maintenance</html>")], "no JSON: '<html>Down"),
    "half an answer": ([(200, GOOD[1][:30])], "no JSON"),
    "nothing": ([(200, b"")], "no JSON"),
    "bytes that are no text": ([(200, b"\xff\xfe\x00")], "no JSON"),
}
REFUSED = {
    "who are you": ([(401, b"no such key")], "refused with 401", "no such key"),
    "no such path": ([(404, b"gone")], "refused with 404", "gone"),
    "what do you want": ([(400, b"from must be a day")], "refused with 400", "from must be a day"),
}
CHANGED = {
    "a list alone": ([(200, b"[]")], "no list of records 'data'", "source.yml"),
    "records under another name": ([(200, b'{"items": [], "next_cursor": null}')], "no list of records 'data'", "source.yml"),
    "records that are none": ([page([1, 2])], "no list of records 'data'", "source.yml"),
    "an object instead of a list": ([page({"E1": ANY_EXPENSE})], "no list of records 'data'", "source.yml"),
    "no cursor": ([(200, b'{"data": []}')], "no 'next_cursor'", "source.yml"),
    "pages that repeat": ([MORE], "'page-2' came up again"),
    "pages without end": ([page([ANY_EXPENSE], f"page-{n}") for n in range(50)], "after 20 pages"),
    "another day": (
        [page([ANY_EXPENSE | {"incurred_on": "2020-01-01"}] * 2)],
        "2 of 2",
        "incurred_on",
        "'2020-01-01'",
        "its owner",
    ),
}


@pytest.mark.parametrize(
    ("kind", "answers", "words"),
    [
        pytest.param(kind, answers, words, id=name)
        for kind, cases in ((Transient, PASSING), (BadRequest, REFUSED), (BadData, CHANGED))
        for name, (answers, *words) in cases.items()
    ],
)
def test_service_that_answers_wrongly(
    kind: type[HeadlineError],
    answers: list[tuple[int, bytes]],
    words: list[str],
    three_days: World,
) -> None:
    with Service(answers) as connection, three_days.entered(AIRFLOW_CONN_HEADLINE_FINANCE=connection, HEADLINE_MOST_PAGES="5"):
        error = failure(three_days, "finance", "expenses")
    assert type(error) is kind
    assert says(error, "/expenses", *words)


def test_service_that_hangs_up_or_keeps_silent(
    world: World, complete_loads: set[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.2)
    nobody = json.dumps({"conn_type": "http", "host": "http://127.0.0.1", "port": closed_port()})
    with Service([GOOD], withheld=10) as broken_off, Service([GOOD], seconds=1) as silent:
        for connection in (nobody, broken_off, silent):
            with world.entered(AIRFLOW_CONN_HEADLINE_FINANCE=connection):
                error = failure(world, "finance", "expenses")
            assert type(error) is Transient
            assert says(error, "/expenses", "connection headline_finance", "no answer")
    assert heals(world, complete_loads, "finance", "expenses")


# the data share's files

CUT = {
    "within a line": lambda text: text[: len(text) * 2 // 3],
    "before the first byte": lambda _: "",
    "within a quotation": lambda text: text + '"2026\n',
}


@pytest.mark.parametrize("cut", CUT)
def test_truncated_csv(cut: str, world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    whole = world.rates_file.read_text()
    world.rates_file.write_text(CUT[cut](whole))
    error = failure(world, "finance", "exchange_rates")
    assert type(error) is Transient
    assert says(error, world.rates_file.name, "cannot be read as csv", "still arriving")
    world.rates_file.write_text(whole)
    assert heals(world, complete_loads, "finance", "exchange_rates")


def test_missing_file(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    late = world.rates_file.rename(world.folder / "on-its-way")
    error = failure(world, "finance", "exchange_rates")
    assert type(error) is Transient
    assert says(error, world.rates_file.name, "not there yet", "ask its sender")
    late.rename(world.rates_file)
    assert heals(world, complete_loads, "finance", "exchange_rates")


def test_truncated_parquet(world: World, tmp_path: Path) -> None:
    copytree(PROJECT / "include" / "sql" / "sources", tmp_path / "sources")
    spec = tmp_path / "sources" / "finance" / "source.yml"
    spec.write_text(spec.read_text().replace(".csv", ".parquet").replace("format: csv", "format: parquet"))
    file = world.rates_file.with_suffix(".parquet")
    as_text = pyarrow.csv.ConvertOptions(column_types={"rate_to_reporting": pyarrow.string()})
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(world.rates_file, convert_options=as_text), file)
    whole = file.read_bytes()
    with world.entered(HEADLINE_SOURCES=str(tmp_path / "sources")):
        for part in (whole[: len(whole) // 2], whole[:-1], b""):
            file.write_bytes(part)
            error = failure(world, "finance", "exchange_rates")
            assert type(error) is Transient
            assert says(error, file.name, "cannot be read as Parquet", "still arriving")
        file.write_bytes(whole)
        assert ingest(world.run("finance"), "exchange_rates").row_count == 6


# the app's stream


def micro_batch(world: World) -> Path:
    return sorted((world.folder / "datashare" / "events" / f"arrived={D4}").iterdir())[3]


def test_truncated_micro_batch(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    file = micro_batch(world)
    whole = file.read_bytes()
    for part in (whole[: len(whole) // 2], whole[:-1], b""):
        file.write_bytes(part)
        error = failure(world, "app", "events")
        assert type(error) is Transient
        assert says(error, file.name, "cannot be read as a whole gzip file", "still arriving")
    file.write_bytes(whole)
    assert heals(world, complete_loads, "app", "events")


def test_silent_stream(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    late = micro_batch(world).parent.rename(world.folder / "on-its-way")
    error = failure(world, "app", "events")
    assert type(error) is Transient
    assert says(error, f"no file has arrived on {D4}", "ask the sender")
    late.rename(world.folder / "datashare" / "events" / f"arrived={D4}")
    assert heals(world, complete_loads, "app", "events")


def test_line_that_is_no_record_is_refused_by_itself(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    file = micro_batch(world)
    whole = file.read_bytes()
    file.write_bytes(gzip.compress(gzip.decompress(whole) + b'{"event_id": "half'))
    world.complete(("app", "core_app"))
    [(refusal, text, origin)] = world.query(
        "select refusal, refused_text, refused_origin from raw.events where refusal is not null"
    )
    assert (refusal, text) == ("unreadable_record", '{"event_id": "half')
    assert origin.startswith(f"{file.name} line ")
    assert world.query("select ds from quarantine.events where quarantine_reason = 'unreadable_record'") == [(D4,)]
    file.write_bytes(whole)
    assert heals(world, complete_loads, "app", "events")


# files that are whole and wrong


@pytest.mark.parametrize("rate", ["about 1", "-1", "0", "NaN", ""])
def test_a_rate_that_cannot_be_used_holds_only_what_needs_it(world: World, rate: str) -> None:
    """Here nothing needs it: expenses are in other currencies."""
    whole = world.rates_file.read_text()
    *others, last = whole.splitlines()
    day, currency, _ = last.split(",")
    world.rates_file.write_text("\n".join([*others, f"{day},{currency},{rate}", f"{day},QQQ,1", f"{day},QQQ,2", ""]))
    world.complete(("finance", "core_finance"))
    rates = {code for (code,) in world.query(f"select currency_code from core.exchange_rates where ds = date '{D4}'")}
    assert len(rates) == len(others) - 1  # the header is no rate
    assert not {currency, "QQQ"} & rates
    found = {one.check_name: one.outcome for one in Ledger().latest_audits(["raw.exchange_rates"])}
    assert found["every rate can be used"] == "warned"
    world.rates_file.write_text(whole)
    world.complete(("finance", "core_finance"))
    assert world.query(f"select 1 from core.exchange_rates where ds = date '{D4}' and currency_code = '{currency}'")


# several landings in one task


def test_a_landing_that_fails_keeps_no_other_from_being_recorded(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    with (
        Service([(503, b"")]) as connection,
        world.entered(AIRFLOW_CONN_HEADLINE_FINANCE=connection),
        pytest.raises(HeadlineError) as raised,
    ):
        ingest(world.run("finance"))
    assert type(raised.value) is Transient
    assert says(raised.value, "landing.expenses: /expenses", "answered 503")
    arrived = {name for name, ds, *_ in world.loads() if ds == D4}
    assert arrived == {"landing.exchange_rates"}
    done = {one.landing: one.changed_count for one in ingest(world.run("finance"))}
    assert done == {"landing.expenses": 1, "landing.exchange_rates": 0}
    expected = {load for load in complete_loads if load[0] in done}
    assert {load for load in world.loads() if load[0] in done} == expected


def test_where_several_landings_fail_all_are_named_and_what_a_retry_cures_decides(world: World) -> None:
    loads = world.loads()
    world.rates_file.write_text("ds,currency_code\n1,2,3\n1,2,3\n")
    with (
        Service([(503, b"")]) as connection,
        world.entered(AIRFLOW_CONN_HEADLINE_FINANCE=connection),
        pytest.raises(HeadlineError) as raised,
    ):
        ingest(world.run("finance"))
    assert type(raised.value) is Transient
    assert says(raised.value, "2 of 2 landings", "landing.expenses: /expenses", "landing.exchange_rates: what arrived for")
    assert world.loads() == loads
    world.in_shop("alter table orders rename to purchases")
    with pytest.raises(SpecError) as refused:
        ingest(world.run("shop"))
    assert says(refused.value, "landing.orders: shop/orders.extract.sql", "the other", "have been recorded")
    assert {name for name, ds, *_ in world.loads() if ds == D4} >= {"landing.products", "landing.customers"}


def test_the_landings_of_a_database_are_read_through_one_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    opened: list[Any] = []
    connect = PostgresHook.get_conn

    def counted(hook: Any) -> Any:
        opened.append(connect(hook))
        return opened[-1]

    monkeypatch.setattr(PostgresHook, "get_conn", counted)
    done = ingest(world.run("shop"))
    assert [one.landing for one in done] == [f"landing.{name}" for name in world.run("shop").pipeline.ingest]  # type: ignore[attr-defined]
    assert len(done) == 5
    assert [connection.closed for connection in opened] == [True]


def test_the_same_rows_in_another_order_are_no_new_version(world: World, complete_loads: set[tuple[Any, ...]]) -> None:
    header, *lines = world.rates_file.read_text().splitlines(keepends=True)
    assert len(lines) > 1
    assert ingest(world.run("finance"), "exchange_rates").changed_count == 1
    loads = world.loads()
    world.rates_file.write_text(header + "".join(reversed(lines)))
    assert ingest(world.run("finance"), "exchange_rates").changed_count == 0
    assert world.loads() == loads


def test_loads_from_before_content_was_compared_are_no_new_versions(world: World) -> None:
    """Such a ledger holds the SHA-256 of each file."""
    ledger = world.run("shop").ledger
    assert sum(one.changed_count for one in ingest(world.run("shop"))) >= 5
    with ledger._begin() as connection:
        connection.exec_driver_sql("set local session_replication_role = replica")  # history is kept by a trigger
        for file, checksum in connection.exec_driver_sql("select file, checksum from load").all():
            old = {"old": sha256_of(Path(file.removeprefix("file://"))), "new": checksum, "file": file}
            connection.execute(text("update load set checksum = :old where file = :file"), old)
            connection.execute(text("update period_state set fingerprint = :old where fingerprint = :new"), old)
    before = world.loads()
    assert {len(checksum) for *_, checksum in before} == {64}
    done = ingest(world.run("shop"))
    assert sum(one.file_count for one in done) == 14
    assert sum(one.changed_count for one in done) == 0
    assert world.loads() == before
    assert world.kept() == []
