"""Missing days: found, ingested and computed again, escalated."""

from headline.gaps.completeness import take_stock
from headline.gaps.repair import Runs, repair, settle

__all__ = ["Runs", "repair", "settle", "take_stock"]
