"""Each kind of odd record from each kind of source: it is refused by its reason, or read as what it means; the others load."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from airflow.providers.http.hooks.http import HttpHook

from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.sources import database, files, http, stream
from headline.sources.agreed import Agreed
from headline.sources.landing import LandingWriter, Part
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT, UNREAD
from headline.sources.rereading import difference
from headline.specs import DatabaseIngest, FilesIngest, HttpIngest, StreamIngest
from headline.warehouse.duckdb.instance import instance

D1 = date(2026, 3, 1)
ONE = Interval(D1, D1 + DAY)
KINDS = {"id": "text", "quantity": "integer", "amount": "decimal(18, 4)", "day": "date", "at": "timestamp", "name": "text"}
AGREED = Agreed({name: {kind} for name, kind in KINDS.items()}, ids=["id"], key=["id"])
TYPES = {"quantity": "bigint", "amount": "numeric", "day": "date", "at": "timestamptz"}
SOUND: dict[str, Any] = {"quantity": "1", "amount": "5.00", "day": str(D1), "at": f"{D1}T10:00:00Z", "name": "x"}
Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the sources of a test have what they send."""

    folder: Path
    postgres: str
    patch: pytest.MonkeyPatch
    how: dict[str, Any] = field(default_factory=dict)

    def _bytes(self, text: str) -> bytes:
        return text.encode(self.how.get("encoding", "utf-8"), "surrogateescape")

    def _dropped(self, name: str, content: bytes) -> str:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return name

    def csv(self, lines: list[str]) -> Iterator[Part]:
        pattern = self._dropped("table.csv", self._bytes("\n".join([",".join(KINDS), *lines, ""])))
        return files.read(
            FilesIngest(kind="files", connection="headline_datashare", pattern=pattern, format="csv", **self.how), ONE
        )

    def json(self, lines: list[str]) -> Iterator[Part]:
        pattern = self._dropped("lines.json", self._bytes("\n".join([*lines, ""])))
        return files.read(
            FilesIngest(kind="files", connection="headline_datashare", pattern=pattern, format="json", **self.how), ONE
        )

    def parquet(self, rows: list[Row]) -> Iterator[Part]:
        """A file whose columns are all text."""
        return self.parquet_of(pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in KINDS])))

    def parquet_of(self, table: pa.Table) -> Iterator[Part]:
        written = BytesIO()
        pq.write_table(table, written)
        pattern = self._dropped("table.parquet", written.getvalue())
        spec = FilesIngest(kind="files", connection="headline_datashare", pattern=pattern, format="parquet", **self.how)
        return files.read(spec, ONE)

    def stream(self, lines: list[str]) -> Iterator[Part]:
        content = gzip.compress(self._bytes("\n".join([*lines, ""])))
        self._dropped(f"events/arrived={D1}/0830-1.jsonl.gz", content)
        pattern = "events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"
        ingest = StreamIngest(kind="stream", connection="headline_datashare", pattern=pattern, moment="at", **self.how)
        return stream.read(ingest, ONE)

    def http(self, lines: list[str]) -> Iterator[Part]:
        answer = requests.Response()
        answer.status_code, answer.raw = 200, BytesIO(self._bytes('{"data": [' + ",".join(lines) + '], "next": null}'))
        self.patch.setattr(HttpHook, "run", lambda *_, **__: answer)
        page = {"records": "data", "next": "next", "cursor": "cursor", "day": "day"}
        return http.read(HttpIngest(kind="http", connection="headline_api", path="/orders", **page, **self.how), ONE)

    def database(self, rows: list[Row], types: dict[str, str]) -> Iterator[Part]:
        with closing(psycopg2.connect(host=self.postgres, user="postgres")) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            quoted = [name.replace('"', '""') for name in KINDS]
            columns = ", ".join(f'"{name}" {types.get(name, "text")}' for name in quoted)
            cursor.execute(f"drop table if exists odd; create table odd ({columns})")
            for row in rows:
                cursor.execute(f"insert into odd values ({', '.join(['%s'] * len(KINDS))})", [row[name] for name in KINDS])
        (self.folder / "odd.extract.sql").write_text(f"select date '{D1}' as ds, odd.* from odd order by id")
        ingest = DatabaseIngest(kind="database", connection="headline_odd", extract="odd.extract.sql", key=["id"], **self.how)
        return database.read(ingest, self.folder, ONE)


