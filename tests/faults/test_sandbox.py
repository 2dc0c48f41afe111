"""A sandbox beside the demo company: every pipeline computes there what production has published, and no address is in it."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

import psycopg2
from tests.faults.world import D4, PIPELINES, World, _forget

from headline import specs
from headline.connections import lent
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, migrate
from headline.pipeline.sandbox import Production, Sandbox, run
from headline.specs import Source, load_contract
from headline.warehouse import open_warehouse


def test_every_pipeline_computes_what_production_has_published(undisturbed: World, tmp_path: Path) -> None:
    with closing(psycopg2.connect(host=undisturbed.postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("create database sandbox_of_everything encoding 'UTF8' template template0")
    told = undisturbed.environment()
    ledger = {"conn_type": "postgres", "host": undisturbed.postgres, "login": "postgres", "schema": "sandbox_of_everything"}
    own = {
        "headline_ledger": json.dumps(ledger),
        "headline_warehouse": json.dumps({"conn_type": "duckdb", "host": str(tmp_path / "warehouse.duckdb")}),
        "headline_production": told["AIRFLOW_CONN_HEADLINE_WAREHOUSE"],
        "headline_production_ledger": told["AIRFLOW_CONN_HEADLINE_LEDGER"],
    }
    with undisturbed.entered():
        expected = undisturbed.published()
    with undisturbed.entered(), lent(own):
        _forget()
        migrate()
        production = Production(
            Ledger("headline_production_ledger"), open_warehouse("headline_production", "headline_production_ledger")
        )
        sandbox = Sandbox(specs.load(), Ledger(), open_warehouse(), production, "key")
        pipelines = [one for one in map(sandbox.catalog.pipelines.get, PIPELINES) if one and not isinstance(one, Source)]
        for pipeline in pipelines:
            run(sandbox, pipeline, Interval(D4, D4 + DAY))
        found = undisturbed.published()
        with sandbox.warehouse.session(read_only=True) as session:
            addresses = session.query("select distinct email from raw.customers").rows
    assert len(addresses) > 10
    assert not any("@" in email for (email,) in addresses)
    outputs = {name: table for pipeline in pipelines for name, table in pipeline.outputs.items()}
    assert len(outputs) > 40
    for name, table in outputs.items():
        assert not found[name] - expected[name], name
        place = load_contract(table).column_names.index(table.period_column) if table.period_column else None
        first = Interval(D4, D4 + DAY).widen(table.period).start
        of_the_day = Counter({row: n for row, n in expected[name].items() if place is None or row[place] == first})
        assert not of_the_day - found[name], name
