"""The rule that no SELECT becomes too large a plan: Trino computes a CTE, and all that it reads, as often as it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlglot import exp

from headline.rules.written import Written

# Trino refuses a query of more than 150 stages; of scans, joins and aggregations each may be one.
MOST_SCANS = 60


def scans_are_few(written: Written) -> Iterator[str]:
    """A table of the same pipeline may be two: what is published, and the staging table laid over it."""
    laid_over = {name for name, table in written.pipeline.outputs.items() if table.period_column}
    for where, query in {"": written.query, **{f"check «{path}»: ": one for path, one in written.checks.items()}}.items():
        if (count := scans(query, laid_over)) > MOST_SCANS:
            yield (
                f"{where}reads tables {count} times, at most {MOST_SCANS} are allowed: Trino computes a CTE wherever it is read, "
                "so join it, or compute on it, once"
            )


def scans(query: exp.Expr, laid_over: Collection[str] = (), known: Mapping[str, int] | None = None) -> int:
    """How many tables are scanned where each CTE is computed as often as it is read.

    `laid_over`: tables that count twice. `known`: the scans of each CTE around the query.
    """
    known = dict(known or {})
    for cte in query.ctes if isinstance(query, exp.Query) else ():
        known[cte.alias] = scans(cte.this, laid_over, known)
    inner = [part for key, part in query.args.items() if key not in ("with", "with_")]
    parts = [node for part in inner for node in (part if isinstance(part, list) else [part]) if isinstance(node, exp.Expr)]
    return _itself(query, laid_over, known) + sum(scans(part, laid_over, known) for part in parts)


def _itself(node: exp.Expr, laid_over: Collection[str], known: Mapping[str, int]) -> int:
    if not isinstance(node, exp.Table):
        return 0
    if not node.db and node.name in known:
        return known[node.name]
    return 2 if f"{node.db}.{node.name}" in laid_over else 1
