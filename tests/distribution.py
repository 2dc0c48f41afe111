"""How tests are handed to the processes that run them, and what is told at once of a test that fails or a process that ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# Files that share nothing with their folder, by what they share with each other.
HAS_ITS_OWN = {"test_alerts.py": "airflow, apart", "test_chaos.py": "airflow, apart", "test_injected.py": "faults, injected"}
MOST_OF_A_REASON = 300  # characters


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Tests of one file run in one process, since they share what is made once; so do those of a folder that share more."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        together = file.parent if file.parent.name in ("airflow", "faults") else file
        return HAS_ITS_OWN.get(file.name, str(together))

    def remove_node(self, node: Any) -> str | None:
        """The test that a process ended in the midst of. No other is given it, nor what would have come after: each might end."""
        left = [test for tests in self.assigned_work.pop(node).values() for test, is_done in tests.items() if not is_done]
        return left[0] if left else None


class AtOnce:
    """Prints what fails as it fails: the summary at the end is lost where the run itself does not come to an end."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message if crash else str(report.longrepr)
            self._print(f"{report.nodeid} failed: {reason.strip().partition(chr(10))[0][:MOST_OF_A_REASON]}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        if error:
            self._print(f"{node.gateway.id}, which runs tests, {ending(node.gateway._io.popen.wait(10))}")

    def _print(self, line: str) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter:
            reporter.ensure_newline()
            reporter.write_line(line)


def ending(code: int) -> str:
    """How a process ended, in words."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
