"""Headline beside dbt-core and SQLMesh: the same SELECTs, the same landed files, the checks that each can express, equal rows."""
