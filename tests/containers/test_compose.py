"""`docker-compose up` alone gives the working UI with the demo company: built and started for real by `make containers`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from urllib.request import urlopen

import pytest
from tests.containers.images import ROOT, wanted

from headline.airflow_api import AirflowApi
from headline.local.dag_files import of_pipelines

PORT = "28080"
ENVIRONMENT = {**os.environ, "HEADLINE_PORT": PORT, "COMPOSE_PROJECT_NAME": "headline-test"}
MOST_SECONDS = 900

pytestmark = [
    pytest.mark.skipif("HEADLINE_TEST_CONTAINERS" not in os.environ, reason="takes minutes: make containers"),
    pytest.mark.skipif(not shutil.which("docker"), reason="needs Docker and its Compose"),
    pytest.mark.timeout(MOST_SECONDS + 600),
]


@cache
def compose() -> tuple[str, ...]:
    """The command: Docker's own since version 2, or the program of before."""
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ("docker", "compose") if asked.returncode == 0 else ("docker-compose",)


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


def container(service: str) -> dict:
    identifier = run(*compose(), "ps", "--all", "--quiet", service).strip()
    return json.loads(run("docker", "inspect", identifier))[0]


@pytest.fixture(scope="module")
def started() -> Iterator[None]:
    """All services, from nothing; gone again with their volumes afterwards."""
    assert {*map(str, wanted())} == {"python:3.11-slim", "postgres:18"}
    for target in ("headline", "doubles"):
        image = {"headline": "headline", "doubles": "headline-doubles"}[target]
        run("docker", "build", "--quiet", "--network", "host", "--target", target, "--tag", image, ".")
    try:
        run(*compose(), "up", "--detach", "--no-build")
        yield
    finally:
        subprocess.run([*compose(), "down", "--volumes"], cwd=ROOT, env=ENVIRONMENT, check=False, capture_output=True)


def test_the_demo_company_is_computed_and_the_login_page_answers(started: None) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while (state := container("demo")["State"])["Status"] != "exited":
        assert time.monotonic() < deadline, run(*compose(), "logs", "--tail=20")
        time.sleep(3)
    assert state["ExitCode"] == 0, run(*compose(), "logs", "--tail=60", "demo")
    with urlopen(f"http://127.0.0.1:{PORT}/auth/login/") as answer:
        assert "password" in answer.read().decode().lower()
    password = run(*compose(), "run", "--rm", "set-up", "cat", "/run/secrets/admin").strip().splitlines()[-1]
    with AirflowApi(f"http://127.0.0.1:{PORT}", "admin", password) as api:
        runs = {dag_id: api.runs(dag_id) for dag_id in of_pipelines()}
    assert len(runs) >= 10
    assert {run["state"] for found in runs.values() for run in found if re.match("range__|day__", run["dag_run_id"])} == {
        "success"
    }


def test_every_service_runs_healthy_and_not_as_root(started: None) -> None:
    for service in ("api-server", "scheduler", "dag-processor", "triggerer", "postgres", "aws"):
        assert container(service)["State"]["Health"]["Status"] == "healthy", service
    for service in ("api-server", "scheduler", "demo-finance", "aws", "mail"):
        assert run(*compose(), "exec", "-T", service, "id", "-u").strip() != "0", service


def test_no_process_of_a_container_has_what_another_needs(started: None) -> None:
    assert "ledger_eraser" not in run(*compose(), "exec", "-T", "scheduler", "ls", "/run/secrets")
    assert "shop_owner" in run(*compose(), "run", "--rm", "set-up", "ls", "/run/secrets")


def in_scheduler(program: str) -> str:
    """What a Python program prints in the container in which tasks run, with an installation's settings."""
    entry = ("python", "-m", "headline.local.container", "python", "-c", program)
    return run(*compose(), "exec", "-T", "scheduler", *entry).strip().splitlines()[-1]


def test_a_mail_is_caught(started: None) -> None:
    in_scheduler(
        "from airflow.providers.smtp.hooks.smtp import SmtpHook\n"
        "with SmtpHook('headline_email') as hook:\n"
        "    hook.send_email_smtp(to='a@example.com', subject='Caught', html_content='here')\n"
        "print('sent')"
    )
    assert "Subject: Caught" in run(*compose(), "logs", "--no-color", "mail")


def test_all_that_landed_is_on_s3_and_the_copies_are_in_the_volume(started: None) -> None:
    places, copies = json.loads(
        in_scheduler(
            "import json; from headline.ledger import Ledger; from headline.s3 import copies\n"
            "landings = ('landing.orders', 'landing.expenses', 'landing.exchange_rates', 'landing.events')\n"
            "files = [load.file for landing in landings for load in Ledger().current_loads(landing)]\n"
            "print(json.dumps([sorted({file.partition('/ds=')[0] for file in files}), [str(copies.folder()), "
            "len(list(copies.folder().glob('*.parquet')))]]))"
        )
    )
    assert "s3://headline-landing/shop/orders" in places
    assert all(place.startswith("s3://headline-landing/") for place in places)
    assert copies[0] == "/var/lib/headline/landing-copies"
    assert copies[1] > 60


ARRIVES = """
import gzip, io, json, time
from headline.demo.company import utc_today
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.sources.dropped import root
today, share = utc_today(), root("headline_datashare") / "events"
usual = json.loads(gzip.decompress(next(share.glob(f"arrived={today - DAY}/*")).read_bytes()).splitlines()[0])
event = usual | {"event_id": "of today", "occurred_at": f"{today}T00:00:00Z"}
(share / f"arrived={today}" / "0000-1.jsonl.gz").put(io.BytesIO(gzip.compress(json.dumps(event).encode())), "")
begun = time.monotonic()
while not (found := Ledger().current_loads("landing.events", [Interval(today, today + DAY)])) and time.monotonic() - begun < 300:
    time.sleep(0.5)
print([load.row_count for load in found], round(time.monotonic() - begun))
"""


def test_a_file_that_arrives_lands_by_itself(started: None) -> None:
    """The bucket tells the queue, the queue the triggerer; how many seconds later it has landed is printed."""
    told = in_scheduler(ARRIVES)
    assert told.startswith("[1] "), told


def test_what_landed_outlives_the_stand_in(started: None) -> None:
    count = "from headline.s3.path import S3Path; print(len(list(S3Path('s3://headline-landing').glob('*/*/*/*.parquet'))))"
    before = int(in_scheduler(count))
    run(*compose(), "restart", "aws")
    deadline = time.monotonic() + 120
    while container("aws")["State"]["Health"]["Status"] != "healthy":
        assert time.monotonic() < deadline
        time.sleep(1)
    assert int(in_scheduler(count)) == before > 60


def test_the_image_knows_its_commit(started: None) -> None:
    asked = "from headline.figures.values import commit; print(commit())"
    told = run(*compose(), "exec", "-T", "-e", "HEADLINE_COMMIT=", "api-server", "python", "-c", asked).strip()
    head = run("git", "rev-parse", "HEAD").strip()
    assert told == (head if (ROOT / ".git").is_dir() else ""), "a worktree has no .git of its own"
