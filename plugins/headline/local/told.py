"""What the processes of a home are told in their environment, and what has to be told again."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from headline.local.home import Home
from headline.settings import PROJECT

MARK = "HEADLINE_STARTED_BY"  # set for every process started here, so that one that outlived its parent can be found again


def process_environment(environment: Mapping[str, str], home: Home) -> dict[str, str]:
    """The environment of this program with the home's variables over it, and the virtual environment's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1", "localhost"]))
    own = {
        MARK: str(home.path),
        "HEADLINE_HOME": str(home.path),
        "PATH": path,
        "NO_PROXY": no_proxy,
        "PYTHONUNBUFFERED": "1",
        # Without compiled modules each of Airflow's processes compiles Airflow again, which takes longer than to start it.
        "PYTHONDONTWRITEBYTECODE": "",
        # Airflow's processes change their titles, which overwrites where the system reads their environment, our mark included.
        "SPT_NOENV": "1",
    }
    return {**os.environ, **environment, **own}


def supervisor_environment(home: Home) -> dict[str, str]:
    """What supervisord and PostgreSQL are told: none of the home's keys."""
    ours = ("AIRFLOW_", "HEADLINE_")
    return {name: value for name, value in process_environment({}, home).items() if not name.startswith(ours)} | {
        MARK: str(home.path),
        "HEADLINE_HOME": str(home.path),
    }


def fingerprint(procfile: Path, environment: Mapping[str, str]) -> str:
    """Changes with the environment and with the machinery's code, which running processes have already imported."""
    digest = hashlib.sha256(json.dumps(environment, sort_keys=True).encode())
    for file in [procfile, *sorted((PROJECT / "plugins").rglob("*.py"))]:
        digest.update(f"{file} {file.stat().st_mtime_ns}".encode())
    return digest.hexdigest()
