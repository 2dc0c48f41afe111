"""How a double becomes a DECIMAL where an engine rounds another number than DuckDB does."""

from __future__ import annotations

from sqlglot import exp

_OF_DOUBLES = (exp.Abs, exp.AggFunc, exp.Binary, exp.Coalesce, exp.Neg, exp.Nullif, exp.Paren, exp.Round)
_MOST_DIGITS = 18  # of a BIGINT


def as_duckdb_rounds(cast: exp.Cast) -> exp.Cast:
    """`cast(x as decimal(p, s))` of a double as the same on every engine.

    DuckDB rounds the product x × 10^s. Spark and Trino round the shortest text that x is read from again: 42400.412 / 320 is a
    little less than 132.5012875, which they print and round up. A cast of anything else, and to a DECIMAL that is wider than a
    BIGINT, is returned as it is.
    """
    precision, scale = _digits(cast.to)
    if not scale or precision > _MOST_DIGITS or not _is_double(cast.this):
        return cast
    product = exp.Mul(this=exp.paren(cast.this), expression=exp.Literal.number(10**scale))
    steps = exp.cast(exp.Round(this=product), "bigint")
    step = exp.Literal.number(f"0.{1:0{scale}}")
    return exp.Cast(this=exp.Mul(this=steps, expression=step), to=cast.to.copy())


def _digits(to: exp.DataType) -> tuple[int, int]:
    sizes = [int(size.name) for size in to.expressions]
    return (sizes[0], sizes[1]) if to.is_type("decimal") and len(sizes) == 2 else (0, 0)


def _is_double(node: exp.Expr) -> bool:
    match node:
        case exp.Cast():
            return node.is_type("double")
        case exp.Ln() | exp.Sqrt():
            return True
    return isinstance(node, _OF_DOUBLES) and any(_is_double(side) for side in (node.this, node.expression) if side is not None)
