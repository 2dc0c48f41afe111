"""Changed rows: the receiver sees each change once, whatever happens to the runs that send it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psycopg2
import pytest
from tests.unit.exports.conftest import CHANGES, CHANGES_SQL, D1, D2, Exporting, die, dying_after

from headline.errors import BadData, SpecError, Transient
from headline.exports import receivers, run
from headline.ledger import Exports


@dataclass
class Service:
    """A service as a receiver: what it was asked, and how it answers."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # of the next answers; then 200
    refuses: dict[str, str] = field(default_factory=dict)  # order to reason
    refuses_whole: set[str] = field(default_factory=set)
    done: dict[str, str | None] = field(default_factory=dict)  # idempotency key to the amount, or None for a removal
    state: dict[str, str] = field(default_factory=dict)
    effects: int = 0

    def answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.requests.append(body)
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return status, {"error": "not now"}
        orders = {one["idempotency_key"]: one["key"]["order_id"] for one in body["rows"]}
        if self.refuses_whole & {*orders.values()}:
            return 422, {"error": "one of these is not welcome"}
        refused = {key: self.refuses[order] for key, order in orders.items() if order in self.refuses}
        for one in body["rows"]:
            if one["idempotency_key"] in refused or one["idempotency_key"] in self.done:
                continue
            self.done[one["idempotency_key"]] = one["row"] and one["row"]["amount"]
            self.effects += 1
            if one["row"] is None:
                del self.state[orders[one["idempotency_key"]]]
            else:
                self.state[orders[one["idempotency_key"]]] = one["row"]["amount"]
        return 200, {"refused": [{"idempotency_key": key, "reason": reason} for key, reason in refused.items()]}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    made = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.headers.append(self.headers["Idempotency-Key"])
            status, said = made.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    connection = {"conn_type": "http", "host": "http://127.0.0.1", "port": server.server_port}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_CRM", json.dumps(connection))
    monkeypatch.setattr(receivers.HttpReceiver.__init__, "__defaults__", (lambda _: None,))
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def telling(exporting: Exporting) -> Exporting:
    exporting.define("orders", CHANGES, CHANGES_SQL)
    return exporting


def counts(done: Any) -> tuple[int, int, int, int]:
    return done.row_count, done.sent_count, done.removed_count, done.refused_count


def test_only_changed_rows_are_sent(telling: Exporting, service: Service) -> None:
    assert counts(telling.run()) == (2, 2, 0, 0)
    assert service.state == {"a": "1.5000", "b": "2.0000"}
    assert counts(telling.run()) == (2, 0, 0, 0)
    telling.arrive(D2, ("d", "4"))
    assert counts(telling.run(day=D2)) == (3, 1, 0, 0)
    assert [len(one["rows"]) for one in service.requests] == [2, 1]
    assert Exports().counts(["orders"]) == {"orders": (3, 0)}


def test_a_row_that_changes_back_is_sent_again(telling: Exporting, service: Service) -> None:
    for amount in ("1", "2", "1"):
        telling.arrive(D1, ("a", amount))
        telling.run()
        assert service.state["a"] == f"{amount}.0000"
    assert len(service.done) == len(set(service.headers)) == 3


def test_a_row_that_is_gone_is_removed_once_and_may_come_back(telling: Exporting, service: Service) -> None:
    telling.run()
    telling.arrive(D1, ("a", "1.5"))
    assert counts(telling.run()) == (1, 0, 1, 0)
    assert service.state == {"a": "1.5000"}
    assert counts(telling.run()) == (1, 0, 0, 0)
    [letter] = [one for one in Exports().delivered("orders", every_key()).values() if not one.row_hash]
    assert letter.key is None, "of a row that is gone no key is kept"
    telling.arrive(D1, ("a", "1.5"), ("b", "2"))
    assert counts(telling.run()) == (2, 1, 0, 0)
    assert service.state == {"a": "1.5000", "b": "2.0000"}


def every_key() -> list[str]:
    with Exports()._begin() as connection:
        return [row.key_hash for row in connection.exec_driver_sql("select key_hash from delivered_row")]


def test_too_many_removals_are_taken_for_a_mistake(telling: Exporting, service: Service) -> None:
    telling.arrive(D1, *((f"o{number}", "1") for number in range(60)))
    telling.run()
    telling.arrive(D1, *((f"o{number}", "1") for number in range(30)))
    before = len(service.requests)
    with pytest.raises(BadData, match="30 of 60 rows that the receiver has are gone"):
        telling.run()
    assert len(service.requests) == before


def test_what_the_receiver_refuses_is_a_dead_letter_until_it_changes_or_is_replayed(telling: Exporting, service: Service) -> None:
    service.refuses = {"a": "no such customer as someone@example.com"}
    assert counts(telling.run()) == (2, 1, 0, 1)
    [letter] = Exports().dead_letters("orders").values()
    assert (letter.key, letter.attempts) == ({"order_id": "a"}, 1)
    assert letter.reason == "no such customer as …@…"
    assert counts(telling.run()) == (2, 0, 0, 1), "the same row is not sent again"
    assert counts(telling.run(replay=True)) == (2, 0, 0, 1)
    assert next(iter(Exports().dead_letters("orders").values())).attempts == 2
    service.refuses = {}
    assert counts(telling.run(replay=True)) == (2, 1, 0, 0)
    assert service.state == {"a": "1.5000", "b": "2.0000"}
    assert Exports().dead_letters("orders") == {}
    assert len({*service.headers}) == len(service.requests), "a replay is no repetition"


