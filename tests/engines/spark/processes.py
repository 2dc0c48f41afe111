"""Processes that listen on a port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server(
    command: list[str], port: int, log: Path, variables: Mapping[str, str], seconds: float = 30
) -> Iterator[subprocess.Popen]:
    """A process that listens on a port for as long as this is entered."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **variables}, cwd=log.parent)
    try:
        deadline = time.monotonic() + seconds
        while True:
            with socket.socket() as tried:
                if not tried.connect_ex(("127.0.0.1", port)):
                    break
            assert process.poll() is None, f"{command[:4]} ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{command[:4]} does not listen after {seconds} s: {log.read_text()[-2000:]}"
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
