import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headline.errors import BadRequest, HeadlineError
from headline.local.setup import check_port, free_port, is_free, run_airflow


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_taken_port_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(BadRequest) as refused:
        check_port(taken, "HEADLINE_PORT", "Airflow's UI")
    message = str(refused.value)
    assert f"port {taken}, meant for Airflow's UI, is taken" in message
    other = int(message.rsplit("HEADLINE_PORT=", 1)[1])
    assert other > taken
    assert is_free(other)


def test_a_free_port_is_fine() -> None:
    check_port(free_port(20000), "HEADLINE_PORT", "Airflow's UI")


def test_a_command_of_airflow_that_fails_tells_what_it_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncat\necho no such database >&2\nexit 1\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(HeadlineError, match=r"(?s)could not be prepared.*migrate.*no such database"):
        run_airflow({"PATH": os.defpath}, ["db", "migrate"])
