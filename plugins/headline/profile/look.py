"""How a file is written: its format, encoding and delimiter, and its rows, read as a source reads them."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from headline.errors import BadRequest
from headline.sources.bounds import Meter
from headline.sources.refused import RESERVED
from headline.sources.storage import PIECE
from headline.specs import FilesIngest

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_DAY_IN_NAME = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


@dataclass
class Written:
    """How a file is written. `doubts`: what was chosen where something else is possible, by the key of source.yml."""

    file: Path
    format: str
    encoding: str = "utf-8"
    delimiter: str = ","
    doubts: dict[str, str] = field(default_factory=dict)

    @property
    def pattern(self) -> str:
        """The file's name, with its day as the template that a source asks by."""
        return _DAY_IN_NAME.sub("{{ ds }}", self.file.name)

    @property
    def names_day(self) -> bool:
        return self.pattern != self.file.name

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows, in parts of bounded memory, by the reader and within the limits of a source; refused ones with their reason.

        Raises BadData where the file is not as it seems, or has more rows or bytes than a day may have.
        """
        from headline.sources.one_file import batches

        said = {"kind": "files", "connection": "file", "pattern": self.file.name, "format": self.format, "undated": True}
        ingest = FilesIngest.model_validate(said | {"encoding": self.encoding, "delimiter": self.delimiter})
        meter = Meter(self.file.name, 1)
        for rows in batches(self.file, ingest, date.max):
            meter.add(rows.num_rows, rows.nbytes)
            yield rows


def look_at(file: Path) -> Written:
    """How a file is written, from its beginning; raises BadRequest where it is none that can be read."""
    if not file.is_file():
        raise BadRequest(f"there is no file {file}" + (": name one of its files" if file.is_dir() else ""))
    with file.open("rb") as opened:
        start = opened.read(PIECE)
    if start.startswith(b"PAR1"):
        return Written(file, "parquet")
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise BadRequest(f"{file} is compressed, a workbook or a document: save it as CSV, JSON lines or Parquet first")
    if not start.strip():
        raise BadRequest(f"{file} is empty")
    doubts: dict[str, str] = {}
    encoding = _encoding(start, doubts)
    text = start.decode(encoding, errors="replace").removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        raise BadRequest(f"{file} is one list in JSON: write an object a line (JSON lines), as jq -c '.[]' does")
    if text.lstrip().startswith("{"):
        return Written(file, "json", encoding, doubts=doubts)
    return Written(file, "csv", encoding, _delimiter(text, doubts), doubts)


def own_columns(rows: pa.RecordBatch) -> list[str]:
    """The columns that the file has, without those in which refusals are kept."""
    return [name for name in rows.schema.names if name not in RESERVED]


def _encoding(start: bytes, doubts: dict[str, str]) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding in ("utf-8", "cp1252"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(start)
        except UnicodeDecodeError:
            continue
        if encoding != "utf-8":
            odd = sorted({byte for byte in start if byte > 127})[:5]
            shown = ", ".join(f"{byte:02X} is {bytes([byte]).decode('cp1252')}" for byte in odd)
            doubts["encoding"] = (
                f"it is no utf-8; as cp1252 {shown}. Or iso8859-15, cp850, mac_roman: look at a name with such letters"
            )
        return encoding
    doubts["encoding"] = "neither utf-8 nor cp1252 fits, and latin-1 fits anything: ask who writes it"
    return "latin-1"


def _delimiter(text: str, doubts: dict[str, str]) -> str:
    """The sign by which lines come apart into equally many fields, more than one; the one with most fields where several do."""
    lines = text.splitlines()[:200]
    lines = lines[:-1] if len(lines) > 1 and len(text) >= PIECE // 4 else lines
    found: dict[str, int] = {}
    for sign in DELIMITERS:
        try:
            counts = {len(fields) for fields in csv.reader(lines, delimiter=sign) if fields}
        except csv.Error:
            continue
        if len(counts) == 1 and (count := counts.pop()) > 1:
            found[sign] = count
    if not found:
        best = max(DELIMITERS, key=lambda sign: lines[0].count(sign)) if lines else ","
        doubts["delimiter"] = f"no sign parts all lines alike; the header has most often the {DELIMITERS[best]}"
        return best
    best = max(found, key=lambda sign: found[sign])
    if others := [f"the {DELIMITERS[sign]} ({count} fields)" for sign, count in found.items() if sign != best]:
        doubts["delimiter"] = (
            f"the {DELIMITERS[best]} gives {found[best]} fields a line; {', '.join(others)} parts them alike too"
        )
    return best
