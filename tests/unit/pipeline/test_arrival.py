"""What arrives is compared with what was agreed: each kind of change, from each kind of source."""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import empty_ledger

from headline import specs
from headline.drift.proposal import propose
from headline.errors import BadData, SpecError, Transient
from headline.intervals import DAY
from headline.ledger import SchemaChange, SchemaChanges
from headline.pipeline import ingest, write_audit_publish

D1 = date(2026, 3, 1)
D2, D3, D4, D5 = (D1 + DAY * n for n in range(1, 5))
Record = dict[str, Any]
Change = Callable[[Record], Record]

INGEST = {
    "csv": '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.csv", format: csv}',
    "csv of all days": "{kind: files, connection: headline_drop, pattern: orders.csv, format: csv, day: paid_at}",
    "json": '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.json", format: json}',
    "parquet": '{kind: files, connection: headline_drop, pattern: "orders_{{ ds }}.parquet", format: parquet}',
    "parquet of all days": "{kind: files, connection: headline_drop, pattern: orders.parquet, format: parquet, day: paid_at}",
    "stream": '{kind: stream, connection: headline_drop, pattern: "arrived=%Y-%m-%d/%H%M-*.jsonl.gz", moment: paid_at}',
    "http": '{kind: http, connection: headline_api, path: /orders, params: {from: "{{ start }}", to: "{{ end }}"}, '
    "records: data, next: next, cursor: cursor, day: paid_at}",
    "database": "{kind: database, connection: headline_source, extract: orders.extract.sql}",
}
CONTRACT = """
dataset: warehouse/raw/orders
# What the shop sold.
description: One row per order that arrived.
columns:
  - {name: ds, data_type: date, description: Business day., checks: [{missing: }]}
  - name: order_id
    data_type: varchar
    description: Key of the order.  # theirs
  - name: amount
    data_type: decimal
    numeric_precision: 18
    numeric_scale: 4
    description: What was paid.
  - name: paid_at
    data_type: timestamp
    description: When it was paid, UTC.
  - name: channel
    data_type: varchar
    description: "Where it was sold: web or app."
checks:
  - schema:
  - duplicate: {columns: [order_id, channel]}
  - failed_rows:
      name: every order has a channel
      attributes: {kind: schema}
      query: |
        select order_id, channel
        from raw.orders
        where channel is null
"""
# The same, where conventions say the rest.
SHORT_CONTRACT = """
description: One row per order that arrived.
columns:
  ds: Business day.
  order_id: Key of the order.
  amount: What was paid.
  paid_at: When it was paid, UTC.
  channel: "Where it was sold: web or app."
checks:
  every order has a channel: {dimension: schema, expression: channel is null}
"""
TYPES = {Decimal: "numeric(18, 4)", datetime: "timestamp", date: "date", int: "integer"}


def records_of(day: date) -> list[Record]:
    chance = random.Random(day.toordinal())
    return [
        {
            "order_id": f"O-{day.day}{number:03}",
            "amount": Decimal(chance.randrange(100, 9900)) / 100,
            "paid_at": datetime.combine(day, time(0), None) + timedelta(minutes=chance.randrange(1440)),
            "channel": chance.choice(["web", "app"]),
        }
        for number in range(40)
    ]


def text_of(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, date) else value if value is None else str(value)


def written(records: list[Record]) -> list[dict[str, str | None]]:
    return [{name: text_of(value) for name, value in record.items()} for record in records]


