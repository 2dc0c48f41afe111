"""The data API on the real server: the lines of its documentation, and tokens that end with their account."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import httpx
import pytest
from tests.airflow.world import Airflow, Deployment

from headline.ledger import Reads
from headline.local.postgres import Postgres
from headline.local.secrets import PEOPLE
from headline.settings import PROJECT

BLOCKS = re.findall(r"```(\w+)\n(.*?)```", (PROJECT / "docs" / "data_api.md").read_text(), re.DOTALL)
API = "/headline/api/v1"
ENGINES = Path(sys.prefix) / "engines"


def lines(language: str) -> list[str]:
    return [text for name, text in BLOCKS if name == language]


def test_the_lines_of_the_documentation_work(airflow: Deployment, tmp_path: Path) -> None:
    url = airflow.environment["AIRFLOW__API__BASE_URL"]
    password = (airflow.home.secrets.path(PEOPLE) / "investor_relations").read_text().strip()
    (tmp_path / "login.json").write_text(json.dumps({"username": "investor_relations", "password": password}))
    token, reads = lines("bash")
    script = f"{token}\n{reads}".replace("http://127.0.0.1:8080", url)
    env = {"PATH": os.environ["PATH"], "NO_PROXY": "*"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{script}\necho; echo $TOKEN"], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, end = json.JSONDecoder().raw_decode(done.stdout)
    rest = done.stdout[end:].splitlines()
    assert first.keys() == {"meta", "data", "next"}
    assert rest[0].startswith("month,")
    [sql] = lines("sql")
    found = duckdb.sql(sql.replace("profit.parquet", f"{tmp_path}/profit.parquet")).fetchall()
    assert found
    assert found == airflow.query("select month, sum(net_profit) from profit.monthly_profit_trends group by month order by month")
    newest = Reads().newest(2, reader="investor_relations")
    assert {(one.channel, one.names) for one in newest} == {("api", ("profit.monthly_profit_trends",))}


@pytest.mark.skipif(not (ENGINES / "pandas").is_dir(), reason="pandas is in the folder of make engines only")
def test_the_lines_for_pandas_work(airflow: Deployment) -> None:
    url = airflow.environment["AIRFLOW__API__BASE_URL"]
    password = (airflow.home.secrets.path(PEOPLE) / "investor_relations").read_text().strip()
    login = {"username": "investor_relations", "password": password}
    token = httpx.post(f"{url}/auth/token", json=login, trust_env=False).raise_for_status().json()["access_token"]
    [program] = lines("python")
    run = [sys.executable, "-c", f"{program}\nprint(len(frame), frame['net_profit'].sum())"]
    env = {"PYTHONPATH": str(ENGINES), "NO_PROXY": "*", "HEADLINE_URL": url, "TOKEN": token}
    done = subprocess.run(run, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [(count, total)] = airflow.query("select count(*), sum(net_profit) from profit.monthly_profit_trends")
    assert done.stdout.split() == [str(count), str(total)]


def test_a_deactivated_account_loses_its_tokens_at_once_and_a_role_its_dags(airflow: Deployment) -> None:
    Airflow.of(airflow.environment).add_user("leaves", "a password", "experimenter")
    with httpx.Client(base_url=airflow.environment["AIRFLOW__API__BASE_URL"], trust_env=False) as client:
        told = client.post("/auth/token", json={"username": "leaves", "password": "a password"}).raise_for_status()
        client.headers["authorization"] = f"Bearer {told.json()['access_token']}"
        found = {one["pipeline"] for one in client.get(f"{API}/tables").json()["data"]}
        assert found == {"unit_profit", "daily_growth"}
        assert client.get(f"{API}/tables/profit.unit_profit/rows?limit=1").status_code == 200
        assert client.get(f"{API}/tables/core.order_lines/rows").status_code == 403
        assert client.get("/headline/board").status_code == 200
        assert client.get("/api/v2/dags").status_code == 200
        with Postgres(airflow.home.postgres).connect("airflow") as connection, connection.cursor() as cursor:
            cursor.execute("delete from ab_user_role where user_id = (select id from ab_user where username = 'leaves')")
            connection.commit()
            assert client.get(f"{API}/tables/profit.unit_profit/rows?limit=1").status_code == 403
            cursor.execute("update ab_user set active = false where username = 'leaves'")
            connection.commit()
        for path in (f"{API}/tables", "/headline/board", "/headline/api/tables", "/api/v2/dags"):
            assert client.get(path).status_code in (401, 403), path
    with httpx.Client(base_url=airflow.environment["AIRFLOW__API__BASE_URL"], trust_env=False) as client:
        assert client.get(f"{API}/openapi.json").status_code == 401


@pytest.mark.parametrize("role", ["analyst", "data_protection"])
def test_personal_data_are_shown_to_the_role_that_may_see_them(airflow: Deployment, role: str) -> None:
    password = (airflow.home.secrets.path(PEOPLE) / role).read_text().strip()
    with httpx.Client(base_url=airflow.environment["AIRFLOW__API__BASE_URL"], trust_env=False, timeout=30) as client:
        told = client.post("/auth/token", json={"username": role, "password": password}).raise_for_status()
        client.headers["authorization"] = f"Bearer {told.json()['access_token']}"
        rows = client.get(f"{API}/tables/raw.customers/rows?limit=5").json()
        sql = {"sql": "select customer_id, email from raw.customers limit 5"}
        asked = client.post("/headline/api/query", json=sql).raise_for_status().json()
    emails = {*(one["email"] for one in rows["data"]), *(row[1] for row in asked["rows"])}
    if role == "analyst":
        assert emails == {None}
        assert "email" in rows["meta"]["masked"]
    else:
        assert all("@" in one for one in emails)
    assert Reads().newest(1, reader=role)[0].names == ("raw.customers",)