@pytest.fixture
def place(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    extra = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps(extra))
    server = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_ODD", json.dumps(server))
    return Place(tmp_path, postgres, monkeypatch)


def load_of(parts: Iterator[Part], folder: Path, agreed: Agreed = AGREED) -> Load:
    [load] = LandingWriter("odd", "landing.odd", "test", agreed, folder / "landing").write(parts, ONE)
    return load


def landed(parts: Iterator[Part], folder: Path, agreed: Agreed = AGREED) -> list[Row]:
    rows: list[Row] = pq.ParquetFile(load_of(parts, folder, agreed).file.removeprefix("file://")).read().to_pylist()
    return rows


def sent(place: Place, source: str, odd: Row) -> Iterator[Part]:
    """Three records, the second of which is the sound one with these fields."""
    return sent_as(place, source, [{"id": key, **SOUND, **(odd if key == "b" else {})} for key in "abc"])


def sent_as(place: Place, source: str, records: list[Row]) -> Iterator[Part]:
    if source.startswith("database"):
        return place.database(records, TYPES if source == "database" else {})
    if source == "parquet":
        return place.parquet(records)
    if source == "csv":
        quoted = [['"' + str(row[name]).replace('"', '""') + '"' for name in KINDS] for row in records]
        return place.csv([",".join(fields) for fields in quoted])
    written: Callable[[list[str]], Iterator[Part]] = getattr(place, source)
    return written([json.dumps(row, ensure_ascii="encoding" not in place.how) for row in records])


ALL = ("csv", "json", "stream", "http", "parquet", "database of texts", "database")
TEXT_SOURCES = ALL[:-1]
ENCODED = ALL[:4]
# kind: field, what arrives, sources that can send it, the reason
VALUES: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "not a number": ("amount", "NaN", ALL, "invalid_amount"),
    "infinity": ("amount", "Infinity", ALL, "invalid_amount"),
    "a comma for thousands": ("amount", "1,020.00", TEXT_SOURCES, "invalid_amount"),
    "a currency sign": ("amount", "€5.00", TEXT_SOURCES, "invalid_amount"),
    "brackets": ("amount", "(5.00)", TEXT_SOURCES, "invalid_amount"),
    "a sign behind": ("amount", "50.00-", TEXT_SOURCES, "invalid_amount"),
    "an exponent": ("amount", "1e3", TEXT_SOURCES, "invalid_amount"),
    "more decimals than agreed": ("amount", "1.00005", ALL, "invalid_amount"),
    "more digits than agreed": ("amount", "123456789012345.00", ALL, "invalid_amount"),
    "a decimal among integers": ("quantity", "1.5", TEXT_SOURCES, "invalid_quantity"),
    "an integer too large": ("quantity", "99999999999999999999", TEXT_SOURCES, "invalid_quantity"),
    "digits of other scripts": ("quantity", "٣", TEXT_SOURCES, "invalid_quantity"),
    "a leap second": ("at", "2026-03-01T23:59:60Z", TEXT_SOURCES, "invalid_at"),
    "24 o'clock": ("at", "2026-03-01T24:00:00", TEXT_SOURCES, "invalid_at"),
    "a moment without end": ("at", "infinity", ALL, "invalid_at"),
    "a year of five digits": ("at", "12026-03-01 10:00:00", ALL, "invalid_at"),
    "a year before the first": ("at", "0044-03-15 10:00:00 BC", ALL, "invalid_at"),
    "a day that does not exist": ("day", "2026-02-30", TEXT_SOURCES, "invalid_day"),
    "a day without end": ("day", "infinity", ALL, "invalid_day"),
    "a day after the calendar": ("day", "12026-03-01", ALL, "invalid_day"),
}


@pytest.mark.parametrize(
    ("source", "field", "text", "reason"),
    [
        pytest.param(source, field, text, reason, id=f"{kind}, {source}")
        for kind, (field, text, sources, reason) in VALUES.items()
        for source in sources
    ],
)
def test_a_value_that_cannot_be_read_refuses_its_record(place: Place, source: str, field: str, text: str, reason: str) -> None:
    rows = landed(sent(place, source, {field: text}), place.folder)
    odd = [row for row in rows if row[REFUSAL]]
    assert sorted(row["id"] for row in rows if not row[REFUSAL]) == ["a", "c"]
    [(told, arrived, origin)] = [(row[REFUSAL], row[REFUSED_TEXT], row[ORIGIN]) for row in odd]
    assert told == reason
    if source != "database":  # it keeps what can be read of it
        assert [(row[UNREAD], row["name"]) for row in odd] == [(f",{field},", "x")]
    assert arrived.upper().replace("+00", "") in (text.upper(), f"{text.upper()}.000000000") or source == "database"
    assert (
        origin
        == {
            "csv": "table.csv line 3",
            "json": "lines.json line 2",
            "stream": "0830-1.jsonl.gz line 2",
            "http": "/orders page 1 record 2",
            "parquet": "id b",
            "database of texts": "id b",
            "database": "id b",
        }[source]
    )


