"""Staging tables in the ledger, on a real PostgreSQL."""

from datetime import date

from sqlalchemy import text
from tests.unit.records import days_of, record, staging_table

from headline.ledger import Ledger
from headline.ledger.engine import engine

D1 = date(2026, 3, 1)


def test_a_candidate_that_is_computed_again_starts_over(ledger: Ledger) -> None:
    ledger.record_staging_table(staging_table())
    ledger.record_audit(staging_table(), [], "passed")
    assert ledger.staging_tables("k")["core.x"].state == "passed"
    ledger.record_staging_table(staging_table())
    assert ledger.staging_tables("k") == {"core.x": staging_table()}
    assert ledger.staging_tables("another run") == {}


def test_publishing_closes_only_the_candidates_of_its_run(ledger: Ledger) -> None:
    for key in ("k", "other"):
        ledger.record_staging_table(staging_table(run_key=key, state="passed"))
    record(ledger, *days_of("core.x", D1), run_key="k")
    assert ledger.staging_tables("k")["core.x"].state == "published"
    assert ledger.staging_tables("other")["core.x"].state == "passed"


def test_old_candidates_expire(ledger: Ledger) -> None:
    for table in ("core.x", "core.y"):
        ledger.record_staging_table(staging_table(table))
    with engine().begin() as connection:
        connection.execute(text("update staging_table set updated_at = now() - interval '8 days' where table_name = 'core.x'"))
    assert ledger.expired_staging_tables(7) == [("k", "core.x")]
    ledger.forget_staging_tables([("k", "core.x")])
    assert list(ledger.staging_tables("k")) == ["core.y"]
