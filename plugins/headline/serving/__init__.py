"""What readers are given: the catalog, its search and its lineage."""
