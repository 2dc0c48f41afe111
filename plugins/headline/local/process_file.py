"""The file that says what was started last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headline.local.private import write_private
from headline.local.supervisor import is_socket_outside


@dataclass(frozen=True)
class Started:
    """What the process file says of what was started last, and tells the programs (`environment`)."""

    pid: int
    created: float
    socket: str
    fingerprint: str = ""
    names: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def started_in(file: Path) -> Started | None:
    """What was started last; None where nothing was."""
    with suppress(OSError, ValueError, TypeError):
        return Started(**json.loads(file.read_text()))
    return None


def write(file: Path, started: Started) -> None:
    """Keep what was started."""
    write_private(file, json.dumps(asdict(started)))


def forget(file: Path) -> None:
    """Remove the process file, and the socket and folder of one that did not fit into the home.

    Only what is empty and looks like ours: what a file says is no reason to remove more.
    """
    if (started := started_in(file)) and is_socket_outside(socket := Path(started.socket)):
        socket.unlink(missing_ok=True)
        with suppress(OSError):
            socket.parent.rmdir()
    file.unlink(missing_ok=True)
