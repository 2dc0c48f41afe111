"""Experiments: what may be concluded of each, from the newest day of its readouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse

from headline.ledger import Ledger
from headline.pages.conclusions import WIDTH, Conclusion
from headline.pages.reads import record_page
from headline.pages.render import page
from headline.pages.visitor import CurrentVisitor, Visitor
from headline.warehouse import ask, open_warehouse

router = APIRouter()
# The readouts by the DAG that makes them, each with the metric that speaks for the experiment in the list.
READOUTS = {
    "unit_profit": ("profit.experiment_readout", "net_profit_per_user"),
    "daily_growth": ("growth.experiment_readout", "active_days_per_user"),
}
DAYS_SHOWN = 120  # an experiment without a readout for so long is over
COLUMNS = (
    *("ds", "experiment_id", "variant", "metric_name", "control_variant", "exposed_users", "control_users", "minimum_users"),
    *("metric_value", "control_value", "cuped_absolute_lift", "cuped_absolute_lift_low", "cuped_absolute_lift_high"),
    *("cuped_absolute_lift_always_valid_low", "cuped_absolute_lift_always_valid_high", "cuped_relative_lift"),
    *("absolute_lift", "variance_reduction", "conclusion_type", "contaminated_share", "coverage", "is_partial", "is_provisional"),
)


@router.get("/experiments")
def experiments(visitor: CurrentVisitor, request: Request) -> HTMLResponse:
    """The experiments of the last months, the newest readout of each, of the readouts that the visitor may see."""
    tables = _readable(visitor)
    leading = {metric for table, metric in READOUTS.values() if table in tables}
    found = [one for table in tables for one in _newest(table) if one.metric_name in leading]
    record_page(visitor, request, tables, len(found))
    by_experiment: dict[str, list[Conclusion]] = defaultdict(list)
    for one in found:
        by_experiment[one.experiment_id].append(one)
    newest = max((one.ds for one in found), default=None)
    ordered = sorted(by_experiment.items(), key=lambda item: (-max(one.ds for one in item[1]).toordinal(), item[0]))
    return page("experiments.html", experiments=ordered, newest=newest, may_see=bool(tables), width=WIDTH)


@router.get("/experiments/{experiment_id:path}")
def experiment(visitor: CurrentVisitor, request: Request, experiment_id: str) -> HTMLResponse:
    """What may be concluded of one experiment, metric by metric."""
    tables = _readable(visitor)
    if not tables:
        visitor.must_read(next(iter(READOUTS)))
    areas = {table: mine for table in tables if (mine := [one for one in _newest(table) if one.experiment_id == experiment_id])}
    record_page(visitor, request, tables, sum(map(len, areas.values())))
    if not areas:
        raise HTTPException(404, f"there is no readout of an experiment {experiment_id}")
    return page(
        "experiment.html",
        experiment_id=experiment_id,
        areas={table.split(".")[0]: _by_variant(mine) for table, mine in areas.items()},
        width=WIDTH,
    )


def _by_variant(rows: Sequence[Conclusion]) -> dict[str, list[Conclusion]]:
    found: dict[str, list[Conclusion]] = {}
    for one in rows:
        found.setdefault(one.variant, []).append(one)
    return found


def _readable(visitor: Visitor) -> list[str]:
    shown = visitor.readable()
    published_tables = Ledger().newest_publications()
    return [table for dag_id, (table, _) in READOUTS.items() if dag_id in shown and table in published_tables]


def _newest(table: str) -> list[Conclusion]:
    """Of each experiment the rows of its newest day, in the order of experiments, variants and metrics."""
    [(newest,)] = ask(open_warehouse(), f"select max(ds) as newest from {table}", [table]).rows
    if newest is None:
        return []
    since = newest - timedelta(days=DAYS_SHOWN)
    columns = ", ".join(f"rows.{column}" for column in COLUMNS)
    found = ask(
        open_warehouse(),
        f"select {columns} from {table} as rows inner join (select experiment_id, max(ds) as ds from {table} "
        f"where ds >= date '{since:%Y-%m-%d}' group by experiment_id) as newest "
        "on rows.experiment_id = newest.experiment_id and rows.ds = newest.ds "
        "order by rows.experiment_id, rows.variant, rows.metric_name",
        [table],
    )
    return [Conclusion(dict(zip(COLUMNS, row, strict=True))) for row in found.rows]
