"""Commands of people who have logged in: Airflow itself says who they are and what they may, and what they do has their name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.airflow.world import YESTERDAY, Airflow, Deployment

from headline.ledger.incident import Finding, Incident
from headline.ledger.incidents import Incidents
from headline.local.secrets import PEOPLE
from headline.remote import login

Command = Callable[..., tuple[object, str, str]]
VIEWER, PASSWORD = "remote-viewer", "a password"


@pytest.fixture
def incidents(airflow: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Incident]]:
    """An open incident of each of two pipelines, and nobody who has logged in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    now, known = datetime.now(UTC), Incidents()
    found = {name: known.fire(Finding(name, "task_failed", YESTERDAY, now), now) for name in ("core_app", "daily_growth")}
    yield found
    for one in found.values():
        known.resolve(one.id, datetime.now(UTC), "the test is over")


def log_in(headline: Command, airflow: Deployment, name: str, password: Path) -> None:
    url = airflow.environment["AIRFLOW__API__BASE_URL"]
    code, said, _ = headline("login", "--url", url, "--user", name, "--password-file", str(password))
    assert (code, said) == (0, f"logged in at {url} as {name}; headline logout ends that\n")


def test_an_engineer_takes_an_incident_and_it_carries_their_name(
    airflow: Deployment, headline: Command, incidents: dict[str, Incident]
) -> None:
    found = incidents["core_app"]
    code, _, refused = headline("acknowledge", str(found.id))
    assert code == 1
    assert "an acknowledgement carries a person's name: log in first" in refused
    log_in(headline, airflow, "ines", airflow.home.secrets.path(PEOPLE) / "ines")
    code, said, _ = headline("acknowledge", str(found.id))
    assert (code, said) == (0, f"core_app task_failed of {YESTERDAY} is acknowledged, acknowledged by ines\n")
    assert Incidents().get(found.id).acknowledged_by == "ines"
    assert [(one.event, one.person) for one in Incidents().history(found.id)][-1] == ("acknowledged", "ines")
    listed = json.loads(headline("incidents", "--format", "json")[1])
    assert {"core_app", "daily_growth"} <= {one["pipeline"] for one in listed}
    assert next(one for one in listed if one["id"] == found.id)["acknowledged by"] == "ines"
    code, said, _ = headline("status")
    assert (code, said.splitlines()[-1]) == (0, f"Airflow: {airflow.environment['AIRFLOW__API__BASE_URL']} as ines")
    code, _, refused = headline("trigger", "core_app", "--from", "2016-01-01", "--to", "2026-01-01")
    assert (code, "one run has 400 at most" in refused) == (1, True), "the server says so before anything starts"
    token = login.current()
    assert token
    assert headline("logout")[0] == 0
    login.keep(token)
    code, _, refused = headline("incidents")
    assert (code, f"log in again: {token.again}" in refused) == (1, True), "Airflow takes the token no more"


def test_a_viewer_looks_and_changes_nothing(
    airflow: Deployment, headline: Command, incidents: dict[str, Incident], tmp_path: Path
) -> None:
    Airflow.of(airflow.environment).add_user(VIEWER, PASSWORD, "growth")
    (tmp_path / "password").write_text(PASSWORD)
    log_in(headline, airflow, VIEWER, tmp_path / "password")
    listed = json.loads(headline("incidents", "--format", "json")[1])
    assert {one["pipeline"] for one in listed} <= {"daily_growth", "investor_growth"}
    assert incidents["daily_growth"].id in {one["id"] for one in listed}
    for one in incidents.values():
        code, _, refused = headline("acknowledge", str(one.id))
        assert (code, "refuses that to remote-viewer: you " in refused) == (1, True), refused
        assert Incidents().get(one.id).state == "open"
    for command in (["trigger", "daily_growth"], ["unpause", "daily_growth"]):
        code, _, refused = headline(*command)
        assert (code, "refuses that to remote-viewer" in refused) == (1, True), refused