def double(*values: float | None) -> pa.Array:
    return pa.array(values, pa.float64())


# kind: field, the values of the three records in a type of their own, and what of the second is refused
TYPED: dict[str, tuple[str, pa.Array, str | None]] = {
    "a float": ("amount", double(5.0, 19.99, 5.0), None),
    "a float that is no number": ("amount", double(5.0, float("nan"), 5.0), "nan"),
    "a float without end": ("amount", double(5.0, float("inf"), 5.0), "inf"),
    "a float with too many decimals": ("amount", double(5.0, 0.1 + 0.2, 5.0), "0.30000000000000004"),
    "a float that is small": ("amount", double(5.0, 1e-7, 5.0), "1e-7"),
    "a float that is large": ("amount", double(5.0, 1e20, 5.0), "1e+20"),
    "a float of 16 bits": ("amount", pa.array([5.0, 0.5, 5.0], pa.float32()).cast(pa.float16()), None),
    "a decimal with zeros": ("amount", pa.array(map(Decimal, ("5", "1.500000", "5")), pa.decimal128(20, 6)), None),
    "a decimal with more decimals": ("amount", pa.array(map(Decimal, ("5", "1.000050", "5")), pa.decimal128(20, 6)), "1.000050"),
    "a decimal with more digits": (
        "amount",
        pa.array(map(Decimal, ("5", "1E15", "5")), pa.decimal256(40, 0)),
        "1000000000000000",
    ),
    "an integer as money": ("amount", pa.array([5, 7, 5]), None),
    "an integer that is too much money": ("amount", pa.array([5, 10**15, 5]), "1000000000000000"),
    "an integer that is too large": ("quantity", pa.array([1, 10**11, 1]), "100000000000"),
    "an unsigned integer": ("quantity", pa.array([1, 2**63, 1], pa.uint64()), "9223372036854775808"),
    "a float among integers": ("quantity", double(1.0, 1.5, 1.0), "1.5"),
    "a float for no integer": ("quantity", double(1.0, None, 1.0), None),
    "a decimal among integers": ("quantity", pa.array(map(Decimal, ("1", "1.5", "1")), pa.decimal128(9, 1)), "1.5"),
    "truth for a number": ("quantity", pa.array([None, True, None]), "true"),
    "a moment after the calendar": ("at", pa.array([0, 10**12, 0], pa.timestamp("s")), "1000000000000"),
    "a moment in billionths": ("at", pa.array([0, 1, 0], pa.timestamp("ns")), None),
    "a date after the calendar": ("day", pa.array([0, 10**7, 0], pa.date32()), "29349-01-26"),
    "a number for a date": ("day", pa.array([None, 20260301, None]), "20260301"),
    "bytes for a number": ("amount", pa.array([b"5", b"NaN", b"5"]), "NaN"),
    "bytes that are a text": ("name", pa.array([b"x", "Zo\u00eb".encode(), b"x"]), None),
    "bytes that are none": ("name", pa.array([b"x", b"\xff", b"x"]), "b'\\xff'"),
    "a long text": ("amount", pa.array(["5", "NaN", "5"], pa.large_string()), "NaN"),
    "a text seen from afar": ("amount", pa.array(["5", "NaN", "5"], pa.string_view()), "NaN"),
    "a text by its number": ("amount", pa.array(["5", "NaN", "5"]).dictionary_encode(), "NaN"),
    "a list for a number": ("amount", pa.array([None, [1], None]), "[1]"),
}
READ = (
    'cast(id as varchar), cast(quantity as integer), cast(amount as decimal(18, 4)), cast(day as date), cast("at" as timestamp), '
    "cast(name as varchar)"
)