def test_rows_are_told_apart_where_a_request_is_refused_as_a_whole(telling: Exporting, service: Service) -> None:
    telling.arrive(D1, *((name, "1") for name in "abcdefg"))
    service.refuses_whole = {"c", "f"}
    assert counts(telling.run()) == (7, 5, 0, 2)
    assert sorted(service.state) == ["a", "b", "d", "e", "g"]
    assert {one.key["order_id"] for one in Exports().dead_letters("orders").values()} == {"c", "f"}


def test_a_dead_letter_of_a_row_that_is_gone_is_forgotten(telling: Exporting, service: Service) -> None:
    service.refuses = {"a": "no"}
    telling.run()
    telling.arrive(D1, ("b", "2"))
    assert counts(telling.run()) == (1, 0, 0, 0)


def test_what_a_retry_can_cure_is_tried_again_and_then_left_to_airflow(telling: Exporting, service: Service) -> None:
    service.statuses = [503, 429, 200]
    assert counts(telling.run()) == (2, 2, 0, 0)
    assert len(set(service.headers)) == 1, "each try has the same idempotency key"
    telling.arrive(D1, ("a", "1.5"), ("b", "3"))
    service.statuses = [500] * receivers.TRIES
    with pytest.raises(Transient, match="no answer that counts after 5 tries: answered 500"):
        telling.run()
    assert counts(telling.run()) == (2, 1, 0, 0)


def test_what_no_retry_can_cure_is_not_tried_again(telling: Exporting, service: Service) -> None:
    service.statuses = [401]
    with pytest.raises(SpecError, match="answered 401"):
        telling.run()
    assert len(service.requests) == 1
    assert Exports().dead_letters("orders") == {}


def test_a_run_that_is_killed_between_send_and_record_has_one_effect(
    telling: Exporting, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling.arrive(D1, *((name, "1") for name in "abcdefg"))
    with monkeypatch.context() as patch:
        patch.setattr(receivers.HttpReceiver, "send", dying_after(receivers.HttpReceiver.send))
        telling.killed()
    assert (service.effects, Exports().counts(["orders"])["orders"][0]) == (3, 0), "it was killed after the first request"
    assert counts(telling.run(run_id="next")) == (7, 7, 0, 0)
    assert service.effects == 7, "the three rows of the first request were sent twice and had one effect"
    assert len(service.state) == 7


def test_a_run_that_is_killed_in_the_middle_goes_on_where_it_was(
    telling: Exporting, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    telling.arrive(D1, *((name, "1") for name in "abcdefg"))
    with monkeypatch.context() as patch:
        patch.setattr(Exports, "settle", dying_after(Exports.settle))
        telling.killed()
    assert counts(telling.run(run_id="next")) == (7, 4, 0, 0)
    assert (service.effects, len(service.requests)) == (7, 3)


def test_a_run_that_is_killed_before_it_is_recorded_sends_nothing_twice(
    telling: Exporting, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(run.Exports, "record", die)
        telling.killed()
    assert telling.runs() == []
    assert counts(telling.run()) == (2, 0, 0, 0)
    assert (service.effects, len(service.requests)) == (2, 1)


@pytest.fixture
def table(telling: Exporting, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A table of another database that refuses large amounts."""
    import os

    connection = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "ledger"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_CRM", json.dumps(connection | {"password": os.environ["PGPASSWORD"]}))
    to = "{kind: table, connection: headline_crm, table: told.orders, rows_per_request: 3}"
    telling.define(
        "orders", CHANGES.replace("{kind: webhook, connection: headline_crm, path: crm, rows_per_request: 3}", to), CHANGES_SQL
    )
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server, server.cursor() as cursor:
        server.autocommit = True
        cursor.execute(
            "create schema told; create table told.orders (order_id text primary key, amount numeric check (amount < 9))"
        )
        yield cursor
        cursor.execute("drop schema told cascade")


def test_changed_rows_reach_a_table_of_a_database(telling: Exporting, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    telling.arrive(D1, *((name, amount) for name, amount in zip("abcde", ("1", "2", "10", "4", "5"), strict=True)))
    with monkeypatch.context() as patch:
        patch.setattr(receivers.TableReceiver, "send", dying_after(receivers.TableReceiver.send))
        telling.killed()
    assert counts(telling.run()) == (5, 4, 0, 1)
    [letter] = Exports().dead_letters("orders").values()
    assert letter.key == {"order_id": "c"}
    telling.arrive(D1, *((name, "3") for name in "abcd"))
    assert counts(telling.run()) == (4, 4, 1, 0)
    table.execute("select order_id, amount from told.orders order by order_id")
    assert [(name, int(amount)) for name, amount in table.fetchall()] == [(name, 3) for name in "abcd"]
    table.execute("alter table told.orders rename to moved")
    telling.arrive(D1, *((name, "4") for name in "abcd"))
    with pytest.raises(SpecError, match="the database rejected the statement"):
        telling.run()
