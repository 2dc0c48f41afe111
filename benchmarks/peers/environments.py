"""A virtual environment for each peer, made once by uv from its pinned constraints."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from headline.errors import HeadlineError
from headline.settings import PROJECT

HERE = Path(__file__).parent
PEERS = ("dbt", "sqlmesh")


def python_of(peer: str) -> Path:
    """The interpreter of a peer's environment, which is made first where it is not there as its constraints say.

    Raises HeadlineError with what uv said.
    """
    constraints = HERE / f"constraints-{peer}.txt"
    environment = PROJECT / ".headline-peers" / peer
    interpreter, mark = environment / "bin" / "python", environment / "installed"
    wanted = hashlib.sha256(constraints.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        uv = str(Path(sys.executable).parent / "uv")
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
        # The constraints name every package, so that nothing is left to resolve.
        install = ["pip", "install", "--system-certs", "--quiet", "--no-deps", "--python", str(interpreter)]
        _run([uv, *install, "--requirement", str(constraints)])
        mark.write_text(wanted)
    return interpreter


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeadlineError(f"{' '.join(command[1:3])} failed:\n{done.stderr[-2000:]}")