@pytest.mark.parametrize(("column", "values", "text"), TYPED.values(), ids=TYPED)
def test_a_value_of_a_type_of_its_own_is_held_against_what_is_agreed(
    place: Place, column: str, values: pa.Array, text: str | None
) -> None:
    sound = pa.table({"id": ["a", "b", "c"]} | {name: [SOUND[name]] * 3 for name in KINDS if name not in ("id", column)})
    LandingWriter("odd", "landing.odd", "test", AGREED, place.folder / "landing").write(
        place.parquet_of(sound.append_column(column, values)), ONE
    )
    [file] = (place.folder / "landing").rglob("*.parquet")
    with instance({}) as connection:
        read = connection.execute(f"select {READ} from read_parquet('{file}') where id <> 'b' or {text is None}").fetchall()
    assert len(read) == (3 if text is None else 2)
    if text is None:
        assert REFUSAL not in pq.ParquetFile(file).schema_arrow.names
    else:
        rows = pq.ParquetFile(file).read(["id", REFUSAL, REFUSED_TEXT]).to_pylist()
        odd = [(row["id"], row[REFUSAL], row[REFUSED_TEXT]) for row in rows if row[REFUSAL]]
        [(key, reason, told)] = odd
        assert (key, reason) == ("b", f"invalid_{column}")
        assert text in told


def test_a_typed_moment_without_a_zone_is_at_home_in_that_of_its_source(place: Place) -> None:
    moments = pa.array([datetime(2026, 3, 1, 10), datetime(2026, 7, 1, 10), None], pa.timestamp("ms"))  # noqa: DTZ001 - that is the case
    sound = pa.table({"id": ["a", "b", "c"]} | {name: [SOUND[name]] * 3 for name in KINDS if name not in ("id", "at")})
    rows = landed(
        place.parquet_of(sound.append_column("at", moments)), place.folder, replace(AGREED, zone=ZoneInfo("Europe/Berlin"))
    )
    assert [str(row["at"]) for row in rows] == ["2026-03-01 09:00:00", "2026-07-01 08:00:00", "None"]


