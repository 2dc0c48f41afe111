"""Take the pictures of the README from the running Airflow: `make run`, then `.venv/bin/python docs/screenshots.py`.

Needs Chromium, for example Debian's package `chromium`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from headline import settings
from headline.airflow_api import AirflowApi

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    settings.load_environment_file()
    url = os.environ["AIRFLOW__API__BASE_URL"]
    with AirflowApi.of(os.environ) as api:
        run_id = next(run["dag_run_id"] for run in api.runs("unit_profit") if run["dag_run_id"].startswith("range"))
    task = f"/dags/unit_profit/runs/{run_id}/tasks/transform.unit_profit"
    pages = {
        "run": f"/dags/unit_profit/runs/{run_id}",
        "compiled": f"{task}/rendered_templates",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900}, base_url=url)
        log_in(page)
        for name, path in pages.items():
            page.goto(path, wait_until="networkidle")
            page.wait_for_timeout(2000)
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


def log_in(page: Page) -> None:
    page.goto("/")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", os.environ["HEADLINE_ADMIN_PASSWORD"])
    page.click("[type=submit]")
    page.wait_for_url("**/")


if __name__ == "__main__":
    main()
