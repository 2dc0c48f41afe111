"""Rows that were removed on Athena, and persons who were erased: nothing of them is left in S3, or whoever asked is told."""

import json
import re

import pytest
from tests.attacks.test_erasure import erased, found, two_days
from tests.engines.athena_double import AthenaDouble, Failure, client
from tests.engines.test_athena_flow import D1, D3, shop  # noqa: F401
from tests.unit.conftest import Project

from headline import specs
from headline.errors import BadRequest, SpecError, Transient
from headline.ledger import Upkeep
from headline.pipeline.fingerprints import verify_published
from headline.warehouse.athena import upkeep
from headline.warehouse.athena.glue import Glue

# What succeeds without doing anything, and what is then told.
LEFT = {
    "optimize": r"files of core.orders have 1 row\(s\) that are only marked as deleted",
    "expire": r"core.orders has \d+ older snapshot\(s\)",
    "delete": r"core.orders has \d+ file\(s\) that are not the table's any more, such as s3://tables/warehouse/core/orders/data/",
}
AGE = re.compile(r"'vacuum_max_snapshot_age_seconds'='(\d+)'")
PERSONS = ["core.customers", "core.orders", "quarantine.orders", "raw.customers", "raw.orders"]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The double keeps no snapshot for a second."""
    monkeypatch.setattr(upkeep.time, "sleep", lambda _: None)


@pytest.fixture
def customers(project: Project, eraser: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two days of orders and customers are published on Athena."""
    drop = {"conn_type": "fs", "extra": {"path": f"file://{project.folder}/drop"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps(drop))
    two_days(project)
    return project


@pytest.mark.usefixtures("hasty")
def test_rows_that_can_still_be_read_are_told(shop: Project, athena: AthenaDouble) -> None:  # noqa: F811
    shop.publish("core_shop", D1, D3)
    with shop.warehouse.session() as session:
        for (idle, left), key in zip(LEFT.items(), "abc", strict=True):
            remove = [f"delete from core.orders where order_id = '{key}'"]
            athena.tables.iceberg.idle.add(idle)
            with pytest.raises(BadRequest, match=left) as told:
                session.change(remove)
            assert "s3:DeleteObject" in str(told.value)
            athena.tables.iceberg.idle.clear()
            session.change(remove)
    properties = [sql for sql in athena.statements("alter table") if "vacuum_max_snapshot_age_seconds" in sql]
    assert [AGE.findall(sql) for sql in properties] == [["1"], ["432000"]] * 6, "upkeep keeps snapshots as before"


@pytest.mark.usefixtures("hasty")
def test_upkeep_goes_on_where_athena_has_done_a_part(
    shop: Project,  # noqa: F811
    athena: AthenaDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for what in ("OPTIMIZE", "VACUUM"):
        athena.failures[f"{what} raw.orders"] = Failure(f"ICEBERG_{what}_MORE_RUNS_NEEDED: there are more")
    assert shop.warehouse.keep_up() == ["raw.orders"]
    assert [sql.split()[0] for sql in athena.executed if "raw.orders" in sql][-4:] == ["OPTIMIZE", "OPTIMIZE", "VACUUM", "VACUUM"]
    athena.failures["VACUUM raw.orders"] = Failure("ICEBERG_VACUUM_MORE_RUNS_NEEDED: there are more")
    monkeypatch.setattr(upkeep, "_MOST_RUNS", 1)
    with pytest.raises(Transient, match="MORE_RUNS_NEEDED"):
        shop.warehouse.keep_up()


@pytest.mark.usefixtures("hasty")
def test_an_erasure_is_done_when_no_file_has_the_person(customers: Project, athena: AthenaDouble) -> None:
    """Also when the rows were changed by a try before, and only the files are left."""
    athena.tables.iceberg.idle.add("delete")
    with pytest.raises(BadRequest, match=r"raw\.orders has"):
        erased(customers)
    assert [one.finished_at for one in Upkeep().erasures()] == [None]
    vacuumed = len(athena.statements("vacuum"))
    athena.tables.iceberg.idle.clear()
    assert erased(customers) == {}
    assert athena.statements("vacuum")[vacuumed:] == [f"VACUUM {name}" for name in PERSONS]
    assert [one.finished_at is None for one in Upkeep().erasures()] == [False]
    assert found(customers) == []
    differences = verify_published(specs.load().tables.values(), customers.ledger, customers.warehouse).differences
    assert {one.what for one in differences} == {"not recorded after a crash"}, "the next run computes these days again"


@pytest.mark.usefixtures("athena")
def test_files_that_may_not_be_deleted_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    s3, one = client("s3"), {"Key": "staging/a", "Code": "AccessDenied", "Message": "Access Denied"}
    s3.put_object(Bucket="tables", Key=one["Key"], Body=b"rows")
    with monkeypatch.context() as patched:
        patched.setattr(s3, "delete_objects", lambda **_: {"Errors": [one]})
        with pytest.raises(SpecError, match="AccessDenied: DeleteObjects: s3://tables/staging/a"):
            Glue(client("glue"), s3).delete("s3://tables/staging")
    Glue(client("glue"), s3).delete("s3://tables/staging")
    assert list(Glue(client("glue"), s3).files("s3://tables/staging")) == []
