"""Issued figures: what is recorded with a publication, what must wait for an approval, and what each difference comes from."""

from headline.figures.gate import FiguresGate
from headline.figures.issuing import issue, request_issue
from headline.figures.reach import could_move

__all__ = ["FiguresGate", "could_move", "issue", "request_issue"]
