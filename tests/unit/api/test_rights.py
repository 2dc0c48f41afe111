"""Every endpoint asks who it is and what they may see: an endpoint that is new is tested here without being named."""

from __future__ import annotations

from typing import Any

from fastapi.routing import APIRoute
from tests.unit.api.conftest import Client, Rights

from headline.api.app import app
from headline.api.gate import caller

ROUTES = [route for route in app.routes if isinstance(route, APIRoute)]
# What stands for the parameters of a path: of the DAG that bob sees (shop), and of one that he does not (core_shop).
OWN = {"name": {"/tables": "raw.orders", "/metrics": "daily_raw_orders", "/features": "paid"}, "incident_id": "shop"}
OTHERS = {"name": {"/tables": "core.orders", "/metrics": "daily_orders", "/features": "paid_later"}, "incident_id": "core_shop"}


def addresses(client: Client, of: dict[str, Any]) -> dict[str, str]:
    """Each endpoint's path with its address; a parameter that nothing is known for is a fault of this test."""
    incidents = {one["pipeline"]: one["id"] for one in client("ada").get("/incidents").json()["data"]}
    found = {}
    for route in ROUTES:
        values = {}
        for name in route.param_convertors:
            value = of[name]
            value = value[route.path[: route.path.index("/{")]] if isinstance(value, dict) else incidents[value]
            values[name] = value
        found[route.path] = route.path.format(**values)
    return found


def test_every_endpoint_needs_a_login_and_documentation_too(metrics: Any, client: Client) -> None:
    assert len(ROUTES) >= 11
    for route in ROUTES:
        assert route.methods == {"GET"}, "an endpoint that changes something needs tests of its own"
        assert caller in [one.call for one in route.dependant.dependencies], route.path
    for address in (*addresses(client, OWN).values(), "/openapi.json"):
        told = client().get(address, headers={"authorization": ""})
        assert (told.status_code, told.headers["content-type"]) == (401, "application/problem+json"), address
        assert told.headers["www-authenticate"] == "Bearer"


def test_an_endpoint_shows_of_a_dag_to_its_readers_and_to_nobody_else(metrics: Any, client: Client, rights: Rights) -> None:
    """What names a thing of another's DAG is refused, and a list has none of it."""
    own, others = addresses(client, OWN), addresses(client, OTHERS)
    named = {path for path in own if "{" in path}
    lists = own.keys() - named - {"/openapi.json"}
    assert len(named) >= 6
    assert len(lists) >= 5
    for path in named:
        assert client("bob").get(own[path]).status_code == 200, path
        assert client("ada").get(others[path]).status_code == 200, path
        told = client("bob").get(others[path])
        assert (told.status_code, "core" not in told.text.replace("core_shop", "")) == (403, True), path
        assert client("eve").get(own[path]).status_code == 403, path
    for path in lists:
        seen = {name: client(name).get(path).json()["data"] for name in ("ada", "bob", "eve")}
        assert {one.get("pipeline") for one in seen["ada"]} == {"shop", "core_shop"}, path
        assert {one.get("pipeline") for one in seen["bob"]} == {"shop"}, path
        assert seen["eve"] == [], path
    rights.sees["ada"] = {"shop"}
    for path in named:
        assert client("ada").get(others[path]).status_code == 403, "a right is asked for each time, and not kept with an answer"


def test_what_one_may_see_is_kept_from_others_who_have_its_tag(metrics: Any, client: Client) -> None:
    """An ETag that somebody was told does not open what they may not read."""
    for path, address in addresses(client, OTHERS).items():
        if "{" in path:
            tag = client("ada").get(address).headers["etag"]
            assert client("bob", **{"if-none-match": tag}).get(address).status_code == 403, path
    for path in ("/tables", "/figures", "/incidents", "/freshness", "/metrics"):
        tag = client("ada").get(path).headers["etag"]
        assert client("bob", **{"if-none-match": tag}).get(path).status_code == 200, path


def test_values_of_a_metric_as_published_and_as_issued(metrics: Any, client: Client) -> None:
    path = "/metrics/daily_orders/values"
    found = client().get(path).json()
    assert [(one["start"], one["value"], one["status"]) for one in found["data"]] == [
        ("2026-03-01", "1", "complete"),
        ("2026-03-02", "2", "complete"),
    ]
    assert client().get(f"{path}?read=recent").json()["data"] == []
    assert client().get(f"{path}?read=nonsense").status_code == 422
    assert client().get(f"{path}?by=nonsense").status_code == 400
    page = client().get(f"{path}?limit=1").json()
    rest = client().get(path, params={"limit": "1", "cursor": page["next"]}).json()
    assert (page["data"] + rest["data"], rest["next"]) == (found["data"], None)
    assert client().get("/metrics/daily_orders").json()["data"]["is_issued"]
