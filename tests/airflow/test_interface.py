"""What a person sees of a run in Airflow's UI, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import psutil
import pytest
from sqlglot import exp
from tests.airflow.world import BEGINNINGS, DAGS, OPERATIONS, WRITE_AUDIT_PUBLISH, YESTERDAY, Airflow, Deployment

from headline import specs
from headline.incidents.kinds import KINDS
from headline.intervals import Interval
from headline.local.processes import Processes
from headline.operators.links import contract_path
from headline.pages.headers import HEADERS
from headline.sql import parse

SHORT_KEY = "InsecureKeyLengthWarning"
UNWANTED = re.compile(rf"deprecat|{SHORT_KEY}", re.IGNORECASE)
TERMINAL = 100  # more characters than a line has where nobody says how wide a terminal is


@pytest.fixture(scope="module")
def people(running: Deployment) -> Iterator[dict[str, Airflow]]:
    """One who may read, one who may not."""
    url, found = running.environment["AIRFLOW__API__BASE_URL"], {}
    for name, role in (("reader", "Viewer"), ("stranger", "Public")):
        running.api.add_user(name, f"{name}-secret", role)
        found[name] = Airflow(url, name, f"{name}-secret")
    yield found
    for person in found.values():
        person.__exit__(None, None, None)


def test_nothing_failed_to_load(airflow: Deployment) -> None:
    assert airflow.api.import_errors() == []
    assert airflow.api.get("/plugins/importErrors") == {"import_errors": [], "total_entries": 0}
    assert "headline" in [plugin["name"] for plugin in airflow.api.get("/plugins")["plugins"]]
    assert [dag["dag_id"] for dag in airflow.api.dags()] == sorted((*DAGS, *OPERATIONS))


def test_dags_say_what_they_are(airflow: Deployment) -> None:
    for dag in airflow.api.dags():
        if dag["dag_id"] in OPERATIONS:
            assert dag["description"]
            continue
        pipeline = specs.load().pipelines[dag["dag_id"]]
        assert {tag["name"] for tag in dag["tags"]} == {pipeline.area, f"tier {pipeline.tier}"}
        assert dag["description"] == pipeline.description
        assert dag["owners"] == [pipeline.area]
        documentation = airflow.api.get(f"/dags/{pipeline.id}/details")["doc_md"]
        assert all(table.full_name in documentation for table in pipeline.ordered_tables)
        assert f"{pipeline.lands_at:%H:%M} UTC" in documentation


def test_rendered_templates_hold_the_sql_that_ran(airflow: Deployment, runs_of_range: dict[str, str]) -> None:
    lengths = []
    for dag_id, run_id in runs_of_range.items():
        fields = airflow.api.task(dag_id, run_id, WRITE_AUDIT_PUBLISH)["rendered_fields"]
        sql = dict(part.split("\n", 1) for part in f"\n\n{fields['sql']}".split("\n\n-- ")[1:])
        pipeline = specs.load().pipelines[dag_id]
        assert list(sql) == [table.full_name for table in pipeline.ordered_tables]
        assert set(fields["tables"]) == set(sql)
        for table in pipeline.ordered_tables:
            compiled, shown = sql[table.full_name], fields["tables"][table.full_name]
            assert isinstance(parse(compiled, table.full_name), exp.Query), "whole, not cut off"
            if table.period == "day":
                assert str(BEGINNINGS[dag_id]) in compiled
            if dag_id in ("shop", "finance") and table.name != "refunds":  # of which a day may have none
                assert compiled.count(".parquet'") == len(Interval(BEGINNINGS[dag_id], YESTERDAY)), "one file a day"
            assert shown["state"] == "published"
            assert shown["rows"] >= 0
            assert set(shown["seconds"]) == {"transform", "audit", "publish"}
            assert sum(shown["checks"].values()) == len(fields["checks"][table.full_name]) > 0
        lengths.append(len(fields["sql"]))
    assert len(lengths) == len(DAGS)
    assert max(lengths) > 4096, "Airflow's own limit would have cut one of them off"


def test_logs_hold_what_people_need_and_no_line_is_cut_in_two(
    airflow: Deployment, runs_of_range: dict[str, str], runs_of_day: dict[str, str]
) -> None:
    """Tasks tell nothing of what Airflow should not use any more, and no process of a key that is too short to sign with."""
    read, long = 0, 0
    for dag_id, run_id in [*runs_of_range.items(), *runs_of_day.items()]:
        for task in airflow.api.task_instances(dag_id, run_id):
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}"
            events = airflow.api.get(f"{path}/logs/1")["content"]
            texts = [str(event["event"]) for event in events]
            assert [text for text in texts if UNWANTED.search(text)] == []
            read += len(texts)
            long += sum(len(text) > TERMINAL for text in texts)
            told = [text for text in texts if re.match(r"(passed|warned|insufficient_history|failed): ", text)]
            assert [text for text in told if not re.search(r" \(\S*checks\.\S+; measured [^;]+\)$", text)] == []
            checks = airflow.api.task(dag_id, run_id, task["task_id"])["rendered_fields"].get("checks", {})
            assert len(told) == sum(map(len, checks.values())), f"{dag_id}: each check is one line"
    assert read > 500
    assert long > 100
    files = [file for file in Processes(airflow.home).logs.glob("*.log") if file.stat().st_size]
    assert files
    assert [file.name for file in files if SHORT_KEY in file.read_text(errors="replace")] == []


def test_data_that_look_like_markup_are_shown_as_they_are(headline: Callable[..., tuple[object, str, str]]) -> None:
    code, out, err = headline("query", "select 'a[/b]' as \"[red]c\", 'a:x:b' as d, count(*) as e from core.order_lines")
    assert (code, err) == (0, "")
    assert all(text in out for text in ("a[/b]", "[red]c", "a:x:b"))


def test_links_lead_to_pages_for_those_who_may_read(
    airflow: Deployment, runs_of_range: dict[str, str], people: dict[str, Airflow]
) -> None:
    pages = set()
    for dag_id, run_id in runs_of_range.items():
        for task in airflow.api.task_instances(dag_id, run_id):
            links = airflow.api.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/links")["extra_links"]
            wanted = {"Runbook", "Contracts"} if task["task_id"] == WRITE_AUDIT_PUBLISH else {"Runbook"}
            assert set(links) == wanted, task["task_id"]
            pages |= set(links.values())
    assert len(pages) == 2 * len(DAGS)
    pages |= {contract_path(one.id, table.name) for one in specs.load().pipelines.values() for table in one.ordered_tables}
    for path in sorted(pages):
        answers = {name: person.page(path) for name, person in people.items()}
        assert answers["reader"].status_code == 200, f"{path}: {answers['reader'].text}"
        assert answers["stranger"].status_code == 403, path
        assert re.split("[/=]", path)[-1] in answers["reader"].text
    anonymous = Airflow(airflow.environment["AIRFLOW__API__BASE_URL"], "", "")
    assert {anonymous._client.get(path).status_code for path in pages} == {401}
    assert anonymous._client.get("/headline/docs").status_code in (401, 404)
    assert people["reader"].page("/headline/contracts/shop/no_such_table").status_code == 404


def test_pages_of_alerts_are_for_whoever_is_logged_in(airflow: Deployment, people: dict[str, Airflow]) -> None:
    for kind in KINDS:
        path = f"/headline/alerts/{kind}"
        assert {person.page(path).status_code for person in people.values()} == {200}, path
        assert kind in people["reader"].page(path).text
    assert people["reader"].page("/headline/alerts/no_such_kind").status_code == 404
    for path in ("board", "static/page.js", "no_such_page"):
        answer = people["reader"].page(f"/headline/{path}")
        told = {name: answer.headers[name] for name in HEADERS if not path.startswith("static") or name != "Cache-Control"}
        assert told == {name: HEADERS[name] for name in told}, path
        assert len(told) >= 3
    anonymous = Airflow(airflow.environment["AIRFLOW__API__BASE_URL"], "", "")
    for path in ("alerts/task_failed", "static/page.js", "static/page.css"):
        assert anonymous._client.get(f"/headline/{path}").status_code == 401


def test_guessed_passwords_are_limited_where_they_become_tokens(running: Deployment) -> None:
    """From an address of its own, so that no other test has to wait."""
    url, guess = running.environment["AIRFLOW__API__BASE_URL"], {"username": "admin", "password": "guess"}
    with httpx.Client(base_url=url, transport=httpx.HTTPTransport(local_address="127.0.0.21")) as guesser:
        assert [guesser.post("/auth/token", json=guess).status_code for _ in range(6)] == [401] * 5 + [429]


def test_tasks_are_forked_from_a_process_that_has_loaded_the_engines(airflow: Deployment) -> None:
    """What a worker of the scheduler has in its memory, none of its tasks has to import."""
    manager = Processes(airflow.home).manager()
    assert manager
    seen = 0
    for process in manager.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # tasks come and go
            if "LocalExecutor" in " ".join(process.cmdline()):
                mapped = " ".join(region.path for region in psutil.Process(process.pid).memory_maps())
                assert all(engine in mapped for engine in ("duckdb", "pyarrow", "psycopg")), process.cmdline()
                seen += 1
    assert seen
