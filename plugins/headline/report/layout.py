"""include/report/report.yml: the order and titles of the areas of the report, and which metrics are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headline import settings
from headline.errors import SpecError
from headline.specs import read_yaml

Text = Annotated[str, Field(min_length=3)]


class Drawn(BaseModel):
    """A chart: the issued figures of a metric, of the last twelve months and this one, or of the weeks or days of the month."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str
    title: Text


class AreaLayout(BaseModel):
    """What an area is called, and its charts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    charts: tuple[Drawn, ...] = ()


class Layout(BaseModel):
    """The whole file. Areas that it does not name come last, under their own name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    areas: dict[str, AreaLayout]

    def area(self, name: str) -> AreaLayout:
        return self.areas.get(name) or AreaLayout(title=name.capitalize())


def folder() -> Path:
    """Where the layout and the templates are."""
    return settings.load().include / "report"


def load_layout(metrics: Container[str]) -> Layout:
    """The layout; raises SpecError with all faults, a chart of a metric that nobody defines too."""
    file = folder() / "report.yml"
    try:
        layout = Layout.model_validate(read_yaml(file))
    except ValidationError as error:
        raise SpecError([f"{file.name}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]) from None
    faults = [
        f"{file.name}: areas.{name}.charts: no metrics.yml defines {drawn.metric}"
        for name, area in layout.areas.items()
        for drawn in area.charts
        if drawn.metric not in metrics
    ]
    titles = Counter(drawn.title for area in layout.areas.values() for drawn in area.charts)
    faults += [f"{file.name}: {count} charts have the title {title!r}" for title, count in titles.items() if count > 1]
    if faults:
        raise SpecError(faults)
    return layout
