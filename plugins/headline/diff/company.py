"""The demo company's sources for some days, without Airflow: PostgreSQL, files and its finance service in this process."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

from headline import ledger, settings, specs
from headline.demo import datashare, finance_api, shop
from headline.demo.company import Company
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Load
from headline.local.postgres import Postgres
from headline.local.roles import SUPERUSER
from headline.pipeline import PipelineRun, ingest
from headline.warehouse import open_warehouse

Loads = dict[str, list[Load]]


@contextmanager
def server(folder: Path) -> Iterator[Postgres]:
    """A PostgreSQL for the company's shop and for ledgers, and the variables that lead to both."""
    postgres = Postgres(folder / "postgres")
    postgres.start()
    variables = {
        "AIRFLOW_HOME": f"{folder}/airflow",
        "HEADLINE_HOME": str(folder),
        "HEADLINE_LANDING": f"file://{folder}/landing",
        "AIRFLOW_CONN_HEADLINE_LEDGER": database(postgres, "ledger"),
        "AIRFLOW_CONN_HEADLINE_SHOP": database(postgres, "shop"),
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": warehouse(folder / "warehouse.duckdb"),
        "AIRFLOW_CONN_HEADLINE_DATASHARE": json.dumps({"conn_type": "generic", "extra": {"path": f"file://{folder}/share"}}),
    }
    try:
        with environment(variables):
            ledger.migrate()
            yield postgres
    finally:
        postgres.stop()
        postgres.remove_outside()


@contextmanager
def sources(postgres: Postgres, folder: Path, interval: Interval, company: Company) -> Iterator[None]:
    """While it is entered the company's sources have these days and can be read."""
    last = interval.end - DAY
    with closing(postgres.connect("shop")) as connection:
        connection.autocommit = False
        shop.fill(connection, interval.start, last, company)
    datashare.drop(folder / "share", interval.start, last, company)
    with _quiet(), finance_api.server(company, today=lambda: last) as service:
        service.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[attr-defined]
        Thread(target=service.serve_forever, daemon=True).start()
        connection_to_it = {"conn_type": "http", "host": "http://127.0.0.1", "port": service.server_address[1]}
        try:
            with environment({"AIRFLOW_CONN_HEADLINE_FINANCE": json.dumps(connection_to_it)}):
                yield
        finally:
            service.shutdown()


@contextmanager
def _quiet() -> Iterator[None]:
    """Else every ingest says how much it brought."""
    logger = logging.getLogger("headline")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def land(postgres: Postgres, folder: Path, interval: Interval, company: Company) -> Loads:
    """Let the company have these days, ingest them; what arrived, by landing table."""
    with sources(postgres, folder, interval, company):
        catalog = specs.load()
        found = [one for one in catalog.pipelines.values() if isinstance(one, specs.Source)]
        for source in found:
            ingest_all(PipelineRun(source, "peers", interval, catalog, Ledger(), open_warehouse()))
        return {name: Ledger().current_loads(name) for source in found for name in source.landed}


def ingest_all(run: PipelineRun) -> None:
    """Read everything that a source sends for the days of a run."""
    for name in run.pipeline.ingest if isinstance(run.pipeline, specs.Source) else ():
        ingest(run, name)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let this process see other variables for a while, and read its settings again."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    settings.load.cache_clear()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
        settings.load.cache_clear()


def database(postgres: Postgres, name: str) -> str:
    """A connection to a database of the server, as JSON."""
    login = {"login": SUPERUSER, "password": postgres.secrets[SUPERUSER]}
    return json.dumps({"conn_type": "postgres", "host": str(postgres.socket), **login, "schema": name})


def warehouse(file: Path) -> str:
    """A connection to a DuckDB file, as JSON."""
    return json.dumps({"conn_type": "duckdb", "host": str(file)})
