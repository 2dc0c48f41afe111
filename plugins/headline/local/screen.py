"""What the local commands show while they work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class Screen:
    """Steps with their time: live on a terminal, a line each elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str) -> None:
        self.console.print(text)

    @contextmanager
    def step(self, name: str) -> Iterator[Status]:
        """Show that `name` is being worked on, then how long it took."""
        began = time.monotonic()
        try:
            with self.console.status(name) as status:
                yield status
        except BaseException:
            self.console.print(f"[red]✗[/red] {name}")
            raise
        self.console.print(f"[green]✓[/green] {name} [dim]{time.monotonic() - began:.1f} s[/dim]")
