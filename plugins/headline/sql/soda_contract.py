"""A table's contract as Soda's own command line can verify it."""

from __future__ import annotations

from typing import Any

from headline.intervals import Interval
from headline.specs import Check, Table, load_contract
from headline.sql.checks import check_query
from headline.sql.compile import write


def soda_contract(table: Table, interval: Interval, dialect: str) -> dict[str, Any]:
    """The contract in Soda's format, over the published rows of the interval, in whole periods; its SQL is the engine's.

    Raises SpecError for a contract or a query that is broken.
    """
    periods, contract = interval.widen(table.period), load_contract(table)
    on: dict[str, list[dict[str, Any]]] = {}
    for check in contract.listed_checks:
        on.setdefault(check.column, []).append({check.type: _body(table, check, periods, dialect) or None})
    told = {key: value for key, value in contract.content.items() if key not in ("columns", "checks")}
    if column := table.period_column:
        told["filter"] = f"{column} >= date '{periods.start}' and {column} < date '{periods.end}'"
    columns = [
        {key: value for key, value in one.items() if key not in ("description", "checks")}
        | {"description": one["description"]}
        | ({"checks": on[one["name"]]} if one["name"] in on else {})
        for one in contract.content["columns"]
    ]
    return told | {"columns": columns, "checks": on[""]}


def _body(table: Table, check: Check, interval: Interval, dialect: str) -> dict[str, Any]:
    """The check with the SQL that finds the wrong rows; Soda asks for a qualifier where a type of check comes more than once."""
    body = dict(check.body)
    if (query := check_query(table, check, [interval])) is not None:
        text = write(query, dialect)
        # What cannot be told yet for want of history is no outlier.
        body["query"] = (
            f"select *\nfrom (\n{text}\n) as found\nwhere finding = 'outlier'" if check.dimension == "anomaly" else text
        )
    return body | ({"qualifier": check.qualifier} if check.qualifier else {})
