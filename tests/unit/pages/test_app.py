"""What the pages say; who may read them is tested on the running Airflow."""

from datetime import date
from typing import Any

import pytest

from headline.errors import BadData, Transient
from headline.ledger import Ledger
from headline.pages.app import contract
from headline.steps import audit, transform

D1 = date(2026, 3, 1)


def page(dag_id: str, table: str) -> str:
    return bytes(contract(dag_id, table).body).decode()


def test_a_contract_shows_what_the_newest_audit_found(project: Any) -> None:
    text = page("core_shop", "orders")
    assert "<td>raw = core + quarantine</td><td>reconciliation</td><td>blocks the publication</td>" in text
    assert "This table was never audited." in text
    project.arrive({D1: [("<b>", "1.00"), ("<b>", "1.00")]})
    project.publish("shop", D1)
    run = project.run("core_shop", D1, run_id="manual__1")
    transform(run, run.pipeline.tables["orders"])
    with pytest.raises(BadData):
        audit(run, run.pipeline.tables["orders"])
    text = page("core_shop", "orders")
    assert "run <code>manual__1</code>" in text
    assert '<span class="failed">failed</span>: No duplicate values (measured 1)' in text
    assert "<th><code>order_id</code></th><th><code>row_count</code></th>" in text
    assert "<td>&lt;b&gt;</td><td>2</td>" in text
    assert '<span class="passed">passed</span>' in text


def test_a_contract_can_be_read_without_the_ledger(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_reach(*_: Any) -> None:
        raise Transient("the ledger is out of reach")

    monkeypatch.setattr(Ledger, "latest_audits", out_of_reach)
    text = page("core_shop", "orders")
    assert "Key of the order." in text
    assert "the ledger is out of reach" in text
