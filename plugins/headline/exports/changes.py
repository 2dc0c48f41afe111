"""Only rows that changed since the receiver was told are sent, each once, whenever a run is killed.

What the receiver has is kept as a hash by key. The idempotency key of a row follows from that and from the new row: a run that
does not know whether its last request arrived sends it again under the same key, and a row that changes back gets another one.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headline.errors import BadData
from headline.exports.receivers import Delivery, as_json, receiver_of, send_all
from headline.exports.result import Work
from headline.ledger import DeadLetter, Delivered, Exports
from headline.specs.exports import Export

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 5_000
_FEW = 20  # so many rows may go at once, whatever share of all they are


@dataclass
class Changes:
    """What is to be sent, in a local file, and what was found on the way. `seen`: of every key the beginning of its hash."""

    file: Path
    changed: int = 0
    unchanged: int = 0
    settled: list[str] = field(default_factory=list)
    seen: array[int] = field(default_factory=lambda: array("Q"))
    removed: int = 0


@dataclass(frozen=True)
class Sent:
    """What came of it: rows that the receiver has taken, those that were told as gone, and those that it refuses now."""

    sent: int
    removed: int
    refused: int


def found_changes(work: Work, batches: Iterable[pa.RecordBatch], scratch: Path) -> Changes:
    """The rows that the receiver does not have as they are now, and those that are gone, written to a local file.

    A row that it has refused is not sent again before it changes, or a replay is asked for. Raises BadData where more rows are
    gone than the export allows.
    """
    export, ledger = work.export, Exports(work.ledger.conn_id)
    changes = Changes(scratch / "changed.jsonl")
    dead = ledger.dead_letters(export.id)
    with changes.file.open("w") as file:
        for rows in _some(batches):
            hashed = [(_key_hash(export, row), _hash(row), row) for row in rows]
            known = ledger.delivered(export.id, [one for one, _, _ in hashed])
            for key_hash, row_hash, row in hashed:
                changes.seen.append(int(key_hash[:16], 16))
                before, letter = known.get(key_hash), dead.get(key_hash)
                if before and before.row_hash == row_hash:
                    changes.unchanged += 1
                    changes.settled += [key_hash] if letter else []
                elif letter and letter.row_hash == row_hash and not work.replay:
                    changes.unchanged += 1
                else:
                    attempts = letter.attempts if letter and letter.row_hash == row_hash else 0
                    _write(file, export, key_hash, row_hash, row, before, attempts)
                    changes.changed += 1
        changes.seen = array("Q", sorted(changes.seen))
        _find_removed(export, ledger, changes, file)
    changes.settled += [key for key in dead if not _is_in(changes.seen, key)]
    return changes


def send_changes(work: Work, changes: Changes) -> Sent:
    """Send what was found, and record after each request what came of it."""
    export, ledger, receiver = work.export, Exports(work.ledger.conn_id), receiver_of(work.export)
    if changes.settled:
        ledger.settle(export.id, [], [], changes.settled)
    sent = removed = 0
    with changes.file.open() as file:
        lines = map(json.loads, file)
        while part := list(islice(lines, export.changing.rows_per_request)):
            refused = send_all(receiver, [Delivery(one["delivery"], one["key"], one["row"]) for one in part])
            taken = [one for one in part if one["delivery"] not in refused]
            ledger.settle(
                export.id,
                [Delivered(one["key_hash"], one["row"] and one["key"], one["row_hash"], one["delivery"]) for one in taken],
                [
                    DeadLetter(
                        one["key_hash"], one["key"], one["row_hash"], refused[one["delivery"]], one["attempts"] + 1, work.run_id
                    )
                    for one in part
                    if one["delivery"] in refused
                ],
            )
            sent += sum(one["row"] is not None for one in taken)
            removed += sum(one["row"] is None for one in taken)
    return Sent(sent, removed, ledger.counts([export.id])[export.id][1])


def place_of(export: Export) -> str:
    """Where its rows go, in words."""
    return receiver_of(export).place


def _find_removed(export: Export, ledger: Exports, changes: Changes, file: Any) -> None:
    if not export.changing.removals:
        return
    count = 0
    for before in ledger.there(export.id):
        count += 1
        if not _is_in(changes.seen, before.key_hash):
            changes.removed += 1
            _write(file, export, before.key_hash, "", None, before, 0)
    if changes.removed > max(_FEW, int(export.changing.most_removed * count)):
        raise BadData(
            f"the export {export.id}: {changes.removed:,} of {count:,} rows that the receiver has are gone, and most_removed is "
            f"{export.changing.most_removed}; nothing was sent. Look at its inputs; if that is right, raise most_removed"
        )


def _write(
    file: Any,
    export: Export,
    key_hash: str,
    row_hash: str,
    row: Mapping[str, Any] | None,
    before: Delivered | None,
    attempts: int,
) -> None:
    key = {name: row[name] for name in export.key} if row is not None else before and before.key
    said = f"{export.id}\0{key_hash}\0{before.delivery if before else ''}\0{row_hash}\0{attempts or ''}"
    delivery = hashlib.sha256(said.encode()).hexdigest()[:32]
    told = {"key_hash": key_hash, "row_hash": row_hash, "delivery": delivery, "key": key, "row": row, "attempts": attempts}
    file.write(json.dumps(told) + "\n")


def _some(batches: Iterable[pa.RecordBatch]) -> Iterator[Sequence[dict[str, Any]]]:
    """Rows as JSON has them, some thousands at a time."""
    for batch in batches:
        for start in range(0, batch.num_rows, _AT_ONCE):
            yield [{name: as_json(value) for name, value in row.items()} for row in batch.slice(start, _AT_ONCE).to_pylist()]


def _key_hash(export: Export, row: Mapping[str, Any]) -> str:
    return _hash({name: row[name] for name in export.key})


def _hash(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:32]


def _is_in(seen: Sequence[int], key_hash: str) -> bool:
    beginning = int(key_hash[:16], 16)
    place = bisect_left(seen, beginning)
    return place < len(seen) and seen[place] == beginning
