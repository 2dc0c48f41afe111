"""Rules over what rows and columns mean: which numbers can be summed over what, and what tells a record for ever."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from headline.rules.written import Written, listed
from headline.sources.refused import RESERVED
from headline.specs import Table, read_contract

# What the figure of an anomaly check is called in its query: its name stands beside it.
FIGURE = "value"
_FORMS = (exp.Cast, exp.Coalesce, exp.Round, exp.Paren)


def sums_keep_their_meaning(written: Written) -> Iterator[str]:
    """Two rows that count the same user are two users in a sum, which must not be called as if they were one."""
    yield from _wrong_sums(written, "", written.query)


def sums_in_checks_keep_their_meaning(written: Written) -> Iterator[str]:
    for path, query in written.checks.items():
        yield from _wrong_sums(written, f"check «{path}»: ", query)


def _wrong_sums(written: Written, where: str, query: exp.Query) -> Iterator[str]:
    makers = written.catalog.filled_by
    for select in query.find_all(exp.Select):
        sources = {name: makers[table] for name, table in _sources(select).items() if table in makers}
        alike = _told_apart(select)
        for item in select.expressions:
            column = _summed(item)
            if column is None or item.alias not in ("", column.name, FIGURE):
                continue
            for name, table in sources.items():
                if column.table not in ("", name):
                    continue
                if lost := [key for key in _not_additive(table, column.name) if not {(name, key), ("", key)} & alike]:
                    yield (
                        f"{where}sum({column.name}) of {table.full_name} adds up {listed(lost)}, over which it cannot be summed "
                        "by its contract (additive_over): group by it, hold it to one value, count again, or call the result "
                        "something else"
                    )


def _summed(item: exp.Expr) -> exp.Column | None:
    """The column whose sum a SELECT gives, whatever its type is made."""
    value = item.this if isinstance(item, exp.Alias) else item
    while isinstance(value, _FORMS):
        value = value.this
    if not isinstance(value, exp.Sum):
        return None
    value = value.this
    while isinstance(value, _FORMS):
        value = value.this
    return value if isinstance(value, exp.Column) else None


def _sources(select: exp.Select) -> dict[str, str]:
    """The tables that a SELECT itself reads, by what it calls them."""
    froms = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or ())]
    tables = [one.this for one in froms if one is not None and isinstance(one.this, exp.Table)]
    return {table.alias_or_name: f"{table.db}.{table.name}" for table in tables if table.db}


def _told_apart(select: exp.Select) -> set[tuple[str, str]]:
    """The columns, each with its table, that have one value in a group: grouped by, held to a value, or equal to such a one."""
    group, where = select.args.get("group"), select.args.get("where")
    known = {_place(one) for one in (group.expressions if group else ()) if isinstance(one, exp.Column)}
    conditions = [where.this if where else None, *(join.args.get("on") for join in select.args.get("joins") or ())]
    pairs = [(one.left, one.right) for clause in conditions if clause for one in _equalities(clause)]
    for left, right in pairs:
        known |= {_place(one) for one, other in ((left, right), (right, left)) if _is_column_of(one, exp.Literal, other)}
    equal = [{_place(left), _place(right)} for left, right in pairs if _is_column_of(left, exp.Column, right)]
    while found := [pair for pair in equal if pair & known and not pair <= known]:
        known = known.union(*found)
    return known


def _equalities(clause: exp.Expr) -> Iterator[exp.EQ]:
    """Those that hold for every row: what stands in an `or` may not."""
    parts = clause.flatten() if isinstance(clause, exp.And) else [clause]
    for part in parts:
        inner = part.unnest()
        if isinstance(inner, exp.And):
            yield from _equalities(inner)
        elif isinstance(inner, exp.EQ):
            yield inner


def _is_column_of(one: exp.Expr, kind: type[exp.Expr], other: exp.Expr) -> bool:
    return isinstance(one, exp.Column) and isinstance(other, kind)


def _place(column: exp.Expr) -> tuple[str, str]:
    return (column.table, column.name) if isinstance(column, exp.Column) else ("", "")


def _not_additive(table: Table, name: str) -> list[str]:
    """The columns of a table's key over which a number of it cannot be summed; none where its contract says nothing of that."""
    contract, _ = read_contract(table)
    columns = contract.columns if contract else ()
    over = next((column.attributes.additive_over for column in columns if column.name == name), None)
    key = dict.fromkeys(filter(None, (table.period_column, *table.key)))
    return [] if over in (None, "all") else [one for one in key if one not in (over or ())]


def keys_come_from_content(written: Written) -> Iterator[str]:
    """A key tells the same record whenever it is read: a number that follows from how rows happen to come does not."""
    if written.pipeline.area != "sources":
        return
    loose = _loose_numbers(written.query)
    for name in written.table.key:
        if name in loose:
            yield (
                f"{name}: row_number() gives it by an order that leaves {listed(loose[name])} open, so that the same record may "
                "have another key when it is read again: let the order hold every column, or take dense_rank()"
            )


def _loose_numbers(query: exp.Query) -> dict[str, set[str]]:
    """The names of what is made of a row_number() whose order does not hold all columns beside it, with those that it lacks."""
    loose: dict[str, set[str]] = {}
    made = [(select, item) for select in query.find_all(exp.Select) for item in select.expressions]
    for select, item in made:
        for window in item.find_all(exp.Window):
            beside = {name for one in select.expressions if one is not item for name in _columns(one)}
            if isinstance(window.this, exp.RowNumber) and (lacking := beside - _columns(window) - RESERVED):
                loose[item.alias_or_name] = lacking
    while more := {
        item.alias_or_name: loose[name]
        for _, item in made
        for name in _columns(item) & loose.keys()
        if item.alias_or_name not in loose
    }:
        loose |= more
    return loose


def _columns(expression: exp.Expr) -> set[str]:
    return {column.name for column in expression.find_all(exp.Column)}
