"""The portable subset of SQL: what means the same on DuckDB, Athena and Spark, checked on the syntax tree.

Functions are allowed by name, so that one nobody has thought of is refused until somebody has looked at it on every engine.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

_ALLOWED_FUNCTIONS = {
    exp.Abs,
    exp.And,
    exp.Avg,
    exp.Case,
    exp.Cast,
    exp.Ceil,
    exp.Coalesce,
    exp.Concat,
    exp.Count,
    exp.DateDiff,
    exp.DenseRank,
    exp.Exists,
    exp.Extract,
    exp.FirstValue,
    exp.Floor,
    exp.Greatest,
    exp.If,
    exp.Lag,
    exp.LastValue,
    exp.Lead,
    exp.Least,
    exp.Length,
    exp.Ln,
    exp.Lower,
    exp.Max,
    exp.Min,
    exp.Nullif,
    exp.Or,
    exp.Rank,
    exp.Replace,
    exp.Round,
    exp.RowNumber,
    exp.Sqrt,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Substring,
    exp.Sum,
    exp.TimestampTrunc,
    exp.Trim,
    exp.Upper,
    exp.Variance,
    exp.VariancePop,
}

_CLOCK = "a transform reads no clock: use '{{ start }}' and '{{ end }}'"
_CHANCE = "a transform gives the same rows every time: order by a key instead"
_SERIES = "read calendar.days instead"
_BEST = "number the rows with row_number() over a total order in a CTE and keep the first"
_MIDDLE = "engines disagree on it: number the rows with row_number() and average the middle ones"
_NESTED = "keep values scalar, a row per element; days are in calendar.days"
_PARTS = "cast a text 'YYYY-MM-DD' instead, or add an interval"

_NESTING: tuple[type[exp.Expr], ...] = (
    exp.Array,
    exp.ArrayAgg,
    exp.Bracket,
    exp.Explode,
    exp.JSONExtract,
    exp.JSONExtractScalar,
    exp.Lambda,
    exp.List,
    exp.Map,
    exp.Struct,
    exp.ToMap,
    exp.Transform,
    exp.Unnest,
)
_INSTEAD: list[tuple[tuple[type[exp.Expr], ...], str]] = [
    ((exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtime, exp.Localtimestamp), _CLOCK),
    ((exp.Rand, exp.Randn, exp.Uuid), _CHANCE),
    ((exp.GenerateSeries, exp.GenerateDateArray, exp.GenerateTimestampArray), _SERIES),
    ((exp.ArgMax, exp.ArgMin, exp.AnyValue, exp.First, exp.Last), _BEST),
    ((exp.Median, exp.Quantile, exp.ApproxQuantile, exp.PercentileCont, exp.PercentileDisc, exp.Mode), _MIDDLE),
    ((exp.TryCast,), "test the text first with CASE, then cast"),
    ((exp.DateFromParts, exp.TimestampFromParts), _PARTS),
    ((exp.DayOfWeek, exp.DayOfWeekIso, exp.TimeToUnix), "use date_diff('day', …) of two DATEs, or date_trunc"),
    (_NESTING, _NESTED),
    ((exp.Pivot,), "one case per column, or one SELECT per row with union all"),
    ((exp.Qualify,), "filter on the window function in the next CTE"),
    ((exp.IgnoreNulls, exp.RespectNulls), "PostgreSQL drops the words silently: filter the NULLs in a CTE before"),
    ((exp.TableSample,), _CHANCE),
    ((exp.Lateral,), "join a CTE instead"),
]
# What they say follows from the order of rows, which no engine promises by itself.
_ORDERED = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue)
_CLOCK_FUNCTIONS = {"now", "transaction_timestamp", "get_current_timestamp", "clock_timestamp"}
_PORTABLE_PARTS = {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"}
_JOIN_METHODS = {
    "ASOF": "number the candidates with row_number() and keep the newest, or join on a half-open validity",
    "POSITIONAL": "join on a key",
    "NATURAL": "state the columns that are joined on",
}


def violations(query: exp.Query) -> list[str]:
    """Every construct that engines disagree on, once, each with what to write instead; empty for portable SQL."""
    found = [violation for node in query.walk() for violation in _of_node(node)]
    return list(dict.fromkeys(found))


def _of_node(node: exp.Expr) -> Iterator[str]:
    if _is_said_already(node):
        return
    for kinds, instead in _INSTEAD:
        if isinstance(node, kinds):
            yield _say(node, instead)
            return
    match node:
        case exp.Anonymous() if node.name.lower() in _CLOCK_FUNCTIONS:
            yield _say(node, _CLOCK)
        case exp.Avg() | exp.Stddev() | exp.StddevPop() | exp.StddevSamp() | exp.Variance() | exp.VariancePop():
            if not _is_double(node.this):
                yield _say(
                    node, "engines keep other scales of a DECIMAL: cast what goes in to double, what comes out to a DECIMAL"
                )
        case exp.DateDiff() if node.text("unit").upper() != "DAY":
            yield _say(
                node, "engines count other units differently: only date_diff('day', …) of two DATEs is the same everywhere"
            )
        case exp.Extract() if node.name.upper() not in _PORTABLE_PARTS:
            yield _say(node, "use date_diff('day', …) of two DATEs, or date_trunc")
        case exp.Func() if type(node) not in _ALLOWED_FUNCTIONS:
            yield _say(node, "not known to mean the same on every engine; rules.py names those that do")
        case exp.Div() if not (_is_double(node.left) and _is_safe_divisor(node.right)):
            yield _say(node, "write cast(cast(a as double) / nullif(cast(b as double), 0) as decimal(18, 6))")
        case exp.IntDiv():
            yield _say(node, "divide as doubles without rest, then cast(round(…, 0) as bigint)")
        case exp.Add() | exp.Sub() if _is_date_and_number(node):
            yield _say(node, "write cast(day + interval 'n' day as date)")
        case exp.Window() if isinstance(node.this, _ORDERED) and not node.args.get("order"):
            yield _say(node, _CHANCE)
        case exp.Window() if isinstance(node.this, exp.Count) and isinstance(node.this.this, exp.Distinct):
            yield _say(node, "count in a CTE with group by and join it")
        case exp.With() if node.args.get("recursive"):
            yield "WITH RECURSIVE: not every engine has it: join a table of the steps"
        case exp.Join():
            yield from _of_join(node)
        case exp.Star() if not isinstance(node.parent, exp.Count):
            yield _say(node, "name the columns: what a table has changes with time")
        case exp.SetOperation() if node.args.get("by_name"):
            yield "UNION BY NAME: write the columns of every branch in the same order"
        case exp.Group() if node.args.get("all"):
            yield "GROUP BY ALL: write the expressions"
        case exp.Group() if any(isinstance(expression, exp.Literal) for expression in node.expressions):
            yield "GROUP BY a position: write the expressions"
        case exp.Ordered() if isinstance(node.this, exp.Var):
            yield "ORDER BY ALL: write the columns"
        case exp.Distinct() if node.args.get("on"):
            yield f"DISTINCT ON: {_BEST}"
        case exp.In() if any(isinstance(one, exp.Null) for one in node.expressions):
            yield _say(node, "engines disagree on a NULL among the values: leave it out, and ask for `is null` beside it")
        case exp.In() if isinstance(node.this, exp.Tuple):
            yield _say(node, "join on the columns, or use exists")
        case exp.Column() if node.args.get("db"):
            yield _say(node, "give the table an alias and use that: in a run another table may stand in its place")
        case exp.Select():
            yield from _reused_aliases(node)


def _of_join(join: exp.Join) -> Iterator[str]:
    if join.method in _JOIN_METHODS:
        yield f"{join.method} JOIN: {_JOIN_METHODS[join.method]}"
    if join.kind in ("SEMI", "ANTI"):
        yield f"{join.kind} JOIN: write where exists or where not exists"


def _reused_aliases(select: exp.Select) -> Iterator[str]:
    """Names that the SELECT itself gives, used where only its inputs' columns are known: WHERE, GROUP BY, HAVING, other columns.

    A name that an input has too is found where the new one is not made of it; a qualified name is always clear.
    """
    aliases = {
        item.alias: item for item in select.expressions if isinstance(item, exp.Alias) and item.alias not in _names(item.this)
    }
    clauses = [select.args.get(clause) for clause in ("where", "group", "having")] + [
        join.args.get("on") for join in select.args.get("joins") or []
    ]
    for place in [*select.expressions, *(clause for clause in clauses if clause)]:
        for name in _names(place):
            if name in aliases and aliases[name] is not place:
                yield f"{name}: the SELECT that gives this name cannot use it: repeat the expression, or qualify the column"


def _names(place: exp.Expr) -> set[str]:
    """Names without a table in this scope; a subquery has a scope of its own."""
    return {
        node.name
        for node in place.walk(prune=lambda node: isinstance(node, exp.Query))
        if isinstance(node, exp.Column) and not node.table
    }


def _is_said_already(node: exp.Expr) -> bool:
    """A list in an unnest is one fault; `any_value(x)` is an AnyValue inside an IgnoreNulls that nobody wrote."""
    is_inner = isinstance(node, _NESTING) and isinstance(node.parent, _NESTING)
    return is_inner or (isinstance(node, exp.IgnoreNulls) and isinstance(node.this, exp.AnyValue))


def _is_double(node: exp.Expr) -> bool:
    return isinstance(node, exp.Cast) and node.is_type("double")


def _is_safe_divisor(node: exp.Expr) -> bool:
    if isinstance(node, exp.Nullif):
        return _is_double(node.this)
    return isinstance(node, exp.Literal) and node.is_number and float(node.name) != 0


def _is_date_and_number(node: exp.Binary) -> bool:
    sides = (node.left, node.right)
    is_date = any(isinstance(side, exp.Cast) and side.is_type("date") for side in sides)
    return is_date and any(isinstance(side, exp.Literal) and side.is_number for side in sides)


def _say(node: exp.Expr, instead: str) -> str:
    return f"{node.sql('duckdb')[:80]}: {instead}"
