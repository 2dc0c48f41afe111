"""What people of different rights see and do in a browser: the pages in Airflow's frame, on a phone, in the dark, by keyboard."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks import work
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    FrameLocator,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from tests.airflow.world import (
    DAGS,
    FINISHED,
    FIRST,
    LAST,
    OPENING,
    OPERATIONS,
    TODAY,
    WRITE_AUDIT_PUBLISH,
    YESTERDAY,
    Deployment,
    wait_for,
)

from headline import specs
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Reads, behind
from headline.ledger.incident import Finding, Incident
from headline.ledger.incidents import Incidents
from headline.local.postgres import Postgres
from headline.remote.client import Airflow
from headline.remote.status import failed_and_behind

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
ROLES = {"engineer": "Op", "growth-reader": "growth", "viewer": "Viewer"}
GROWTH = {"daily_growth", "investor_growth"}
LAYERS = ["shop", "core_shop", "unit_profit", "investor_profit"]
SECRET = "in the browser"
PHONE, DESKTOP = ViewportSize(width=390, height=780), ViewportSize(width=1280, height=800)
PAGES = (
    "board",
    "board?dag_id=unit_profit",
    "incidents",
    "incidents/{id}",
    "metrics",
    "metrics/monthly_net_revenue",
    "metrics/daily_net_revenue?by=category",
    "rota",
    "runbooks",
    "runbooks/unit_profit",
    "alerts/contract_failed",
    "contracts/unit_profit/unit_profit",
    "catalog",
    "explore",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="browser tests need Chromium, for example Debian's package chromium")

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(running: Deployment, browser: Browser) -> dict[str, Page]:
    """Of each person after the login, for all tests: a new one takes a second of CPU time, and half a one for a page in it."""
    found = {}
    for name, role in ROLES.items():
        running.api.add_user(name, SECRET, role)
        found[name] = page = new_page(browser, base_url=running.environment["AIRFLOW__API__BASE_URL"], reduced_motion="reduce")
        page.goto("/headline/rota")  # where the login leads back to; Airflow's own pages take four seconds of CPU time each
        log_in(page, name)
    return found


def new_page(browser: Browser, **options: Any) -> Page:
    context = browser.new_context(**options)
    context.set_default_timeout(60_000)
    return context.new_page()


@pytest.fixture
def visit(airflow: Deployment, browser: Browser, pages: dict[str, Page]) -> Iterator[Visit]:
    """Go somewhere as somebody who is logged in, or as nobody; whatever the browser complains of fails the test at its end.

    A person has one page; `options` are those of a browser that is not as all others are, which has a page of its own.
    """
    opened: list[Page] = []
    listened: set[Page] = set()
    complaints: list[str] = []

    def on_console(said: ConsoleMessage) -> None:
        if said.type == "error":
            complaints.append(said.text)

    def on_error(error: Error) -> None:
        complaints.append(str(error))

    def listen(page: Page) -> None:
        page.on("console", on_console)
        page.on("pageerror", on_error)
        listened.add(page)

    def leave(page: Page) -> None:
        page.remove_listener("console", on_console)
        page.remove_listener("pageerror", on_error)
        listened.remove(page)

    def go(
        path: str, person: str | None = "engineer", *, complain: bool = True, viewport: ViewportSize = DESKTOP, **options: Any
    ) -> Page:
        page = pages.get(person or "")
        if options or not page:
            state = page.context.storage_state() if page else None
            page = new_page(browser, base_url=airflow.environment["AIRFLOW__API__BASE_URL"], storage_state=state, **options)
            opened.append(page)
        page.set_viewport_size(viewport)
        if complain != (page in listened):
            (listen if complain else leave)(page)
        page.goto(path)
        return page

    expect.set_options(timeout=60_000)
    yield go
    for page in [*listened]:
        leave(page)
    for page in pages.values():
        page.unroute_all()
        page.goto("about:blank")  # Airflow's own pages ask its server again and again
    for page in opened:
        page.context.close()
    assert complaints == []


@pytest.fixture
def incident(airflow: Deployment) -> Iterator[Callable[..., Incident]]:
    """Open an incident of a pipeline; it is over when the test is."""
    opened = []

    def fire(pipeline: str, **more: str) -> Incident:
        now = datetime.now(UTC)
        checks = [{"name": "no duplicates", "measured": 3, "sample": [{"id": "O-1"}]}]
        facts = {"table": f"area.{pipeline}", "checks": checks, **more}
        found = Incidents().fire(Finding(pipeline, "contract_failed", YESTERDAY, now, facts), now)
        opened.append(found)
        return found

    yield fire
    for one in opened:
        Incidents().resolve(one.id, datetime.now(UTC), "the test is over")


def log_in(page: Page, name: str) -> None:
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", SECRET)
    page.click("[type=submit]")
    page.wait_for_url(lambda address: "/auth/login" not in address)


def status_of_post(page: Page, path: str, form: dict[str, str] | None = None) -> int:
    """Of a form sent from the page itself; its scripts may send nothing."""
    headers = {"Origin": re.sub(r"/headline/.*", "", page.url)}
    return page.request.post(f"/headline/{path}", headers=headers, form=form or {}).status


def too_wide(page: Page) -> int:
    """By how many pixels one has to scroll sideways."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


