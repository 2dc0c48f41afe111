"""A plan as people read it: in the run, on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

from headline.backfill.plan import Part, Plan
from headline.backfill.request import EVERYTHING, STALE
from headline.backfill.totals import Totals, differences
from headline.intervals import DAY, Interval, in_few_words

MOST_ISSUED = 20
FIRST_ASKED = ("net_revenue", "net_profit")


def markdown(plan: Plan) -> str:
    """The whole plan in Markdown."""
    asked = plan.request
    lines = [
        f"`{asked.selection}`{' and everything downstream' if asked.with_downstream else ''}, "
        f"{span(asked.days)}, {STALE if asked.is_stale_only else EVERYTHING}. {asked.requested_by}: {asked.reason}",
        "",
    ]
    if not plan.chunks:
        return "\n".join([*lines, "Nothing is to be computed.", *_notes(plan)])
    lines += [
        f"{len(plan.chunks)} chunk(s), in this order; expected: {duration(plan.seconds)}{_unknown(plan.parts)}.",
        "",
        "| # | pipeline | days | chunks | expected |",
        "|---|---|---|---|---|",
        *(_part(number, part) for number, part in enumerate(plan.parts, 1) if part.days),
        "",
        "| table | why | days | stale now | rows before | money before |",
        "|---|---|---|---|---|---|",
        *(line for part in plan.parts if part.days for line in _tables(part, plan.before)),
    ]
    return "\n".join([*lines, *_notes(plan)])


def span(days: Interval) -> str:
    """The first and the last day."""
    return f"{days.start}" if len(days) == 1 else f"{days.start} to {days.end - DAY}"


def duration(seconds: float | None) -> str:
    """How long, roughly."""
    if seconds is None:
        return "not known"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _unknown(parts: Sequence[Part]) -> str:
    names = [part.pipeline for part in parts if part.chunks and part.seconds is None]
    return f", {', '.join(names)} not counted, for which no backfill has been recorded" if names else ""


def _part(number: int, part: Part) -> str:
    count = sum(map(len, part.days))
    days = f"{count}: {in_few_words(day for one in part.days for day in one)}"
    return f"| {number} | {part.pipeline} | {days} | {len(part.chunks)} | {duration(part.seconds)} |"


def _tables(part: Part, before: Totals) -> Iterable[str]:
    for name, why in part.tables.items():
        known = before.get(name, {"rows": 0, "money": {}})
        days, stale = (mine.get(name, ()) for mine in (part.at_stake, part.stale))
        yield f"| {name} | {why} | {_few(days)} | {_few(stale)} | {known['rows']:,} | {money(known['money'])} |"


def _few(days: Iterable[Interval]) -> str:
    return in_few_words(day for one in days for day in one) or "–"


def money(sums: dict[str, str]) -> str:
    """The sums that people ask for first, to the cent; or else those of the first columns."""
    there = {name: Decimal(value) for name, value in sums.items() if Decimal(value)}
    names = [name for name in FIRST_ASKED if name in there] or list(there)[:2]
    return ", ".join(f"{name} {there[name]:,.2f}" for name in names) or "–"


def _notes(plan: Plan) -> list[str]:
    lines = ["", f"- **Rejected:** {plan.taken}"] if plan.taken else [""]
    for part in plan.parts:
        for days, lost in groupby(sorted(part.left_out.items(), key=lambda one: one[1]), key=lambda one: one[1]):
            names = ", ".join(name for name, _ in lost)
            lines.append(f"- Left out of {part.pipeline}: {len(days)} day(s) that {names} lacks: {in_few_words(days)}")
    if plan.issued:
        more = len(plan.issued) - MOST_ISSUED
        lines += ["- **Issued figures that could move:**", *(f"  - {one}" for one in plan.issued[:MOST_ISSUED])]
        lines += [f"  - and {more} more"] if more > 0 else []
    else:
        lines.append("- No issued figure can move.")
    if plan.later:
        told = ", ".join(f"{name} {count}" for name, count in plan.later.items())
        lines.append(
            f"- Not part of it, and stale afterwards where these days change: {told} day(s). "
            "The next runs compute those of the restatement window; the others: `headline backfill run --stale`"
        )
    return lines


def effect(before: Totals, after: Totals) -> list[str]:
    """What a backfill has changed of totals, a line each."""
    lines = []
    for table, what, was, now in differences(before, after):
        change = Decimal(now) - Decimal(was)
        lines.append(f"{table} {what}: {Decimal(was):,f} → {Decimal(now):,f} ({change:+,f})")
    return lines