@dataclass
class Shop:
    """A source of one kind that has sent three days, and the fourth as somebody changed it."""

    kind: str
    project: Any
    folder: Path
    postgres: str
    served: list[Record]

    def sends(self, records: dict[date, list[Record]]) -> None:
        """What the source has from now on."""
        everything = [record for day in sorted(records) for record in records[day]]
        self.served[:] = written(everything)
        match self.kind:
            case "csv":
                for day, rows in records.items():
                    self._csv(f"orders_{day}.csv", rows)
            case "csv of all days":
                self._csv("orders.csv", everything)
            case "json":
                for day, rows in records.items():
                    (self.folder / f"orders_{day}.json").write_text("".join(f"{json.dumps(row)}\n" for row in written(rows)))
            case "parquet":
                for day, rows in records.items():
                    pq.write_table(pa.Table.from_pylist(rows), self.folder / f"orders_{day}.parquet")
            case "parquet of all days":
                pq.write_table(pa.Table.from_pylist(everything), self.folder / "orders.parquet")
            case "stream":
                for day, rows in records.items():
                    for part in (0, 1):
                        file = self.folder / f"arrived={day}" / f"2{part}00-1.jsonl.gz"
                        file.parent.mkdir(exist_ok=True)
                        lines = "".join(f"{json.dumps(row)}\n" for row in written(rows[part::2]))
                        file.write_bytes(gzip.compress(lines.encode(), mtime=0))
            case "database":
                self._database(everything)

    def _csv(self, name: str, rows: list[Record]) -> None:
        with (self.folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(written(rows))

    def _database(self, rows: list[Record]) -> None:
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = [f'"{name}" {TYPES.get(type(next(row[name] for row in rows if name in row)), "text")}' for name in names]
        self.execute("drop table if exists orders cascade", f"create table orders ({', '.join(columns)})")
        with closing(psycopg2.connect(host=self.postgres, user="postgres")) as server, server, server.cursor() as cursor:
            places = ", ".join(["%s"] * len(names))
            cursor.executemany(f"insert into orders values ({places})", [[row.get(name) for name in names] for row in rows])

    def execute(self, *statements: str) -> None:
        with closing(psycopg2.connect(host=self.postgres, user="postgres")) as server, server, server.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def ingest(self, first: date = D4, last: date | None = None) -> int:
        return ingest(self.project.run("shop", first, last), "orders").changed_count

    def loads(self) -> dict[date, int]:
        return {load.ds: load.row_count for load in self.project.ledger.current_loads("landing.orders")}

    def told(self) -> list[SchemaChange]:
        return [row for row in SchemaChanges().of("landing.orders") if row.changes]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Record]]:
    """An HTTP service that gives what the list holds."""
    served: list[Record] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first, last = (self.path.split(f"{name}=")[1][:10] for name in ("from", "to"))
            known = [one for one in served if "paid_at" in one]
            data = [one for one in known if first <= str(one["paid_at"]) < last or not str(one["paid_at"]).startswith("2026-")]
            body = json.dumps({"data": data if known else served, "next": None}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        connection = {"conn_type": "http", "host": "http://127.0.0.1", "port": server.server_port}
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_API", json.dumps(connection))
        yield served
        server.shutdown()


@pytest.fixture(params=INGEST)
def shop(
    request: pytest.FixtureRequest,
    project: Any,
    postgres: str,
    api: list[Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    """Three days of each kind of source have been loaded."""
    folder = tmp_path / "drop"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{folder}"}}))
    database = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SOURCE", json.dumps(database))
    source = project.sql / "sources" / "shop" / "source.yml"
    lines = [line for line in source.read_text().splitlines() if not line.startswith("  orders: {")]
    project.write("sources/shop/source.yml", "\n".join([*lines, f"  orders: {INGEST[request.param]}\n"]))
    project.write(
        "sources/shop/orders.sql",
        """
        select
            ds,
            cast(order_id as varchar) as order_id,
            cast(amount as decimal(18, 4)) as amount,
            cast(paid_at as timestamp) as paid_at,
            cast(channel as varchar) as channel
        from landing.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    )
    project.write("sources/shop/orders.contract.yml", CONTRACT)
    project.write(
        "sources/shop/orders.extract.sql",
        """
        select cast(paid_at as date) as ds, order_id, amount, paid_at, channel
        from orders
        where paid_at >= timestamp '{{ start }}' and paid_at < timestamp '{{ end }}'
        order by ds, order_id
        """,
    )
    made = Shop(request.param, project, folder, postgres, api)
    made.sends({day: records_of(day) for day in (D1, D2, D3)})
    assert made.ingest(D1, D3) == 3
    return made


def only(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", kinds, indirect=True)


def with_fourth_day(change: Change) -> dict[date, list[Record]]:
    """Four days; where a source keeps all of them together the change is in all of them."""
    return {day: [change(record) for record in records_of(day)] for day in (D1, D2, D3, D4)}


def renamed(old: str, new: str) -> Change:
    return lambda record: {new if name == old else name: value for name, value in record.items()}


def without(column: str) -> Change:
    return lambda record: {name: value for name, value in record.items() if name != column}


def unchanged(record: Record) -> Record:
    return record


# How the records of the fourth day are changed, and the line that must tell it.
HELD: dict[str, tuple[Change, str]] = {
    "removed": (without("channel"), "channel: removed (was text)"),
    "renamed": (renamed("channel", "sold_through"), "channel: removed (was text), perhaps renamed to sold_through (a guess: "),
    "renamed key": (
        renamed("order_id", "order_number"),
        "order_id: removed (was text), perhaps renamed to order_number (a guess: ",
    ),
    "renamed amount": (renamed("amount", "total_amount"), "perhaps renamed to total_amount (a guess: same type"),
    "renamed moment": (renamed("paid_at", "payment_time"), "perhaps renamed to payment_time (a guess: same type"),
    "retyped": (lambda record: record | {"amount": f"EUR {record['amount']}"}, "arrives as text"),
}


def held(shop: Shop, change: Change) -> tuple[str, SchemaChange]:
    """The message with which the fourth day is held, and what is remembered; whatever came is kept and nothing is loaded."""
    before = shop.loads()
    shop.sends(with_fourth_day(change))
    with pytest.raises(BadData) as raised:
        shop.ingest()
    assert shop.loads() == before
    newest = SchemaChanges().newest("landing.orders")
    assert newest is not None
    assert (newest.ds, newest.is_blocking) == (D4, True)
    if newest.file:
        assert newest.file in str(raised.value)
        assert pq.read_metadata(newest.file.removeprefix("file://")).num_rows >= 20
    return str(raised.value), newest


def test_what_is_gone_renamed_or_retyped_holds_the_load(shop: Shop) -> None:
    before = shop.loads()
    for fault, (change, line) in HELD.items():
        message, told = held(shop, change)
        assert line in message.replace("orders.", "")
        assert "headline contract diff raw.orders" in message
        assert f"trigger shop for {D4}" in message
        assert [one.change for one in told.changes] == [fault.split()[0]]
        assert told.file or (shop.kind == "database" and "Nothing arrived" in message)
    assert len(shop.told()) == len(HELD)
    shop.sends(with_fourth_day(unchanged))
    assert shop.ingest() == 1
    assert shop.loads() == before | {D4: 40}
    newest = SchemaChanges().newest("landing.orders")
    assert newest is not None
    assert not newest.is_blocking


def test_an_added_column_is_told_once_and_let_through(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.sends(with_fourth_day(lambda record: record | {"coupon": "SPRING"}))
    shop.ingest()
    assert "coupon: added (text)" in caplog.text.replace("orders.coupon", "coupon")
    [told] = shop.told()
    assert (told.is_blocking, [change.change for change in told.changes]) == (False, ["added"])
    assert shop.loads()[D4] == 40
    caplog.clear()
    shop.sends({day: [record | {"coupon": None} for record in records] for day, records in with_fourth_day(unchanged).items()})
    shop.ingest()
    assert "coupon" not in caplog.text
    assert len(shop.told()) == 1


def test_another_order_of_columns_is_no_change(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.sends(with_fourth_day(lambda record: dict(reversed(record.items()))))
    assert shop.ingest() == 1
    assert shop.told() == []
    assert "WARNING" not in caplog.text


def test_a_run_that_is_repeated_tells_the_same_once(shop: Shop) -> None:
    assert held(shop, without("channel"))[0] == held(shop, without("channel"))[0]
    assert len(shop.told()) == 1


@only("csv", "parquet")
def test_a_range_with_one_such_day_is_held_whole(shop: Shop) -> None:
    change = renamed("channel", "sold_through")
    shop.sends({D3: records_of(D3)} | {day: [change(record) for record in records_of(day)] for day in (D4, D5)})
    with pytest.raises(BadData, match=r"2026-03-04, 40 rows, does not match the schema, nor do 1 more day\(s\) with the same"):
        shop.ingest(D3, D5)
    assert shop.loads().keys() == {D1, D2, D3}


@only("csv", "json", "stream", "http")
def test_a_few_values_of_another_kind_are_no_change_of_the_column(shop: Shop) -> None:
    shop.sends({D4: [record | ({"amount": "about 5"} if n % 3 == 0 else {}) for n, record in enumerate(records_of(D4))]})
    assert shop.ingest() == 1
    assert shop.told() == []


@only("csv", "json", "parquet", "database")
def test_moments_that_lose_their_time_are_retyped(shop: Shop) -> None:
    message, _ = held(shop, lambda record: record | {"paid_at": record["paid_at"].date()})
    assert "paid_at: was timestamp, arrives as date" in message


@only("json", "stream", "http")
def test_a_name_that_changes_in_mid_day_is_noticed(shop: Shop) -> None:
    change = renamed("channel", "sold_through")
    message, _ = held(shop, lambda record: change(record) if record["paid_at"].hour >= 15 else record)
    assert "perhaps renamed to sold_through" in message


@only("csv", "parquet", "database")
def test_a_column_that_came_beside_the_old_one_is_recognised_when_that_goes(shop: Shop) -> None:
    shop.sends(with_fourth_day(lambda record: record | {"sold_through": record["channel"]}))
    shop.ingest()
    change = renamed("channel", "sold_through")
    shop.sends({day: [change(record) for record in records_of(day)] for day in (D1, D2, D3, D4, D5)})
    with pytest.raises(BadData, match=r"channel: removed .* perhaps renamed to (orders\.)?sold_through"):
        shop.ingest(D5)


@only("json")
def test_what_few_records_have_may_be_missing_from_all(shop: Shop) -> None:
    shop.sends({D3: [record if n == 7 else without("channel")(record) for n, record in enumerate(records_of(D3))]})
    shop.ingest(D3)
    shop.sends({D4: [without("channel")(record) for record in records_of(D4)]})
    assert shop.ingest() == 1
    assert shop.told() == []
    run = shop.project.run("shop", D4)
    with shop.project.stage(run) as (_, _, session):
        assert session.query(f"select distinct channel from {session.staging_name('raw.orders')}").rows == [(None,)]


@only("stream")
@pytest.mark.parametrize("is_first", [False, True])
def test_records_that_cannot_be_read_say_nothing_of_columns(shop: Shop, is_first: bool) -> None:
    """A day whose only record has a key twice is refused by that name, and holds no load as if its columns were gone."""
    if is_first:
        empty_ledger(shop.postgres)
    folder = shop.folder / f"arrived={D4}"
    folder.mkdir()
    (folder / "2000-1.jsonl.gz").write_bytes(gzip.compress(b'{"order_id": "a", "amount": "1.00", "amount": "2.00"}\n', mtime=0))
    assert shop.ingest() == 1
    assert shop.told() == []
    shop.project.replace("sources/shop/orders.sql", "as channel", "as channel, headline_refusal as refusal")
    shop.project.replace(
        "sources/shop/orders.contract.yml",
        "columns:\n",
        "columns:\n  - {name: refusal, data_type: varchar, description: Why it was refused.}\n",
    )
    with shop.project.stage(shop.project.run("shop", D4)) as (_, _, session):
        found = session.query(f"select refusal, order_id from {session.staging_name('raw.orders')}").rows
    assert found == [("repeated_key", None)]


@only("csv", "parquet")
def test_a_day_from_before_a_column_was_agreed_on_may_lack_it(shop: Shop) -> None:
    shop.sends({D4: [record | {"coupon": "SPRING"} for record in records_of(D4)]})
    shop.ingest()
    shop.project.replace(
        "sources/shop/orders.sql", "    cast(channel", "    cast(coupon as varchar) as coupon,\n    cast(channel"
    )
    shop.sends({D2: records_of(D2)[:30]})
    assert shop.ingest(D2) == 1
    shop.sends({D5: records_of(D5)})
    with pytest.raises(BadData, match="coupon: removed"):
        shop.ingest(D5)


# what cannot be told apart, and what is none of the source's making


@only("csv")
def test_lines_that_do_not_fit_the_header_are_kept_and_held(shop: Shop) -> None:
    file = shop.folder / f"orders_{D4}.csv"
    lines = [f"O-{n},{n},{D4}T08:00:00,web,50" for n in (1, 2)]
    file.write_text("\n".join(["order_id,amount,paid_at,channel", *lines, ""]))
    told = r"2 of 2 lines do not fit.*: line 2 has 5 fields, the header has 4\).*\n  - field 5: added.*\nWhat arrived is kept"
    with pytest.raises(BadData, match=told) as raised:
        shop.ingest()
    kept = str(raised.value).partition("kept in file://")[2].partition(". ")[0]
    assert pq.read_table(kept, partitioning=None).column("field 5").to_pylist() == ["50", "50"]
    assert D4 not in shop.loads()
    file.write_text("order_id,amount,paid_at,channel\nO-1,1,2026-03-04T08:00:00,web\nO-2,2,2026-03-04T08")
    with pytest.raises(Transient, match="may be still arriving"):
        shop.ingest()


@only("database")
def test_a_query_that_is_wrong_by_itself_stays_a_fault_of_the_files(shop: Shop) -> None:
    shop.project.replace("sources/shop/orders.extract.sql", "channel", "chanel")
    with pytest.raises(SpecError, match='column "chanel" does not exist'):
        shop.ingest()
    assert shop.told() == []


@only("database")
def test_the_columns_of_a_function_are_watched_too(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    function = "create function orders_on(day date) returns table ({}) language sql as 'select {} from orders'"
    names = "order_id, amount, paid_at, channel"
    typed = "order_id text, amount numeric, paid_at timestamp, channel text"
    shop.project.replace("sources/shop/orders.extract.sql", "from orders", "from orders_on(date '{{ start }}')")
    shop.project.replace("sources/shop/orders.extract.sql", "amount,", "cast(amount as numeric(18, 4)) as amount,")
    shop.sends(with_fourth_day(lambda record: record | {"coupon": "SPRING"}))
    shop.execute("drop function if exists orders_on", function.format(typed, names))
    shop.ingest()
    caplog.clear()
    shop.execute("drop function orders_on", function.format(f"{typed}, coupon text", f"{names}, coupon"))
    shop.ingest()
    assert "orders_on.coupon: added (text)" in caplog.text
    assert "orders_on.channel" not in caplog.text
    shop.execute("drop function orders_on", function.format(typed.replace("channel", "sold_through"), names))
    with pytest.raises(BadData, match=r"orders_on\.channel: removed \(was text\), perhaps renamed to orders_on\.sold_through"):
        shop.ingest(D3)


# agreeing to it


@only("parquet")
def test_a_cast_in_the_mapping_agrees_to_another_type(shop: Shop) -> None:
    message, _ = held(shop, lambda record: record | {"channel": 1 if record["channel"] == "web" else 2})
    assert "channel: was text, arrives as integer" in message
    shop.project.replace("sources/shop/orders.sql", "cast(channel as varchar)", "cast(cast(channel as integer) as varchar)")
    assert shop.ingest() == 1


@only("csv", "parquet")
def test_a_new_name_beside_the_old_one_in_a_coalesce_agrees_and_reads_older_days_too(shop: Shop) -> None:
    held(shop, renamed("channel", "sold_through"))
    shop.project.replace("sources/shop/orders.sql", "cast(channel", "cast(coalesce(sold_through, channel)")
    assert shop.ingest() == 1
    found: dict[str, list[Any]] = {}
    for days in [(D3, D3), (D4, D4), (D3, D4)]:
        run = shop.project.run("shop", *days)
        write_audit_publish(run)
        inside = f"ds >= date '{days[0]}' and ds <= date '{days[1]}'"
        rows = shop.project.query(f"select * from raw.orders where channel in ('web', 'app') and {inside}")
        found[str(days)] = sorted(rows)
    alone, other, together = found.values()
    assert alone + other == together
    assert len(together) == 80


@only("parquet", "database")
def test_a_type_that_is_stated_agrees(shop: Shop) -> None:
    held(shop, lambda record: record | {"channel": 1 if record["channel"] == "web" else 2})
    shop.project.replace("sources/shop/source.yml", "orders: {", "orders: {types: {channel: integer}, ")
    assert shop.ingest() == 1


@only("csv", "database")
def test_what_is_proposed_agrees(shop: Shop, tmp_path: Path) -> None:
    shop.project.write("sources/shop/orders.contract.yml", SHORT_CONTRACT)
    held(shop, renamed("channel", "sold_through"))
    proposal = propose(specs.load(), "raw.orders")
    patch = tmp_path / "proposed.patch"
    patch.write_text("".join(f"# {note}\n" for note in proposal.notes) + proposal.diff)
    subprocess.run(["git", "apply", patch], cwd=shop.project.sql, check=True)
    for file in ("orders.sql", "orders.extract.sql"):
        shop.project.replace(f"sources/shop/{file}", "channel", "sold_through")
    assert shop.ingest() == 1
    assert shop.project.publish("shop", D4)["raw.orders"].state == "published"
    assert propose(specs.load(), "raw.orders").changes == []
