"""Rules over numbers that become others: where engines round differently, the SQL says how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlglot import Dialect, exp
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.annotate_types import TypeAnnotator, annotate_types
from sqlglot.optimizer.qualify import qualify

from headline.rules.written import Written
from headline.sql import DIALECT, schema_of
from headline.warehouse.iceberg.translation import is_double

_FRACTIONS = ("decimal", "double", "float")
_WHOLE = (exp.Ceil, exp.Floor, exp.Round)


def _literal(annotator: TypeAnnotator, literal: exp.Literal) -> exp.Expr:
    """In DuckDB 2.5 is a DECIMAL and 2.5e0 a double."""
    is_decimal = literal.is_number and not literal.is_int and "e" not in literal.name.lower()
    return annotator._set_type(literal, exp.DType.DECIMAL) if is_decimal else annotator._annotate_literal(literal)


_OF_ITS_ARGUMENT = {"annotator": lambda annotator, node: annotator._annotate_by_args(node, "this")}
# Types as DuckDB has them, where sqlglot takes others.
_TYPES: dict[type[exp.Expr], Any] = {
    **Dialect.get_or_raise(DIALECT).EXPRESSION_METADATA,
    **dict.fromkeys(_WHOLE, _OF_ITS_ARGUMENT),
    exp.Literal: {"annotator": _literal},
}


def numbers_are_rounded_alike(written: Written) -> Iterator[str]:
    yield from _faults(written, "", written.query)


def numbers_in_checks_are_rounded_alike(written: Written) -> Iterator[str]:
    for name, query in written.checks.items():
        yield from _faults(written, f"check «{name}»: ", query)


def _faults(written: Written, where: str, query: exp.Query) -> Iterator[str]:
    if (schema := schema_of(query, written.catalog.filled_by)) is None:
        return
    with suppress(OptimizeError):  # another rule tells of names that are not known
        tree = qualify(query.copy(), schema={**schema}, dialect=DIALECT, quote_identifiers=False)
        for node in annotate_types(tree, {**schema}, _TYPES, dialect=DIALECT).find_all(exp.Cast, exp.Round):
            if fault := _fault(node):
                yield f"{where}{node.sql(DIALECT)}: {fault}"


def _fault(node: exp.Expr) -> str:
    value = node.this.unnest()
    match node:
        case exp.Round() if _is(value, "double") and node.text("decimals") not in ("", "0"):
            return "engines round the digits of a double differently: cast it to a DECIMAL of so many"
        case exp.Cast() if node.is_type(*exp.DataType.INTEGER_TYPES):
            if _is(value, *_FRACTIONS) and not isinstance(value, _WHOLE):
                return "Spark cuts off what others round: write cast(round(…, 0) as bigint)"
        case exp.Cast() if node.is_type("decimal") and _is(value, "double") and not is_double(value):
            return "engines round a double differently: write cast(cast(… as double) as decimal(…)), which is rounded alike"
    return ""


def _is(node: exp.Expr, *types: str) -> bool:
    return node.type is not None and node.type.is_type(*types)
