"""SQL as text: templates filled in, names resolved, dialects written, portability checked."""

from headline.sql.checks import (
    Shown,
    check_queries,
    check_query,
    check_selects,
    personal_columns_shown,
    prepare_checks,
    rows_found,
    shown_by_checks,
    tables_in_checks,
)
from headline.sql.compile import (
    DIALECT,
    Overlay,
    Resolution,
    arrived_columns,
    parse,
    resolve,
    tables_read,
    transpiled,
    within,
    write,
)
from headline.sql.lineage import Origin, column_lineage, schema_of
from headline.sql.outside import checked, limited
from headline.sql.selects import compile_table
from headline.sql.soda_contract import soda_contract
from headline.sql.template import render
from headline.sql.versions import code_version, code_versions

__all__ = [
    "DIALECT",
    "Origin",
    "Overlay",
    "Resolution",
    "Shown",
    "arrived_columns",
    "check_queries",
    "check_query",
    "check_selects",
    "checked",
    "code_version",
    "code_versions",
    "column_lineage",
    "compile_table",
    "limited",
    "parse",
    "personal_columns_shown",
    "prepare_checks",
    "render",
    "resolve",
    "rows_found",
    "schema_of",
    "shown_by_checks",
    "soda_contract",
    "tables_in_checks",
    "tables_read",
    "transpiled",
    "within",
    "write",
]
