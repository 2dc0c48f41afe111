"""What changed in the columns of a source: every arrival whose columns were not those that were known until then."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Literal

from sqlalchemy import RowMapping, insert, select, text

from headline.ledger import tables
from headline.ledger.loads import Load
from headline.ledger.store import Store

# Loads hardly ever differ in their columns: the index load_by_columns is asked for one load of each set of columns, so that
# the time does not grow with the number of loads.
_COLUMNS_SEEN = text("""
    with recursive seen as (
        (
            select md5(columns::text) as digest, columns, ds
            from load
            where landing = :landing
            order by md5(columns::text) desc, ds desc
            limit 1
        )
        union all
        select other.*
        from seen
        cross join lateral (
            select md5(columns::text), columns, ds
            from load
            where landing = :landing and md5(columns::text) < seen.digest
            order by md5(columns::text) desc, ds desc
            limit 1
        ) as other
    )
    select distinct jsonb_object_keys(columns) from seen where ds > :after
""")

# More new columns at once are told by their number: keys of records that are data by themselves come in thousands.
MANY_NEWS = 10
_LONGEST_NAME = 60


def short(name: str) -> str:
    """A column's name as a message shows it: it came with the data, and may have any length."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}… ({len(name):,} letters)"


@dataclass(frozen=True)
class ColumnChange:
    """One column that changed: what it was before and how it arrives, as kinds such as `text` or `decimal(18, 4)`.

    That a column was renamed is always a guess, and `evidence` says what speaks for it.
    """

    column: str
    change: Literal["added", "removed", "renamed", "retyped"]
    before: str | None = None
    after: str | None = None
    renamed_to: str | None = None
    evidence: str = ""

    @property
    def is_blocking(self) -> bool:
        """An added column is let through with a warning; anything else holds the load."""
        return self.change != "added"

    def __str__(self) -> str:
        name, other = short(self.column), short(self.renamed_to or "")
        match self.change:
            case "added":
                return f"{name}: added ({self.after}); no SQL reads it"
            case "removed":
                return f"{name}: removed (was {self.before})"
            case "renamed":
                return f"{name}: removed (was {self.before}), perhaps renamed to {other} (a guess: {self.evidence})"
            case "retyped":
                return f"{name}: was {self.before}, arrives as {self.after}" + (f"; {self.evidence}" if self.evidence else "")


@dataclass(frozen=True)
class SchemaChange:
    """The columns of an arrival (name to type) and how they differ from those before; without `changes` they agree again.

    `file`: where what arrived is kept; empty where nothing did, since the source rejected the query.
    """

    landing: str
    ds: date
    file: str
    run_id: str
    columns: dict[str, str]
    changes: list[ColumnChange] = field(default_factory=list)
    found_at: datetime | None = None

    @property
    def is_blocking(self) -> bool:
        return any(change.is_blocking for change in self.changes)

    @property
    def told(self) -> list[str]:
        """The changes in words, a line each; many new columns in one line, with three as an example."""
        news = [change for change in self.changes if not change.is_blocking]
        if len(news) <= MANY_NEWS:
            return list(map(str, self.changes))
        one, two, three = (short(change.column) for change in news[:3])
        return [
            *(str(change) for change in self.changes if change.is_blocking),
            f"{len(news):,} new columns, such as {one}, {two} and {three}; no SQL reads them",
        ]


class SchemaChanges(Store):
    """Arrivals whose columns were not those known until then, oldest first; the newest of a landing is the current state."""

    def record(self, found: SchemaChange) -> None:
        """Remember an arrival; the same again right after itself, as by a run that is repeated, is remembered once."""
        newest = self.newest(found.landing)
        if newest and (newest.ds, newest.file, newest.columns, newest.changes) == (
            found.ds,
            found.file,
            found.columns,
            found.changes,
        ):
            return
        row = {name: value for name, value in vars(found).items() if name != "found_at"}
        row["changes"] = [asdict(change) | {"is_guess": change.change == "renamed"} for change in found.changes]
        with self._begin() as connection:
            connection.execute(insert(tables.schema_change).values(**row, is_blocking=found.is_blocking))

    def of(self, landing: str) -> list[SchemaChange]:
        """Everything that is remembered of one landing."""
        columns = tables.schema_change.c
        with self._begin() as connection:
            rows = connection.execute(select(tables.schema_change).where(columns.landing == landing).order_by(columns.id))
            return [_read(row) for row in rows.mappings()]

    def newest(self, landing: str, *, agreed: bool = False) -> SchemaChange | None:
        """How things stand with the columns of a landing, or how they stood last when they were `agreed`; None if never told."""
        columns = tables.schema_change.c
        query = select(tables.schema_change).where(columns.landing == landing).order_by(columns.id.desc()).limit(1)
        if agreed:
            query = query.where(~columns.is_blocking)
        with self._begin() as connection:
            row = connection.execute(query).mappings().first()
        return _read(row) if row else None

    def load_before(self, landing: str, day: date) -> Load | None:
        """The load that an arrival for `day` is compared with: the newest, with rows, of that day or the nearest before."""
        columns = tables.load.c
        query = select(tables.load).where(columns.landing == landing, columns.ds <= day, columns.row_count > 0)
        with self._begin() as connection:
            row = connection.execute(query.order_by(columns.ds.desc(), columns.version.desc()).limit(1)).mappings().first()
        return Load(**{name: row[name] for name in Load.__dataclass_fields__}) if row else None

    def columns_seen(self, landing: str, after: date = date.min) -> set[str]:
        """Every column that any load of a landing, for a day after the given one, ever had."""
        with self._begin() as connection:
            return set(connection.scalars(_COLUMNS_SEEN, {"landing": landing, "after": after}))


def _read(row: RowMapping) -> SchemaChange:
    fields = {name: row[name] for name in SchemaChange.__dataclass_fields__}
    known = ColumnChange.__dataclass_fields__
    fields["changes"] = [ColumnChange(**{name: change.get(name) for name in known}) for change in row["changes"]]
    return SchemaChange(**fields)
