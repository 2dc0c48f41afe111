"""Our tables as any tool can run them: one SELECT each with marks for the interval, and how far back a new day reaches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any

from sqlglot import exp

from headline import specs
from headline.intervals import Interval, Period
from headline.sources.refused import RESERVED
from headline.specs import Catalog, Contract, Table, load_contract
from headline.sql import DIALECT, check_queries, parse, render, resolve, tables_read, write

# Both days are a Monday and the first of a month, so that widening to whole weeks or months leaves them as they are.
MARKS = Interval(date(1900, 1, 1), date(1900, 10, 1))
# A snapshot may tell of a change that took effect some days before it.
LATE_DAYS = 7
WHOLE_HISTORY = 10_000
PERIOD_DAYS: dict[Period, int] = {"day": 0, "week": 6, "month": 31, "all": LATE_DAYS}
# Where a tool's table stands for one of ours: by our name, what is written in its place.
Names = Mapping[str, str | exp.Expr]


@dataclass(frozen=True)
class Check:
    """One check of a contract that a tool can express: not_null, unique, range, accepted, expression or query."""

    name: str
    kind: str
    columns: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    bounds: tuple[Any, Any] = (None, None)
    expression: str = ""
    query: exp.Query | None = None


@dataclass(frozen=True)
class Model:
    """One table. `lookback`: days before a new day that the new day can change.

    `target` is the table that the SELECT fills: the table itself, or the one that the table and its quarantine are views of.
    """

    table: Table
    lookback: int

    @property
    def name(self) -> str:
        return self.table.full_name

    @property
    def target(self) -> str:
        return f"{self.name}_all" if self.table.quarantine else self.name

    @property
    def is_whole(self) -> bool:
        """Whether it is computed whole each time."""
        return self.table.period_column is None

    @cached_property
    def contract(self) -> Contract:
        return load_contract(self.table)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the target with their types, in the order of the SELECT."""
        columns = {column.name: column.sql_type for column in self.contract.columns}
        return columns | ({"quarantine_reason": "varchar"} if self.table.quarantine else {})

    @property
    def views(self) -> dict[str, exp.Query]:
        """The two sides of a table with quarantine, by name, as SELECTs from the target."""
        if not self.table.quarantine:
            return {}
        accepted = exp.select(*self.contract.column_names).from_(self.target).where("quarantine_reason is null")
        refused = exp.select(*self.columns).from_(self.target).where("quarantine_reason is not null")
        return {self.name: accepted, self.table.quarantine_name: refused}

    @cached_property
    def query(self) -> exp.Query:
        """The SELECT with its names as we write them and marks for the interval."""
        where = f"{self.table.sql_file.parent.name}/{self.table.sql_file.name}"
        return parse(render(self.table.sql_file.read_text(), MARKS, where, **self.table.template_names), where)

    @cached_property
    def checks(self) -> list[Check]:
        """The checks of the contract that every tool can express: all but the schema and those with a threshold, which warn."""
        queries = check_queries(self.table, [MARKS])
        return [check for listed in self.contract.listed_checks if (check := _check(listed, queries))]

    @property
    def reads(self) -> set[str]:
        """Every name that the SELECT and the checks read."""
        queries = [self.query, *(check.query for check in self.checks if check.query)]
        return {name for query in queries for name in tables_read(query)} - set(self.table.outputs)


def models(pipelines: Collection[str]) -> list[Model]:
    """The tables of the pipelines, each after those that it reads."""
    catalog = specs.load()
    chosen = {name: table for name, table in catalog.tables.items() if catalog.makers[name].id in pipelines}
    maker = {output: name for name, table in chosen.items() for output in table.outputs}
    graph = {name: {maker[read] for read in table.reads if read in maker} for name, table in chosen.items()}
    back = lookbacks(catalog)
    return [Model(chosen[name], back[name]) for name in TopologicalSorter(graph).static_order()]


