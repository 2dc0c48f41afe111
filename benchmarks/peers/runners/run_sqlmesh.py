"""Run in SQLMesh's own environment: `python run_sqlmesh.py <task.json>`. The first interval is a plan, the others are runs."""

from __future__ import annotations

import json
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from process import Cost, clock, export, outcome, prepare  # type: ignore[import-not-found]


def main(task: dict[str, Any]) -> dict[str, Any]:
    from sqlmesh import Context  # type: ignore[import-not-found]
    from sqlmesh.core.console import NoopConsole, set_console  # type: ignore[import-not-found]
    from sqlmesh.core.engine_adapter import EngineAdapter  # type: ignore[import-not-found]

    class Counting(NoopConsole):  # type: ignore[misc]
        """Shows what failed and nothing else, and counts the audits that passed."""

        passed = 0

        def update_snapshot_evaluation_progress(self, *args: Any, **kwargs: Any) -> None:
            self.passed += kwargs["num_audits_passed"] if "num_audits_passed" in kwargs else args[4]

        def log_failed_models(self, errors: list[Any]) -> None:
            for error in errors:
                sys.stderr.write(f"{error}: {error.__cause__}\n")

    def fetchone(self: Any, *args: Any, **kwargs: Any) -> Any:
        rows = self.fetchall(*args, **kwargs)
        return rows[0] if rows else None

    # In DuckDB 2 a result that is not read to its end holds the connection; SQLMesh leaves that of every audit open.
    EngineAdapter.fetchone = fetchone
    console = Counting()
    set_console(console)
    logging.getLogger("sqlmesh").setLevel(logging.ERROR)
    prepare(task)
    costs: list[Cost] = []
    context: Any = None
    for number, (start, end) in enumerate(task["intervals"]):
        console.passed = 0
        with clock(costs):
            if context is None:
                context = Context(paths=[task["project"]])
            if task["fresh"] and number == 0:
                context.plan(execution_time=end, skip_tests=True, no_prompts=True, auto_apply=True)
            elif (status := context.run(execution_time=end, skip_janitor=True)).is_failure or status.is_nothing_to_do:
                raise SystemExit(f"sqlmesh run of {start}: {status}")
    context.close()
    export(task)
    return dict(outcome(costs, statements=console.passed, versions={name: version(name) for name in ("sqlmesh", "duckdb")}))


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(given["result"]).write_text(json.dumps(main(given)))
