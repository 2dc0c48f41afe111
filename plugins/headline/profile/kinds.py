"""What a column can be read as: every kind is tried on every value, by the rules by which a source's records are refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from headline.sources.columns import TEXT, kind_of

if TYPE_CHECKING:
    import pyarrow as pa

# The narrowest first. What is true or false only is written so; 0 and 1 are numbers.
KINDS = ("boolean", "integer", "bigint", "decimal(18, 4)", "decimal(18, 8)", "decimal(38, 10)", "double", "date", "timestamp")
COMMA = "decimal(18, 4) with a comma"
DAY_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S")
MARKERS = ("n/a", "na", "null", "none", "nan", "-", "--", "?", "\\n", "#n/a", "unknown", "missing")
_OFFSET = r"(Z|[+-]\d{2}:?\d{2})\s*$"
_WORD_OF_TRUTH = r"^\s*(?i:true|false)\s*$"
# So many texts of a column are kept, to show what does not fit.
SHOWN = 3


@dataclass
class Column:
    """What was seen of a column. `misfits`: by kind how many of its values are none, repeats of the same batch counted too."""

    name: str
    arrow: str
    count: int = 0
    nulls: int = 0
    longest: int = 0
    misfits: dict[str, int] = field(default_factory=dict)
    odd: dict[str, list[str]] = field(default_factory=dict)
    formats: dict[str, int] = field(default_factory=dict)
    tried: int = 0
    markers: dict[str, int] = field(default_factory=dict)
    with_offset: int = 0
    with_zeros: int = 0
    codes: set[str] = field(default_factory=set)
    is_code: bool = True
    thousands_only: bool = True
    has_comma: bool = False

    @property
    def filled(self) -> int:
        return self.count - self.nulls

    @property
    def is_text(self) -> bool:
        return kind_of(self.arrow) == TEXT

    @property
    def is_in_thousands(self) -> bool:
        """Whether its commas may part thousands: 1,234."""
        return self.has_comma and self.thousands_only

    def add(self, values: pa.Array) -> None:
        """Take in a part of the column."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self.count += len(values)
        if not self.is_text:
            self.nulls += values.null_count
            self._try(values, *KINDS[1:6])
            return
        texts = pc.utf8_trim_whitespace(values.cast(pa.string()))
        is_marker = pc.is_in(pc.utf8_lower(texts), pa.array(MARKERS))
        for one in pc.value_counts(texts.filter(pc.fill_null(is_marker, False))).to_pylist():
            self.markers[one["values"]] = self.markers.get(one["values"], 0) + one["counts"]
        is_filled = pc.and_(pc.fill_null(pc.not_equal(texts, ""), False), pc.invert(pc.fill_null(is_marker, False)))
        texts = texts.filter(is_filled)
        self.nulls += len(values) - len(texts)
        if not len(texts):
            return
        self.longest = max(self.longest, pc.max(pc.utf8_length(texts)).as_py())
        self.with_offset += pc.sum(pc.match_substring_regex(texts, _OFFSET)).as_py()
        self.with_zeros += pc.sum(pc.match_substring_regex(texts, r"^0\d+$")).as_py()
        if self.is_code:
            self.is_code = pc.all(pc.match_substring_regex(texts, "^[A-Z]{3}$")).as_py()
            self.codes |= set(pc.unique(texts).to_pylist()) if self.is_code and len(self.codes) < 300 else set()
        commas = texts.filter(pc.match_substring(texts, ","))
        if len(commas):
            self.has_comma = True
            self.thousands_only &= pc.all(pc.match_substring_regex(commas, r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")).as_py()
        self._try(texts, *KINDS, COMMA)
        if not self.could_be("date") and not self.could_be("timestamp"):
            self._try_formats(pc.unique(texts).to_pylist())

    def could_be(self, kind: str) -> bool:
        """Whether hardly any of its values is none of this kind: one odd value makes no other column of it."""
        return self.filled > 0 and self.misfits.get(kind, 0) <= 0.02 * self.filled

    def _try(self, values: pa.Array, *kinds: str) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        from headline.sources.agreed import Agreed
        from headline.sources.judged import judged
        from headline.sources.refused import REFUSAL, REFUSED_TEXT

        rows = pa.RecordBatch.from_arrays([values], names=["value"])
        for kind in kinds:
            before = self.misfits.get(kind, 0)
            if before > 0.5 * max(self.filled, 1) and before > 1000:
                self.misfits[kind] = before + len(values)
                continue
            if kind == "boolean" and self.is_text:
                wrong = pc.sum(pc.invert(pc.match_substring_regex(values, _WORD_OF_TRUTH))).as_py()
                self.misfits[kind] = before + wrong
                continue
            agreed = Agreed({"value": {kind.partition(" with")[0]}}, ZoneInfo("UTC"), "," if kind == COMMA else ".")
            found = judged(rows, agreed)
            refused = found.column(REFUSAL) if REFUSAL in found.schema.names else pa.nulls(0)
            self.misfits[kind] = before + len(refused) - refused.null_count
            if len(odd := self.odd.setdefault(kind, [])) < SHOWN and len(refused) > refused.null_count:
                texts = found.column(REFUSED_TEXT).filter(pc.is_valid(refused))
                odd += [str(one)[:40] for one in pc.unique(texts).to_pylist()[: SHOWN - len(odd)]]

    def _try_formats(self, texts: list[str]) -> None:
        """Each distinct text of a part on its own; once no format is left, none is looked for any more."""
        known = self.formats if self.tried else {day + clock: 0 for day in DAY_FORMATS for clock in CLOCKS}
        self.tried += len(texts)
        counted = {form: wrong + sum(not _fits(text, form) for text in texts) for form, wrong in known.items()}
        self.formats = {form: wrong for form, wrong in counted.items() if wrong <= 0.02 * self.tried}

    @property
    def day_formats(self) -> list[str]:
        """The formats in which (nearly) all of its texts are days."""
        return list(self.formats)


def _fits(text: str, form: str) -> bool:
    if not re.search(r"\d[/.\- ]", text[:4]):
        return False
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 (only whether it can be read)
    except ValueError:
        return False
    return True
