"""What the processes of a home print."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def tail(logs: Path, *names: str, lines: int = 25) -> str:
    """The last lines that these programs printed, or else supervisord itself."""
    found = []
    for file in [log_of(logs, name) for name in names or ["supervisord"]]:
        if file.exists():
            with file.open(errors="replace") as log:
                found += [f"The end of {file}:", *(line.rstrip() for line in deque(log, maxlen=lines))]
    return "\n".join(found)


def follow(logs: Path) -> Iterator[str]:
    """What all programs print from now on, each line after its program's name, until the reader stops."""
    seen = {file: file.stat().st_size for file in logs.glob("*.log")}
    while True:
        quiet = True
        for file in sorted(logs.glob("*.log")):
            with suppress(FileNotFoundError), file.open(errors="replace") as log:
                size = file.stat().st_size
                log.seek(seen.get(file, 0) if seen.get(file, 0) <= size else 0)  # a log that was rotated begins again
                for line in log:
                    yield f"{file.stem:<13} | {line.rstrip()}"
                    quiet = False
                seen[file] = log.tell()
        if quiet:
            time.sleep(0.3)


def log_of(logs: Path, name: str) -> Path:
    """The file that a program prints to."""
    return logs / f"{name}.log"
