"""Runs wait in the triggerer until the ledger says that their inputs are published."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from tests.unit.records import days_of, record

from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.engine import engine
from headline.operators import inputs, listener
from headline.operators.inputs import InputsTrigger, Wait, describe, missing_for, missing_inputs

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


def publish(ledger: Ledger, table: str, first: date, last: date) -> None:
    record(ledger, *days_of(table, first, last))


def trigger(tables: dict[str, Any], first: date = D1, last: date = D1, **params: str) -> InputsTrigger:
    """As the triggerer makes it for a run of these days."""

    def at(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)

    dag_run = SimpleNamespace(
        dag_id="reader",
        run_id="scheduled__r",
        run_type="scheduled",
        data_interval_start=at(first),
        data_interval_end=at(last + DAY),
        run_after=at(last + DAY),
    )
    made = InputsTrigger(**InputsTrigger(tables).serialize()[1])
    made._task_instance = SimpleNamespace(get_template_context=lambda: {"params": params, "dag_run": dag_run})
    return made


def test_missing_inputs_are_told_by_table_and_day(ledger: Ledger) -> None:
    days = Interval(D1, D3 + DAY)
    publish(ledger, "raw.a", D1, D3)
    publish(ledger, "raw.b", D2, D2)
    publish(ledger, "raw.unasked", D1, D3)
    missing = missing_inputs({"raw.a": {}, "raw.b": {}, "raw.c": {}}, days)
    assert missing == {"raw.b": ["2026-03-01", "2026-03-03"], "raw.c": ["2026-03-01", "2026-03-02", "2026-03-03"]}
    assert describe(missing) == "raw.b lacks 2 day(s) from 2026-03-01; raw.c lacks 3 day(s) from 2026-03-01"
    publish(ledger, "raw.b", D1, D3)
    publish(ledger, "raw.c", D1, D2)
    publish(ledger, "raw.c", D3, D3)
    assert missing_inputs({"raw.a": {}, "raw.b": {}, "raw.c": {}}, days) == {}
    assert missing_inputs({}, days) == {}


def test_a_gap_in_the_history_is_missing_where_the_window_forbids_it(ledger: Ledger) -> None:
    publish(ledger, "raw.a", D1, D1)
    publish(ledger, "raw.a", D3, D3)
    day = Interval(D3, D3 + DAY)
    assert missing_inputs({"raw.a": {"lookback_days": "all"}}, day) == {}
    assert missing_inputs({"raw.a": {"lookback_days": "all", "without_gaps": True}}, day) == {"raw.a": ["2026-03-02"]}


def test_the_trigger_fires_when_the_last_day_is_published(ledger: Ledger, forget_settings: Any) -> None:
    async def scenario() -> float:
        waiting = asyncio.ensure_future(anext(trigger({"raw.a": {}}, D1, D2).run()))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        began = time.monotonic()
        publish(ledger, "raw.a", D2, D2)
        assert (await asyncio.wait_for(waiting, 10)).payload == "published"
        return time.monotonic() - began

    publish(ledger, "raw.a", D1, D1)
    assert asyncio.run(scenario()) < 1


def test_the_trigger_fires_at_once_where_all_is_published_and_where_the_run_is_refused(
    ledger: Ledger, forget_settings: Any
) -> None:
    publish(ledger, "raw.a", D1, D1)
    for waits, expected in [(trigger({"raw.a": {}}), "published"), (trigger({"raw.a": {}}, to="2026-03-01"), "refused")]:
        assert asyncio.run(asyncio.wait_for(anext(waits.run()), 10)).payload == expected


def test_many_runs_wait_with_one_query_and_one_connection(
    ledger: Ledger, forget_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def count(waits: list[Wait]) -> Any:
        asked.append(len(waits))
        return missing_for(waits)

    async def scenario() -> None:
        runs = [asyncio.ensure_future(anext(trigger({f"raw.t{number % 7}": {}}, D1, D1).run())) for number in range(100)]
        await asyncio.sleep(0.5)
        assert max(asked) == 100
        with engine().connect() as connection:
            listening = connection.execute(text("select count(*) from pg_stat_activity where query = 'listen headline'"))
            assert listening.scalar() == 1
        before = len(asked)
        record(ledger, *(day for number in range(7) for day in days_of(f"raw.t{number}", D1)))
        await asyncio.wait_for(asyncio.gather(*runs), 10)
        assert len(asked) - before <= 2
        await asyncio.sleep(0.1)
        assert len(asyncio.all_tasks()) == 1, "nothing goes on when nobody waits"

    monkeypatch.setattr(listener, "missing_for", count)
    asyncio.run(scenario())


def wait_without_notification(ledger: Ledger, meanwhile: Callable[[], Awaitable[None]]) -> str:
    async def scenario() -> str:
        waiting = asyncio.ensure_future(anext(trigger({"raw.a": {}}).run()))
        await meanwhile()
        return str((await asyncio.wait_for(waiting, 10)).payload)

    return asyncio.run(scenario())


def test_a_poll_finds_what_no_notification_told(ledger: Ledger, forget_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 15 <= listener.POLL <= 30
    monkeypatch.setattr(listener, "POLL", 0.1)
    monkeypatch.setattr("headline.ledger.publications.notify", lambda *_: None)

    async def publish_silently() -> None:
        await asyncio.sleep(0.5)
        publish(ledger, "raw.a", D1, D1)

    assert wait_without_notification(ledger, publish_silently) == "published"


def test_the_trigger_outlives_a_ledger_that_is_away(
    ledger: Ledger, forget_settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(ledger, "raw.a", D1, D1)
    monkeypatch.setattr(listener, "POLL", 0.1)
    with monkeypatch.context() as away:
        away.setenv(
            "AIRFLOW_CONN_HEADLINE_LEDGER",
            '{"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "x"}',
        )

        async def come_back() -> None:
            await asyncio.sleep(0.5)
            assert "the ledger cannot be read" in caplog.text
            away.undo()

        assert wait_without_notification(ledger, come_back) == "published"


def test_a_listener_whose_connection_is_cut_listens_again(
    ledger: Ledger, forget_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def count(waits: list[Wait]) -> Any:
        looks.append(len(waits))
        return missing_for(waits)

    async def scenario() -> None:
        waiting = asyncio.ensure_future(anext(trigger({"raw.a": {}}).run()))
        await asyncio.sleep(0.4)
        with engine().begin() as connection:
            cut = text("select count(pg_terminate_backend(pid)) from pg_stat_activity where query = 'listen headline'")
            assert connection.execute(cut).scalar() == 1
        await asyncio.sleep(0.6)
        with engine().connect() as connection:
            listening = connection.execute(text("select count(*) from pg_stat_activity where query = 'listen headline'"))
            assert listening.scalar() == 1
        waiting.cancel()
        await asyncio.sleep(0.1)

    monkeypatch.setattr(listener, "POLL", 0.2)
    monkeypatch.setattr(listener, "missing_for", count)
    asyncio.run(scenario())
    assert looks


def test_waiting_is_described_once_for_each_thing_that_is_missing(
    ledger: Ledger, forget_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "POLL", 0.05)

    async def scenario() -> list[str]:
        texts = []
        async for missing in listener.publications().watch(Wait({"raw.a": {}, "raw.b": {}}, Interval(D1, D2))):
            texts.append(missing)
            await asyncio.sleep(0.3)
            publish(ledger, "raw.a" if len(texts) == 1 else "raw.b", D1, D1)
        return texts

    assert asyncio.run(scenario()) == [
        "raw.a lacks 1 day(s) from 2026-03-01; raw.b lacks 1 day(s) from 2026-03-01",
        "raw.b lacks 1 day(s) from 2026-03-01",
    ]
    assert inputs.describe({}) == listener.NOTHING_IS_MISSING
