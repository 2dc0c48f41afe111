"""A SELECT of a person reads the published tables and can reach nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from itertools import product
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headline.errors import BadData, BadRequest, HeadlineError, SpecError
from headline.sql import checked, parse
from headline.warehouse import LONGEST_QUERY, Warehouse, ask
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

PROFIT = [("a", Decimal("10.0000")), ("b", Decimal("20.0000"))]
SECRET = "nobody is to read this"


@pytest.fixture
def profit(warehouse: Warehouse) -> Warehouse:
    with warehouse.session() as session:
        session.query("create schema profit")
        session.query("create table profit.figures as select 'a' as unit, 10.0000::decimal(18, 4) as profit")
        session.query("insert into profit.figures values ('b', 20)")
    return warehouse


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.csv"
    file.write_text(f"note\n{SECRET}\n")
    return file


def figures(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return ask(warehouse, "select unit, profit from profit.figures order by unit").rows


@pytest.mark.parametrize(
    "sql",
    [
        "from profit.figures order by unit",
        'select * from "profit"."figures" order by 1',
        "with mine as (select * from profit.figures) select * from mine order by unit",
        "select figures.* from PROFIT.figures cross join range(1) as numbers(n) order by unit",
        "select * from (values ('a', 10::decimal(18, 4)), ('b', 20)) as given(unit, profit) order by unit",
        "select unit, profit from profit.figures -- a comment /* in a comment\n order by unit",
    ],
)
def test_a_select_reads_what_is_published(profit: Warehouse, sql: str) -> None:
    assert ask(profit, sql).rows == PROFIT


SOURCES = [
    "read_csv('{file}')",
    "'{file}'",
    '"{file}"',
    "read_text('{file}')",
    "glob('{folder}/*')",
    "query('from profit.figures')",
    "query_table('profit.figures')",
    "duckdb_settings()",
    "duckdb_secrets()",
    "information_schema.tables",
    "warehouse.profit.figures",
    "(summarize profit.figures)",
    "(describe profit.figures)",
    "sqlite_scan('{file}', 'x')",
    "nowhere.figures",
    "read_csv_auto('{file}')",
    "read_json('{file}')",
    "read_parquet('{file}')",
    "read_blob('{file}')",
    "sniff_csv('{file}')",
    "parquet_metadata('{file}')",
    "'https://127.0.0.1:9/x.csv'",
    "'s3://bucket/x.parquet'",
    "read_parquet('s3://bucket/x.parquet')",
    "postgres_scan('host=127.0.0.1', 'public', 'x')",
    "iceberg_scan('{folder}')",
    "which_secret('s3://bucket', 's3')",
    "pragma_database_list()",
    "pragma_storage_info('profit.figures')",
    "duckdb_logs()",
    "duckdb_extensions()",
    "arrow_scan(1, 2, 3)",
    "secret",
    "warehouse",
]


def test_what_is_no_published_table_is_refused_by_name(profit: Warehouse, secret: Path) -> None:
    for source in SOURCES:
        named = source.format(file=secret, folder=secret.parent)
        for sql in (f"select * from {named}", f"select (select count(*) from {named}) from profit.figures"):
            with pytest.raises((BadRequest, SpecError)) as refused:
                ask(profit, sql)
            assert SECRET not in str(refused.value)
    assert figures(profit) == PROFIT


STATEMENTS = [
    "update profit.figures set profit = profit * 2",
    "copy profit.figures to '{file}'",
    "attach '{file}.duckdb' as other",
    "set memory_limit = '100GB'",
    "install httpfs",
    "select 1; update profit.figures set profit = 0",
    "with gone as (delete from profit.figures returning *) select * from gone",
    "select 1 into profit.other",
    "export database '{file}'",
    "call pragma_version()",
    "explain analyze select 1",
    "copy (select 1) to '{file}'",
    "copy profit.figures from '{file}'",
    "import database '{file}'",
    "load httpfs",
    "pragma database_list",
    "pragma enable_external_access = true",
    "detach warehouse",
    "use memory",
    "checkpoint",
    "force checkpoint warehouse",
    "create secret s (type s3, key_id 'x', secret 'y')",
    "create macro f() as 1",
    "create view profit.seen as select 1",
    "set variable x = 1",
    "reset memory_limit",
    "prepare p as select 1",
    "execute p",
    "begin transaction",
    "comment on table profit.figures is 'x'",
    "vacuum",
]


def test_what_is_no_select_is_refused(profit: Warehouse, secret: Path) -> None:
    for statement in STATEMENTS:
        with pytest.raises((BadRequest, SpecError)):
            ask(profit, statement.format(file=secret))
    assert figures(profit) == PROFIT
    assert secret.read_text() == f"note\n{SECRET}\n"


def test_a_comment_hides_no_statement(profit: Warehouse, secret: Path) -> None:
    """To one reader of SQL a comment ends where to another it goes on."""
    openings = ("/*", "/* /*", "--", "--\r", "-- \x0b", "/*+", "'' /*", "$$ /* $$", "#", "//")
    closings = ("*/", "*/ */", "\n", "\r", "\x0c", "*/ '", "$$ */ $$")
    written = secret.with_name("written.csv")
    for opening, closing in product(openings, closings):
        hidden = f"; update profit.figures set profit = 0; copy profit.figures to '{written}'; --"
        with suppress(HeadlineError):
            ask(profit, f"select 1 {opening} {closing} {hidden} {closing}")
        assert not written.exists()
    assert figures(profit) == PROFIT


def test_the_connection_itself_reaches_no_file_and_stays_so(profit: Warehouse, secret: Path) -> None:
    """If ever a statement passes the check of its tree."""
    for sql in (f"select * from read_csv('{secret}')", f"attach '{secret}.duckdb' as other", "set enable_external_access = true"):
        with profit.session(read_only=True) as session, pytest.raises((HeadlineError, duckdb.Error)) as refused:
            session.query_alone(sql, seconds=5)
        assert SECRET not in str(refused.value)


def test_a_query_without_end_is_stopped(
    profit: Warehouse, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_QUERY_SECONDS", "0.3")
    forget_settings()
    with pytest.raises(BadRequest, match=r"stopped after 0.3 s \(HEADLINE_QUERY_SECONDS\)"):
        ask(profit, "select count(*) from range(10000000000) as a(x) cross join range(1000) as b(y) where x % 7 = y % 5")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from range(100000000)",
        "select repeat('x', 100000) from range(30000)",
        "with recursive a(x) as (select 1 union all select x + 1 from a) select * from a",
    ],
)
def test_an_answer_without_end_fills_no_memory(
    profit: Warehouse, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None], sql: str
) -> None:
    monkeypatch.setenv("HEADLINE_QUERY_ROWS", "10000")
    monkeypatch.setenv("HEADLINE_QUERY_SECONDS", "1")
    forget_settings()
    with pytest.raises(BadRequest, match=r"HEADLINE_QUERY_(ROWS|SECONDS)"):
        ask(profit, sql)


NAMED_ELSEWHERE = [
    "select * from duckdb_settings where exists (with duckdb_settings as (select 1) select 1)",
    "select * from duckdb_databases, (with duckdb_databases as (select 1 as x) select x from duckdb_databases) as y",
    "with duckdb_tables as (select * from duckdb_tables) select * from duckdb_tables",
    "with a as (select * from duckdb_views), duckdb_views as (select 1) select * from a",
    "with a as (with sqlite_master as (select 1 as x) select x from sqlite_master) select * from sqlite_master, a",
    "select * from pragma_database_list union all (with pragma_database_list as (select 1) select 1, '', '')",
]


@pytest.mark.parametrize("sql", NAMED_ELSEWHERE)
def test_a_name_that_a_query_gives_elsewhere_opens_no_view_of_the_engine(profit: Warehouse, sql: str) -> None:
    with pytest.raises(BadRequest, match="is not published"):
        ask(profit, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1 as x), b as (select x + 1 as y from a) select x, y from a, b where exists (select 1 from b)",
        "with recursive a(x) as (select 1 union all select x + 1 from a where x < 2) select max(x), 2 from a having max(x) = 2",
        "select x, 2 from (with a as (select 1 as x) select x from a where x in (select x from a))",
    ],
)
def test_a_query_may_name_queries_of_its_own(profit: Warehouse, sql: str) -> None:
    assert len(ask(profit, sql).rows) == 1


@pytest.mark.parametrize(
    "asked",
    [
        "current_setting('temp_directory')",
        "current_setting('s3_secret_access_key')",
        "getvariable('x')",
        "write_log('x')",
        "setseed(0.5)",
        "Current_Setting('memory_limit')",
        "sleep_ms(100000)",
        "getenv('HOME')",
        "current_user",
        "current_database()",
        "current_schemas(true)",
        "version()",
    ],
)
def test_a_query_asks_the_tables_and_not_the_engine(profit: Warehouse, asked: str) -> None:
    with pytest.raises(BadRequest, match="asks the engine"):
        ask(profit, f"select unit, {asked} from profit.figures")


# Volatile and yet of the tables alone: chance and the clock.
HARMLESS = re.compile(
    r"random|error|vector_type|uuid\w*|gen_random_uuid|now|today|transaction_timestamp|(get_)?current_(date|time|timestamp)|localtime\w*"
)


@pytest.mark.parametrize("kind", ["table", "pragma", "table_macro"])
def test_no_function_of_the_engine_that_gives_rows_can_be_read(kind: str) -> None:
    """Of all that this version of DuckDB has, whether or not anybody has thought of it."""
    names = functions(f"function_type = '{kind}'")
    assert len(names) > {"table": 60, "pragma": 10, "table_macro": 3}[kind]
    readable = {
        name for name in names if not is_refused(f'select * from "{name}"(1)') or not is_refused(f"select * from {name}()")
    }
    assert readable <= {"generate_series", "range", "unnest"}


def test_no_function_whose_value_is_not_of_its_arguments_alone_can_be_called() -> None:
    names = functions("function_type in ('scalar', 'macro') and stability <> 'CONSISTENT'")
    assert len(names) > 20
    called = {name for name in names if not is_refused(f"select {name}('x')")}
    assert [name for name in sorted(called) if not HARMLESS.fullmatch(name)] == []


@pytest.mark.parametrize("dialect", ["athena", "spark"])
@pytest.mark.parametrize(
    "asked",
    ["reflect('java.lang.System', 'getenv', 'HOME')", "java_method('a', 'b')", "try_reflect('a', 'b')", "input_file_name()"],
)
def test_what_an_engine_elsewhere_may_take_for_more_than_a_function_is_refused(dialect: str, asked: str) -> None:
    with pytest.raises(BadRequest, match="cannot be translated"):
        checked(parse(f"select unit, {asked} from profit.figures", "the query"), {"profit.figures"}, dialect)
    usual = (
        "select upper(unit), sum(profit), date_trunc('month', current_date) from profit.figures group by all order by 1 limit 5"
    )
    assert "PROFIT" in checked(parse(usual, "the query"), {"profit.figures"}, dialect).upper()


def functions(condition: str) -> set[str]:
    with duckdb.connect() as connection:
        return {
            name for (name,) in connection.execute(f"select function_name from duckdb_functions() where {condition}").fetchall()
        }


def is_refused(sql: str) -> bool:
    try:
        checked(parse(sql, "the query"), {"profit.figures"}, "duckdb")
    except (BadRequest, SpecError):
        return True
    return False


def test_a_query_takes_no_more_memory_than_it_may(
    profit: Warehouse, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_QUERY_MEMORY", "60MB")
    forget_settings()
    with pytest.raises(BadRequest, match=r"needs more memory than it may take \(HEADLINE_QUERY_MEMORY is 60MB\)"):
        ask(profit, "select len(numbers) from (select list(x) as numbers from range(20000000) as t(x))")
    assert figures(profit) == PROFIT


# What opens and closes around something, and what may stand in the middle.
NESTS = [
    ("(", ")", "1"),
    ("- ", "", "1"),
    ("not ", "", "true"),
    ("[", "]", "1"),
    ("{'a': ", "}", "1"),
    ("f(", ")", "1"),
    ("1 + ", "", "1"),
    ("x.", "", "y"),
    ("x -> ", "", "1"),
    ("cast(", " as integer)", "1"),
    ("case when ", " then 1 end", "true"),
    ("(select * from ", ")", "profit.figures"),
    ("1 in (select unit from profit.figures where ", ")", "true"),
    ("1 union all select ", "", "1"),
]


@pytest.mark.parametrize(("opens", "closes", "middle"), NESTS, ids=[opens for opens, *_ in NESTS])
def test_a_deeply_nested_query_does_not_end_the_process(profit: Warehouse, opens: str, closes: str, middle: str) -> None:
    """A tree that is too deep for the stack is refused; before, it ended the server that read it."""
    for count in (100, (LONGEST_QUERY - 50) // len(opens + closes), 100_000):
        with suppress(BadRequest, SpecError, BadData):
            ask(profit, f"select {opens * count}{middle}{closes * count}")
    assert figures(profit) == PROFIT


def answered(profit: Warehouse, secret: Path, sql: str) -> None:
    """A text either gives rows or one clear error, and nothing has changed."""
    try:
        told = str(ask(profit, sql).rows)
    except HeadlineError as error:
        told = str(error).strip()
    assert told
    assert SECRET not in told
    assert "Traceback" not in told
    assert isinstance(profit, DuckDBWarehouse)
    assert sorted(file.name for file in secret.parent.iterdir() if file.name not in KEPT) == ["secret.csv"]
    assert secret.read_text() == f"note\n{SECRET}\n"


KEPT = ("warehouse.duckdb", "warehouse.duckdb.wal", "warehouse.duckdb.spill")
# Few of the same on every change, many new ones by `make attack`.
EXAMPLES = [25, pytest.param(1_500, marks=[pytest.mark.attack_long, pytest.mark.timeout(900)])]
TEXTS = st.one_of(
    st.text(max_size=80), st.text(max_size=60).map("select {}".format), st.text(max_size=40).map("from profit.figures {}".format)
)
WHOLE = [*(f"select * from {source}" for source in SOURCES), *STATEMENTS, "select sum(profit) from profit.figures group by all"]


@st.composite
def grown_together(draw: st.DrawFn) -> str:
    """Queries and statements cut anywhere, one's beginning with another's end."""
    pieces = draw(st.lists(st.sampled_from(WHOLE), min_size=2, max_size=3))
    ends = []
    for place, piece in enumerate(pieces):
        cut = draw(st.integers(0, len(piece)))
        ends.append(piece[cut:] if place % 2 else piece[:cut])
    return draw(st.sampled_from(["", " ", ";", "/*", "--", "\n", "'", "$$", "("])).join(ends)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize("texts", [TEXTS, grown_together()], ids=["any text", "pieces of queries and statements"])
def test_no_random_text_does_more_than_read(
    profit: Warehouse, secret: Path, texts: st.SearchStrategy[str], examples: int
) -> None:
    @settings(max_examples=examples, deadline=None, derandomize=examples < 100, suppress_health_check=[HealthCheck.too_slow])
    @given(texts)
    def answers(sql: str) -> None:
        answered(profit, secret, sql.replace("{file}", str(secret)).replace("{folder}", str(secret.parent)))

    answers()
    assert figures(profit) == PROFIT


WORDS = st.sampled_from(
    [
        "select",
        "from",
        "profit.figures",
        "where",
        "1",
        "*",
        "(",
        ")",
        ",",
        ";",
        "--",
        "/*",
        "*/",
        "'",
        "\n",
        "$$",
        "with",
        "a as",
        "union all",
        "into profit.x",
        "returning *",
        "pivot",
        "describe",
        "summarize",
        "lateral",
        "at (version => 1)",
        "prepare p as",
        "execute p",
        "read_csv('secret.csv')",
        "copy profit.figures to 'written'",
        "drop table profit.x",
        "update profit.figures set profit = 0",
        "delete from profit.figures",
        "insert into profit.figures select",
    ]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.lists(WORDS, min_size=1, max_size=12).map(" ".join))
def test_no_random_sequence_of_sql_words_changes_anything(profit: Warehouse, secret: Path, sql: str) -> None:
    with suppress(HeadlineError):
        assert SECRET not in str(ask(profit, sql).rows)
        assert figures(profit) == PROFIT
    assert isinstance(profit, DuckDBWarehouse)
    assert [file.name for file in profit.path.parent.iterdir() if file.name.startswith("written")] == []
