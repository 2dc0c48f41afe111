"""The readout beside tea-tasting, on simulated users: `python -m benchmarks.readout`; ends with 1 if a number differs."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path

import typer

from benchmarks.environments import interpreter
from benchmarks.readout.simulation import LAST, read_out
from headline import specs
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.rules.golden import RESULT, make_output, open_in_memory, run_select
from headline.settings import PROJECT
from headline.warehouse import Output, Session

ENVIRONMENT = PROJECT / ".venv" / "readout"
LOCK = PROJECT / "requirements-readout.lock"
RUNS = 20  # without an effect, and as many with one
USERS = 600
COLUMNS = (
    *("experiment_id", "metric_name", "exposed_users", "metric_value", "control_value", "absolute_lift", "absolute_lift_low"),
    *("absolute_lift_high", "relative_lift", "relative_lift_high", "cuped_absolute_lift", "cuped_absolute_lift_low"),
    *("cuped_absolute_lift_high", "cuped_relative_lift", "cuped_relative_lift_high", "variance_reduction"),
)
METRICS = ("net_profit_per_user", "net_revenue_per_user", "orders_per_user", "net_revenue_per_order")


def main() -> None:
    """Compare every lift and interval, and every verdict on a split of users, with tea-tasting's."""
    python = interpreter(ENVIRONMENT, LOCK, "--no-build", "--require-hashes")
    with tempfile.TemporaryDirectory(prefix="headline-readout-") as name:
        folder = Path(name)
        with open_in_memory() as session:
            splits(session, folder)
            read_out(session, RUNS, USERS)
            readouts(session, folder)
        done = subprocess.run([str(python), str(Path(__file__).with_name("peer.py")), str(folder)], check=False)
    raise typer.Exit(done.returncode)


def readouts(session: Session, folder: Path) -> None:
    """Write the readout of the last day, and of each user what it was made of."""
    metrics = ", ".join(f"'{one}'" for one in METRICS)
    rows = session.query(f"select {', '.join(COLUMNS)} from {RESULT} where ds = '{LAST}' and metric_name in ({metrics})").rows
    if len(rows) != 2 * RUNS * len(METRICS):
        raise HeadlineError(f"the readout has {len(rows)} rows")
    found = [{name: str(value) for name, value in zip(COLUMNS, row, strict=True)} for row in rows]
    (folder / "readout.json").write_text(json.dumps(found))
    session.query(
        f"""copy (
            select
                'run' || run as experiment_id, variant, sum(orders) as orders, sum(revenue) as revenue, sum(profit) as profit,
                sum(covariate) as covariate
            from moves group by run, variant, number order by run, variant, number
        ) to '{folder}/users.csv' (header)"""
    )


def splits(session: Session, folder: Path) -> None:
    """Write the verdicts of profit.experiment_profit on splits of users, from even to far off, of 2 to 15 variants."""
    table = specs.load().tables["profit.experiment_profit"]
    for name in table.reads:
        if name != "calendar.days":
            make_output(Output(name, specs.load().tables[name]), session)
    session.query(
        f"""insert into core.exposures by name
        select
            date '{LAST}' as ds, 'of' || variants || '_' || lean as experiment_id, 'v' || variant as variant,
            variant || '_' || number as user_id, timestamp '{LAST}' as exposed_at, false as is_contaminated
        from range(2, 16) as a(variants), range(12) as b(lean), range(15) as c(variant), range(260) as d(number)
        where variant < variants and number < 100 + case when variant = 0 then lean * 13 else 0 end"""
    )
    rows = run_select(table, Interval(LAST, LAST + DAY), session)
    found: dict[str, dict[str, object]] = {}
    for row in rows:
        one = found.setdefault(str(row["experiment_id"]), {"users": [], "is_off": row["is_sample_ratio_off"]})
        one["users"].append(row["exposed_users"])  # type: ignore[attr-defined]
    (folder / "splits.json").write_text(json.dumps(found))


if __name__ == "__main__":
    typer.run(main)
