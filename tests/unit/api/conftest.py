"""The data API over a throw-away repository: users with rights of their own, and a client for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.api_fastapi.core_api.security import get_user
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient

from headline.api import answer, known
from headline.api.app import app
from headline.ledger import FigureRow, IssuedFigures
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.pages import visitor

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
Client = Callable[..., TestClient]
DAGS = {"shop", "core_shop", "paid", "paid_later"}
USERS = ("ada", "bob", "eve", "often", "seldom")
METRICS = """
    metrics:
      {name}:
        description: How many orders there were.
        table: orders
        expression: count(*)
        unit: orders
        materiality: 1 %
"""


# What was known of orders: of the landing whose DAG bob sees, and of one that he does not.
RECEIVERS = "scientists: {who: Those who train models., areas: [core, sources]}"
FEATURES = """
    description: What was known to be paid of an order.
    area: core
    receiver: scientists
    period: day
    schedule: "0 7 * * *"
    reads: {core.orders: }
    features:
      {key: [order_id, asked_by], entity: order_id, moment: moment, sql: labels.sql, landings: {orders: order_id}, days: 400}
    key: [order_id, asked_by]
    columns:
      order_id: {type: varchar, description: Key of the order.}
      asked_by: {type: varchar, description: Who asked.}
      moment: {type: timestamp, description: When it was asked.}
      paid: {type: "decimal(18, 4)", nullable: true, description: What was known to be paid.}
    to: {kind: files, connection: headline_partners, keep_days: 30}
    """
FEATURES_SQL = """
    select labels.order_id, labels.asked_by, labels.moment, cast(sum(known.amount) as decimal(18, 4)) as paid
    from known.labels as labels
    left join known.orders as known on labels.order_id = known.label_order_id and labels.asked_by = known.label_asked_by
    group by labels.order_id, labels.asked_by, labels.moment
    """
LABELS = """
    select order_id, 'a, b' as asked_by, timestamp '2099-01-01 00:00:00' as moment
    from core.orders
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    """


@dataclass
class Rights:
    """Airflow's auth manager, as far as the API asks it: by user the DAGs that they see and edit, and who sees personal data."""

    sees: dict[str, set[str]] = field(default_factory=lambda: {"ada": set(DAGS), "bob": {"shop", "paid"}, "eve": set()})
    edits: dict[str, set[str]] = field(default_factory=lambda: {"ada": {"shop"}})
    personal: set[str] = field(default_factory=set)

    def is_authorized_dag(self, *, method: str, details: Any, user: Any, access_entity: Any = None) -> bool:
        return details.id in (self.sees if method == "GET" else self.edits).get(user.get_name(), set())

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Any) -> bool:
        assert (method, resource_name) == ("GET", "Personal Data")
        return user.get_name() in self.personal


async def by_token(request: Request) -> Any:
    """Airflow's login, for tokens that are the names of users."""
    scheme, _, name = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or name not in USERS:
        raise HTTPException(401, "Not authenticated")
    return SimpleNamespace(get_name=lambda: name)


@pytest.fixture
def rights(monkeypatch: pytest.MonkeyPatch) -> Rights:
    found = Rights()
    monkeypatch.setattr(visitor, "get_auth_manager", lambda: found)
    return found


@pytest.fixture
def client(rights: Rights, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a user, `ada` if none is named; nothing is kept from other tests."""
    monkeypatch.setattr(answer, "ANSWERS", answer.Answers())
    monkeypatch.setattr(known, "SECONDS", -1)
    app.dependency_overrides[get_user] = by_token
    yield lambda name="ada", **headers: TestClient(app, headers={"authorization": f"Bearer {name}", **headers})
    app.dependency_overrides.clear()


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    """Two published days of the shop's orders, an issued and restated figure of each pipeline, and an incident of each."""
    return once(project, two_days)


@pytest.fixture
def metrics(shop: Any) -> Any:
    shop.write("sources/shop/metrics.yml", METRICS.format(name="daily_raw_orders"))
    shop.write("core/core_shop/metrics.yml", METRICS.format(name="daily_orders"))
    with_features(shop)
    return shop


def with_features(project: Any) -> None:
    """Two exports with features, `paid` and `paid_later`."""
    project.write("exports/receivers.yml", RECEIVERS)
    for name in ("paid", "paid_later"):
        for file, text in {"export.yml": FEATURES, "labels.sql": LABELS, f"{name}.sql": FEATURES_SQL}.items():
            project.write(f"exports/{name}/{file}", text)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("x", "-1.00")], D2: [("b", "12345.25"), ("=c", "0.0001")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)
    for pipeline in ("shop", "core_shop"):
        for status, value in (("draft", "10"), ("issued", "10.50"), ("issued", "-3.000000000000000000001")):
            IssuedFigures().record([figure(pipeline, status, value)])
        now = datetime.now(UTC)
        Incidents().fire(Finding(pipeline, "task_failed", D1, now, {"task_id": "ingest", "error": "password=secret1"}), now)


def figure(pipeline: str, status: str, value: str, start: date = D1, metric: str = "") -> FigureRow:
    return FigureRow(
        pipeline=pipeline,
        metric=metric or f"{pipeline}_orders",
        definition_version="d",
        segment="",
        start=start,
        end=date.fromordinal(start.toordinal() + 1),
        value=Decimal(value),
        coverage=Decimal("0.996"),
        status=status,
        reason="",
        run_id="r",
        commit="c",
        code_version="c",
        contract_version="k",
        inputs="i",
        as_of=1,
    )
