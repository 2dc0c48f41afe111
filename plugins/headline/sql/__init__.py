"""SQL as text: templates filled in, names resolved, dialects written, portability checked."""

from headline.sql.compile import DIALECT, Overlay, Resolution, parse, resolve, tables_read, within, write
from headline.sql.template import render

__all__ = ["DIALECT", "Overlay", "Resolution", "parse", "render", "resolve", "tables_read", "within", "write"]
