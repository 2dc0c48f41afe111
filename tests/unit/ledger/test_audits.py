"""Audits in the ledger, on a real PostgreSQL."""

from decimal import Decimal

from tests.unit.records import staging_table

from headline.ledger import CheckResult, Ledger


def test_the_newest_audit_of_each_table_is_shown(ledger: Ledger) -> None:
    def result(outcome: str) -> CheckResult:
        return CheckResult("checks.duplicate", "no duplicates", "duplicate", outcome, Decimal("1.5"), "must be 0")

    ledger.record_audit(staging_table("core.x"), [result("failed"), result("passed")], "failed")
    ledger.record_audit(staging_table("core.y"), [result("passed")], "passed")
    ledger.record_audit(staging_table("core.x"), [result("warned")], "passed")
    assert [(row.table_name, row.outcome, row.measured) for row in ledger.latest_audits()] == [
        ("core.x", "warned", Decimal("1.5")),
        ("core.y", "passed", Decimal("1.5")),
    ]
    assert [row.table_name for row in ledger.latest_audits(["core.y"])] == ["core.y"]


def test_an_audit_is_kept_as_it_was_found(ledger: Ledger) -> None:
    sample = [{"ds": "2026-03-01", "order_id": "a:1 'quoted' \\ ü", "coupon": None}]
    unknown = CheckResult("checks.b", "b", "failed_rows", "not_evaluated", None, "")
    failed = CheckResult(
        "checks.a", "a", "failed_rows", "failed", Decimal("12345678901234567890.25"), "must be 0", "anomaly", sample
    )
    ledger.record_staging_table(staging_table())
    ledger.record_audit(staging_table(), [unknown, failed], "failed")
    kept = [(row.check_path, row.outcome, row.measured, row.kind, row.sample, row.run_id) for row in ledger.latest_audits()]
    assert kept == [
        ("checks.b", "not_evaluated", None, "schema", [], "run"),
        ("checks.a", "failed", Decimal("12345678901234567890.25"), "anomaly", sample, "run"),
    ]
    assert ledger.staging_tables("k") == {"core.x": staging_table(state="failed")}
