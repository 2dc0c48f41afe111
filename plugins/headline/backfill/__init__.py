"""Backfills over a range: a request becomes a plan, and the plan is executed chunk by chunk."""

from headline.backfill.plan import Plan, make_plan
from headline.backfill.render import markdown
from headline.backfill.request import read_request
from headline.backfill.selection import select

__all__ = ["Plan", "make_plan", "markdown", "read_request", "select"]
