"""What all engines on Apache Iceberg share: tables from contracts, staging tables, publication by MERGE, identity, snapshots.

An engine is a subclass of `Engine` (engine.py), which runs statements, and one of `IcebergWarehouse` (warehouse.py), which opens
it. Everything else here is written once, as syntax trees in DuckDB's dialect, and becomes text in the dialect of the engine.

- One table is one Iceberg table of format version 2; a schema is a namespace of the catalog (a Glue database).
- A run's staging tables are in the namespace `headline_staging`, with a name of the run's own; they are dropped with its
  session, unless an audit holds them back. What a killed run has left goes when the ledger forgets its staging tables
  (HEADLINE_KEEP_STAGING_DAYS), or when the same run comes again.
- A publication is one MERGE per table and quarantine, in parts of at most `Engine.most_partitions` periods, then the identity. A
  crash in between leaves periods that the ledger is in doubt about, which the next run for them replaces: it rolls forward.
- Readers of Headline wait for a publication by the ledger's lock; others read the snapshots that the ledger keeps, which are a
  consistent set.
"""
