"""`python -m headline.local.program <procfile> <name>`: becomes that program, in the environment that its home's file tells.

So programs are started again with new settings while their supervisor and PostgreSQL go on. It imports little: it runs at every
start of a program.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

FILE = "processes.json"


def commands(procfile: Path) -> dict[str, str]:
    """The commands of a Procfile by name, in its order."""
    pairs = (line.split(":", 1) for line in procfile.read_text().splitlines() if ":" in line and not line.startswith("#"))
    return {name.strip(): command.strip() for name, command in pairs}


def main(procfile: str, name: str) -> None:
    told = json.loads((Path(os.environ["HEADLINE_HOME"]) / FILE).read_text())["environment"]
    of_supervisor = {key: value for key, value in os.environ.items() if key.startswith("SUPERVISOR_")}
    os.execve("/bin/sh", ["sh", "-c", commands(Path(procfile))[name]], told | of_supervisor)  # noqa: S606 (the Procfile is ours)


if __name__ == "__main__":
    main(*sys.argv[1:])
