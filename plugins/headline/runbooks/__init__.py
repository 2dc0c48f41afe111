"""Runbooks: the parts generated from the specification, and the rules for the parts written by hand."""

from headline.runbooks.access import regenerated_access
from headline.runbooks.alerts import ALERT_PAGES, alert_faults, regenerated_alert
from headline.runbooks.codeowners import CODEOWNERS, codeowners
from headline.runbooks.document import without_generated, without_markers
from headline.runbooks.generate import regenerated
from headline.runbooks.markdown import anchor
from headline.runbooks.rules import faults

__all__ = [
    "ALERT_PAGES",
    "CODEOWNERS",
    "alert_faults",
    "anchor",
    "codeowners",
    "faults",
    "regenerated",
    "regenerated_access",
    "regenerated_alert",
    "without_generated",
    "without_markers",
]
