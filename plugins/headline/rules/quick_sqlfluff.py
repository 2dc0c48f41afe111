"""`python -m headline.rules.quick_sqlfluff …` is sqlfluff in two thirds of its time."""

from __future__ import annotations

import gc
from typing import Any


def main() -> None:
    """sqlfluff's own command line, without garbage collection, since it ends soon, and with each macro compiled once."""
    from jinja2 import Environment
    from sqlfluff.cli.commands import cli

    gc.disable()
    compiled: dict[Any, Any] = {}
    original: Any = Environment.compile

    def compile_once(self: Environment, source: Any, *arguments: Any, **named: Any) -> Any:
        if not isinstance(source, str):
            return original(self, source, *arguments, **named)
        key = (type(self), *sorted(self.extensions), source, arguments, *sorted(named.items()))
        if key not in compiled:
            compiled[key] = original(self, source, *arguments, **named)
        return compiled[key]

    Environment.compile = compile_once  # type: ignore[method-assign]
    cli()


if __name__ == "__main__":
    main()
