"""Every pipeline on Athena, by its stand-in: the rows of DuckDB, in few statements."""

from collections import Counter
from pathlib import Path

import pytest
from tests.engines.athena_double import AthenaDouble
from tests.engines.conftest import CONNECTION
from tests.engines.worlds import FIRST, LAST, clocked, compute, connected, published, unlike
from tests.faults.world import Table, World

from headline.ledger import Statements
from headline.pipeline.verify import FOUND_SOMETHING

pytestmark = pytest.mark.engines

# Of a table: it is staged, its contents and checks are asked at once, and it is published.
MOST_STATEMENTS = 3
# Of a check that found something: the rows, and the days that they are on.
OF_A_FINDING = 2


def test_every_pipeline_publishes_what_duckdb_publishes(
    at_first: World,
    expected: dict[str, Table],
    tmp_path: Path,
    athena: AthenaDouble,
    monkeypatch: pytest.MonkeyPatch,
    told: list[str],
) -> None:
    with at_first.copy(tmp_path).entered() as world:
        connected(monkeypatch, CONNECTION)
        with clocked("Athena's stand-in", told):
            runs = compute(world)
        assert unlike(published(), expected) == {}
        known = {one.query_id: one.state for one in Statements().of_run(world.run("core_shop", FIRST, LAST, "engine").key)}
        assert {known[one.query_id] for one in runs["core.order_lines"].statements} == {"succeeded"}
        merges = athena.statements("merge into")
        assert [one.changed_count for one in compute(world, "again").values()] == [0] * len(runs)
        assert athena.statements("merge into") == merges, "what did not change is not published again"
    counted = Counter(statement.table for run in runs.values() for statement in run.statements)
    assert len(counted) > 40
    findings = Counter({name: sum(found in FOUND_SOMETHING for found in run.checks.values()) for name, run in runs.items()})
    too_many = {name: n for name, n in counted.items() if n > MOST_STATEMENTS + OF_A_FINDING * findings[name]}
    assert too_many == {}