@pytest.mark.parametrize("source", ALL[:5])
def test_a_name_in_other_letters_is_the_same_column(place: Place, source: str) -> None:
    """SQL does not tell them apart, so that what it reads was judged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "KINDS", {name.upper(): kind for name, kind in KINDS.items()})
        records = [
            {name: {"ID": key, "AMOUNT": amount}.get(name, SOUND.get(name.lower())) for name in KINDS} for key, amount in ODD
        ]
        rows = landed(sent_as(place, source, records), place.folder)
    assert [(row["ID"], row[REFUSAL]) for row in rows] == [("a", None), ("b", "invalid_AMOUNT"), ("c", None)]


ODD = (("a", "5.00"), ("b", "NaN"), ("c", "5.00"))

SPELLINGS = {
    "an offset": ("at", "2026-03-01T12:00:00+02:00", "2026-03-01 10:00:00", ALL),
    "an offset without colon": ("at", "2026-03-01 05:30:00-0430", "2026-03-01 10:00:00", TEXT_SOURCES),
    "without seconds": ("at", "2026-03-01T10:00Z", "2026-03-01 10:00:00", TEXT_SOURCES),
    "a week and its day": ("at", "2026-W09-7T10:00:00Z", "2026-03-01 10:00:00", TEXT_SOURCES),
    "a day of the year": ("at", "2026-060T10Z", "2026-03-01 10:00:00", TEXT_SOURCES),
    "UTC behind": ("at", "2026-03-01 10:00:00 UTC", "2026-03-01 10:00:00", TEXT_SOURCES),
    "blanks around": ("amount", "\t5.50 ", "5.50", TEXT_SOURCES),
    "zeros at the end": ("amount", "5.5000000", "5.5000000", TEXT_SOURCES),
    "NUL": ("name", "a\0b", "a\ufffdb", ("csv", "json", "stream", "http", "parquet")),
    "half a surrogate": ("name", "a\ud83d", "a\ufffd", ("json", "stream", "http")),
}


@pytest.mark.parametrize(
    ("source", "field", "text", "meant"),
    [
        pytest.param(source, field, text, meant, id=f"{kind}, {source}")
        for kind, (field, text, meant, sources) in SPELLINGS.items()
        for source in sources
    ],
)
def test_what_means_a_value_is_read_as_it(place: Place, source: str, field: str, text: str, meant: str) -> None:
    rows = landed(sent(place, source, {field: text}), place.folder)
    assert all(not row.get(REFUSAL) for row in rows)
    [value] = [row[field] for row in rows if row["id"] == "b"]
    assert str(value).removesuffix("Z").removesuffix("+00:00") == meant


AS_AGREED: dict[str, tuple[dict[str, Any], str, str, str | None, tuple[str, ...]]] = {
    "letters of another encoding": ({"encoding": "cp1252"}, "name", "Zoë pays 5 €", "Zoë pays 5 €", ENCODED),
    "letters of two bytes": ({"encoding": "utf-16"}, "name", "Zoë pays 5 €", "Zoë pays 5 €", ENCODED),
    "a text for null": ({"null_markers": ["n/a"]}, "amount", " n/a", None, TEXT_SOURCES),
    "a text for null in a text": ({"null_markers": ["n/a"]}, "name", "n/a", None, ALL),
    "a decimal comma": ({"decimal_separator": ","}, "amount", "5,50", "5.50", TEXT_SOURCES),
    "a zone of its own": ({"zone": "Europe/Berlin"}, "at", "2026-03-01T10:00:00", "2026-03-01 09:00:00", TEXT_SOURCES),
}


@pytest.mark.parametrize(
    ("source", "how", "column", "text", "meant"),
    [
        pytest.param(source, how, column, text, meant, id=f"{kind}, {source}")
        for kind, (how, column, text, meant, sources) in AS_AGREED.items()
        for source in sources
    ],
)
def test_every_source_is_read_as_its_spec_says(
    place: Place, source: str, how: dict[str, Any], column: str, text: str, meant: str | None
) -> None:
    rows = landed(
        sent(replace(place, how=how), source, {column: text}),
        place.folder,
        replace(
            AGREED,
            zone=ZoneInfo(how.get("zone", "UTC")),
            decimal_separator=how.get("decimal_separator", "."),
            null_markers=how.get("null_markers", []),
        ),
    )
    [row] = [row for row in rows if row["id"] == "b"]
    assert (row[column], row.get(REFUSAL)) == (meant, None)


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("odd", ["73.0", "73.", "1.23E+12", "undefined", "[71]"])
def test_a_whole_number_with_a_point_and_what_says_nothing_are_nobodys_id(place: Place, source: str, odd: str) -> None:
    rows = landed(sent(place, source, {"id": odd}), place.folder)
    assert [(row["id"], row[REFUSAL], row[REFUSED_TEXT]) for row in rows if row[REFUSAL]] == [(odd, "invalid_id", odd)]
    assert sorted(row["id"] for row in rows if not row[REFUSAL]) == ["a", "c"]


@pytest.mark.parametrize("source", ALL)
def test_other_texts_with_a_point_are_ids(place: Place, source: str) -> None:
    rows = landed(sent(place, source, {"id": "v1.0"}), place.folder)
    assert "v1.0" in {row["id"] for row in rows}
    assert all(not row.get(REFUSAL) for row in rows)


@pytest.mark.parametrize("source", ALL)
def test_what_a_later_reading_takes_from_a_day_is_told_by_key(place: Place, source: str) -> None:
    records = [{"id": key, **SOUND} for key in "abcd"]
    before = load_of(sent_as(place, source, records), place.folder)
    moved = records[1] | {"amount": "7.50"}
    refused = records[2] | {"amount": "NaN"}
    after = load_of(sent_as(place, source, [records[0], moved, refused, {**records[0], "id": "e"}]), place.folder)
    found = difference(before, after, ["id"], ["amount"])
    assert str(found) == "1 of 4 records are missing (such as d); amount moved by 12.5 of 20"
    assert found.share > Decimal("0.6")


@pytest.mark.parametrize("source", [source for source in ALL if source != "json"])
def test_a_day_on_which_nothing_was_sent_is_a_day_without_rows(place: Place, source: str) -> None:
    """JSON lines have no header: a file of no bytes may be one that has yet to be written."""
    assert load_of(sent_as(place, source, []), place.folder).row_count == 0


NAMES = {"a quoted one": "a \"b\" 'c'; --", "a long one": "n" * 10_000, "letters of any script": "Größe \u202e"}
NO_NAMES = {"an empty one": "", "blanks": " \t"}


def with_column(place: Place, source: str, name: str) -> Iterator[Part]:
    """Three sound records with one column more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "KINDS", KINDS | {name: "text"})
        return sent_as(place, source, [{"id": key, **SOUND, name: "y"} for key in "abc"])


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_data(place: Place, source: str, name: str) -> None:
    rows = landed(with_column(place, source, name), place.folder)
    assert [(row["id"], row["amount"], row.get(REFUSAL)) for row in rows] == [(key, rows[0]["amount"], None) for key in "abc"]


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES)
def test_a_column_without_a_name_is_left_out(place: Place, source: str, name: str) -> None:
    if source.startswith("database") and not name:
        return  # PostgreSQL knows none
    rows = landed(with_column(place, source, name), place.folder)
    assert [row.keys() & {name} for row in rows] == [set()] * 3


