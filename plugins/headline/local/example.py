"""An example: somebody's real data mapped to the raw tables by SQL of its own, computed by the same DAGs."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headline.errors import BadRequest, SpecError
from headline.intervals import DAY, Interval
from headline.local import dag_files
from headline.local.home import Home, chosen_in_shell
from headline.local.run import Job, run
from headline.local.screen import Screen
from headline.local.setup import free_port
from headline.settings import PROJECT


class Example(BaseModel):
    """`examples/<name>/example.yml`; the sources that read the data stand beside it in `sources/`.

    `data_as`: what the data are called in the data share: a file, or a folder whose files keep their names. `accept`: why unusual
    figures that the runs find are right; they are waived by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    data_as: Annotated[str, Field(pattern=r"^[^/\\]+/?$")]
    reporting_currency: str
    reporting_zone: str = "UTC"
    without: tuple[str, ...] = ()
    dags: tuple[str, ...] = Field(default_factory=lambda: tuple(dag_files.of_pipelines()))
    accept: str | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the example of a folder; raises BadRequest where there is none, SpecError with every fault of its file."""
        file = folder / "example.yml"
        if not file.is_file():
            known = ", ".join(sorted(other.parent.name for other in folder.parent.glob("*/example.yml")))
            raise BadRequest(f"there is no example {folder.name!r}; there is: {known or 'none'}")
        try:
            return cls.model_validate(yaml.safe_load(file.read_text()))
        except ValidationError as error:
            faults = [f"{file}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
            raise SpecError(faults) from error

    def prepare(self, folder: Path, data: Path) -> tuple[Home, Job]:
        """A home of its own in whose data share the data appear under the name `data_as`, and the job over all their days."""
        if data.is_dir() != self.data_as.endswith("/") or not data.exists():
            what = "folder" if self.data_as.endswith("/") else "file"
            raise BadRequest(f"there are no data in {data}: make example name={folder.name} data=<{what}>")
        home = Home(PROJECT / f".headline-{folder.name}")
        choices = chosen_in_shell() | {
            "HEADLINE_SOURCES": str(folder / "sources"),
            "HEADLINE_REPORTING_CURRENCY": self.reporting_currency,
            "HEADLINE_REPORTING_ZONE": self.reporting_zone,
            "HEADLINE_WITHOUT": " ".join(self.without),
            # An example is computed over all its days by one run of each DAG.
            "HEADLINE_MOST_DAYS": str(len(Interval(self.first, self.last + DAY))),
        }
        if not home.is_ours and "HEADLINE_PORT" not in choices:  # beside the demo company, which keeps the usual port
            choices["HEADLINE_PORT"] = str(free_port(8081))
        home.make()
        shared = home.path / "datashare" / self.data_as.rstrip("/")
        if shared.is_dir():
            shutil.rmtree(shared)
        shared.unlink(missing_ok=True)
        # A link that leads out of the folder is not followed; a new file would still be on its way.
        if data.is_dir():
            shutil.copytree(data, shared)
        else:
            shutil.copy2(data, shared)
        return home, Job(first=self.first, last=self.last, dags=self.dags, choices=choices, accept=self.accept)


def run_example(name: str, data: Path) -> None:
    """Run the main job on `examples/<name>` with its data; without a name, on the example that these data are called as."""
    folder = PROJECT / "examples" / (name or name_for(data))
    home, job = Example.load(folder).prepare(folder, data)
    run(home, job, Screen())


def name_for(data: Path) -> str:
    """The one example whose data are called like a file or folder; raises BadRequest where there is none, or several are."""
    examples = {file.parent.name: Example.load(file.parent) for file in sorted((PROJECT / "examples").glob("*/example.yml"))}
    found = [name for name, one in examples.items() if one.data_as.rstrip("/") == data.name]
    if len(found) != 1:
        known = ", ".join(f"{name} ({one.data_as})" for name, one in examples.items())
        raise BadRequest(f"{len(found) or 'no'} examples are of data called {data.name}: say which, name=<example>: {known}")
    return found[0]
