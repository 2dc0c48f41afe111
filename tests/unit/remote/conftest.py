"""A person who has logged in to an Airflow elsewhere, on a machine that holds none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.remote.server import PERSON, Server

from headline.remote import login
from headline.remote.client import Airflow


@pytest.fixture(autouse=True)
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No home and no login; gives the folder for logins."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    return tmp_path / "config"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    """Where the person has logged in."""
    server, as_person = Server(), Airflow.as_person
    login.keep(PERSON)

    def reached(person: login.Login, transport: Any = None) -> Airflow:
        return as_person(person, transport or httpx.MockTransport(server))

    monkeypatch.setattr(Airflow, "as_person", reached)
    return server
