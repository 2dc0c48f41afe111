"""CODEOWNERS, from the areas and owners of team.yml: who has to review what changes."""

from __future__ import annotations

from headline.settings import PROJECT
from headline.specs import load_team

CODEOWNERS = PROJECT / "CODEOWNERS"
# Owners of an area whose files are not in a folder of include/sql named after it.
_ELSEWHERE = {"operations": "*"}


def codeowners() -> str:
    """A line per area with the addresses of its owners, primary ones first; what has no line of its own belongs to operations."""
    team = load_team()
    emails = {engineer.id: engineer.email for engineer in team.engineers}
    lines = {
        _ELSEWHERE.get(area, f"/include/sql/{area}/"): [emails[one] for one in (*owners.primary, *owners.secondary)]
        for area, owners in team.owners.items()
    }
    ordered = sorted(lines.items(), key=lambda line: line[0] != "*")  # the last line that matches a file wins
    heading = "# Written by `headline runbooks` from include/team.yml."
    return "\n".join([heading, *(" ".join([pattern, *people]) for pattern, people in ordered)]) + "\n"
