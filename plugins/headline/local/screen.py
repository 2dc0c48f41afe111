"""What the local commands show while they work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text


class Screen:
    """Steps with their time: live on a terminal, a line each elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def say(self, text: str | Text) -> None:
        """Print a line, which stays one, so that a command can be copied; a string as it is, since data may look like markup."""
        self.console.print(Text(text) if isinstance(text, str) else text, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Status]:
        """Show that `name` is being worked on, then how long it took."""
        began = time.monotonic()
        try:
            with self.console.status(Text(name)) as status:
                yield status
        except BaseException:
            self.say(Text.assemble(("✗", "red"), f" {name}"))
            raise
        self.say(Text.assemble(("✓", "green"), f" {name} ", (f"{time.monotonic() - began:.1f} s", "dim")))
