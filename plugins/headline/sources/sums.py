"""What the money of a day that landed adds up to, exactly: its manifest keeps it beside the number of rows."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.columns import TEXT, kind_of
from headline.sources.names import name_key
from headline.sources.refused import UNREAD

if TYPE_CHECKING:
    from headline.sources.agreed import Agreed


class Sums:
    """Sums up the columns of one day that are agreed as decimals, as far as they can be read; a float has no exact sum."""

    def __init__(self, agreed: Agreed) -> None:
        self._agreed = agreed
        self._sums: dict[str, Decimal | None] = {}

    def add(self, rows: pa.Table) -> None:
        """Count rows in."""
        for name in rows.schema.names:
            if self._agreed.kind(name).startswith("decimal"):
                values = rows.column(name)
                if UNREAD in rows.schema.names:
                    is_unread = pc.fill_null(pc.match_substring(rows.column(UNREAD), f",{name_key(name)},"), False)
                    values = pc.if_else(is_unread, pa.scalar(None, values.type), values)
                known, found = self._sums.get(name, Decimal(0)), _sum(values, self._agreed.digits(name)[1])
                self._sums[name] = None if known is None or found is None else known + found

    @property
    def by_column(self) -> dict[str, str]:
        """The sum of each column whose values all have one, as text."""
        return {name: f"{found:f}" for name, found in self._sums.items() if found is not None}


def _sum(values: pa.ChunkedArray, scale: int) -> Decimal | None:
    """The exact sum; None where there is none."""
    if pa.types.is_floating(values.type):
        return None
    if kind_of(str(values.type)) == TEXT:
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    with suppress(pa.ArrowInvalid, pa.ArrowNotImplementedError):
        total = pc.sum(values.cast(pa.decimal128(38, scale))).as_py()
        return Decimal(0) if total is None else total
    return None
