"""Files of a stream land as they arrive, exactly once: whatever a queue says of them, however often and in whatever order."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.conftest import Project
from tests.unit.s3.conftest import KEYS, connection, keys

from headline import specs
from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.operations import arrivals_dag
from headline.operators import ArrivalsOperator
from headline.pipeline import arrivals as module
from headline.pipeline import ingest
from headline.pipeline.arrivals import land_arrivals
from headline.sources.announced import announced

TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FILES = {
    "sources/app/source.yml": """
        description: The app's events, as they arrive.
        tier: 1
        lands_at: "02:00"
        tables:
          events:
        ingest:
          events:
            kind: stream
            connection: headline_stream
            pattern: "events of/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"
            moment: at
            lookback_days: 1
            key: [id]
        """,
    "sources/app/events.sql": """
        select
            ds,
            cast(id as varchar) as id
        from landing.events
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        """,
    "sources/app/events.contract.yml": """
        dataset: warehouse/raw/events
        description: One row per event that arrived.
        columns:
          - {name: ds, data_type: date, description: Business day., checks: [{missing: }]}
          - {name: id, data_type: varchar, description: Key of the event.}
        checks:
          - schema:
        """,
}


@pytest.fixture
def app(project: Project, landing: str, moto: str, client: Any, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A source with a stream in the bucket, beside one without; it lands in the same bucket."""
    for name, text in FILES.items():
        project.write(name, text)
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_STREAM", connection(moto, path="s3://lake/share"))
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_ARRIVALS", connection(moto))
    return project


@pytest.fixture
def queue(client: Any, moto: str) -> Iterator[Any]:
    """A queue that the bucket tells of new files below share/."""
    import boto3

    sqs = boto3.client("sqs", endpoint_url=moto, **KEYS)
    url = sqs.create_queue(QueueName="arrivals")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "share/"}]}}
    told = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
    client.put_bucket_notification_configuration(Bucket="lake", NotificationConfiguration={"QueueConfigurations": [told]})
    yield SimpleNamespace(url=url, sqs=sqs)
    sqs.close()


def drop(client: Any, clock: str, *events: str, day: date = TODAY, happened: date | None = None) -> str:
    """A micro-batch that arrives at this time of a day; the key of its object."""
    key = f"share/events of/arrived={day}/{clock}-1.jsonl.gz"
    lines = "".join(json.dumps({"id": one, "at": f"{happened or day}T01:00:00Z"}) + "\n" for one in events)
    client.put_object(Bucket="lake", Key=key, Body=gzip.compress(lines.encode(), mtime=0))
    return key


def messages(queue: Any) -> list[dict[str, Any]]:
    """All that the queue has."""
    found: list[dict[str, Any]] = []
    while got := queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages"):
        found += got
    return found


def land(project: Project, told: Any = None, now: datetime = NOW) -> list[tuple[str, int, int]]:
    done = land_arrivals(specs.load(), project.ledger, project.warehouse, "arrivals", now, told)
    return [(one.landing, one.row_count, one.changed_count) for one in done]


def counts(project: Project) -> dict[date, int]:
    return {load.ds: load.row_count for load in project.ledger.current_loads("landing.events")}


def test_what_a_queue_says_is_read(app: Project, client: Any, queue: Any) -> None:
    [tried] = messages(queue)
    assert json.loads(tried["Body"])["Event"] == "s3:TestEvent"
    assert announced([tried]) == set()
    key = drop(client, "0900", "a")
    [told] = messages(queue)
    assert "events+of" in told["Body"] or "%20" in told["Body"], "S3 encodes keys as a URL does"
    assert announced([tried, told, told]) == {f"s3://lake/{key}"}
    through_sns = {"Body": json.dumps({"Type": "Notification", "Message": told["Body"]})}
    assert announced([through_sns]) == {f"s3://lake/{key}"}
    removed = told["Body"].replace("ObjectCreated:Put", "ObjectRemoved:Delete")
    assert announced([{"Body": removed}]) == set()
    for odd in ({"Body": "{"}, {"Body": "[]"}, {"Body": "{}"}, {}):
        assert announced([told, odd]) is None, "then all streams are looked at"


