"""What exports have delivered, and which rows their receivers refuse."""

from __future__ import annotations

from collections.abc import Sequence

from headline.intervals import DAY
from headline.ledger import Exports
from headline.show import Rows
from headline.specs.exports import Export, load_exports

COLUMNS = (
    *("export", "kind", "area", "receiver", "period", "state", "first_day", "rows", "sent", "dead_letters", "ended_at", "place"),
)
RUNS = ("first_day", "last_day", "state", "rows", "sent", "removed", "dead_letters", "ended_at", "run_id", "place", "error")
LETTERS = ("key", "reason", "attempts", "first_at", "last_at", "run_id")
NEVER = "never run"


def exports(known: Sequence[Export] | None = None) -> Rows:
    """A row for each export, of all or of these, with its newest run."""
    faults: list[str] = []
    if known is None:
        known, faults = load_exports()
    names = [one.id for one in known]
    newest, counts = {one.export: one for one in Exports().newest(names)}, Exports().counts(names)
    rows = []
    for one in known:
        run, said = newest.get(one.id), (one.id, one.kind, one.area, one.receiver, one.period)
        of_run = (run.state, run.start, run.row_count, run.sent_count) if run else (NEVER, None, None, None)
        rows.append((*said, *of_run, counts[one.id][1], run and run.ended_at, run and run.place))
    return Rows(COLUMNS, rows, notes=faults)


def runs(export: str, limit: int = 20) -> Rows:
    """The newest runs of an export."""
    rows = [
        (
            *(one.start, one.end - DAY, one.state, one.row_count, one.sent_count, one.removed_count, one.refused_count),
            *(one.ended_at, one.run_id, one.place, one.error),
        )
        for one in Exports().newest([export], limit)
    ]
    return Rows(RUNS, rows, title=f"runs of {export}")


def dead_letters(export: str) -> Rows:
    """The rows that the receiver of an export refuses, by their keys, with what it said."""
    letters = Exports().dead_letters(export).values()
    rows = [
        (", ".join(f"{name} {value}" for name, value in one.key.items()), *(getattr(one, name) for name in LETTERS[1:]))
        for one in letters
    ]
    notes = [f"to send them once more: headline exports replay {export}"] if rows else []
    return Rows(LETTERS, rows, title=f"dead letters of {export}", notes=notes)
