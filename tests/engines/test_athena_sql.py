"""Every statement of every pipeline as Athena is given it: read by two grammars, its columns found, its functions known."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache

import duckdb
import pytest
import sqlglot
from sqlfluff.core import FluffConfig, Linter
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify

from headline import specs
from headline.intervals import Interval
from headline.pipeline.names import expected
from headline.specs import Table
from headline.sql import Overlay, check_selects, compile_table
from headline.warehouse import Output, is_history
from headline.warehouse.athena.dialect import DIALECT
from headline.warehouse.athena.engine import AthenaEngine
from headline.warehouse.athena.together import together
from headline.warehouse.iceberg.contents import contents_query
from headline.warehouse.iceberg.histories import changed_query
from headline.warehouse.iceberg.statements import replacing
from headline.warehouse.iceberg.translation import _SPACES

ENGINE, RUN = AthenaEngine(None, None, "s3://tables"), "0123456789abcdef"  # type: ignore[arg-type]
ONE = "core.exposures"
DAY = Interval(date(2026, 3, 1), date(2026, 3, 2))
# Functions of Trino that were looked up in its documentation: name, arguments, and what they do with NULL.
KNOWN = """
abs at_timezone avg ceil coalesce concat count date_diff date_trunc dense_rank floor greatest if lag last_value lead least length
ln lower max min nullif rank replace round row_number sqrt stddev stddev_pop stddev_samp substr sum trim upper variance
var_pop with_timezone from_big_endian_64 to_utf8 xxhash64
"""
# Words before a parenthesis that call nothing, or have a grammar of their own.
WORDS = """
all and any as between by case cast distinct else end except exists extract filter from having in insert intersect interval is
join like not on or over q select then union using values when where with decimal timestamp varchar
"""
CALL = re.compile(r"\b([a-z_]\w*)\s*\(", re.IGNORECASE)


@cache
def statements() -> dict[str, str]:
    """By table, or by table and check: the SQL as Athena is given it."""
    found: dict[str, str] = {}
    for pipeline in specs.load().pipelines.values():
        for table in pipeline.ordered_tables:
            names = {
                name: known if isinstance(known, Overlay) else exp.to_table(name)
                for name, known in expected(pipeline, table, DIALECT).items()
            }
            found[table.full_name] = compile_table(table, DAY, names, DIALECT)
            checks = check_selects(table, [DAY], {}, DIALECT)
            found |= {f"{table.full_name}: {path}": one.text for path, one in checks.items()}
            found |= {f"{table.full_name}: {what}": ENGINE.write(tree) for what, tree in of_the_engine(table)}
            if table.full_name == ONE:
                asked = [found[f"{ONE}: contents"], *(one.text for one in checks.values())]
                found[f"{ONE}: together"], _ = together(asked)
    return found


def of_the_engine(table: Table) -> Iterator[tuple[str, exp.Expr]]:
    """What is asked of every staging table, and how it is published."""
    staged = ENGINE.staging_name(table.full_name, RUN)
    yield "contents", contents_query(ENGINE, staged, table, told=table.quarantine)
    if is_history(table):
        yield "changed days", changed_query(ENGINE, staged, table)
    for name in table.outputs:
        rows, period = exp.to_table(ENGINE.staging_name(name, RUN)), table.period_column
        yield f"publish {name}", replacing(name, Output(name, table).columns, rows, (period, [DAY]) if period else None)


@cache
def schema() -> dict[str, dict[str, dict[str, str]]]:
    """The columns of every published table, and of every staging table, by schema and table."""
    found: dict[str, dict[str, dict[str, str]]] = {"calendar": {"days": {"ds": "date"}}}
    for pipeline in specs.load().pipelines.values():
        for table in pipeline.ordered_tables:
            for name in table.outputs:
                columns = Output(name, table).columns
                for full_name in (name, ENGINE.staging_name(name, RUN)):
                    database, own = full_name.split(".")
                    found.setdefault(database, {})[own] = columns | ({"quarantine_reason": "varchar"} if table.quarantine else {})
    return found


def unresolved(sql: str) -> str:
    """Why the columns of a statement cannot be found; Trino knows no alias of a SELECT in its own WHERE or GROUP BY."""
    tree = sqlglot.parse_one(sql, read=DIALECT)
    tree = tree.args["using"].this if isinstance(tree, exp.Merge) else tree
    if any(table.db == "landing" for table in tree.find_all(exp.Table)):
        return ""  # what has landed has columns that no contract knows
    try:
        qualify(tree, schema=schema(), dialect=DIALECT, expand_alias_refs=False, expand_stars=True)
    except SqlglotError as error:
        return str(error)
    return ""


def unknown_functions(sql: str) -> set[str]:
    bare = re.sub(r"'(?:[^']|'')*'|/\*.*?\*/", "''", sql, flags=re.DOTALL)
    return {name.lower() for name in CALL.findall(bare)} - {*KNOWN.split(), *WORDS.split()}


def unparsed(texts: dict[str, str]) -> Iterator[str]:
    """What sqlfluff's grammar of Athena, which is none of sqlglot's, cannot read."""
    linter = Linter(config=FluffConfig(overrides={"dialect": "athena", "large_file_skip_byte_limit": 0}))
    for name, text in texts.items():
        parsed = linter.parse_string(text)
        if parsed.violations:
            yield f"{name}: {parsed.violations[0]}"


def test_every_column_is_found() -> None:
    assert len(statements()) > 250
    assert {name: why for name, sql in statements().items() if (why := unresolved(sql))} == {}
    assert "could not be resolved" in unresolved("SELECT ds AS d FROM core.orders AS o WHERE d > CAST('2026-03-01' AS DATE)")


def test_every_function_is_one_of_trino() -> None:
    assert {name: unknown for name, sql in statements().items() if (unknown := unknown_functions(sql))} == {}
    assert unknown_functions("SELECT PERCENTILE_CONT(x, 0.5), DAYNAME(ds), 'f(x)' FROM t") == {"percentile_cont", "dayname"}


@pytest.mark.engines
def test_another_grammar_of_athena_reads_every_statement() -> None:
    # Of the same making for each table, and long: those of one will do.
    long = re.compile(r": (contents|changed days|publish .*)$")
    texts = {name: sql for name, sql in statements().items() if not long.search(name) or name.startswith(ONE)}
    assert list(unparsed(texts)) == []
    assert len(list(unparsed({"x": "SELECT a, COUNT(*) FROM t GROUP BY ALL"}))) == 1


def test_moments_and_nulls_mean_what_they_mean_in_duckdb() -> None:
    def written(sql: str) -> str:
        return sqlglot.transpile(sql, read="duckdb", write=DIALECT)[0]

    assert written("select cast(x as timestamp)") == "SELECT CAST(x AS TIMESTAMP(6))", "Trino's has milliseconds"
    assert written("select greatest(a, b, 0)") == "SELECT GREATEST(COALESCE(a, b, 0), COALESCE(b, a, 0), 0)"
    assert written("select trim(a), trim(a, 'x')").replace(_SPACES, "…") == "SELECT TRIM('…' FROM a), TRIM('x' FROM a)"
    assert written("select cast(m at time zone 'Asia/Tokyo' at time zone 'UTC' as date)") == (
        "SELECT CAST(CAST(AT_TIMEZONE(WITH_TIMEZONE(m, 'Asia/Tokyo'), 'UTC') AS TIMESTAMP(6)) AS DATE)"
    )


def test_a_double_becomes_the_decimal_that_duckdb_makes_of_it() -> None:
    """Of some of these a 5 is printed after the last digit, though they are a little less."""
    values = "(select cast(i * (i % 2 * 2 - 1) as double) / 25600 as x from range(50000) as r(i))"
    asked = "select cast(cast(x as double) as decimal(18, 6)) as y, cast(cast(x as double) / 7 as decimal(9, 2)) as z"
    written = sqlglot.transpile(asked, read="duckdb", write=DIALECT)[0]
    assert written.count("ROUND(") == 2
    with duckdb.connect() as connection:
        difference = f"select count(*) from (({asked} from {values}) except all ({written} from {values}))"
        assert connection.execute(difference).fetchall() == [(0,)]
        printed = f"select count(*) from {values} where cast(x as decimal(18, 6)) <> cast(cast(x as varchar) as decimal(18, 6))"
        assert connection.execute(printed).fetchall() > [(30,)]


def test_a_cast_is_left_as_it_is_where_engines_agree() -> None:
    for sql in (
        "CAST(a AS DECIMAL(18, 6))",
        "CAST(ROUND(CAST(a AS DOUBLE), 0) AS DECIMAL(22, 0))",
        "CAST(CAST(a AS DOUBLE) AS DECIMAL(38, 10))",
    ):
        assert (
            sqlglot.transpile(sql, read="duckdb", write=DIALECT) == sqlglot.transpile(sql, read="duckdb", write="spark") == [sql]
        )
