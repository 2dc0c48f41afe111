"""Which tables another version of the specs and SQL computes in another way, and what depends on them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from headline.specs import Catalog, Pipeline, Source, Table
from headline.specs.catalog import reached
from headline.sql import code_version


@dataclass(frozen=True)
class Changed:
    """Tables (`schema.table`) that are made in another way, or by one version alone; those that depend on them; and by id the
    pipelines that compute any of these, and those whose tables these pipelines read."""

    tables: frozenset[str]
    dependent: frozenset[str]
    pipelines: frozenset[str]
    inputs: frozenset[str]


def versions(catalog: Catalog) -> dict[str, str]:
    """What the rows of each table follow from: the version of its code, its spec, and of a source's table how it is read.

    It is asked for while the settings lead to the catalog's own files.
    """
    return {name: _version(catalog.makers[name], table) for name, table in catalog.tables.items()}


def _version(pipeline: Pipeline, table: Table) -> str:
    stated = [code_version(table), table.model_dump(mode="json", exclude={"exempt"})]
    ingests = pipeline.ingest if isinstance(pipeline, Source) else {}
    for landing in (read.removeprefix("landing.") for read in table.reads):
        if ingest := ingests.get(landing):
            queries = getattr(ingest, "sql_files", {}).values()
            stated += [ingest.model_dump(mode="json"), *((pipeline.folder / file).read_text() for file in queries)]
    return json.dumps(stated, sort_keys=True)


def find_changed(before: Catalog, after: Catalog, versions_before: dict[str, str], versions_after: dict[str, str]) -> Changed:
    """What differs between two versions, by `versions` of either."""
    names = versions_before.keys() | versions_after.keys()
    changed = {name for name in names if versions_before.get(name) != versions_after.get(name)}
    readers: dict[str, set[str]] = {}
    for catalog in (before, after):
        for name, table in catalog.tables.items():
            for read in table.reads:
                if read in catalog.makers:
                    readers.setdefault(catalog.makers[read].outputs[read].full_name, set()).add(name)
    dependent = {other for name in changed for other in reached(name, lambda one: readers.get(one, ()))} - changed
    makers = {name: {one.makers[name].id for one in (before, after) if name in one.makers} for name in changed | dependent}
    pipelines = {one for ids in makers.values() for one in ids}
    inputs = {
        read
        for catalog in (before, after)
        for one in pipelines & catalog.pipelines.keys()
        for read in reached(one, catalog.inputs_of)
    }
    return Changed(frozenset(changed), frozenset(dependent), frozenset(pipelines), frozenset(inputs - pipelines))