def state_of(one: Incident) -> tuple[str, str | None]:
    now = Incidents().get(one.id)
    return now.state, now.acknowledged_by


def status_lines(airflow: Deployment) -> list[str]:
    """What `headline status` says of runs and of days that are behind their inputs."""
    with Airflow.of(airflow.environment) as api:
        return [str(line) for line in failed_and_behind(api)]


def test_navigation_leads_to_the_board_the_board_to_a_dag_and_its_tab_shows_that_dag(visit: Visit) -> None:
    """Who may only look comes as far."""
    page = visit("/", "viewer")
    page.get_by_role("button", name="Browse").click()
    page.get_by_role("menuitem", name="Headline").click()
    expect(frame(page).get_by_role("heading", name="Pipelines")).to_be_visible()
    expect(frame(page).locator("tbody tr")).to_have_count(len(DAGS))
    expect(frame(page).get_by_text("On call:")).to_be_visible()
    frame(page).get_by_role("link", name="unit_profit", exact=True).click()
    page.wait_for_url("**/dags/unit_profit")
    expect(page.locator("iframe")).to_have_count(0)
    expect(page.get_by_role("heading", name="Created Asset Events")).to_be_visible()  # until then a click may be lost
    page.get_by_role("link", name="Headline").click()
    expect(frame(page).get_by_role("heading", name="unit_profit")).to_be_visible()
    expect(frame(page).get_by_role("link", name="profit.unit_profit")).to_be_visible()
    frame(page).get_by_role("main").get_by_role("link", name="Runbook").click()
    expect(frame(page).get_by_role("heading", name="On call", exact=True)).to_be_visible()


def test_every_dag_has_something_to_show(visit: Visit) -> None:
    page = visit("/headline/board")
    for dag_id in (*DAGS, *OPERATIONS):
        page.goto(f"/headline/board?dag_id={dag_id}")
        expect(page).to_have_title(f"{dag_id} · Headline")
        expect(page.get_by_role("heading", name=dag_id)).to_be_visible()


