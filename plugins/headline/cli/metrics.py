"""`headline metrics`: which metrics there are, and the same for other tools."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from headline.cli.options import sound_catalog
from headline.options import FormatOption
from headline.show import Format, show


def metrics(
    as_ossie: Annotated[
        bool, typer.Option("--as-ossie", help="As a semantic model of Apache Ossie (Open Semantic Interchange), in YAML.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List the metrics of every metrics.yml, with unit, grain, segments and owner; it reads files and no figures."""
    from headline.serving import published_metrics
    from headline.specs.metrics import read_metrics

    pipelines = sound_catalog().pipelines.values()
    for fault in (fault for one in pipelines for fault in read_metrics(one)[1]):
        print(f"headline: {fault}", file=sys.stderr)
    found = published_metrics(pipelines)
    if as_ossie:
        from headline.serving.ossie import semantic_model

        print_yaml(semantic_model(found.values()))
        return
    columns = ["metric", "table", "grain", "unit", "segments", "direction", "owner", "tier", "issued", "description"]
    rows = [
        (
            *(one.name, one.of.full_name, one.grain, one.unit, ", ".join(one.segments), one.direction),
            *(one.owner or one.pipeline.area, one.tier, one.materiality or "no", one.description),
        )
        for one in found.values()
    ]
    show(columns, rows, form)


def print_yaml(*documents: Any) -> None:
    """Documents for another tool; lines of SQL stay lines."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a text of several lines as such."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    def listed(dumper: yaml.SafeDumper, value: tuple[Any, ...]) -> yaml.SequenceNode:
        return dumper.represent_list(value)

    Dumper.add_representer(str, text)
    Dumper.add_representer(tuple, listed)
    print(yaml.dump_all(documents, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=130), end="")


COMMANDS = (metrics,)
