"""A run in a process of its own that dies without a word at a chosen point."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

import pytest

from headline.pipeline import PipelineRun, write_audit_publish


@dataclass(frozen=True)
class Point:
    """Where to die: before a method of a class begins or, with `after`, when it is done; of some calls where `of` is in the
    first argument."""

    owner: type
    method: str
    after: bool = False
    of: str = ""


def run_and_die(run: PipelineRun, point: Point) -> None:
    """Run a pipeline in a process that is killed at the point; fails where the run never comes by it."""
    pid = os.fork()
    if pid == 0:
        _run(run, point)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        pytest.fail(f"the run never came by {point.owner.__name__}.{point.method}: exit code {os.waitstatus_to_exitcode(status)}")


def _run(run: PipelineRun, point: Point) -> None:
    """What the child does; it never returns into the test."""
    original = getattr(point.owner, point.method)

    def deadly(self: Any, *arguments: Any) -> Any:
        is_meant = point.of in str(arguments[0]) if point.of else True
        if is_meant and not point.after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(self, *arguments)
        if is_meant:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    try:
        setattr(point.owner, point.method, deadly)
        write_audit_publish(run)
    finally:
        os._exit(1)
