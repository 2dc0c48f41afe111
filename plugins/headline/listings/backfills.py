"""Backfills over a range: all of them, the chunks of one, and what a new one would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headline.backfill import make_plan, markdown, read_request
from headline.backfill.control import is_at_work
from headline.backfill.render import effect, span
from headline.ledger import Backfills, Ledger
from headline.show import Rows
from headline.specs import load_sound
from headline.warehouse import open_warehouse


def backfills() -> Rows:
    """A row for each, the newest first."""
    rows = [
        (
            *(one.id, one.standing, one.request.selection, span(one.request.days)),
            *(one.progress, one.request.requested_by, one.request.reason),
        )
        for one in Backfills().newest()
    ]
    return Rows(["backfill", "state", "selection", "days", "chunks", "requested_by", "reason"], rows)


def chunks(number: int) -> Rows:
    """A row for each chunk of one; raises BadRequest where there is none of that number."""
    found = Backfills().get(number)
    rows = [
        (
            *(one.number, one.pipeline, span(one.interval), one.state, ", ".join(map(span, one.days))),
            *(one.changed_count, one.row_count, one.run_id, one.error),
        )
        for one in found.chunks
    ]
    notes = effect(found.totals_before, found.totals_after) if found.totals_after else []
    if found.state == "running" and not is_at_work(number):
        notes = [
            *notes,
            f"nobody works on it now: if Airflow does not try again by itself, headline backfill resume {number}",
        ]
    columns = ["chunk", "pipeline", "days", "state", "computed", "published", "rows", "run_id", "error"]
    return Rows(columns, rows, f"{found.name}: {found.standing}. {found.request.requested_by}: {found.request.reason}", notes)


def plan(fields: Mapping[str, Any], person: str) -> str:
    """What a backfill would compute, as Markdown; `fields`: as the form of the DAG says them. Nothing is recorded."""
    catalog, ledger = load_sound(), Ledger()
    asked = {**fields, "reason": "a plan to look at, nothing recorded"}
    return markdown(make_plan(catalog, ledger, open_warehouse(), read_request(catalog, ledger, asked, person)))
