"""The SQL of Spark, where sqlglot's dialect `spark` writes what means something else there."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.generators.spark import SparkGenerator

from headline.warehouse.iceberg.translation import as_duckdb_rounds, as_duckdb_trims


def _in_zone(generator: Any, expression: exp.AtTimeZone) -> str:
    """`moment at time zone a at time zone b`: from_utc_timestamp would take the moment for one in UTC, whatever `a` is.

    Of the two moments that a clock shows when it is set back, DuckDB takes the later one, Spark the earlier.
    """
    inner, zone = expression.this.unnest(), expression.args["zone"]
    if isinstance(inner, exp.AtTimeZone):
        moment, from_zone, to_zone = map(generator.sql, (inner.this, inner.args["zone"], zone))
        found = f"CONVERT_TIMEZONE({from_zone}, {to_zone}, {moment})"
        if inner.args["zone"].name == "UTC":
            return found
        later = f"{found} + INTERVAL '1' HOUR"
        return f"CASE WHEN CONVERT_TIMEZONE({to_zone}, {from_zone}, {later}) = {moment} THEN {later} ELSE {found} END"
    return str(generator.func("FROM_UTC_TIMESTAMP", expression.this, zone))


_trim = SparkGenerator.TRANSFORMS[exp.Trim]

SparkGenerator.TRANSFORMS[exp.Cast] = lambda generator, cast: generator.cast_sql(as_duckdb_rounds(cast))
SparkGenerator.TRANSFORMS[exp.Trim] = lambda generator, trim: _trim(generator, as_duckdb_trims(trim))
SparkGenerator.TRANSFORMS[exp.AtTimeZone] = _in_zone
