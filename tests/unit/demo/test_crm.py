"""The demo company's CRM: it does once what has one idempotency key, and refuses what it does not serve."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from headline.demo.company import Company
from headline.demo.crm_api import Crm, FaultyBodyError
from headline.demo.finance_api import server


def row(key: str, customer: str, country: str | None = "DE", *, is_there: bool = True) -> dict[str, Any]:
    content = {"customer_id": customer, "country_code": country} if is_there else None
    return {"idempotency_key": key, "key": {"customer_id": customer}, "row": content}


def test_a_delivery_has_one_effect_and_a_territory_may_be_missing(tmp_path: Path) -> None:
    crm = Crm(tmp_path / "crm.sqlite")
    with server(Company(), crm=crm) as service:
        Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        url = f"http://127.0.0.1:{service.server_port}/crm/customers"

        def post(*rows: dict[str, Any]) -> Any:
            return httpx.post(url, json={"export": "x", "rows": rows}).json()

        assert post(row("1", "C1"), row("2", "C2", "PL")) == {
            "accepted": 1,
            "repeated": 0,
            "refused": [{"idempotency_key": "2", "reason": "the territory PL is not set up"}],
        }
        assert post(row("1", "C1"), row("3", "C3"))["repeated"] == 1
        assert {name: count for name, (_, count) in crm.customers().items()} == {"C1": 1, "C3": 1}
        post(row("4", "C1", is_there=False), row("5", "C3", "FR"))
        assert {name: count for name, (_, count) in Crm(tmp_path / "crm.sqlite").customers().items()} == {"C3": 2}
        assert httpx.post(url, content=b"{}").status_code == 400
        assert httpx.post(url.replace("customers", "others"), json={}).status_code == 404
        service.shutdown()


def test_a_body_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path) -> None:
    crm = Crm(tmp_path / "crm.sqlite")
    for body in (b"", b"[]", b'{"rows": [{"row": null}]}'):
        with pytest.raises(FaultyBodyError):
            crm.take(body)
    assert crm.customers() == {}
