"""Begin a pipeline, source, table, check or metric: what follows from names and contracts is written, the rest is marked."""