GOOD = json.dumps({"id": "a", **SOUND})
SOUND_LINE = "{},1,5.00,2026-03-01,2026-03-01T10:00:00Z,x"
SOUND_JSON = GOOD.replace('"a"', '"{}"', 1).replace("{", "{{", 1)[:-1] + "}}"
# How a file may hold three records, all of them sound.
FORMS: dict[str, tuple[tuple[str, ...], Callable[[list[str]], list[str]]]] = {
    "a line break was lost": (("json", "stream"), lambda lines: [lines[0] + lines[1] + " ", lines[2]]),
    "a list on a line": (("json", "stream"), lambda lines: [f"[{lines[0]}, {lines[1]}]", lines[2]]),
    "line ends of an old Mac": (("csv", "json", "stream"), lambda lines: ["\r".join(lines)]),
    "line ends of three systems": (("csv", "json", "stream"), lambda lines: [f"{lines[0]}\r\n{lines[1]}\r{lines[2]}\r\n"]),
    "blank lines between": (("csv", "json", "stream"), lambda lines: ["", lines[0], " ", "\r", *lines[1:], ""]),
    "files joined with their byte order marks": (("json", "stream"), lambda lines: [f"\ufeff{line}" for line in lines]),
}


@pytest.mark.parametrize(
    ("source", "written"),
    [pytest.param(source, written, id=f"{kind}, {source}") for kind, (all_of, written) in FORMS.items() for source in all_of],
)
def test_no_record_is_lost_by_how_the_lines_of_a_file_end(
    place: Place, source: str, written: Callable[[list[str]], list[str]]
) -> None:
    line = SOUND_LINE if source == "csv" else SOUND_JSON
    rows = landed(getattr(place, source)(written([line.format(key) for key in "abc"])), place.folder)
    assert [(row["id"], row.get(REFUSAL)) for row in rows] == [("a", None), ("b", None), ("c", None)]


@pytest.mark.parametrize("closing", ["", 'z,1,5.00,2026-03-01,2026-03-01,"y'], ids=["one", "two"])
def test_a_quote_in_a_wrong_place_takes_no_other_line_along(place: Place, closing: str) -> None:
    """It is open to the end of the file, or to the next one in a wrong place."""
    odd = 'q,1,5.00,2026-03-01,2026-03-01,"x'
    lines = [
        SOUND_LINE.format("a"),
        odd,
        *(SOUND_LINE.format(f"m{number}") for number in range(2_500)),
        closing,
        SOUND_LINE.format("b"),
    ]
    parts = place.csv([line for line in lines if line])
    os.utime(place.folder / "table.csv", (0, 0))
    rows = landed(parts, place.folder)
    assert [row["id"] for row in rows if not row[REFUSAL]] == ["a", *(f"m{number}" for number in range(2_500)), "b"]
    told = [(row[REFUSAL], row[REFUSED_TEXT], row[ORIGIN]) for row in rows if row[REFUSAL]]
    assert told == [
        ("unreadable_record", odd, "table.csv line 3"),
        *([("unreadable_record", closing, "table.csv line 2504")] if closing else []),
    ]


@pytest.mark.parametrize("source", TEXT_SOURCES)
@pytest.mark.parametrize("odd", ["\ta7 ", "\u00a0a7", "\ufeffa7"])
def test_an_id_is_told_by_what_is_seen_of_it(place: Place, source: str, odd: str) -> None:
    assert "a7" in {row["id"] for row in landed(sent(place, source, {"id": odd}), place.folder)}


TYPED_IDS: dict[str, tuple[pa.Array, list[str], str | None]] = {
    "numbers": (pa.array([71, None, 72]), ["71", "72"], None),
    "decimals without a fraction": (pa.array([Decimal(71), None, Decimal(72)], pa.decimal128(20, 4)), ["71", "72"], None),
    "decimals with one": (pa.array(map(Decimal, ("71", "72.5", "73")), pa.decimal128(20, 4)), ["71", "73"], "72.5000"),
    "truths": (pa.array([None, True, None]), [], "true"),
    "structures": (pa.array([None, {"id": 71}, None]), [], "{'id': 71}"),
    "lists": (pa.array([None, [71], None]), [], "[71]"),
}


