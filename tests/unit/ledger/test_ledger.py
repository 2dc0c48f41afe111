"""The ledger on a real PostgreSQL."""

import json
from contextlib import closing

import psycopg2
import pytest

from headline.errors import Transient
from headline.ledger import Ledger
from headline.ledger.migrate import differences, migrate


def test_the_migrations_make_what_the_code_expects(ledger: Ledger) -> None:
    assert differences() == []
    migrate()
    assert differences() == []


def test_a_table_that_no_migration_makes_is_told(ledger: Ledger, postgres: str) -> None:
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
        server.autocommit = True
        server.cursor().execute("alter table load add column surplus int")
        try:
            assert "surplus" in str(differences())
        finally:
            server.cursor().execute("alter table load drop column surplus")


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", json.dumps(connection))


def test_a_ledger_out_of_reach_is_worth_another_try(closed_port: None) -> None:
    with pytest.raises(Transient, match="connection nowhere"):
        Ledger("nowhere").newest_version()


def test_a_ledger_that_goes_away_and_comes_back_is_reached_again(ledger: Ledger, postgres: str) -> None:
    assert ledger.newest_version() == 0
    with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'ledger'")
    assert ledger.newest_version() == 0
