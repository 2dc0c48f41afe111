"""The checks of a pipeline for its runbook: by name, with the meaning of a failure and the next step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from headline.specs import Check, Dimension, Pipeline, Source, load_contract


@dataclass(frozen=True)
class _Plain:
    """A check without a name of its own: Soda's name for it, and the meaning of its failure in a source and in a pipeline."""

    name: str
    in_source: str
    in_pipeline: str


_PLAIN: Mapping[str, _Plain] = {
    "schema": _Plain(
        "Schema matches expected structure",
        "The columns of `<table>.sql` differ from those of its contract. Find the change of either; revert it or fix both.",
        "The columns of `<table>.sql` differ from those of its contract. Find the change of either; revert it or fix both.",
    ),
    "missing": _Plain(
        "No missing values",
        "A required value is missing. Ask the owner of the source to send it again, then run the day again.",
        "A value is missing, and no rule of the SQL quarantines such a row. Look at the row, then fix the SQL.",
    ),
    "invalid": _Plain(
        "No invalid values",
        "A value is out of range or not in the list. Ask the owner of the source whether it is an error or a new value.",
        "A value is out of range or not in the list, and no rule of the SQL quarantines it. Look at the row, then fix the SQL.",
    ),
    "duplicate": _Plain(
        "No duplicate values",
        "A key arrived twice. Ask the owner of the source which row is right and to send it again, then run the day again.",
        "Two rows have the same key, usually because a join matched two rows. Find the input that has the sample's key twice.",
    ),
    "row_count": _Plain(
        "Row count meets expected threshold",
        "Too few or too many rows arrived. Compare with the source before you run the day again.",
        "Too few or too many rows. Compare with the inputs of the same day.",
    ),
}
_OF_DIMENSION: Mapping[Dimension, str] = {
    "schema": "Rows violate a rule of the contract. The sample shows them.",
    "reconciliation": "The table differs from its inputs. The sample shows the keys.",
    "anomaly": "A figure is far from its history, usually that of the same weekday. First make sure that no rows are missing or "
    "duplicated. If the figure is right, waive the check with a reason under *Waive* on the pipeline's page. The waiver is "
    "recorded with your name and ends when the figure changes.",
    "duplicates": "There are duplicate rows. The sample shows the keys.",
    "completeness": "Required rows are missing. The sample shows the days.",
}


@dataclass(frozen=True)
class ListedCheck:
    """All checks of one name in a pipeline: their tables, each with its number of columns, and the meaning of a failure."""

    name: str
    blocks: bool
    meaning: str
    tables: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def listed_checks(pipeline: Pipeline) -> list[ListedCheck]:
    """The checks of the pipeline by name: blocking checks first, then in the order of the contracts."""
    listed: dict[tuple[str, bool], ListedCheck] = {}
    for table in pipeline.ordered_tables:
        for check in load_contract(table).listed_checks:
            one = _listed(check, isinstance(pipeline, Source))
            found = listed.setdefault((one.name, one.blocks), one)
            found.tables[table.name] += bool(check.column)
    return sorted(listed.values(), key=lambda check: not check.blocks)


def _listed(check: Check, is_source: bool) -> ListedCheck:
    if "name" not in check.body and (plain := _PLAIN.get(check.type)):
        meaning = plain.in_source if is_source else plain.in_pipeline
        return ListedCheck(plain.name, not check.warns, meaning)
    return ListedCheck(check.name, not check.warns, check.description or _OF_DIMENSION[check.dimension])
