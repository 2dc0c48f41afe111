"""What the pages show; who may see them is tested on the running Airflow."""

from typing import Any

import pytest
from fastapi import HTTPException

from headline.pages.app import alert, runbook
from headline.pages.rota import rota


def test_the_page_of_an_alert_leads_on_to_others() -> None:
    html = bytes(alert("landing_missed").body).decode()
    assert "<title>Alert landing_missed</title>" in html
    assert '<a href="../alerts/contract_broken">' in html
    assert "<!-- generated" not in html


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


def test_the_rota_of_a_month_has_its_shifts_and_who_takes_requests() -> None:
    html = bytes(rota("2027-03").body).decode()
    assert "<h1>On call, March 2027</h1>" in html
    assert "<td>Mon 2027-03-01 08:00</td>" in html
    assert "<td>Mon 2027-03-08</td>" in html
    with pytest.raises(HTTPException, match="400"):
        rota("March")
