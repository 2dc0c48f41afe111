"""What the pages show; who may see them is tested on the running Airflow."""

import gc
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import Response
from starlette.testclient import TestClient

from headline.pages import app, served
from headline.pages.app import alert, runbook
from headline.pages.headers import HEADERS, send_headers
from headline.pages.served import pages


def test_the_page_of_an_alert_leads_on_to_others() -> None:
    answer = alert("landing_missed")
    html = bytes(answer.body).decode()
    assert "<title>Alert landing_missed · Headline</title>" in html
    assert '<a href="../alerts/contract_failed">' in html
    assert "<!-- generated" not in html


def test_no_page_holds_a_script_or_a_style_of_its_own() -> None:
    """The browser is told to run neither, so that text which slips in as markup stays dead."""
    templates = list((Path(app.__file__).parent / "templates").glob("*.html"))
    assert len(templates) > 10
    for template in templates:
        text = template.read_text()
        assert not re.findall(r"<script(?! src=)|<style|\sstyle=|\son\w+=|javascript:", text), template.name


def test_every_answer_carries_the_headers_and_may_say_otherwise() -> None:
    some = FastAPI()
    send_headers(some)
    some.get("/")(lambda: Response("text"))
    some.get("/kept")(lambda: Response("text", headers={"Cache-Control": "max-age=300"}))
    client = TestClient(some)
    for path in ("/", "/kept", "/nowhere"):
        told = client.get(path).headers
        assert {name: told[name] for name in HEADERS} == HEADERS | ({"Cache-Control": "max-age=300"} if path == "/kept" else {})


def test_what_airflow_mounts_is_the_pages() -> None:
    assert TestClient(pages).get("/nowhere").status_code == 404
    assert gc.get_freeze_count() > 100_000, "what the first request has loaded is no work for the garbage collector"
    assert gc.get_threshold()[2] == served.FULL_COLLECTIONS


@pytest.mark.parametrize("kind", ["no_such_kind", "../README", ""])
def test_a_kind_that_does_not_exist_has_no_page(kind: str) -> None:
    with pytest.raises(HTTPException, match="404"):
        alert(kind)


def test_a_runbook_leads_to_its_dag(project: Any) -> None:
    project.write("core/core_shop/RUNBOOK.md", "# core_shop\n\n## On call\n\n```bash\nheadline status\n```\n")
    html = bytes(runbook("core_shop").body).decode()
    assert '<a data-airflow href="../../dags/core_shop">DAG core_shop</a>' in html
    assert '<pre><code class="language-bash">headline status\n</code></pre>' in html


@pytest.mark.parametrize("dag_id", ["core_shop", "no_such_dag"])
def test_a_runbook_that_does_not_exist_has_no_page(project: Any, dag_id: str) -> None:
    with pytest.raises(HTTPException, match="404"):
        runbook(dag_id)


def test_a_source_that_stands_in_for_another_has_its_runbook(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("sources/shop/RUNBOOK.md", "# shop\n\nThe original's.\n")
    other = tmp_path / "elsewhere" / "shop"
    other.mkdir(parents=True)
    for name in ("source.yml", "orders.sql"):
        (other / name).write_text((project.sql / "sources/shop" / name).read_text())
    monkeypatch.setenv("HEADLINE_SOURCES", str(other.parent))
    project.forget()
    assert b"The original" in runbook("shop").body
