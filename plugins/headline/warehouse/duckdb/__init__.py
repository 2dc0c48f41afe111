"""The embedded engine: one DuckDB file, which many processes read or one writes."""
