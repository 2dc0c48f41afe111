"""What the UI shows of a table that a run has computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headline.ledger import Statement
    from headline.pipeline import TableRun


def summary(one: TableRun) -> dict[str, Any]:
    """What the UI shows of a table at a glance."""
    return {
        "state": one.state,
        "days": [str(interval) for interval in one.intervals],
        "rows": one.row_count,
        "quarantined": one.refused_count,
        "checks": dict(Counter(one.checks.values())),
        "seconds": {step: round(seconds, 2) for step, seconds in one.seconds.items()},
        "published": one.published,
    } | ({"statements": charged(one.statements)} if one.statements else {})


def charged(statements: Sequence[Statement]) -> dict[str, Any]:
    """What an engine has charged for: how many statements, the bytes that they scanned, dollars, and their ids by step."""
    ids: dict[str, list[str]] = {}
    for one in statements:
        ids.setdefault(one.step, []).append(one.query_id)
    return {
        "count": len(statements),
        "bytes_scanned": sum(one.bytes_scanned for one in statements),
        "cost_usd": str(sum(one.cost for one in statements)),
        "query_ids": ids,
    }
