"""Files that are to be written, from templates; nothing is written before all of them are known to be new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from headline import settings
from headline.errors import BadRequest
from headline.rules.fault import shown
from headline.rules.unwritten import unwritten_lines

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass
class Draft:
    """New files and changes of files that are there, by path: `write` makes all of them or none."""

    new: dict[Path, str] = field(default_factory=dict)
    changed: dict[Path, str] = field(default_factory=dict)

    def add(self, file: Path, template: str, /, **values: Any) -> None:
        """A new file, from a template of the folder templates."""
        self.new[file] = rendered(template, **values)

    def change(self, file: Path, text: str) -> None:
        """A file that is there, with this text in place of what it says."""
        self.changed[file] = text

    def write(self) -> None:
        """Raises BadRequest, and writes nothing, where one of the new files is there already."""
        if there := [shown(file) for file in self.new if file.exists()]:
            raise BadRequest(f"nothing was written, for it is there already: {', '.join(there)}")
        for file, text in {**self.new, **self.changed}.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def told(self) -> list[str]:
        """What was written, and what in it a person has to write, a line each."""
        files = {**dict.fromkeys(self.new, "wrote  "), **dict.fromkeys(self.changed, "changed")}
        lines = [f"{what} {shown(file)}" for file, what in files.items()]
        left = [f"  {shown(file)}: {one}" for file in files for one in unwritten_lines(file)]
        return [*lines, *(["left for you to write:", *left] if left else [])]


def rendered(template: str, /, **values: Any) -> str:
    """A template of the folder templates, filled in. Its signs are << >>, <% %> and <# #>: what it makes may be Jinja itself."""
    return _environment().get_template(f"{template}.jinja").render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701 (YAML and SQL, not HTML)
        loader=PackageLoader("headline.new"),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["yaml"] = in_yaml
    return environment


class _Dumper(yaml.SafeDumper):
    """Flow style with double quotes where YAML needs any, as the rest of the repository has it."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    plain = dumper.represent_scalar("tag:yaml.org,2002:str", value)
    needs_quotes = yaml.safe_dump([value], default_flow_style=True, width=10_000, allow_unicode=True)[1:-2] != value
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"') if needs_quotes else plain


_Dumper.add_representer(str, _text)


def in_yaml(value: Any) -> str:
    """A value as YAML has it on one line."""
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def in_flow(row: Mapping[str, Any]) -> str:
    """A row of a golden case on one line: decimals are text, and so stand in quotes."""
    from decimal import Decimal

    return in_yaml({name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()})


def root() -> Path:
    """The folder above `include`."""
    return settings.load().include.parent
