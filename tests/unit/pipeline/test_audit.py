"""An audit fails closed: only what was checked, and found good, passes."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from tests.unit.pipeline.daily_report import daily_report

from headline.errors import BadData, HeadlineError, NotEvaluated, SpecError
from headline.ledger import CheckResult
from headline.pipeline import write_audit_publish
from headline.pipeline.audit import verdict_of
from headline.pipeline.verify import prepare_contracts
from headline.specs import load

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
CONTRACT = "core/core_shop/orders.contract.yml"


def result(outcome: str) -> CheckResult:
    return CheckResult("checks.x", "x", "x", outcome, None, "")


@pytest.mark.parametrize(
    ("outcomes", "problems", "verdict"),
    [
        (["passed", "passed"], "", "passed"),
        (["passed", "warned"], "", "passed"),
        (["warned"], "", "passed"),
        (["passed", "failed", "not_evaluated"], "the engine went away", "failed"),
        (["passed", "not_evaluated"], "", "not_evaluated"),
        (["passed"], "the engine went away", "not_evaluated"),
        ([], "", "not_evaluated"),
        ([], "the engine went away", "not_evaluated"),
        (["passed", "an outcome of tomorrow"], "", "not_evaluated"),
    ],
)
def test_verdict(outcomes: list[str], problems: str, verdict: str) -> None:
    assert verdict_of([result(outcome) for outcome in outcomes], problems) == verdict


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, three_days)


def three_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    project.publish("shop", D1, D3)


def state(run: Any) -> str:
    found = run.ledger.staging_tables(run.key).get("core.orders")
    return found.state if found else "not staged"


def test_every_check_goes_to_the_ledger(shop: Any) -> None:
    run = shop.run("core_shop", D1, D3)
    results = shop.audit(run, "core.orders")
    assert {(one.type, one.outcome) for one in results} == {
        ("schema", "passed"),
        ("missing", "passed"),
        ("duplicate", "passed"),
        ("failed_rows", "passed"),
    }
    assert [row.check_name for row in shop.ledger.latest_audits(["core.orders"])] == [one.name for one in results]
    assert state(run) == "passed"


@pytest.mark.parametrize(
    ("sql", "check"),
    [
        ("{all_orders} union all {all_orders}", "duplicate"),
        ("{all_orders} where false", r"raw = core \+ quarantine"),
        ("select ds, 1 as order_id, amount, quarantine_reason from ({all_orders}) as orders", "Schema"),
    ],
)
def test_bad_data_fails_and_is_told_with_the_check(shop: Any, sql: str, check: str) -> None:
    all_orders = "select ds, order_id, amount, cast(null as varchar) as quarantine_reason from raw.orders"
    rows = sql.format(all_orders=all_orders)
    shop.write("core/core_shop/orders.sql", f"select * from ({rows}) as orders where ds = date '{{{{ start }}}}'")
    run = shop.run("core_shop", D1)
    with pytest.raises(BadData, match=rf"(?s)core\.orders: .* of 4 checks failed.*{check}.*Nothing was published"):
        shop.audit(run, "core.orders")
    assert state(run) == "failed"
    with pytest.raises(BadData):
        write_audit_publish(run)
    assert shop.ledger.states(["core.orders"]) == []
    assert shop.query("select * from core.orders") == []


def test_a_type_that_the_contract_does_not_promise_fails(shop: Any) -> None:
    shop.replace("core/core_shop/orders.sql", "    amount,", "    cast(amount as decimal(18, 2)) as amount,")
    run = shop.run("core_shop", D1)
    with pytest.raises(BadData, match="Schema"):
        shop.audit(run, "core.orders")


def test_what_was_found_is_named_row_by_row(shop: Any) -> None:
    """In the order of the query, in the error, and kept with the result: 20 at most."""
    query = "select ds, order_id from raw.orders where amount > 0"
    check = f"  - failed_rows: {{name: none, attributes: {{kind: completeness}}, query: '{query}'}}\n"
    shop.replace(CONTRACT, "  - duplicate:", check + "  - duplicate:")
    shop.arrive({D1: [(f"o{number:02}", "1.00") for number in range(30)]})
    shop.publish("shop", D1)
    run = shop.run("core_shop", D1)
    with pytest.raises(BadData, match=r"measured 32.*: ds 2026-03-01, order_id o00; ds 2026-03-01, order_id o01; .*; …\n"):
        shop.audit(run, "core.orders")
    [kept] = [row for row in shop.ledger.latest_audits(["core.orders"]) if row.outcome == "failed"]
    assert (kept.kind, len(kept.sample)) == ("completeness", 20)
    assert kept.sample[19] == {"ds": "2026-03-01", "order_id": "o19"}
    assert {tuple(row.sample) for row in shop.ledger.latest_audits(["core.orders"]) if row.outcome == "passed"} == {()}


ORDER_ID = "{name: order_id, data_type: varchar, description: Key of the order."
PERSONAL = f"{ORDER_ID}, attributes: {{personal: true}}"


def test_personal_data_is_in_no_sample(shop: Any) -> None:
    """The column with the fault is left out, the rest of the key is not."""
    shop.replace(CONTRACT, ORDER_ID, PERSONAL + ", checks: [{missing: }]")
    shop.arrive({D1: [("", "1.00")]})
    shop.replace("sources/shop/orders.sql", "cast(order_id as varchar)", "nullif(order_id, '')")
    shop.publish("shop", D1)
    run = shop.run("core_shop", D1)
    with pytest.raises(BadData, match=r"No missing values .*: ds 2026-03-01\n"):
        shop.audit(run, "core.orders")


@pytest.mark.parametrize("query", ["select order_id from core.orders", "select ds, lower(order_id) as who from core.orders"])
def test_a_check_that_selects_personal_data_does_not_run(shop: Any, query: str) -> None:
    shop.replace(CONTRACT, ORDER_ID, PERSONAL)
    check = f"  - failed_rows: {{name: seen, attributes: {{kind: schema}}, query: '{query}'}}\n"
    shop.replace(CONTRACT, "  - duplicate:", check + "  - duplicate:")
    run = shop.run("core_shop", D1)
    with pytest.raises(SpecError, match="selects order_id, which is personal data"):
        shop.audit(run, "core.orders")


WARNING = "  - row_count: {name: enough rows, threshold: {must_be_greater_than: 99, level: warn}}\n"


def test_a_warning_passes_and_is_told(shop: Any) -> None:
    shop.replace(CONTRACT, "  - duplicate:", WARNING + "  - duplicate:")
    run = shop.run("core_shop", D1)
    [warned] = [one for one in shop.audit(run, "core.orders") if one.outcome != "passed"]
    assert (warned.name, warned.outcome, warned.measured) == ("enough rows", "warned", Decimal(1))
    assert state(run) == "passed"


@pytest.mark.parametrize(
    "check",
    [
        "  - freshnes: {column: ds, attributes: {kind: completeness}}\n",
        "  - row_count: {name: enough, threshold: {must_be_greter_than: 5}}\n",
        "  - failed_rows: {name: broken, attributes: {kind: schema}, query: select nonsense from core.orders}\n",
        "  - failed_rows: {name: broken, attributes: {kind: schema}, query: select ds from core.nothing}\n",
        "  - failed_rows: {name: broken, attributes: {kind: schema}, query: select from where}\n",
        "  - failed_rows: {name: broken, attributes: {kind: schema}, query: 'select {{ nonsense }}'}\n",
        "  - failed_rows: {name: broken, attributes: {kind: schema}, expression: nonsense > 1}\n",
        "  - duplicate: {columns: [nonsense], name: broken}\n",
    ],
)
def test_a_check_that_cannot_be_evaluated_never_passes(shop: Any, check: str) -> None:
    shop.replace(CONTRACT, "  - duplicate: {columns: [order_id]}\n", check)
    run = shop.run("core_shop", D1)
    with pytest.raises(HeadlineError) as caught:
        shop.audit(run, "core.orders")
    assert not isinstance(caught.value, BadData)
    assert state(run) != "passed"
    with pytest.raises(HeadlineError):
        write_audit_publish(run)
    assert shop.ledger.states(["core.orders"]) == []


def test_a_soda_that_breaks_is_not_a_pass(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from headline.pipeline import soda

    def broken(*args: Any) -> None:
        raise RuntimeError("soda is out")

    monkeypatch.setattr(soda, "judge", broken)
    run = shop.run("core_shop", D1)
    with pytest.raises(NotEvaluated, match="soda is out"):
        shop.audit(run, "core.orders")
    assert state(run) == "not_evaluated"


def test_several_checks_of_one_type_are_all_evaluated(shop: Any) -> None:
    first = "  - failed_rows: {name: one, attributes: {kind: schema}, query: 'select ds from core.orders where false'}\n"
    second = "  - failed_rows: {name: two, attributes: {kind: schema}, query: 'select ds from core.orders'}\n"
    shop.replace(CONTRACT, "  - duplicate:", first + second + "  - duplicate:")
    run = shop.run("core_shop", D1)
    with pytest.raises(BadData, match="two"):
        shop.audit(run, "core.orders")
    outcomes = {row.check_name: row.outcome for row in shop.ledger.latest_audits(["core.orders"])}
    assert (outcomes["one"], outcomes["two"], outcomes["raw = core + quarantine"]) == ("passed", "failed", "passed")


def test_checks_see_each_interval_of_the_staging_table(shop: Any) -> None:
    """D1 is corrected so that it breaks the identity; the run was asked for D3."""
    shop.publish("core_shop", D1, D2)
    shop.arrive({D1: [("a", "5.00"), ("new", "6.00")]})
    shop.publish("shop", D1)
    shop.replace("core/core_shop/orders.sql", "where ds", "where order_id <> 'new' and ds")
    run = shop.run("core_shop", D3)
    with pytest.raises(BadData, match=r"raw = core \+ quarantine"):
        shop.audit(run, "core.orders")


GRANDCHILD = daily_report(
    "core.orders",
    """\
  - schema:
  - failed_rows:
      name: the day is what arrived
      attributes: {kind: reconciliation}
      query: |
        select totals.ds
        from profit.totals as totals
        inner join (select ds, sum(amount) as amount from raw.orders group by ds) as arrived on totals.ds = arrived.ds
        where totals.ds >= date '{{ start }}' and totals.ds < date '{{ end }}' and totals.amount <> arrived.amount
