"""A developer's sandbox: computed over masked samples, in a warehouse and a ledger of its own; production stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.unit.conftest import Project
from tests.unit.once import Once

from headline import cli, settings
from headline.connections import lent
from headline.ledger import migrate
from headline.ledger.tables import metadata
from headline.local.postgres import Postgres

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
ROWS = {
    D1: [("a", "10.00", "mia@example.com"), ("b", "4.00", "bo@example.com")],
    D2: [("c", "5.50", "mia@example.com"), ("d", "-1.00", "kim@example.com"), ("e", "2.00", None)],
}
PLAIN = ("mia", "bo@", "kim", "example.com")
BUYERS = {
    "profit/buyers/pipeline.yml": """
        description: How often who buys came before.
        tier: 2
        lands_at: "04:00"
        tables:
          buyers:
            reads:
              core.orders: {}
              raw.orders: {lookback_days: all}
        """,
    "profit/buyers/buyers.sql": """
        select
            now.ds,
            cast(sum(core.amount) as decimal(18, 4)) as amount,
            count(distinct earlier.email) as buyer_count
        from raw.orders as now
        inner join core.orders as core on now.order_id = core.order_id and now.ds = core.ds
        left join raw.orders as earlier on now.email = earlier.email and now.ds > earlier.ds
        where now.ds >= date '{{ start }}' and now.ds < date '{{ end }}'
        group by now.ds
        """,
    "profit/buyers/buyers.contract.yml": """
        dataset: warehouse/profit/buyers
        description: One row per day.
        columns:
          - {name: ds, data_type: date, description: Business day.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
          - {name: buyer_count, data_type: bigint, description: Who had bought before.}
        checks:
          - schema:
        """,
}


@pytest.fixture(scope="session")
def sandbox_ledger(postgres: str) -> str:
    """A migrated ledger beside production's, as the connection's JSON of its only login."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("create database sandbox encoding 'UTF8' template template0")
    return json.dumps({"conn_type": "postgres", "host": postgres, "schema": "sandbox", "login": "postgres"})


class Sandboxed:
    """Production, which has run, and the developer's shell beside it."""

    def __init__(self, project: Project, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.project, self.folder = project, folder
        self._capsys, self._patch = capsys, patch

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run `headline …`; gives exit code, output and errors."""
        self._patch.setattr(sys, "argv", ["headline", *arguments])
        self.project.forget()
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code if isinstance(ended.value.code, int) else 0, *self._capsys.readouterr()

    def rows(self, sql: str) -> list[list[Any]]:
        code, out, errors = self("query", sql, "--format", "json")
        assert code == 0, errors
        return [list(row.values()) for row in json.loads(out)]


def arrive(project: Project, days: dict[date, list[tuple[str, str, str | None]]]) -> None:
    from headline.sources.landing import LandingWriter
    from headline.sources.text import batch

    parts = [
        (day, batch({"order_id": key, "amount": amount, "email": email} for key, amount, email in rows))
        for day, rows in days.items()
    ]
    project.ledger.record_loads(LandingWriter("shop", "landing.orders", "test").write(parts, days), "arrival")


def of_production(project: Project, postgres: str) -> tuple[str, dict[str, list[Any]]]:
    """All that production is: the bytes of its warehouse and the rows of its ledger."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server, server.cursor() as cursor:
        rows = {}
        for table in metadata.sorted_tables:
            cursor.execute(f"select md5(string_agg(t::text, '|' order by t::text)) from {table.name} as t")
            rows[table.name] = cursor.fetchall()
    return hashlib.sha256((project.folder / "warehouse.duckdb").read_bytes()).hexdigest(), rows


def two_days(project: Project) -> None:
    arrive(project, ROWS)
    for pipeline in ("shop", "core_shop", "buyers"):
        project.publish(pipeline, D1, D2)


@pytest.fixture
def production(project: Project, once: Once) -> Project:
    """The throw-away repository with an e-mail address in raw, which has run for two days."""
    project.replace("sources/shop/orders.sql", "cast(amount", "cast(email as varchar) as email,\n    cast(amount")
    project.replace(
        "sources/shop/orders.contract.yml",
        "  - {name: amount",
        "  - {name: email, data_type: varchar, attributes: {personal: true}, description: Who ordered.}\n  - {name: amount",
    )
    for path, text in BUYERS.items():
        project.write(path, text)
    return once(project, two_days)


@pytest.fixture
def headline(
    production: Project,
    postgres: str,
    server_folder: Path,
    sandbox_ledger: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Sandboxed:
    """The developer's shell, with an empty sandbox."""
    with lent({"headline_sandbox": sandbox_ledger}):
        migrate("headline_sandbox")
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="sandbox")) as server, server.cursor() as cursor:
        server.autocommit = True
        names = ", ".join(table.name for table in metadata.sorted_tables)
        cursor.execute(f"set session_replication_role = replica; truncate {names}; alter sequence version restart")
    reader = Postgres(server_folder / "postgres").secrets.databases(postgres)["LEDGER_READER"]
    home = production.folder / "production"
    home.mkdir()
    warehouse = json.dumps({"conn_type": "duckdb", "host": str(production.folder / "warehouse.duckdb")})
    home.joinpath("env").write_text(
        f"AIRFLOW_CONN_HEADLINE_WAREHOUSE={warehouse}\nAIRFLOW_CONN_HEADLINE_LEDGER_READER={reader}\nHEADLINE_REPORTING_CURRENCY=CHF\n"
    )
    sandbox = tmp_path / "sandbox"
    own = json.dumps({"conn_type": "duckdb", "host": str(sandbox / "warehouse.duckdb")})
    for name, value in {
        "HEADLINE_ENVIRONMENT": "dev",
        "HEADLINE_PRODUCTION": str(home),
        "HEADLINE_HOME": str(sandbox),
        "AIRFLOW_CONN_HEADLINE_LEDGER": sandbox_ledger,
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": own,
        "HEADLINE_REPORTING_CURRENCY": "",
        "AIRFLOW_CONN_HEADLINE_PRODUCTION": "",
        "AIRFLOW_CONN_HEADLINE_PRODUCTION_LEDGER": "",
    }.items():
        monkeypatch.setenv(name, value)
    return Sandboxed(production, sandbox, capsys, monkeypatch)


def test_a_changed_select_is_computed_over_production_which_stays_as_it_is(headline: Sandboxed, postgres: str) -> None:
    before = of_production(headline.project, postgres)
    headline.project.replace("profit/buyers/buyers.sql", "sum(core.amount)", "2 * sum(core.amount)")
    code, out, errors = headline("dev", "run", "profit.buyers", "--from", "2026-03-02", "--format", "json")
    assert code == 0, errors
    told = {"table": "profit.buyers", "days": "2026-03-02", "rows": 1, "quarantined": 0}
    assert json.loads(out) == [told | {"periods_changed": 1, "state": "published"}]
    assert headline.rows("select * from profit.buyers order by ds") == [
        ["2026-03-01", "14.0000", 0],  # production's, since checks look back
        ["2026-03-02", "15.0000", 1],  # mia, whose hash is the same on both days
    ]
    assert headline("sample", "raw.orders", "--from", "2026-03-01")[0] == 0
    [stale] = json.loads(headline("tables", "--stale", "--format", "json")[1])
    # In whatever order was sampled: not behind its inputs, but production's own SQL made the day before.
    assert (stale["table"], stale["stale_days"], stale["days_by_earlier_code"]) == ("profit.buyers", "", "2026-03-01")
    assert of_production(headline.project, postgres) == before
    assert settings.load().reporting_currency == "CHF"


def test_no_plain_value_is_in_a_sandbox(headline: Sandboxed) -> None:
    headline.project.replace(
        "profit/buyers/buyers.contract.yml", "- schema:", "- schema:\n  - row_count: {threshold: {must_be: 7}}"
    )
    code, _, errors = headline("dev", "run", "buyers", "--from", "2026-03-02")
    assert (code, "FAILED" in errors.upper()) == (1, True)
    assert headline("sample", "core.orders", "--from", "2026-03-02")[0] == 0
    seen = headline("inspect", "profit.buyers")[1] + headline("audits", "--format", "json")[1]
    for table in ("raw.orders", "core.orders", "quarantine.orders"):
        seen += str(headline.rows(f"select * from {table}"))
    assert len(headline.rows("select distinct email from raw.orders where email is not null")) == 3
    assert headline.rows("select order_id from raw.orders where email is null") == [["e"]]
    files = [file for file in headline.folder.rglob("*") if file.is_file()]
    assert len([file for file in files if file.suffix == ".duckdb"]) == 2  # the warehouse, and what the audit holds back
    for plain in PLAIN:
        assert plain not in seen
        assert [file for file in files if plain.encode() in file.read_bytes()] == []
    key = (headline.folder / "secrets/mask").read_text()
    assert key not in seen


def test_a_table_whose_columns_are_retyped_begins_anew(headline: Sandboxed) -> None:
    run = ("dev", "run", "buyers", "--from", "2026-03-02")
    assert headline(*run)[0] == 0
    headline.project.replace("profit/buyers/buyers.contract.yml", "numeric_scale: 4", "numeric_scale: 2")
    headline.project.replace("profit/buyers/buyers.sql", "decimal(18, 4)", "decimal(18, 2)")
    code, _, errors = headline(*run)
    assert code == 0, errors
    assert headline.rows("select ds, amount from profit.buyers order by ds") == [["2026-03-01", "14.00"], ["2026-03-02", "7.50"]]


def test_what_the_developer_has_computed_is_read_until_they_sample_it(headline: Sandboxed) -> None:
    headline.project.replace("core/core_shop/orders.sql", "    amount,", "    amount * 3 as amount,")
    assert headline("dev", "run", "core_shop", "--from", "2026-03-02")[0] == 0
    assert headline("dev", "run", "buyers", "--from", "2026-03-02")[0] == 0
    total = "select amount from profit.buyers where ds = date '2026-03-02'"
    assert headline.rows(total) == [["22.5000"]]
    assert headline.rows("select ds, amount from core.running_totals order by ds") == [
        ["2026-03-01", "14.0000"],
        ["2026-03-02", "36.5000"],
    ]
    code, _, errors = headline("sample", "core.orders", "--from", "2026-03-02")
    assert (code, errors) == (0, "core.orders: 3 row(s) of production for 2026-03-02\n")
    assert headline("dev", "run", "buyers", "--from", "2026-03-02")[0] == 0
    assert headline.rows(total) == [["7.5000"]]


def test_a_sample_that_production_has_changed_is_taken_again(
    headline: Sandboxed, ledger_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ("dev", "run", "buyers", "--from", "2026-03-01", "--to", "2026-03-02")
    assert "core.orders: 5 row(s)" in headline(*run)[2]
    assert "core.orders" not in headline(*run)[2]
    with monkeypatch.context() as of_production:
        of_production.setenv("HEADLINE_ENVIRONMENT", "prod")
        of_production.setenv("HEADLINE_HOME", str(headline.project.folder / "home"))
        of_production.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", ledger_database)
        headline.project.forget()
        arrive(headline.project, {D2: [("c", "8.00", "bo@example.com")]})
        headline.project.publish("shop", D2)
        headline.project.publish("core_shop", D2)
    assert "core.orders: 1 row(s) of production for 2026-03-02" in headline(*run)[2]
    assert headline.rows("select * from profit.buyers where ds = date '2026-03-02'") == [["2026-03-02", "8.0000", 1]]


def test_a_sandbox_says_what_it_does_not_do(headline: Sandboxed) -> None:
    for arguments, message in {
        ("dev", "run", "shop", "--from", "2026-03-02"): "shop is a source, and what lands is not masked",
        ("dev", "run", "nothing"): "no pipeline and no table is called nothing",
        ("sample", "core.orders", "--from", "2026-02-01"): "production has published nothing of core.orders",
        ("run",): "headline run is refused: a sandbox",
        ("example", "online_retail", "data.csv"): "headline example is refused: a sandbox",
        ("up",): "headline up is refused: a sandbox",
    }.items():
        code, _, errors = headline(*arguments)
        assert code == 1
        assert message in errors


def test_a_sandbox_reads_no_source(headline: Sandboxed) -> None:
    from headline.errors import BadRequest
    from headline.pipeline import ingest

    headline.project.forget()
    with pytest.raises(BadRequest, match="a sandbox reads no source"):
        ingest(headline.project.run("shop", D3))


def test_production_is_named_and_is_not_the_sandbox(headline: Sandboxed, monkeypatch: pytest.MonkeyPatch, postgres: str) -> None:
    run, home = ("dev", "run", "buyers", "--from", "2026-03-02"), headline.folder
    before = of_production(headline.project, postgres)
    with monkeypatch.context() as patch:
        patch.setenv("HEADLINE_HOME", str(headline.project.folder / "production"))
        assert "is production and cannot be the sandbox too" in headline(*run)[2]
        patch.setenv("HEADLINE_PRODUCTION", str(home / "elsewhere"))
        assert "set-up has made no installation there" in headline(*run)[2]
        patch.delenv("HEADLINE_PRODUCTION")
        patch.setenv("HEADLINE_HOME", str(home))
        assert "set HEADLINE_PRODUCTION to its home, or the connection(s) headline_production, " in headline(*run)[2]
        patch.setenv("HEADLINE_ENVIRONMENT", "test")
        assert "this is no sandbox: HEADLINE_ENVIRONMENT=dev" in headline(*run)[2]
    assert headline(*run)[0] == 0  # from here on the shell knows production's connections
    for mine, theirs in (("WAREHOUSE", "PRODUCTION"), ("LEDGER", "PRODUCTION_LEDGER")):
        with monkeypatch.context() as patch:
            patch.setenv(f"AIRFLOW_CONN_HEADLINE_{mine}", os.environ[f"AIRFLOW_CONN_HEADLINE_{theirs}"])
            assert f"the connection headline_{mine.lower()} is production's" in headline(*run)[2]
    link = headline.folder / "a_link.duckdb"
    link.symlink_to(headline.project.folder / "warehouse.duckdb")
    for mine, theirs, host in (
        ("WAREHOUSE", "PRODUCTION", str(link)),
        ("LEDGER", "PRODUCTION_LEDGER", f"{postgres}/."),
    ):
        with monkeypatch.context() as patch:
            other = json.loads(os.environ[f"AIRFLOW_CONN_HEADLINE_{theirs}"]) | {"host": host}
            patch.setenv(f"AIRFLOW_CONN_HEADLINE_{mine}", json.dumps(other))
            assert f"the connection headline_{mine.lower()} is production's" in headline(*run)[2], "by whatever name"
    link.unlink()
    (home / "env").write_text("AIRFLOW_CONN_HEADLINE_LEDGER={}\n")
    assert f"{home} is an installation and no sandbox" in headline(*run)[2]
    assert of_production(headline.project, postgres) == before
