"""What stands in the repository's folders, read once: every table of include/sql, and of each example those that it brings."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from unittest.mock import patch

from headline import settings, specs
from headline.rules.written import Written, read_table
from headline.specs import Catalog, Pipeline
from headline.sql import template

ROOT = Path(__file__).parents[2]
# What the environment says where they are looked at, and the folder that they stand in.
PLACES = [
    ({}, ROOT / "include"),
    *(({"HEADLINE_SOURCES": str(sources)}, sources) for sources in sorted((ROOT / "examples").glob("*/sources"))),
    *(({"HEADLINE_INCLUDE": str(include)}, include) for include in sorted((ROOT / "examples").glob("*/include"))),
]


@cache
def pipelines() -> list[tuple[Catalog, Pipeline, list[Written]]]:
    """Every pipeline with its tables, and with all that is there beside it: of an example what it brings."""
    found: list[tuple[Catalog, Pipeline, list[Written]]] = []
    for variables, own in PLACES:
        with patch.dict(os.environ, variables):
            forget()
            catalog = specs.load()
            for pipeline in catalog.pipelines.values():
                if pipeline.folder.is_relative_to(own):
                    found.append((catalog, pipeline, [read_table(catalog, pipeline, one) for one in pipeline.tables.values()]))
    forget()
    return found


def tables() -> list[Written]:
    return [written for _, _, of_pipeline in pipelines() for written in of_pipeline]


def folders() -> list[Path]:
    """Every folder that is to become a DAG."""
    specs_ = [file for name in ("pipeline.yml", "source.yml") for file in (ROOT / "include/sql").glob(f"*/*/{name}")]
    return sorted(file.parent for file in specs_)


def forget() -> None:
    for cached in (settings.load, specs.load, template._environment):
        cached.cache_clear()
