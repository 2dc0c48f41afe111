"""Options that commands of several folders have in common."""

from __future__ import annotations

from typing import Annotated

import typer

from headline.show import Format

FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]
FirstOption = Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; yesterday if left out.")]
LastOption = Annotated[str | None, typer.Option("--to", help="Last day, included; the first if left out.")]
