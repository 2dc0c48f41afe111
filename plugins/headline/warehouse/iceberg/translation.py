"""What Athena and Spark, each with words of its own, would understand otherwise than DuckDB."""

from __future__ import annotations

from sqlglot import exp

_OF_DOUBLES = (exp.Abs, exp.AggFunc, exp.Binary, exp.Coalesce, exp.Greatest, exp.Least, exp.Neg, exp.Nullif, exp.Paren, exp.Round)
_OF_A_BIGINT, _MOST_DIGITS = 18, 38
# What DuckDB's trim takes away: every kind of space, and neither tabs nor ends of lines.
_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def as_duckdb_rounds(cast: exp.Cast) -> exp.Cast:
    """`cast(x as decimal(p, s))` of a double as the same on every engine.

    DuckDB rounds the product x × 10^s. Spark and Trino round the shortest text that x is read from again: 42400.412 / 320 is a
    little less than 132.5012875, which they print and round up. A cast of anything else is returned as it is, and one whose
    steps engines could not multiply again.
    """
    precision, scale = _digits(cast.to)
    if not scale or precision + scale >= _MOST_DIGITS or not is_double(cast.this):
        return cast
    product = exp.Mul(this=exp.paren(cast.this), expression=exp.Literal.number(10**scale))
    steps = exp.cast(exp.Round(this=product), "bigint" if precision <= _OF_A_BIGINT else f"decimal({precision}, 0)")
    step = exp.Literal.number(f"0.{1:0{scale}}")
    return exp.Cast(this=exp.Mul(this=steps, expression=step), to=cast.to.copy())


def as_duckdb_trims(trim: exp.Trim) -> exp.Trim:
    """`trim(x)`, which takes away other characters on each engine, as one that names them; what names its own stays as it is."""
    if trim.expression:
        return trim
    return exp.Trim(this=trim.this.copy(), expression=exp.Literal.string(_SPACES), position=trim.args.get("position"))


def is_double(node: exp.Expr) -> bool:
    """Whether an expression is a double as it is written, wherever its columns come from."""
    match node:
        case exp.Cast():
            return node.is_type("double")
        case exp.Ln() | exp.Sqrt():
            return True
    sides = (node.this, node.args.get("expression"), *node.expressions)
    return isinstance(node, _OF_DOUBLES) and any(isinstance(side, exp.Expr) and is_double(side) for side in sides)


def _digits(to: exp.DataType) -> tuple[int, int]:
    sizes = [int(size.name) for size in to.expressions]
    return (sizes[0], sizes[1]) if to.is_type("decimal") and len(sizes) == 2 else (0, 0)