def test_files_land_once_however_they_are_announced(
    app: Project, client: Any, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve files in the order of chance, each message up to three times, early and late; the same as all at once."""
    readings: list[Interval] = []
    real = module.ingest
    monkeypatch.setattr(module, "ingest", lambda run, name: (readings.append(run.requested), real(run, name))[1])
    chance = Random(15)
    clocks = [f"{hour:02}30" for hour in range(12)]
    chance.shuffle(clocks)
    late: list[dict[str, Any]] = []
    for number, clock in enumerate(clocks):
        drop(client, clock, f"{clock}-1", f"{clock}-2")
        told = messages(queue) * chance.randint(1, 3) + late
        chance.shuffle(told)
        late = [one for one in told if chance.random() < 0.3]
        land(app, announced([one for one in told if one not in late]))
        if number == 6:
            app.forget()
    before = len(readings)
    assert land(app, announced(late)) in ([], [("landing.events", 24, 1)])
    assert len(readings) <= before + 1
    assert counts(app) == {TODAY: 24}
    [load] = app.ledger.current_loads("landing.events")
    before = len(readings)
    for told in (late * 2, late[::-1]):
        assert land(app, announced(told)) == []
    assert land(app) == [], "a look finds what messages have announced"
    assert len(readings) == before, "what has landed is not read again"
    ingest(app.run("app", TODAY))
    assert app.ledger.current_loads("landing.events") == [load], "the daily run finds the same"


def test_a_look_without_a_queue_does_the_same(app: Project, client: Any) -> None:
    drop(client, "0900", "a")
    assert land(app) == [("landing.events", 1, 1)]
    assert land(app) == []
    drop(client, "1000", "b", "c")
    assert land(app) == [("landing.events", 3, 1)]
    assert counts(app) == {TODAY: 3}
    assert keys(client).count("landing/app/events/arrived.json") == 1


def test_a_file_that_is_replaced_lands_again(app: Project, client: Any) -> None:
    drop(client, "0900", "a")
    land(app)
    drop(client, "0900", "a", "b")
    assert land(app) == [("landing.events", 2, 1)]


def test_a_late_file_of_the_day_before_lands_with_the_day_that_it_is_of(app: Project, client: Any) -> None:
    yesterday = TODAY - DAY
    drop(client, "2300", "a", day=yesterday)
    land(app, now=NOW - timedelta(days=1))
    drop(client, "0900", "b")
    land(app)
    assert counts(app) == {yesterday: 1, TODAY: 1}
    drop(client, "2330", "late", day=yesterday)  # it was held up on its way
    drop(client, "0930", "c", happened=yesterday)
    land(app)
    assert counts(app) == {yesterday: 3, TODAY: 1}


def test_messages_about_anything_else_read_nothing(app: Project, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drop(client, "0900", "a")
    monkeypatch.setattr(module, "ingest", None)
    assert land(app, set()) == []
    assert land(app, {"s3://lake/shared/events of/x", "s3://other/share/events of/x"}) == []


def test_a_run_that_dies_before_it_remembers_its_files_reads_them_once_more(
    app: Project, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headline.sources.arrived import Arrived

    drop(client, "0900", "a")
    with monkeypatch.context() as patch:
        patch.setattr(Arrived, "add", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            land(app)
    [load] = app.ledger.current_loads("landing.events")
    assert land(app) == [("landing.events", 1, 0)]
    assert app.ledger.current_loads("landing.events") == [load]


def test_a_file_that_cannot_be_read_is_tried_again(app: Project, client: Any) -> None:
    key = drop(client, "0900", "a")
    whole = client.get_object(Bucket="lake", Key=key)["Body"].read()
    client.put_object(Bucket="lake", Key=key, Body=whole[:-9])
    with pytest.raises(Transient, match="may be still arriving"):
        land(app)
    assert counts(app) == {}
    client.put_object(Bucket="lake", Key=key, Body=whole)
    assert land(app) == [("landing.events", 1, 1)]


def test_a_folder_of_this_machine_is_looked_at_too(
    app: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    share = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/share"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_STREAM", json.dumps(share))
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    forget_settings()
    file = tmp_path / "share" / "events of" / f"arrived={TODAY}" / "0900-1.jsonl.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress(b'{"id": "a", "at": "2026-03-04T01:00:00Z"}\n'))
    assert land(app, {"s3://lake/share/events of/x"}) == [], "no message of S3 is about it"
    assert land(app) == [("landing.events", 1, 1)]
    assert land(app) == []


def test_the_dag_waits_for_the_queue_looks_by_the_clock_or_is_off() -> None:
    assert arrivals_dag("").schedule is None
    assert arrivals_dag("5").schedule == timedelta(minutes=5)
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/arrivals"
    [asset] = arrivals_dag(url).schedule
    [watcher] = asset.watchers
    assert (watcher.trigger.sqs_queue, watcher.trigger.aws_conn_id) == (url, "headline_arrivals")
    assert arrivals_dag(url).max_active_runs == 1


def test_the_watcher_hands_over_what_the_queue_has(
    app: Project, client: Any, queue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trigger of the DAG's watcher against the queue, and the DAG's task on what Airflow keeps of its event."""
    [asset] = arrivals_dag(queue.url).schedule
    drop(client, "0900", "a")

    async def first() -> Any:
        return await anext(asset.watchers[0].trigger.run())

    event = asyncio.run(first())
    assert len(event.payload["message_batch"]) == 2
    kept = SimpleNamespace(extra={"from_trigger": True, "payload": json.loads(json.dumps(event.payload))})
    monkeypatch.setattr("headline.operators.arrivals.datetime", SimpleNamespace(now=lambda _: NOW))
    task = ArrivalsOperator(task_id="land")
    context = {"dag_run": SimpleNamespace(run_id="asset triggered"), "triggering_asset_events": {asset: [kept]}}
    task.execute(context)
    assert task.landed == ["landing.events: 2026-03-04, 1 rows, 1 days new or changed"]
    assert messages(queue) == [], "the trigger has taken them from the queue"
    task = ArrivalsOperator(task_id="land")
    task.execute(context)
    assert task.landed == []