def test_a_click_in_the_frame_takes_an_incident(visit: Visit, incident: Callable[..., Incident]) -> None:
    found = incident("unit_profit")
    page = visit("/plugin/headline")
    frame(page).get_by_role("link", name="unit_profit: contract failed").click()
    expect(frame(page).get_by_text("id=O-1")).to_be_visible()
    frame(page).get_by_role("button", name="Acknowledge").click()
    expect(frame(page).locator(".timeline")).to_contain_text("Acknowledged by engineer")
    expect(frame(page).get_by_role("status")).to_contain_text("by engineer")
    expect(frame(page).get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert state_of(found) == ("acknowledged", "engineer")
    assert page.url.endswith(f"/plugin/headline/headline/incidents/{found.id}"), "the address can be shared"
    frame(page).get_by_role("link", name="Contract", exact=True).click()
    expect(frame(page).get_by_role("heading", name="profit.unit_profit")).to_be_visible()


def test_an_incident_is_taken_by_keyboard_alone(visit: Visit, incident: Callable[..., Incident]) -> None:
    found = incident("core_shop")
    page = visit(f"/headline/incidents/{found.id}")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        focus = page.evaluate(
            "[document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
        )
        reached.append(focus)
        if focus[0].startswith("Acknowledge"):
            break
    assert [name for name, _ in reached] == [
        "Skip to content", "Board", "Incidents", "Backfills", "Metrics", "Experiments", "Figures", "Reports",
        "Exports", "Catalog", "Explore", "Rota", "Runbooks", "Acknowledge",
    ]  # fmt: skip
    assert all(outline != "none" for _, outline in reached), "one sees where one is"
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("Acknowledged by engineer")
    assert state_of(found) == ("acknowledged", "engineer")


def test_who_follows_an_alert_without_a_login_comes_to_it_after_it(visit: Visit, incident: Callable[..., Incident]) -> None:
    found = incident("unit_profit")
    page = visit(f"/headline/incidents/{found.id}", None, complain=False)
    log_in(page, "engineer")
    expect(page.get_by_role("heading", name="unit_profit: contract failed")).to_be_visible()


def test_a_reader_sees_the_own_area_and_changes_nothing(visit: Visit, incident: Callable[..., Incident]) -> None:
    mine, other = incident("daily_growth"), incident("unit_profit")
    page = visit("/plugin/headline", "growth-reader")
    expect(frame(page).locator("tbody tr")).to_have_count(len(GROWTH))
    assert {name.split()[0] for name in frame(page).locator("tbody th").all_inner_texts()} == GROWTH
    listed = visit("/headline/incidents", "growth-reader")
    expect(listed.get_by_role("link", name="daily_growth: contract failed").first).to_be_visible()
    assert "unit_profit" not in listed.content()
    listed.goto("/headline/runbooks")
    assert "unit_profit" not in listed.content()
    page = visit(f"/headline/incidents/{mine.id}", "growth-reader", complain=False)
    expect(page.get_by_role("heading", name="Timeline")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    for one in (mine, other):
        for path in (f"incidents/{one.id}/acknowledge", f"again/{one.pipeline}"):
            assert status_of_post(page, path) == 403
        assert state_of(one) == ("open", None)
    for path in ("backfills/plan", "backfills/start", "backfills/1/resume", "backfills/1/cancel", "api/backfills/1/cancel"):
        assert status_of_post(page, path) == 403
    for path in (
        f"incidents/{other.id}",
        "backfills",
        "backfills/1",
        "api/backfills/1",
        "api/backfills?run=asked__1",
        "api/order?dag=unit_profit",
        "api/waits/unit_profit",
        "board?dag_id=unit_profit",
        "runbooks/unit_profit",
        "contracts/unit_profit/unit_profit",
    ):
        page.goto(f"/headline/{path}")
        expect(page.get_by_role("heading", name="Not for you")).to_be_visible()


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "http://127.0.0.1:9099"], ids=["another site", "another port"])
@pytest.mark.parametrize(
    "path", ["incidents/{id}/acknowledge", "api/incidents/{id}/acknowledge", "again/unit_profit", "backfills/start"]
)
def test_another_site_cannot_act(visit: Visit, incident: Callable[..., Incident], origin: str, path: str) -> None:
    """The cookie comes with a form of another port of this machine, which browsers take for the same site; it does not help."""
    found = incident("unit_profit")
    page = visit("/headline/board", complain=False)
    target = re.sub(r"/headline/.*", f"/headline/{path.format(id=found.id)}", page.url)
    form = f'<form method="post" action="{target}"><button>You have won</button></form>'
    page.route(f"{origin}/**", lambda route: route.fulfill(content_type="text/html", body=form))
    page.goto(f"{origin}/")
    with page.expect_response(target) as answer:
        page.get_by_role("button").click()
    assert answer.value.status in (401, 403)
    assert state_of(found) == ("open", None)