def lookbacks(catalog: Catalog) -> dict[str, int]:
    """By table, how many days before a new day the new day can change: what `reads` says, along every way from the sources."""
    makers = {output: name for name, table in catalog.tables.items() for output in table.outputs}
    order = TopologicalSorter({name: {makers[r] for r in t.reads if r in makers} for name, t in catalog.tables.items()})
    found: dict[str, int] = {}
    for name in order.static_order():
        reads = {read: window.lookahead_days for read, window in catalog.tables[name].reads.items()}
        found[name] = max(_reach(days, catalog.tables.get(makers.get(read, "")), found) for read, days in reads.items())
    return found


def _reach(lookahead_days: int | str, read: Table | None, known: Mapping[str, int]) -> int:
    if isinstance(lookahead_days, str):
        return WHOLE_HISTORY
    return lookahead_days if read is None else max(lookahead_days + known[read.full_name], PERIOD_DAYS[read.period])


def outside(chosen: Sequence[Model]) -> list[tuple[str, Contract, bool]]:
    """What the models read or check against that is not among them: name, contract and whether it is a quarantine."""
    makers = specs.load().makers
    own = {output for model in chosen for output in model.table.outputs}
    names = sorted({read for model in chosen for read in model.reads if read in makers} - own)
    tables = [(name, makers[name].outputs[name]) for name in names]
    return [(name, load_contract(table), name != table.full_name) for name, table in tables]


def text(query: exp.Query, names: Names, start: str, end: str) -> str:
    """The query with table names and the marks of the interval replaced; `start` and `end`: SQL, or a tool's template of it."""
    ends = {MARKS.start.isoformat(): start, MARKS.end.isoformat(): end}

    def with_interval(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Cast) and node.is_type("date") and node.this.is_string and node.this.name in ends:
            return exp.var(ends[node.this.name])
        return node

    return write(resolve(query, names).transform(with_interval), DIALECT)


def landed_files(name: str, landing: str) -> exp.Expr:
    """The landed files of a table as all tools read them: a folder a day, of which the interval picks its own.

    The made-up company sends no record that cannot be read, so that its files lack the columns which say so.
    """
    nulls = ", ".join(f"cast(null as varchar) as {one}" for one in sorted(RESERVED))
    options = "hive_partitioning = true, hive_types = {'ds': date}"
    files = f"{landing}/{name.removeprefix('landing.')}/*/*.parquet"
    return parse(f"select *, {nulls} from read_parquet('{files}', {options})", name).subquery()


def own_side(model: Model, target: str | exp.Expr, rename: Callable[[str], str | exp.Expr]) -> dict[str, str | exp.Expr]:
    """How the checks of a model name what it makes itself: the target, or a side of it."""
    if not model.views:
        return {model.name: target}
    return {name: resolve(view, {model.target: rename(model.target)}).subquery() for name, view in model.views.items()}


def _check(listed: specs.Check, queries: Mapping[str, exp.Query]) -> Check | None:
    match listed.type, listed.body:
        case _, {"threshold": _}:
            return None
        case "missing", _:
            return Check(f"{listed.column} is not null", "not_null", (listed.column,))
        case "duplicate", body:
            return Check("no key is there twice", "unique", tuple(body.get("columns") or [listed.column]))
        case "invalid", {"valid_values": values}:
            return Check(f"{listed.column} is valid", "accepted", (listed.column,), values=tuple(values))
        case "invalid", body:
            bounds = (body.get("valid_min"), body.get("valid_max"))
            return Check(f"{listed.column} is in range", "range", (listed.column,), bounds=bounds)
        case "failed_rows", {"expression": expression}:
            return Check(listed.name, "expression", expression=" ".join(expression.split()))
        case "failed_rows", {"query": _}:
            found = queries[listed.path]
            if listed.dimension == "anomaly":
                found = exp.select("*").from_(found.subquery("findings")).where("finding = 'outlier'")
            return Check(listed.name, "query", query=found)
    return None


def sides(chosen: Sequence[Model]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every table that is compared, quarantines too, with its columns and their types."""
    for model in chosen:
        for output in model.table.outputs:
            columns = dict(model.columns)
            if output == model.name:
                columns.pop("quarantine_reason", None)
            yield output, columns
