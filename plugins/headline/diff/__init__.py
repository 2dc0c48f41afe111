"""Data diff: what a change of SQL, contracts and specs does to the rows of tables."""
