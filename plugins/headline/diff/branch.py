"""Two versions of the SQL compute the same days of the demo company; what differs is compared by the engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from headline import specs
from headline.demo.company import Company
from headline.diff import company
from headline.diff.changed import Changed, find_changed, versions
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.ledger.engine import forget_connections
from headline.local.postgres import Postgres
from headline.pipeline import PipelineRun
from headline.pipeline.compared import Comparison, Difference, Side
from headline.pipeline.publish import publish
from headline.pipeline.write_audit_publish import planned_run, transform_all
from headline.specs import Catalog, Table
from headline.sql.template import forget_templates
from headline.warehouse import open_warehouse
from headline.warehouse.duckdb.instance import instance
from headline.warehouse.duckdb.session import DuckDBSession

BEFORE, AFTER = "before", "after"
# Enough rows of every kind, late and damaged ones too, for some seconds of work.
LINES_A_DAY, LATE_SHARE, BLEMISH_SHARE = 200, 0.05, 0.01


@dataclass(frozen=True)
class _Version:
    """One version of the folder of specs and SQL, as it was read."""

    name: str
    include: Path
    catalog: Catalog
    code: dict[str, str]

    @classmethod
    def read(cls, name: str, include: Path) -> _Version:
        with _including(include):
            catalog = specs.load()
            return cls(name, include, catalog, versions(catalog))


def compare_versions(before: Path, after: Path, interval: Interval, seed: int) -> dict[str, list[Difference]]:
    """Compute the tables that two folders of specs and SQL make in different ways and those that depend on them; compare them.

    Gives the lines by output (table or quarantine); nothing where no table is made in another way. Everything happens in a folder
    that is removed at the end. Nothing is audited, so that a check that fails does not hide what differs. Raises
    SpecError where either version cannot be read, and whatever a run raises where it cannot be computed.
    """
    with company.environment(_nothing_said(interval)):
        old, new = _Version.read(BEFORE, before), _Version.read(AFTER, after)
        changed = find_changed(old.catalog, new.catalog, old.code, new.code)
        if not changed.tables:
            return {}
        with tempfile.TemporaryDirectory(prefix="headline-diff-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            folder.chmod(0o711)  # where root starts PostgreSQL another account has to reach it
            _compute(old, new, changed, folder, interval, seed)
            return _compare(old, new, changed, folder)


def _compute(old: _Version, new: _Version, changed: Changed, folder: Path, interval: Interval, seed: int) -> None:
    """Fill a warehouse for each version; what neither of them changes is computed once."""
    demo = Company(seed, interval.start, LINES_A_DAY, LATE_SHARE, BLEMISH_SHARE)
    with company.server(folder) as postgres, company.sources(postgres, folder, interval, demo):
        with _including(new.include):
            _run(new.catalog, changed.inputs, interval)
        forget_connections()
        for version in (old, new):
            with _copied(postgres, folder, version.name), _including(version.include):
                _run(version.catalog, changed.pipelines, interval)


@contextmanager
def _copied(postgres: Postgres, folder: Path, name: str) -> Iterator[None]:
    """While it is entered ledger, warehouse and landing zone are copies of this name."""
    with closing(postgres.connect("postgres")) as server:
        server.cursor().execute(f"create database ledger_{name} template ledger")
    if (shared := folder / "warehouse.duckdb").exists():
        copyfile(shared, folder / f"{name}.duckdb")
    variables = {
        "HEADLINE_LANDING": f"file://{folder}/landing_{name}",
        "AIRFLOW_CONN_HEADLINE_LEDGER": company.database(postgres, f"ledger_{name}"),
        "AIRFLOW_CONN_HEADLINE_WAREHOUSE": company.warehouse(folder / f"{name}.duckdb"),
    }
    with company.environment(variables):
        try:
            yield
        finally:
            forget_connections()


def _run(catalog: Catalog, pipelines: Iterable[str], interval: Interval) -> None:
    for pipeline in catalog.in_order(pipelines):
        run = PipelineRun(pipeline, "diff", interval, catalog, Ledger(), open_warehouse())
        company.ingest_all(run)
        with run.warehouse.staging(run.key) as session:
            planned = planned_run(run, session)
            publish(planned, transform_all(planned, session), session)


def _compare(old: _Version, new: _Version, changed: Changed, folder: Path) -> dict[str, list[Difference]]:
    lines = {}
    with instance({}) as connection:
        for version in (old, new):
            connection.execute(f"attach '{folder}/{version.name}.duckdb' as {version.name} (read_only)")
        session = DuckDBSession(connection)
        for name in sorted(changed.tables | changed.dependent):
            here = [(one, one.catalog.tables[name]) for one in (old, new) if name in one.catalog.tables]
            version, table = here[-1]
            with _including(version.include):
                for output in dict.fromkeys(output for _, one in here for output in one.outputs):
                    before, after = (_side(output, one, session) for one in (old, new))
                    lines[output] = list(_compare_output(output, table, before, after, session))
    return lines


def _compare_output(output: str, table: Table, before: Side, after: Side, session: DuckDBSession) -> Iterator[Difference]:
    if before.columns is None:
        yield Difference(output, "table added", "", "", None, None)
    if after.columns is None:
        yield Difference(output, "table removed", "", "", session.query(f"select count(*) from {before.rows}").rows[0][0], None)
    else:
        yield from Comparison(output, table, before, after, session.query).lines()


def _side(output: str, version: _Version, session: DuckDBSession) -> Side:
    name = f"{version.name}.{output}"
    return Side(name, session.columns(name) if output in version.catalog.makers else None)


@contextmanager
def _including(include: Path) -> Iterator[None]:
    """While it is entered specs and SQL are those of this folder."""
    with company.environment({"HEADLINE_INCLUDE": str(include)}):
        _forget()
        try:
            yield
        finally:
            _forget()


def _forget() -> None:
    specs.load.cache_clear()
    forget_templates()


def _nothing_said(interval: Interval) -> dict[str, str]:
    """What a shell says of a deployment means nothing here: an empty setting counts as missing."""
    said = (name for name in os.environ if name.startswith(("HEADLINE_", "AIRFLOW_CONN_HEADLINE_")))
    return dict.fromkeys(said, "") | {"HEADLINE_START_DATE": str(interval.start)}