""",
)


@pytest.mark.parametrize(("core_has_run", "error"), [(False, NotEvaluated), (True, None)])
def test_a_check_against_what_an_input_has_not_taken_in_is_no_verdict(
    shop: Any, core_has_run: bool, error: type[HeadlineError] | None
) -> None:
    for path, text in GRANDCHILD.items():
        shop.write(path, text)
    shop.publish("core_shop", D1)
    shop.arrive({D1: [("a", "1.00"), ("late", "5.00")]})
    shop.publish("shop", D1)
    if core_has_run:
        shop.publish("core_shop", D1)
    run = shop.run("daily", D1)
    if error is None:
        assert {one.outcome for one in shop.audit(run, "profit.totals")} == {"passed"}
    else:
        with pytest.raises(NotEvaluated, match=r"core\.orders is behind its inputs for 1 period\(s\) from 2026-03-01") as caught:
            shop.audit(run, "profit.totals")
        assert caught.value.behind == ["core_shop"], "which must run first"
        assert run.ledger.staging_tables(run.key)["profit.totals"].state == "not_evaluated"


def test_a_faulty_contract_is_left_to_its_audit(project: Any, caplog: pytest.LogCaptureFixture) -> None:
    project.replace(CONTRACT, "duplicate:", "duplicat:")
    tables = [load().table(name) for name in ("core.orders", "raw.orders")]
    with caplog.at_level("WARNING"):
        prepare_contracts(tables)
    assert "core.orders: the contract is not prepared" in caplog.text
    assert "raw.orders: " not in caplog.text


def test_rows_that_are_wrong_in_themselves_are_bad_data_though_an_input_is_behind(shop: Any) -> None:
    """The comparison with what arrived fails too, since core has not taken it in; the other check has a verdict."""
    for path, text in GRANDCHILD.items():
        shop.write(path, text)
    shop.replace("profit/daily/totals.contract.yml", "What was paid.}", "What was paid., checks: [invalid: {valid_max: 0}]}")
    shop.publish("core_shop", D1)
    shop.arrive({D1: [("a", "1.00"), ("late", "5.00")]})
    shop.publish("shop", D1)
    with pytest.raises(BadData, match="2 of 3 checks failed"):
        shop.audit(shop.run("daily", D1), "profit.totals")
