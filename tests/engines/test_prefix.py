"""A prefix of all namespaces stands before each that a statement names, and nowhere else."""

import pytest

from headline.errors import SpecError
from headline.warehouse.iceberg.prefix import prefixed

STATEMENTS = {
    "select core.x, 'core.b' as é, c.core from core.b as c, raw.b as core": (
        "select core.x, 'core.b' as é, c.core from p_core.b as c, p_raw.b as core"
    ),
    "with b as (select 1 as x) select b.x from b where exists (select 1 from core.b where core.b.x = b.x)": (
        "with b as (select 1 as x) select b.x from b where exists (select 1 from p_core.b where p_core.b.x = b.x)"
    ),
    "MERGE INTO core.a AS t USING (SELECT s.x FROM core.b AS s) AS s ON t.x = s.x WHEN MATCHED THEN DELETE": (
        "MERGE INTO p_core.a AS t USING (SELECT s.x FROM p_core.b AS s) AS s ON t.x = s.x WHEN MATCHED THEN DELETE"
    ),
    "create table core.a with (location='s3://core.a/') as\nselect x from raw.a": (
        "create table p_core.a with (location='s3://core.a/') as\nselect x from p_raw.a"
    ),
    "create table if not exists `core`.`a` (`ds` DATE comment 'core.a') partitioned by (day(`ds`)) location 's3://x'": (
        "create table if not exists `p_core`.`a` (`ds` DATE comment 'core.a') partitioned by (day(`ds`)) location 's3://x'"
    ),
    "alter table `core`.`a` add columns (`x` int)": "alter table `p_core`.`a` add columns (`x` int)",
    "alter table `core`.`a` set tblproperties ('x'='1')": "alter table `p_core`.`a` set tblproperties ('x'='1')",
    'select path, (select count(*) from core.a) from "core"."a$files"': (
        'select path, (select count(*) from p_core.a) from "p_core"."a$files"'
    ),
    "drop table if exists `core`.`a`": "drop table if exists `p_core`.`a`",
    "delete from core.a where x in (select x from raw.a)": "delete from p_core.a where x in (select x from p_raw.a)",
    "insert into core.a (x) select x from raw.a": "insert into p_core.a (x) select x from p_raw.a",
    "OPTIMIZE core.a REWRITE DATA USING BIN_PACK": "OPTIMIZE p_core.a REWRITE DATA USING BIN_PACK",
    "VACUUM core.a": "VACUUM p_core.a",
}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_each_namespace_has_the_prefix(sql: str) -> None:
    assert prefixed(sql, "p_", "athena") == STATEMENTS[sql]
    assert prefixed(sql, "", "athena") == sql


@pytest.mark.parametrize("sql", ["show tables in core", "select from where", "call core.a()"])
def test_a_statement_whose_tables_cannot_be_told_is_refused(sql: str) -> None:
    with pytest.raises(SpecError, match="cannot be told"):
        prefixed(sql, "p_", "athena")


def test_a_table_of_a_table_has_it_once() -> None:
    assert prefixed("select snapshot_id from core.a.snapshots", "p_", "spark") == "select snapshot_id from p_core.a.snapshots"
