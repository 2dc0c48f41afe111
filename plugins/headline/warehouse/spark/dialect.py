"""The SQL of Spark, where sqlglot's dialect `spark` writes what means something else there."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.generators.spark import SparkGenerator

from headline.warehouse.iceberg.rounding import as_duckdb_rounds


def _in_zone(generator: Any, expression: exp.AtTimeZone) -> str:
    """`moment at time zone a at time zone b`: from_utc_timestamp would take the moment for one in UTC, whatever `a` is."""
    inner, zone = expression.this.unnest(), expression.args["zone"]
    if isinstance(inner, exp.AtTimeZone):
        return str(generator.func("CONVERT_TIMEZONE", inner.args["zone"], zone, inner.this))
    return str(generator.func("FROM_UTC_TIMESTAMP", expression.this, zone))


SparkGenerator.TRANSFORMS[exp.Cast] = lambda generator, cast: generator.cast_sql(as_duckdb_rounds(cast))
SparkGenerator.TRANSFORMS[exp.AtTimeZone] = _in_zone
