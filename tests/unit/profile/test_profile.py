"""What `headline profile` sees of a file, what it leaves open, and that its mapping reads the file as it says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from headline import cli
from headline.errors import BadData, BadRequest
from headline.profile.look import look_at
from headline.profile.mapping import raw_names, write_mapping
from headline.profile.result import Profile, profile
from headline.rules.content import content_faults
from headline.specs import Source, load_pipeline, load_understood

PRICES = """\
Artikel-Nr;Stückpreis;Menge;Datum;Hinweis;Währung;Aktiv
007;12,50;3;13.11.2026;-;EUR;true
008;1,5;4;14.11.2026;Größe;USD;false
009;;5;15.11.2026;n/a;EUR;true
"""


@pytest.fixture
def seen(tmp_path: Path) -> Callable[..., Profile]:
    """What is found in a file of this content and name."""

    def look(content: str | bytes, name: str = "shop.csv") -> Profile:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return profile(look_at(file))

    return look


def types(found: Profile) -> dict[str, str]:
    return {one.name: one.type for one in found.columns}


def doubts(found: Profile, name: str) -> str:
    return "; ".join(next(one for one in found.columns if one.name == name).doubts)


def test_a_file_of_a_spreadsheet(seen: Callable[..., Profile]) -> None:
    found = seen(PRICES.encode("cp1252"), "Preise_2026-11-15.csv")
    assert (found.written.encoding, found.written.delimiter, found.decimal_separator) == ("cp1252", ";", ",")
    assert "as cp1252 DF is ß" in found.written.doubts["encoding"]
    assert found.written.pattern == "Preise_{{ ds }}.csv"
    assert list(types(found).values()) == ["varchar", "decimal(18, 4)", "integer", "date", "varchar", "varchar", "boolean"]
    assert "begin with zeros" in doubts(found, "Artikel-Nr")
    assert [one.name for one in found.currency_codes] == ["Währung"]
    assert found.null_markers == {"-": ["Hinweis"], "n/a": ["Hinweis"]}
    assert list(raw_names(found).values()) == [
        "artikel_nr",
        "stuckpreis_amount",
        "menge",
        "datum",
        "hinweis",
        "wahrung",
        "is_aktiv",
    ]
    assert ("Artikel-Nr",) in found.keys
    assert next(one.column.nulls for one in found.columns if one.name == "Stückpreis") == 1


@pytest.mark.parametrize(
    ("values", "type_", "doubt"),
    [
        (["1", "2", "3"], "integer", ""),
        (["1", "2", "3000000000"], "bigint", ""),
        (["1.5", "2", "3.0001"], "decimal(18, 4)", ""),
        (["0.30000001", "2", "3"], "decimal(18, 8)", ""),
        (["1", "2", "three"], "varchar", "2 of 3 values are integer, not so 'three'"),
        (["C7", "536379", "536380"], "varchar", "not so 'C7'"),
        (["01", "02", "03"], "varchar", "begin with zeros"),
        (["2026-01-05", "2026-01-06", "2026-W03-1"], "date", ""),
        (["2026-01-05 10:00", "2026-01-06T11:00:00", "2026-01-07 12:00"], "timestamp", "no offset"),
        (["2026-01-05T10:00:00Z", "2026-01-06T11:00:00+02:00", "2026-01-07T12:00:00Z"], "timestamp", ""),
        (["01/02/2026", "03/04/2026", "05/06/2026"], "date", "%d/%m/%Y or as %m/%d/%Y: which of them, no value tells"),
        (["13/02/2026", "03/04/2026", "05/06/2026"], "date", ""),
        (["19970101", "19970102", "19970103"], "date", "whole numbers or days"),
        (["true", "FALSE", "true"], "boolean", ""),
        (["", "", ""], "varchar", "empty in every row"),
        (['"1,234"', '"2,500"', '"3,000"'], "varchar", "1,234 may be a thousand"),
    ],
)
def test_the_type_that_fits_and_what_is_left_open(
    seen: Callable[..., Profile], values: list[str], type_: str, doubt: str
) -> None:
    found = seen("key,value\n" + "".join(f"k{number},{value}\n" for number, value in enumerate(values)))
    assert types(found)["value"] == type_
    assert doubt in doubts(found, "value")
    assert bool(doubts(found, "value")) == bool(doubt)


def test_one_odd_amount_makes_no_other_column(seen: Callable[..., Profile]) -> None:
    found = seen("key,price\n" + "".join(f"{number},{number}.25\n" for number in range(200)) + "200,broken\n")
    assert types(found)["price"] == "decimal(18, 4)"
    assert doubts(found, "price") == "1 of 201 values are not of this type, such as 'broken'"


def test_keys_of_several_columns(seen: Callable[..., Profile]) -> None:
    found = seen("order_id,line,sku\nA,1,x\nA,2,x\nB,1,x\n")
    assert found.keys == [("order_id", "line")]
    assert seen("order_id,line\nA,1\nA,1\n").keys == []


def test_json_lines_and_columns_that_come_later(seen: Callable[..., Profile]) -> None:
    found = seen('{"id": "a", "n": 1}\n{"id": "b", "n": 2, "more": "x"}\n[1]\n{"id": "c", "n": 3}\n', "events.jsonl")
    assert (found.written.format, found.row_count, found.refused_count) == ("json", 4, 1)
    assert types(found) == {"id": "varchar", "n": "integer", "more": "varchar"}
    assert {one.name: one.column.nulls for one in found.columns} == {"id": 0, "n": 0, "more": 2}


def test_parquet_has_types_of_its_own(tmp_path: Path) -> None:
    table = pa.table(
        {
            "Day": [date(2026, 1, 5), date(2026, 1, 6)],
            "EUR": [1.0, None],
            "USD": [1.1257, 1.125],
            "JPY": [0.123456789, 0.2],
            "created_ts": pa.array([1_700_000_000, 1_700_000_001], pa.int64()),
            "Paid": [Decimal("1.50"), Decimal("2.25")],
        }
    )
    pq.write_table(table, tmp_path / "rates.parquet")
    found = profile(look_at(tmp_path / "rates.parquet"))
    assert types(found) == {
        "Day": "date",
        "EUR": "integer",
        "USD": "decimal(18, 4)",
        "JPY": "decimal(38, 10)",
        "created_ts": "integer",
        "Paid": "decimal(3, 2)",
    }
    assert "floats that are all whole" in doubts(found, "EUR")
    assert "seconds since 1970" in doubts(found, "created_ts")
    assert found.currency_columns == ["EUR", "USD", "JPY"]
    assert found.keys == [("Day",), ("created_ts",)]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04rest", "is compressed, a workbook or a document"),
        (b"[{}]", "is one list in JSON"),
    ],
)
def test_what_is_no_table_is_refused(seen: Callable[..., Profile], content: bytes, fault: str) -> None:
    with pytest.raises(BadRequest, match=fault):
        seen(content)


def test_it_reads_no_more_than_a_source_may_send(
    seen: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_MOST_ROWS", "2")
    forget_settings()
    with pytest.raises(BadData, match="set HEADLINE_MOST_ROWS"):
        seen("a,b\n1,2\n3,4\n5,6\n")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Path:
    monkeypatch.setenv("HEADLINE_SOURCES", str(tmp_path / "sources"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    forget_settings()
    return tmp_path / "sources"


# What nobody can know of a file: whose DAG it is, and cases of it.
OPEN = ("TODO", "no DAG file loads it", "has no golden case", "is missing: `headline runbooks` begins one")


@pytest.mark.parametrize("name", ["preise_2026-11-15.csv", "preise.csv"])
def test_the_mapping_is_right_but_for_what_is_marked(seen: Callable[..., Profile], sources: Path, name: str) -> None:
    found = seen(PRICES.encode("cp1252"), name)
    write_mapping(found, "lists", "prices", sources)
    folder = sources / "lists"
    faults = [f"{one.file}: {one.text}" for one in content_faults(folder, load_understood())]
    assert [one for one in faults if not any(known in one for known in OPEN)] == []
    source = load_pipeline(folder)
    assert isinstance(source, Source)
    ingest = source.ingest["prices"]
    assert ingest.kind == "files"
    assert (ingest.encoding, ingest.delimiter, ingest.decimal_separator) == ("cp1252", ";", ",")
    assert ingest.null_markers == ["-", "n/a"]
    assert (ingest.day, ingest.day_format) == ((None, None) if "2026" in name else ("Datum", "%d.%m.%Y"))
    text = (folder / "source.yml").read_text()
    assert "# TODO: encoding: it is no utf-8" in text
    assert "# TODO: '-' stands in Hinweis: not given, or a value?" in text
    assert "# TODO: Währung may be a currency" in text
    sql = (folder / "prices.sql").read_text()
    assert 'cast("Stückpreis" as decimal(18, 4)) as stuckpreis_amount' in sql
    assert ("as datum_on" in sql) == (name == "preise.csv")


def test_the_command_shows_what_it_found_and_overwrites_nothing(tmp_path: Path, sources: Path) -> None:
    file = tmp_path / "stock.csv"
    file.write_text("sku,counted_on,units\na,01/02/2026,3\nb,02/02/2026,\n")

    def run(*words: str) -> str:
        result = CliRunner().invoke(cli.app, ["profile", str(file), *words])
        if result.exception:
            raise result.exception
        return result.output

    told = run("--look")
    assert not sources.exists()
    assert "stock.csv: 2 rows" in told
    assert "read as: csv, utf-8, delimiter ',', decimals with '.'" in told
    assert "key: sku" in told
    assert "%d/%m/%Y or as %m/%d/%Y" in told
    assert "wrote   " in run()
    assert "# TODO: counted_on can be read as" in (sources / "stock" / "source.yml").read_text()
    with pytest.raises(BadRequest, match="nothing was written, for it is there already"):
        run()
    with pytest.raises(BadRequest, match="'Stock' cannot be the name of a table"):
        run("--table", "Stock", "--source", "warehouse")
