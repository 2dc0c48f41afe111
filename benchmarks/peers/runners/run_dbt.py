"""Run in dbt's own environment: `python run_dbt.py <task.json>`. One `dbt build` for each interval, in one process."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from process import Cost, clock, export, outcome, prepare  # type: ignore[import-not-found]

os.environ["DO_NOT_TRACK"] = "1"


def main(task: dict[str, Any]) -> dict[str, Any]:
    import dbt.adapters.duckdb  # type: ignore[import-not-found]  # noqa: F401 (what a run imports first is not measured)
    from dbt.cli.main import dbtRunner  # type: ignore[import-not-found]

    project = task["project"]
    common = ["--project-dir", project, "--profiles-dir", project, "--quiet", "--no-version-check"]
    common += ["--log-level-file", "none", "--target-path", f"{project}/target", "--log-path", f"{project}/logs"]
    costs: list[Cost] = []
    count = 0
    prepare(task)
    for start, end in task["intervals"]:
        # Each run has a runner of its own; what was parsed before is read from the file that dbt keeps.
        with clock(costs):
            found = dbtRunner().invoke(["build", *common, "--event-time-start", start, "--event-time-end", end])
        results = list(found.result or [])
        if not found.success:
            bad = [f"{one.node.name}: {one.message}" for one in results if one.status not in ("success", "pass")]
            raise SystemExit(f"dbt build of {start}: {found.exception or bad[:5]}")
        count = sum(one.node.resource_type == "test" for one in results)
    export(task)
    versions = {name: version(name) for name in ("dbt-core", "dbt-duckdb", "duckdb")}
    return dict(outcome(costs, checks=count, versions=versions))


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    Path(given["result"]).write_text(json.dumps(main(given)))
