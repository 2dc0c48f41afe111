"""The checks of a pipeline as somebody meets them whose run is red: by name, with what a failure means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from headline.specs import Check, Dimension, Pipeline, Source, load_contract


@dataclass(frozen=True)
class _Plain:
    """A check without a name of its own: what Soda calls it, and what its failure means in a source and in a pipeline."""

    name: str
    in_source: str
    in_pipeline: str


_PLAIN: Mapping[str, _Plain] = {
    "schema": _Plain(
        "Schema matches expected structure",
        "`<table>.sql` gives other columns than its contract. Find out who changed which of the two; undo it or fix both.",
        "`<table>.sql` gives other columns than its contract. Find out who changed which of the two; undo it or fix both.",
    ),
    "missing": _Plain(
        "No missing values",
        "A value that nothing can do without did not come. Have its owner send it again, then run the day again.",
        "A value is missing, and no rule of the SQL sends such a row to quarantine. Look at the row, then fix the SQL.",
    ),
    "invalid": _Plain(
        "No invalid values",
        "A value came that is out of its range or not in its list. Ask its owner whether it is an error or new.",
        "A value is out of its range or not in its list, and no rule of the SQL catches it. Look at the row, then fix the SQL.",
    ),
    "duplicate": _Plain(
        "No duplicate values",
        "A key came twice. Ask its owner which row counts and have it sent again, then run the day again.",
        "Two rows have one key: a join found two partners. Look which of the inputs has the key of the sample twice.",
    ),
    "row_count": _Plain(
        "Row count meets expected threshold",
        "Too few or too many rows came. Compare with the source itself before you run the day again.",
        "Too few or too many rows. Compare with the inputs of the same day.",
    ),
}
_OF_DIMENSION: Mapping[Dimension, str] = {
    "schema": "Rows contradict what the contract says of them. The sample names them.",
    "reconciliation": "The table and what it is made from disagree. The sample names the keys.",
    "anomaly": "A figure is far from those before it, mostly those of the same weekday. First make sure that nothing is missing "
    "or there twice. If it is right, say why under *Waive* on the pipeline's page; that is kept, with your name, and ends when "
    "the figure changes.",
    "duplicates": "Something is there twice. The sample names the keys.",
    "completeness": "Something that must be there is not. The sample names the days.",
}


@dataclass(frozen=True)
class ListedCheck:
    """All checks of one name in a pipeline: on which tables (and how many of their columns), and what a failure means."""

    name: str
    blocks: bool
    meaning: str
    tables: dict[str, int] = field(default_factory=lambda: defaultdict(int))


def listed_checks(pipeline: Pipeline) -> list[ListedCheck]:
    """Every name that checks of the pipeline have, those first that block, else in the order of the contracts."""
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
