"""SQL as text: templates filled in, names resolved, dialects written, portability checked."""

from headline.sql.checks import check_queries, personal_columns_shown, rows_found, tables_in_checks
from headline.sql.compile import DIALECT, Overlay, Resolution, parse, resolve, tables_read, with_nulls, within, write
from headline.sql.template import render

__all__ = [
    "DIALECT",
    "Overlay",
    "Resolution",
    "check_queries",
    "parse",
    "personal_columns_shown",
    "render",
    "resolve",
    "rows_found",
    "tables_in_checks",
    "tables_read",
    "with_nulls",
    "within",
    "write",
]
