"""What the difference of an issued figure is put down to: parts whose sum is the difference, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from headline.figures.reach import reach_of
from headline.ledger import FigureRow
from headline.ledger.figure_row import FigureKey
from headline.ledger.input_periods import Asked, InputPeriods
from headline.specs import Catalog, Window
from headline.specs.metrics import Metric, Metrics

CODE = "code"
DIGITS = 60  # more than any sum of money has


@dataclass(frozen=True)
class Part:
    """So much of a difference comes from one cause; `besides`: what else changed of the same days, and may be in it."""

    cause: str
    amount: Decimal
    besides: tuple[str, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {"cause": self.cause, "amount": f"{self.amount:f}", "besides": list(self.besides)}


@dataclass(frozen=True)
class _Piece:
    """A part of a difference that belongs to one metric and one period."""

    metric: Metric
    old: FigureRow
    new: FigureRow
    amount: Decimal


def attribute(
    moved: Sequence[tuple[FigureRow, FigureRow]],
    of_file: Metrics,
    old: Mapping[FigureKey, FigureRow],
    new: Mapping[FigureKey, FigureRow],
    catalog: Catalog,
    conn_id: str,
) -> list[list[Part]]:
    """The parts of each difference (issued figure, new figure); none where one of the two has no value.

    `old`, `new`: the figures of the same file as they were approved, and as they would be. A figure that is the sum of others is
    taken apart into their differences, day by day. Each piece is put down to the first of its metric's causes of which an input
    has changed since, and to the code where none has.
    """
    with localcontext(prec=DIGITS):
        pieces = [list(_pieces(before, after, of_file, old, new)) for before, after in moved]
        causes = _causes([piece for mine in pieces for piece in mine], of_file, catalog, conn_id)
        numbered = iter(causes)
        return [_summed([(piece, next(numbered)) for piece in mine]) for mine in pieces]


def _pieces(
    before: FigureRow,
    after: FigureRow,
    of_file: Metrics,
    old: Mapping[FigureKey, FigureRow],
    new: Mapping[FigureKey, FigureRow],
) -> Iterator[_Piece]:
    metric = of_file.metrics[after.metric]
    if before.value is None or after.value is None:
        return
    rest = after.value - before.value
    for name in () if after.segment else (*metric.sum_of, *metric.less):
        for key in sorted(key for key in new if key[0] == name and not key[1] and after.start <= key[2] < after.end):
            if key in old and (was := old[key].value) is not None and (now := new[key].value) is not None and now != was:
                amount = now - was if name in metric.sum_of else was - now
                rest -= amount
                yield _Piece(of_file.metrics[name], old[key], new[key], amount)
    if rest:
        yield _Piece(metric, before, after, rest)


def _causes(pieces: Sequence[_Piece], of_file: Metrics, catalog: Catalog, conn_id: str) -> list[tuple[str, tuple[str, ...]]]:
    """Of each piece its cause, and what else changed."""
    reaches: dict[str, dict[str, Window]] = {}
    asked = []
    for number, piece in enumerate(pieces):
        name = piece.metric.of.full_name
        reads = reaches.setdefault(name, reach_of(catalog, name))
        for cause in piece.metric.moved_by or of_file.causes:
            for raw in of_file.causes[cause]:
                if raw in reads:
                    asked.append(Asked(number, raw, reads[raw].reach(piece.old.interval), piece.old.as_of))
    changed = InputPeriods(conn_id).changed(asked)
    found = []
    for number, piece in enumerate(pieces):
        known = piece.metric.moved_by or tuple(of_file.causes)
        mine = [cause for cause in known if any((number, raw) in changed for raw in of_file.causes[cause])]
        versions = [(row.code_version, row.contract_version, row.definition_version) for row in (piece.old, piece.new)]
        if not mine or versions[0] != versions[1]:
            mine.append(CODE)
        found.append((mine[0], tuple(mine[1:])))
    return found


def _summed(pieces: Sequence[tuple[_Piece, tuple[str, tuple[str, ...]]]]) -> list[Part]:
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    besides: dict[str, set[str]] = defaultdict(set)
    for piece, (cause, others) in pieces:
        amounts[cause] += piece.amount
        besides[cause] |= set(others)
    return [Part(cause, amount, tuple(sorted(besides[cause]))) for cause, amount in amounts.items()]
