"""A virtual environment for a tool that gets along with few others, made once by uv from its pinned packages."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from headline.errors import HeadlineError


def interpreter(environment: Path, pins: Path, *options: str) -> Path:
    """The Python of an environment, which is made first where it does not hold what the file `pins` says.

    `options`: those of `uv pip install`. Raises HeadlineError with what uv said.
    """
    python, mark = environment / "bin" / "python", environment / "installed"
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:
        uv = str(Path(sys.executable).parent / "uv")
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(environment)])
        _run([uv, "pip", "install", "--system-certs", "--quiet", *options, "--python", str(python), "--requirement", str(pins)])
        mark.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeadlineError(f"{' '.join(command[1:3])} failed:\n{done.stderr[-2000:]}")