@pytest.mark.parametrize(("ids", "sound", "text"), TYPED_IDS.values(), ids=TYPED_IDS)
def test_an_id_of_a_type_of_its_own_is_a_number_or_nobodys(
    place: Place, ids: pa.Array, sound: list[str], text: str | None
) -> None:
    others = pa.table({name: [SOUND[name]] * 3 for name in KINDS if name != "id"})
    rows = landed(place.parquet_of(others.append_column("id", ids)), place.folder)
    assert [str(row["id"]) for row in rows if row["id"] is not None and not row.get(REFUSAL)] == sound
    assert [row[REFUSED_TEXT] for row in rows if row.get(REFUSAL)] == ([text] if text else [])


OF_POSTGRES = {
    "the last moment of a day": ("time '24:00:00'", "24:00:00"),
    "a long time": ("interval '100000000 years'", "100000000 years"),
    "half a surrogate in JSON": ("'[\"\\ud83d\"]'::json", '["\\ud83d"]'),
    "a range without end": ("daterange('2026-03-01', 'infinity')", "[2026-03-01,infinity)"),
    "days without end": ("array['infinity'::date]", "{infinity}"),
    "bytes": (r"'\xff00'::bytea", r"\xff00"),
    "nothing, in many digits": ("0.00000000::numeric", "0.00000000"),
}


@pytest.mark.parametrize(("value", "text"), OF_POSTGRES.values(), ids=OF_POSTGRES)
def test_no_type_of_a_database_stops_its_source(place: Place, value: str, text: str) -> None:
    (place.folder / "odd.extract.sql").write_text(f"select date '{D1}' as ds, 'a' as id, {value} as name, {value} as amount")
    ingest = DatabaseIngest(kind="database", connection="headline_odd", extract="odd.extract.sql", key=["id"])
    [row] = landed(database.read(ingest, place.folder, ONE), place.folder)
    assert (row["name"], row.get(REFUSAL)) == (text, None if text.startswith("0.0") else "invalid_amount")


RECORDS = {
    "a line that breaks off": (GOOD[:30], ("json", "stream"), "unreadable_record"),
    "no object": ("[1]", ("json", "stream", "http"), "unreadable_record"),
    "an object that says nothing": ("{}", ("json", "stream", "http"), "unreadable_record"),
    "a key twice": (GOOD[:-1] + ', "amount": "7.00"}', ("json", "stream", "http"), "repeated_key"),
    "a key twice in other letters": (GOOD[:-1] + ', "AMOUNT": "7.00"}', ("json", "stream", "http"), "repeated_key"),
    "a key twice within a field": (GOOD[:-1] + ', "more": {"a": 1, "a": 2}}', ("json", "stream", "http"), "repeated_key"),
    "bytes of another encoding": (GOOD.replace('"x"', '"\udce4"'), ("json", "stream", "http"), "unreadable_record"),
    "a field too many": ("a,1,5.00,2026-03-01,2026-03-01,x,y", ("csv",), "wrong_field_count"),
    "a field too few": ("a,1,5.00,2026-03-01,2026-03-01", ("csv",), "wrong_field_count"),
    "bytes of another encoding in a table": ("a,1,5.00,2026-03-01,2026-03-01,\udce4", ("csv",), "unreadable_record"),
}


@pytest.mark.parametrize(
    ("source", "odd", "reason"),
    [
        pytest.param(source, odd, reason, id=f"{kind}, {source}")
        for kind, (odd, sources, reason) in RECORDS.items()
        for source in sources
    ],
)
def test_what_is_no_record_is_refused_by_itself(place: Place, source: str, odd: str, reason: str) -> None:
    sound = "a,1,5.00,2026-03-01,2026-03-01T10:00:00Z,x" if source == "csv" else GOOD
    rows = landed(getattr(place, source)([sound, odd, sound]), place.folder)
    assert sorted(str(row[REFUSAL]) for row in rows) == ["None", "None", reason]
    [(text, origin)] = [(row[REFUSED_TEXT], row[ORIGIN]) for row in rows if row[REFUSAL]]
    assert text
    assert origin.endswith(" line 3" if source == "csv" else " 2")