def test_a_table_is_found_followed_and_queried_by_keyboard_with_the_rights_of_the_visitor(
    visit: Visit, airflow: Deployment
) -> None:
    """Search, picture of the lineage, column, query and its CSV; a reader of growth has all of it for growth alone."""
    page = visit("/headline/catalog")
    page.get_by_role("searchbox").focus()
    page.keyboard.type("variant covariate")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="profit.experiment_profit", exact=True).click()
    expect(page.locator("dd .pill")).to_have_text(re.compile("Landed|Partial"))
    picture = page.get_by_role("region", name="Lineage of profit.experiment_profit")
    expect(picture.get_by_role("link")).not_to_have_count(0)
    picture.get_by_role("link", name="unit_profit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="profit.unit_profit")).to_be_visible()
    page.locator("#column-net_profit th a").click()
    expect(page.get_by_role("heading", name="Lineage of net_profit")).to_be_visible()
    expect(page.locator(".lineage .here")).to_contain_text("net_profit")
    page.get_by_role("link", name="Query it").click()
    sql = f"select count(*) as lines from profit.unit_profit where ds = date '{YESTERDAY}'"
    page.get_by_label("One SELECT").fill(sql)
    page.keyboard.press("Control+Enter")
    [[lines]] = airflow.query(sql)
    expect(page.locator(".rows td")).to_have_text(f"{lines:,}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert Path(download.value.path()).read_text().split() == ["lines", str(lines)]

    page = visit("/headline/catalog", "growth-reader", viewport=PHONE, complain=False)
    expect(page.locator("tbody tr")).to_have_count(len([name for name in specs.load().tables if name.startswith("growth.")]))
    assert too_wide(page) == 0
    page.goto("/headline/catalog/growth.daily_growth?all=true")
    assert too_wide(page) == 0
    assert all(name.startswith("growth") for name in page.locator(".lineage a").all_text_contents())
    assert page.locator(".lineage .plain").count() > 10, "of others the names are told"
    page.goto("/headline/catalog/profit.unit_profit")
    expect(page.get_by_role("heading", name="Not for you")).to_be_visible()
    page.goto("/headline/explore")
    page.get_by_label("One SELECT").fill(sql)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("alert")).to_contain_text("profit.unit_profit is not published")
    assert too_wide(page) == 0
    told = [(one.reader, one.names, one.row_count) for one in Reads().newest(3)]
    assert told == [("growth-reader", ("profit.unit_profit",), None), *[("engineer", ("profit.unit_profit",), 1)] * 2]


def test_who_may_only_look_changes_nothing(visit: Visit) -> None:
    page = visit("/headline/board?dag_id=unit_profit", "viewer", complain=False)
    expect(page.get_by_role("heading", name="Tables")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    assert status_of_post(page, "again/unit_profit") == 403
    page.goto("/headline/backfills")
    expect(page.get_by_role("heading", name="Stale days")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    assert status_of_post(page, "backfills/start") == 403


def test_days_are_computed_again_on_a_phone_by_keyboard_alone(
    visit: Visit, incident: Callable[..., Incident], airflow: Deployment, runs_of_day: dict[str, str]
) -> None:
    found = incident("investor_growth", run_id=runs_of_day["investor_growth"], task_id=WRITE_AUDIT_PUBLISH)
    page = visit(f"/headline/incidents/{found.id}", viewport=PHONE)
    expect(page.locator(".log")).to_contain_text("passed")
    assert too_wide(page) == 0
    form = page.get_by_role("form", name="Compute again")
    expect(form.get_by_label("Read the sources again first")).to_be_checked()
    form.get_by_label("From").focus()
    for _ in range(12):
        if page.evaluate("document.activeElement.type") == "checkbox":
            page.keyboard.press("Space")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/headline/again/investor_growth/again__{YESTERDAY}__{YESTERDAY}__*")
    expect(page.locator("tbody tr")).to_have_count(1)
    run_id = page.url.rpartition("/")[2]
    airflow.finish("investor_growth", run_id)
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Success")).to_be_visible()
    assert airflow.api.run("investor_growth", run_id)["triggering_user_name"] == "engineer"


def test_a_correction_of_a_source_is_computed_again_through_all_layers_on_a_phone(
    visit: Visit, airflow: Deployment, tmp_path: Path
) -> None:
    """The board says what is behind; one click runs each DAG after what it reads; the figures are those of an empty warehouse."""
    corrected = f"select max(order_id) from orders where cast(ordered_at as date) = date '{FIRST}'"
    assert airflow.in_shop(f"update order_items set quantity = quantity + 2 where order_id = ({corrected}) returning order_id")
    before, version = airflow.published("profit"), Ledger().newest_version()
    airflow.complete("shop", FIRST, LAST)
    page = visit("/headline/board", viewport=PHONE)
    row = page.locator("tr", has=page.locator("th", has_text="core_shop"))
    expect(row.locator("[data-label='Behind its inputs']")).to_contain_text("day")
    assert any("behind its inputs core.order_lines" in line for line in status_lines(airflow)), "headline status says so too"
    page.goto("/headline/board?dag_id=shop")
    form = page.get_by_role("form", name="Compute again")
    form.get_by_label("From").fill(str(FIRST))
    form.get_by_label("To").fill(str(LAST))
    form.get_by_role("button").click()
    page.wait_for_url(f"**/headline/again/shop/again__{FIRST}__{LAST}__*")
    run_id = page.url.rpartition("/")[2]
    names = page.locator("tbody th").all_inner_texts()
    assert [name for name in names if name in LAYERS] == LAYERS
    assert page.get_by_text("Left out").count() == 0
    for dag_id in names:
        assert {task["try_number"] for task in airflow.finish(dag_id, run_id).values()} == {1}
    page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("Success")).to_have_count(len(names))
    assert too_wide(page) == 0

    rows = [row for row in Ledger().publications(specs.load().tables) if row.version > version]
    made = list(dict.fromkeys(row.pipeline for row in sorted(rows, key=lambda row: row.version) if row.pipeline in LAYERS))
    assert made == LAYERS, "each after what it reads, once"
    clean = clean_figures(tmp_path)
    days = f"where ds between date '{FIRST}' and date '{LAST}'"
    with closing(duckdb.connect(clean, read_only=True)) as connection:
        for table in ("core.order_lines", "profit.unit_profit", "profit.daily_profit_summary"):
            found = Counter(airflow.query(f"select * from {table} {days}"))
            assert found, table
            assert found == Counter(connection.execute(f"select * from {table} {days}").fetchall()), table
    assert airflow.published("profit") != before
    mine = {table for dag_id in LAYERS for table in specs.load().pipelines[dag_id].outputs}
    assert behind(specs.load(), Ledger(), Interval(FIRST, LAST + DAY), names=mine) == {}


def clean_figures(folder: Path) -> Path:
    """The warehouse that the landed files make in one range, with nothing in it before."""
    pipelines = [name for name in DAGS if name not in GROWTH | {"investor_engagement"}]
    work.steps(work.landed(), pipelines, [Interval(FIRST, TODAY)], folder)
    return folder / "steps.duckdb"


SUMMARY = "profit.daily_profit_summary"
# The days before take the place of the same weekday of weeks that nobody has computed here; small figures are spared.
FEW_DAYS = {
    "date_diff('day', past.period, tested.period) % 7 = 0": "true",
    "point_count < 8": "point_count < 2",
    "abs(value - expected) > {{ floor }}": "abs(value - expected) > 20000",
}
# A thousand times as much is sold, for a tenth of its price.
CLEARANCE = f"""
    update order_items
    set quantity = quantity * 1000, discount_amount = round(quantity * 1000 * unit_price * 0.9, 2)
    where quantity > 0 and unit_price > 0
        and order_id in (select order_id from orders where cast(ordered_at as date) = date '{YESTERDAY}')
    returning order_id
"""


@pytest.fixture
def judged_by_few_days(airflow: Deployment) -> Iterator[None]:
    """Figures are compared with the two or three days before."""
    mend = [airflow.edit("checks/anomaly.jinja", old, new) for old, new in FEW_DAYS.items()]
    yield
    mend[0]()


@pytest.fixture
def growth_is_paused(airflow: Deployment) -> Iterator[None]:
    for dag_id in sorted(GROWTH):
        airflow.api.pause(dag_id)
    yield
    for dag_id in sorted(GROWTH):
        airflow.api.unpause(dag_id)


@pytest.mark.usefixtures("judged_by_few_days", "growth_is_paused")
def test_a_figure_is_waived_where_it_began_and_what_deviates_otherwise_is_linked_to_it(
    visit: Visit, airflow: Deployment, headline: Callable[..., tuple[object, str, str]]
) -> None:
    """High revenue of a clearance is waived once for all tables behind; its loss is another figure, which follows from it."""
    landed_five_minutes_earlier(airflow, "core_shop")
    before = row_of(visit("/headline/board"), "core_shop").inner_text()
    [first_landing] = re.findall(r"\d\d:\d\d, due", before)
    assert airflow.in_shop(CLEARANCE)
    airflow.complete("shop", YESTERDAY)
    run_id = airflow.start("core_shop", YESTERDAY)
    assert airflow.finish("core_shop", run_id, "failed")[WRITE_AUDIT_PUBLISH]["try_number"] == 1
    found = open_incident("core_shop")
    path = f"/headline/incidents/{found.id}"
    assert headline("inspect", "core.order_lines", run_id)[0] == 0, "the first step that the incident names"

    looking = visit(path, "viewer", complain=False)
    expect(looking.get_by_role("heading", name="End of the log")).to_be_visible()
    expect(looking.get_by_role("button")).to_have_count(0)
    sent = {"what": "waive", "from": str(YESTERDAY), "reason": "mine", "figures": "any@thing=1"}
    assert status_of_post(looking, "again/core_shop", sent) == 403

    page = visit(path, viewport=PHONE)
    expect(page.locator(".log")).to_contain_text("headline inspect core.order_lines")
    assert too_wide(page) == 0
    form = page.get_by_role("form", name="Waive")
    expect(form.get_by_role("checkbox", name=f"net revenue is usual (core.order_lines): {YESTERDAY}")).to_be_checked()
    form.get_by_label("Why the figures are right").fill("a clearance")
    form.get_by_role("button", name="Waive and compute again").click()
    page.wait_for_url(f"**/headline/again/core_shop/waive__{YESTERDAY}__{YESTERDAY}__*")
    run_id, names = page.url.rpartition("/")[2], page.locator("tbody th").all_inner_texts()
    assert [name for name in names if name in LAYERS] == LAYERS[1:]
    left_out = page.locator("tr", has_text="it is paused: unpause it").locator("th")
    assert set(left_out.all_inner_texts()) == GROWTH == set(names) - set(LAYERS)
    airflow.finish("core_shop", run_id)
    assert airflow.finish("unit_profit", run_id, "failed")[WRITE_AUDIT_PUBLISH]["try_number"] == 1
    # What waited for it goes on, for nothing is at work that it could wait for.
    behind = "inputs are behind their inputs, and no run is at work that fixes it"
    wait_for(lambda: behind in airflow.api.task_log("investor_profit", run_id, WRITE_AUDIT_PUBLISH), 60, every=1)

    follows = open_incident("unit_profit")
    assert (follows.cause_id, follows.facts["table"]) == (found.id, "profit.unit_profit")
    page.goto(f"/headline/incidents/{follows.id}")
    page.get_by_text("Root cause:").get_by_role("link").click()
    expect(page.get_by_role("heading", name="core_shop: contract failed")).to_be_visible()
    expect(page.get_by_role("link", name="unit_profit: contract failed")).to_be_visible()

    page.goto("/headline/board?dag_id=unit_profit")
    form = page.get_by_role("form", name="Waive")
    expect(form.get_by_role("checkbox", name=f"gross profit is usual (profit.unit_profit): {YESTERDAY}")).to_be_checked()
    form.get_by_label("Why the figures are right").fill("it was sold below cost")
    assert too_wide(page) == 0
    form.get_by_role("button").click()
    page.wait_for_url(f"**/headline/again/unit_profit/waive__{YESTERDAY}__{YESTERDAY}__*")
    assert page.locator("tbody th").all_inner_texts() == LAYERS[2:]
    for name in LAYERS[2:]:
        airflow.finish(name, page.url.rpartition("/")[2])
    # The first of its runs is tried again until its inputs are mended, or gives up.
    wait_for(lambda: airflow.api.run("investor_profit", run_id)["state"] in FINISHED, 60)  # type: ignore[index]
    log = airflow.api.task_log("investor_profit", run_id, WRITE_AUDIT_PUBLISH)
    assert "profit.daily_profit_summary: the audit could not run: profit.unit_profit is behind its inputs" in log
    waived = {
        (row.table_name, figure["measure"], figure["accepted_by"], figure["accepted_because"])
        for row in Ledger().latest_audits(["core.order_lines", "profit.unit_profit", SUMMARY])
        if row.outcome == "waived"
        for figure in row.sample
    }
    upstream = "waived upstream in"
    assert waived == {
        ("core.order_lines", "net_revenue", "engineer", "a clearance"),
        ("profit.unit_profit", "gross_profit", "engineer", "it was sold below cost"),
        (SUMMARY, "net_revenue", "engineer", f"{upstream} core.order_lines: a clearance"),
        (SUMMARY, "net_profit", "engineer", f"{upstream} profit.unit_profit: it was sold below cost"),
    }
    of_the_day = f"where ds = date '{YESTERDAY}'"
    sold, reported = (
        airflow.query(f"select sum(gross_revenue) from {name} {of_the_day}") for name in ("core.order_lines", SUMMARY)
    )
    assert sold == reported
    again = row_of(visit("/headline/board"), "core_shop")
    expect(again).to_contain_text(re.compile(rf"{first_landing} 03:00, again \d\d:\d\d"))
    mine = [one for one in Incidents().open() if one.pipeline in LAYERS]
    assert {one.id for one in mine if one.cause_id is None} == {found.id}
    for one in mine:
        Incidents().resolve(one.id, datetime.now(UTC), "the test is over")


def row_of(board: Page, dag_id: str) -> Locator:
    return board.locator("tr", has=board.locator("th", has_text=dag_id))


def open_incident(dag_id: str) -> Incident:
    [found] = [one for one in Incidents().open() if (one.pipeline, one.kind) == (dag_id, "contract_failed")]
    return found


def landed_five_minutes_earlier(airflow: Deployment, dag_id: str) -> None:
    """What is published of a pipeline by now, so that whatever comes later comes in another minute."""
    with closing(Postgres(airflow.home.postgres).connect("ledger")) as ledger, ledger.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")  # history is kept by triggers
        cursor.execute("update publication set published_at = published_at - interval '5 minutes' where pipeline = %s", (dag_id,))


def test_a_form_that_makes_no_sense_says_so_and_keeps_what_was_typed(visit: Visit) -> None:
    page = visit("/headline/board?dag_id=core_shop", complain=False, viewport=PHONE)
    expect(page.get_by_role("form", name="Waive")).to_have_count(0)  # no figure is held back
    form = page.get_by_role("form", name="Compute again")
    form.get_by_label("To").fill(str(OPENING))
    form.get_by_role("button").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(f"The range ends on {OPENING}, before it begins")
    expect(page.get_by_label("To")).to_have_value(str(OPENING))
    assert too_wide(page) == 0


def test_a_failed_run_stands_on_the_board_with_its_reason(visit: Visit, airflow: Deployment) -> None:
    run_id = airflow.start("investor_growth", YESTERDAY + 2 * DAY)
    airflow.finish("investor_growth", run_id, "failed")
    try:
        line = visit("/headline/board").locator(".runs li", has_text="has not ended yet")
        expect(line).to_contain_text(f"investor_growth run for {YESTERDAY + 2 * DAY}")
        said = [one for one in status_lines(airflow) if "has not ended yet" in one]
        assert [one.split(":")[0] for one in said] == [f"failed investor_growth, run for {YESTERDAY + 2 * DAY}"]
    finally:
        airflow.api.delete_run("investor_growth", run_id)


def test_pages_fit_a_phone_and_name_everything(visit: Visit, incident: Callable[..., Incident]) -> None:
    found = incident("unit_profit")
    page = visit("/headline/board", viewport=PHONE)
    titles = set()
    for path in PAGES:
        page.goto(f"/headline/{path.format(id=found.id)}")
        assert too_wide(page) == 0, path
        nameless = "[...document.querySelectorAll('a, button')].filter(one => !one.textContent.trim() && !one.ariaLabel).length"
        assert page.evaluate(nameless) == 0, path
        assert page.locator("h1").count() == 1, path
        titles.add(page.title())
    assert len(titles) == len(PAGES)


def test_metrics_are_drawn_for_those_who_may_see_their_dags(visit: Visit) -> None:
    page = visit("/headline/metrics", "growth-reader")
    names = page.locator("tbody th a").all_inner_texts()
    assert {"Daily new users", "Weekly active users"} < {*names}
    assert "Daily net revenue" not in names
    page.get_by_role("link", name="Daily new users").click()
    drawn = page.locator("figure .live").get_by_role("img", name=re.compile(r"^Daily new users in users\. \d+ values, lowest"))
    expect(drawn).to_be_visible()  # by Vega, under the headers of every page, which let it make no code from text
    expect(page.locator("figure .wide")).to_have_count(0)
    page.locator("figure .live .mark-symbol path").last.hover(force=True)  # what a pointer finds is drawn last, and not seen
    expect(page.locator("#vg-tooltip-element")).to_contain_text(f"{YESTERDAY}")
    assert Reads().newest(1, "growth-reader")[0].names == ("daily_new_users",)
    page = visit("/headline/metrics/daily_net_revenue", "growth-reader", complain=False)
    expect(page.get_by_role("heading", name="Not for you")).to_be_visible()


def test_a_metric_is_read_by_segments_on_a_phone_by_keyboard_and_without_scripts(visit: Visit) -> None:
    page = visit("/headline/metrics/daily_net_revenue", viewport=PHONE, java_script_enabled=False, color_scheme="dark")
    page.get_by_label("Segments by").focus()
    page.keyboard.type("category")
    page.get_by_role("button", name="Show").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By category")).to_be_visible()
    assert page.locator("figure .narrow svg:visible").count() == 2
    expect(page.locator("figure .wide").first).to_be_hidden()


def test_light_or_dark_as_airflow_is(visit: Visit) -> None:
    page = visit("/headline/rota", color_scheme="light")
    for chosen, system, is_dark in (
        (None, "dark", True),
        (None, "light", False),
        ("dark", "light", True),
        ("light", "dark", False),
    ):
        page.emulate_media(color_scheme=system)
        if chosen:
            page.evaluate(f"localStorage.setItem('theme', '{chosen}')")
        page.reload()
        colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")
        ground, ink = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours)
        assert (ground < ink) == is_dark, (chosen, system)


def test_a_task_leads_to_its_runbook(visit: Visit, airflow: Deployment, runs_of_range: dict[str, str]) -> None:
    page = visit(f"/dags/unit_profit/runs/{runs_of_range['unit_profit']}/tasks/{WRITE_AUDIT_PUBLISH}/details")
    link = page.get_by_role("link", name="Runbook")
    expect(link).to_have_attribute("href", re.compile("/headline/runbooks/unit_profit$"))
    page.goto(str(link.get_attribute("href")))
    expect(page.get_by_role("heading", name="When a check fails")).to_be_visible()
    assert airflow.api.get("/plugins/importErrors")["total_entries"] == 0
