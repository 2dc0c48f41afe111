"""A run of tests whose processes are killed tells which, in the midst of what, and what else had failed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headline.settings import PROJECT

CONFTEST = """
from tests.distribution import AtOnce, Scheduling

def pytest_configure(config):
    config.pluginmanager.register(AtOnce(config))

def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
"""
KILLED = """
import os, signal

def test_it_goes_well():
    pass

def test_it_is_killed():
    os.kill(os.getpid(), signal.SIGKILL)

def test_it_comes_after():
    pass
"""
WRONG = """
import time

def test_it_is_wrong():
    time.sleep(0.2)
    assert 1 + 1 == 3, "said at once"
"""


def test_what_failed_is_told_although_processes_were_killed(tmp_path: Path) -> None:
    for name, text in {"conftest": CONFTEST, "test_one": KILLED, "test_other": KILLED, "test_wrong": WRONG}.items():
        (tmp_path / f"{name}.py").write_text(text)
    plugins = ["-p", "xdist.plugin", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
    places = [f"--rootdir={tmp_path}", f"-c{PROJECT / 'pyproject.toml'}", "--override-ini=pythonpath=", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", "-q", "-n3", "--dist", "loadfile", *plugins, *places]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=PROJECT, env=environment)
    told = done.stdout.splitlines()
    assert done.returncode == 1, done.stdout + done.stderr
    assert sum(line.endswith(", which runs tests, was ended by SIGKILL") for line in told) == 2
    for name in ("one", "other"):
        failed = f"test_{name}.py::test_it_is_killed"
        assert [line for line in told if f"{failed} failed: worker " in line and "crashed while running" in line]
        assert [line for line in told if line.startswith("FAILED ") and failed in line]
    assert [line for line in told if "test_wrong.py::test_it_is_wrong failed: AssertionError: said at once" in line]
    assert "3 failed, 2 passed in" in told[-1], "what would have come after is not tried"
