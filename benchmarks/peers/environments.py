"""A virtual environment for each peer, from its pinned constraints."""

from __future__ import annotations

from pathlib import Path

from benchmarks.environments import interpreter
from headline.settings import PROJECT

HERE = Path(__file__).parent
PEERS = ("dbt", "sqlmesh")


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment; raises HeadlineError with what uv said."""
    # The constraints name every package, so that nothing is left to resolve.
    return interpreter(PROJECT / ".headline-peers" / peer, HERE / f"constraints-{peer}.txt", "--no-deps")
