"""Tables made of a few columns, with the contract that a warehouse reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import yaml

from headline.intervals import Period
from headline.specs import Table


def make_table(
    folder: Path,
    name: str,
    columns: Mapping[str, str],
    *,
    key: Sequence[str] = (),
    period: Period = "day",
    quarantine: bool = False,
) -> Table:
    """The table core.<name> with these columns; its contract lies in a folder of its own."""
    content = {
        "dataset": f"warehouse/core/{name}",
        "description": "One row per test.",
        "columns": [{"name": column, **_typed(kind), "description": "A column."} for column, kind in columns.items()],
        "checks": [{"schema": None}],
    }
    own = folder / uuid4().hex
    own.mkdir()
    (own / f"{name}.contract.yml").write_text(yaml.safe_dump(content))
    table = Table(key=list(key), period=period, quarantine=quarantine)
    table._folder, table._schema, table._name = own, "core", name
    return table


def _typed(kind: str) -> dict[str, str | int]:
    if not kind.startswith("decimal("):
        return {"data_type": kind}
    precision, scale = kind.removeprefix("decimal(").removesuffix(")").split(",")
    return {"data_type": "decimal", "numeric_precision": int(precision), "numeric_scale": int(scale)}
