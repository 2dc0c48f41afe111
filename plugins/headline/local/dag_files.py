"""Which DAGs the files of dags/ name: `unit_profit = pipeline_dag("profit/unit_profit")` is the DAG unit_profit."""

from __future__ import annotations

import ast

from headline import specs
from headline.pages.order import ordered
from headline.settings import PROJECT


def of_pipelines() -> list[str]:
    """The DAGs of pipelines, each after those that it reads; those whose files are faulty come last."""
    return ordered(specs.load(), sorted(name for name, made_by in _named().items() if made_by == "pipeline_dag"))


def of_operations() -> list[str]:
    """The DAGs that look after the others, and exports: they begin when that is there."""
    return sorted(name for name, made_by in _named().items() if made_by != "pipeline_dag")


def _named() -> dict[str, str]:
    """The name of each DAG, and of the function that makes it."""
    statements = [one for file in (PROJECT / "dags").glob("*.py") for one in ast.parse(file.read_text()).body]
    return {
        ast.unparse(target): ast.unparse(one.value.func)
        for one in statements
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call)
        for target in one.targets
    }
