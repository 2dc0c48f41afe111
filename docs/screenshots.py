"""Take the pictures of the README from the running Airflow: `make run`, then `.venv/bin/python docs/screenshots.py`.

A refund comes so late that it would move issued figures, and waits for an engineer's approval. Yesterday's prices come many times
too high and a column of the exchange rates is renamed; the runs that find it open incidents, of which the engineer takes one. At
the end the refund is approved, and the sources are mended and computed again. Needs Chromium, for example Debian's package
`chromium`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from headline import settings
from headline.airflow_api import AirflowApi
from headline.intervals import DAY
from headline.ledger import FigureRequest, FigureRequests
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.setup import team
from headline.operators.asking import DAG_ID as APPROVALS
from headline.remote.approval import restate

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
WIDE, DESKTOP, PHONE = ({"width": width, "height": height} for width, height in ((1440, 900), (1280, 800), (390, 780)))
# A waiver holds for one figure: whoever has waived it, tenfold prices would pass a second time.
FACTOR = 10 + secrets.randbelow(90)
YESTERDAY = datetime.now(UTC).date() - DAY


def main() -> None:
    settings.load_environment_file()
    url, home = os.environ["AIRFLOW__API__BASE_URL"], Home.current()
    name, password = "jonas", team(home.secrets)["jonas"]
    with (
        AirflowApi.of(os.environ) as api,
        AirflowApi(url, name, password) as person,
        late_refund(api, person) as request,
        trouble(home, api),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        state = log_in(browser, url, name, password)
        take_one(browser, url, state)
        pictures(browser, url, state, api, request)
        browser.close()


def pictures(browser: Browser, url: str, state: dict, api: AirflowApi, request: FigureRequest) -> None:
    run_id = next(run["dag_run_id"] for run in api.runs("unit_profit") if run["dag_run_id"].startswith("range"))
    run = f"/dags/unit_profit/runs/{run_id}"
    broken, taken = incident("contract_failed"), incident("schema_changed")
    shots = {
        "run": (run, WIDE, "light"),
        "compiled": (f"{run}/tasks/write_audit_publish/rendered_templates", WIDE, "light"),
        "board": ("/plugin/headline", DESKTOP, "light"),
        "incident": (f"/plugin/headline/headline/incidents/{taken.id}", DESKTOP, "light"),
        "rota": ("/plugin/headline/headline/rota", DESKTOP, "dark"),
        "tab": ("/dags/shop/plugin/headline_pipeline", DESKTOP, "light"),
        "approval": (f"/dags/{APPROVALS}/runs/request__{request.id}/tasks/approve/required_actions", DESKTOP, "light"),
        "request": (f"/plugin/headline/headline/figures/requests/{request.id}", DESKTOP, "light"),
        "figures": ("/plugin/headline/headline/figures?pipeline=investor_profit", DESKTOP, "light"),
        "metrics": ("/plugin/headline/headline/metrics", DESKTOP, "light"),
        "metric": ("/plugin/headline/headline/metrics/daily_net_revenue?by=category", {"width": 1280, "height": 1100}, "light"),
        "investor_reports": ("/plugin/headline/headline/reports", DESKTOP, "light"),
        "phone": (f"/headline/incidents/{broken.id}", PHONE, "light"),
    }
    for name, (path, viewport, scheme) in shots.items():
        page = opened(browser, url, state, viewport=viewport, color_scheme=scheme).new_page()
        page.goto(path)
        settle(page, "/plugin/" in path)
        page.screenshot(path=IMAGES / f"{name}.png")
        page.context.close()


def take_one(browser: Browser, url: str, state: dict) -> None:
    """The engineer takes the drill and the renamed column, with the button."""
    page = opened(browser, url, state, viewport=DESKTOP).new_page()
    for one in [one for one in Incidents().open() if one.state == "open" and one.kind != "contract_failed"]:
        page.goto(f"/headline/incidents/{one.id}")
        page.get_by_role("button", name="Acknowledge").click()
        page.get_by_text("Acknowledged by").first.wait_for()
    page.context.close()


@contextmanager
def late_refund(api: AirflowApi, person: AirflowApi) -> Iterator[FigureRequest]:
    """A restatement of the demo company waits while this lasts; then it is approved and published."""
    restate()
    request = FigureRequests().all(waiting=True)[0]
    run_id = f"request__{request.id}"
    wait_for(lambda: (api.task_instance(APPROVALS, run_id, "approve") or {}).get("state") == "awaiting_input")
    yield request
    person.answer(APPROVALS, run_id, "approve", "Approve")
    wait_for(lambda: (api.run(APPROVALS, run_id) or {}).get("state") == "success")


@contextmanager
def trouble(home: Home, api: AirflowApi) -> Iterator[None]:
    """What two sources sent of yesterday is bad while this lasts."""
    rates = home.path / "datashare" / f"rates_{YESTERDAY}.csv"
    whole = rates.read_text()
    try:
        rates.write_text(whole.replace("rate_to_reporting", "rate", 1))
        change_prices(home, f"* {FACTOR}")
        compute(api, "failed")
        wait_for(lambda: incident("contract_failed") and incident("schema_changed"))
        yield
    finally:
        rates.write_text(whole)
        change_prices(home, f"/ {FACTOR}")
        compute(api, "success")


def change_prices(home: Home, change: str) -> None:
    lines = f"order_id in (select order_id from orders where ordered_at >= '{YESTERDAY}' and ordered_at < '{YESTERDAY + DAY}')"
    prices = ", ".join(f"{column} = {column} {change}" for column in ("unit_price", "discount_amount"))
    with closing(Postgres(home.postgres).connect("shop")) as connection, connection.cursor() as cursor:
        cursor.execute(f"update order_items set {prices} where {lines}")


def compute(api: AirflowApi, state: str) -> None:
    """Run both sources for yesterday and wait until they have ended so."""
    run_id = f"pictures__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"
    for dag_id in ("shop", "finance"):
        api.trigger(dag_id, run_id=run_id, conf={"from": str(YESTERDAY), "to": str(YESTERDAY)})
    for dag_id in ("shop", "finance"):
        wait_for(lambda dag_id=dag_id: (api.run(dag_id, run_id) or {}).get("state") == state)


def incident(kind: str) -> Incident | None:
    return next((one for one in Incidents().open() if one.kind == kind), None)


def wait_for(look, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError("waited too long; `make logs` shows what Airflow does")
        time.sleep(1)


def opened(browser: Browser, url: str, state: dict | None = None, **options) -> BrowserContext:
    return browser.new_context(base_url=url, storage_state=state, **options)


def log_in(browser: Browser, url: str, name: str, password: str) -> dict:
    """The cookies of somebody who is logged in."""
    page = opened(browser, url).new_page()
    page.goto("/auth/login/")
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", password)
    page.click("[type=submit]")
    page.wait_for_url(lambda address: "/auth/login" not in address)
    return page.context.storage_state()


def settle(page: Page, in_frame: bool) -> None:
    if in_frame:
        page.frame_locator("iframe").locator("main").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(2000)


if __name__ == "__main__":
    main()
