"""The SQL of Athena's engine version 3, where sqlglot's dialect `athena` writes what means something else there.

sqlglot is compiled, so that nothing can be derived from its dialect: the tables that it writes by are amended.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.generators.athena import AthenaTrinoGenerator

from headline.warehouse.iceberg.translation import as_duckdb_rounds, as_duckdb_trims

DIALECT = "athena"
# To Trino a TIMESTAMP is one of milliseconds, and Iceberg takes none but those of microseconds.
_MOMENT = "TIMESTAMP(6)"


def _in_zone(generator: Any, expression: exp.AtTimeZone) -> str:
    """`moment at time zone a at time zone b`: of a moment without a zone AT_TIMEZONE would take the session's instead of `a`."""
    inner, zone = expression.this.unnest(), expression.args["zone"]
    if isinstance(inner, exp.AtTimeZone):
        return f"CAST({generator.func('AT_TIMEZONE', inner, zone)} AS {_MOMENT})"
    return str(generator.func("WITH_TIMEZONE", expression.this, zone))


def _of_those_known(generator: Any, expression: exp.Greatest | exp.Least) -> str:
    """DuckDB ignores NULLs, Trino returns NULL for them: here each NULL is replaced by another of the values."""
    values = [expression.this, *expression.expressions]
    known = [
        one if isinstance(one, exp.Literal) else exp.func("coalesce", one, *(other for other in values if other is not one))
        for one in values
    ]
    return str(generator.func(expression.sql_name(), *known))


_cast, _trim = AthenaTrinoGenerator.TRANSFORMS[exp.Cast], AthenaTrinoGenerator.TRANSFORMS[exp.Trim]

AthenaTrinoGenerator.TRANSFORMS[exp.Cast] = lambda generator, cast: _cast(generator, as_duckdb_rounds(cast))
AthenaTrinoGenerator.TRANSFORMS[exp.Trim] = lambda generator, trim: _trim(generator, as_duckdb_trims(trim))
AthenaTrinoGenerator.TRANSFORMS[exp.AtTimeZone] = _in_zone
AthenaTrinoGenerator.TRANSFORMS[exp.Greatest] = _of_those_known
AthenaTrinoGenerator.TRANSFORMS[exp.Least] = _of_those_known
AthenaTrinoGenerator.TYPE_MAPPING[exp.DType.TIMESTAMPNTZ] = _MOMENT
