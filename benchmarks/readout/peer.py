"""Runs in the environment of requirements-readout.lock, without Headline: what tea-tasting makes of the same users."""

import json
import math
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv
import scipy.stats
import tea_tasting as tt

NORMAL = {"use_t": False, "equal_var": False}
METRICS = {
    "net_profit_per_user": ("profit", None),
    "net_revenue_per_user": ("revenue", None),
    "orders_per_user": ("orders", None),
    "net_revenue_per_order": ("revenue", "orders"),
}
# Both round: ours to 6 digits, and sums of money to 4.
CLOSE = {"rel_tol": 1e-4, "abs_tol": 3e-6}


def metrics(name: str, numer: str, denom: str | None) -> dict:
    """The metric without and with CUPED."""
    if denom:
        cuped = tt.RatioOfMeans(numer, denom, "covariate", None, **NORMAL)
        return {name: tt.RatioOfMeans(numer, denom, **NORMAL), f"cuped {name}": cuped}
    return {name: tt.Mean(numer, **NORMAL), f"cuped {name}": tt.Mean(numer, "covariate", **NORMAL)}


def main(folder: Path) -> int:
    """Compare; the number of differences."""
    users = pyarrow.csv.read_csv(folder / "users.csv")
    ours = json.loads((folder / "readout.json").read_text())
    wrong, compared, worst = [], 0, 0.0
    for experiment_id in sorted({row["experiment_id"] for row in ours}):
        mine = users.filter(pc.equal(users["experiment_id"], experiment_id))
        known = {name: one for metric, columns in METRICS.items() for name, one in metrics(metric, *columns).items()}
        theirs = tt.Experiment(known).analyze(mine, control="control")
        for row in (row for row in ours if row["experiment_id"] == experiment_id):
            plain, cuped = theirs[row["metric_name"]], theirs[f"cuped {row['metric_name']}"]
            for name, value in {
                **told("", plain),
                **told("cuped_", cuped),
                "variance_reduction": reduction(plain, cuped),
            }.items():
                found = float(row[name])
                compared += 1
                worst = max(worst, abs(found - value) / max(abs(value), 0.1))
                if not math.isclose(found, value, **CLOSE):
                    wrong.append(f"{experiment_id} {row['metric_name']} {name}: {found}, tea-tasting {value}")
    splits = json.loads((folder / "splits.json").read_text())
    off = 0
    for name, split in splits.items():
        p = scipy.stats.chisquare(split["users"]).pvalue
        off += split["is_off"]
        if (p < 0.001) != split["is_off"] and not 0.0009 < p < 0.0011:  # Wilson and Hilferty's quantile is an approximation
            wrong.append(f"{name}: {split}, p = {p}")
    print(f"{compared} numbers of {len(ours)} readouts compared with tea-tasting {tt.__version__}; furthest apart {worst:.1e}")
    print(f"{len(splits)} splits compared with scipy's chi²; {off} of them are off")
    print("\n".join(wrong[:20] or ["no difference"]))
    return len(wrong) or (not compared) or off in (0, len(splits))


def told(kind: str, result: object) -> dict[str, float]:
    """tea-tasting's result by our names. Its relative interval is of the logarithm: back on its scale it is as wide as ours."""
    ratio = result.rel_effect_size + 1
    width = math.log((result.rel_effect_size_ci_upper + 1) / ratio) * ratio
    return {
        f"{kind}absolute_lift": result.effect_size,
        f"{kind}absolute_lift_low": result.effect_size_ci_lower,
        f"{kind}absolute_lift_high": result.effect_size_ci_upper,
        f"{kind}relative_lift": result.rel_effect_size,
        f"{kind}relative_lift_high": result.rel_effect_size + width,
    }


def reduction(plain: object, cuped: object) -> float:
    """By how much less the square of the width is."""
    widths = [one.effect_size_ci_upper - one.effect_size_ci_lower for one in (cuped, plain)]
    return 1 - (widths[0] / widths[1]) ** 2


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
