"""What may not leave: tables of other areas, and personal data, however it is called on its way."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.exports.conftest import DUMP, DUMP_SQL, Exporting

from headline import specs
from headline.errors import SpecError
from headline.exports.entitled import check_entitled, personal_columns
from headline.exports.result import periods_of
from headline.intervals import Interval
from headline.specs.exports import Export, load_export, load_exports

PERSONAL = "personal: {columns: [amount], legal_basis: Contract with the customer (GDPR 6.1 b).}\n"


@pytest.fixture
def guarded(exporting: Exporting) -> Exporting:
    """Orders whose amounts are personal data in raw; core passes them on without saying so."""
    exporting.project.replace(
        "sources/shop/orders.contract.yml",
        "numeric_scale: 4, description: What was paid.}",
        "numeric_scale: 4, attributes: {personal: true}, description: What was paid.}",
    )
    return exporting


def entitled(name: str = "orders") -> None:
    check_entitled(load_export(name), specs.load())


def test_an_export_without_personal_data_may_leave(exporting: Exporting) -> None:
    entitled()
    assert personal_columns(load_export("orders"), specs.load()) == {}


@pytest.mark.parametrize(
    "sql",
    [
        DUMP_SQL,
        "with renamed as (select order_id, amount as other from core.orders) select order_id, other + 1 as amount from renamed",
        "select order_id, max(x) as amount from (select order_id, amount as x from core.orders union all "
        "select order_id, 0 as x from core.orders) as both group by order_id",
        "select order_id, (select sum(amount) from core.orders) as amount from core.orders",
        "select a.order_id, b.amount from core.orders as a inner join core.orders as b on a.order_id = b.order_id",
        "select order_id, case when amount > 3 then 1 else 2 end as amount from core.orders",
        "select order_id, sum(amount) over (partition by order_id) as amount from core.orders",
        "select * from core.orders",
    ],
)
def test_personal_data_is_found_under_whatever_name(guarded: Exporting, sql: str) -> None:
    guarded.define("orders", DUMP, sql)
    with pytest.raises(SpecError, match=r"amount \(from raw\.orders\.amount\)"):
        entitled()


@pytest.mark.parametrize(
    "sql",
    [
        "select order_id, unknown as amount from core.orders",
        "with recursive chain as (select order_id, amount from core.orders union all select order_id, amount from chain "
        "where false) select order_id, amount from chain",
        "select order_id, unnest(struct_pack(amount)) as amount, columns('a.*') from core.orders",
    ],
)
def test_what_cannot_be_followed_does_not_leave(guarded: Exporting, sql: str) -> None:
    guarded.define("orders", DUMP, sql)
    with pytest.raises(SpecError, match=r"may be personal data and does not leave|does not leave without a legal basis"):
        entitled()


def test_what_a_pipeline_hides_does_not_leave(guarded: Exporting) -> None:
    guarded.project.replace("core/core_shop/orders.sql", "    amount,\n", "    missing as amount,\n")
    guarded.define("orders", DUMP, DUMP_SQL)
    with pytest.raises(SpecError, match="what cannot be followed may be personal data"):
        entitled()


def test_personal_data_leaves_with_a_legal_basis_to_a_receiver_that_may_have_it(guarded: Exporting) -> None:
    guarded.define("orders", DUMP + PERSONAL, DUMP_SQL)
    with pytest.raises(SpecError, match=r"partners may not be given personal data \(amount\)"):
        entitled()
    guarded.define("orders", (DUMP + PERSONAL).replace("receiver: partners", "receiver: trusted"), DUMP_SQL)
    entitled()
    guarded.run()
    manifest = guarded.manifest()
    assert manifest
    assert manifest["legal_basis"] == "Contract with the customer (GDPR 6.1 b)."


def test_a_source_says_what_is_personal_too(exporting: Exporting) -> None:
    exporting.project.replace("sources/shop/source.yml", "format: csv}", "format: csv, person: order_id, personal: [amount]}")
    with pytest.raises(SpecError, match=r"raw\.orders\.amount"):
        entitled()


def test_a_receiver_is_given_tables_of_its_areas_alone(exporting: Exporting) -> None:
    exporting.define("orders", DUMP.replace("core.orders: ", "raw.orders: "), DUMP_SQL.replace("core.", "raw."))
    with pytest.raises(SpecError, match=r"partners may not be given raw\.orders: receivers\.yml gives it core"):
        entitled()


def test_an_export_is_no_pipeline_and_reads_what_is_published(exporting: Exporting) -> None:
    exporting.define("core_shop", DUMP, DUMP_SQL)
    with pytest.raises(SpecError, match="the id core_shop is taken by a pipeline"):
        entitled("core_shop")
    exporting.define("orders", DUMP.replace("core.orders: ", "quarantine.orders: "), DUMP_SQL)
    with pytest.raises(SpecError, match=r"nobody publishes quarantine\.orders"):
        entitled()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("key: [order_id]", "key: [id]", "id is no column"),
        ("receiver: partners", "receiver: nobody", "receivers.yml has no nobody; there are: partners, trusted"),
        ("decimal(18, 4)", "money", "columns.amount.type"),
        ("kind: files", "kind: fax", "to"),
        ("period: day", "perriod: day", "perriod"),
        (
            "key: [order_id]",
            "key: [amount]\n    personal: {columns: [amount], legal_basis: Because we want to.}",
            "personal data",
        ),
        ("{kind: files, connection: headline_partners, keep_days: 30}", "{kind: webhook, connection: c, path: p}", "period: all"),
    ],
)
def test_a_faulty_spec_is_told(exporting: Exporting, old: str, new: str, fault: str) -> None:
    assert old in DUMP
    exporting.define("orders", DUMP.replace(old, new), DUMP_SQL)
    with pytest.raises(SpecError, match=fault):
        load_export("orders")
    exports, faults = load_exports()
    assert exports == []
    assert faults


def test_an_export_that_is_not_there_is_told(exporting: Exporting) -> None:
    for name in ("nothing", "../orders"):
        with pytest.raises(SpecError, match="there are: orders"):
            load_export(name)


@pytest.mark.parametrize(
    ("period", "days", "today", "expected"),
    [
        ("day", ("03-02", "03-04"), "03-10", [("03-02", "03-03"), ("03-03", "03-04")]),
        ("month", ("03-02", "03-03"), "03-10", [("02-01", "03-01")]),
        ("month", ("01-15", "03-03"), "03-10", [("01-01", "02-01"), ("02-01", "03-01")]),
        ("month", ("03-02", "03-03"), "04-01", [("03-01", "04-01")]),
        ("week", ("03-02", "03-03"), "03-09", [("03-02", "03-09")]),
        ("all", ("03-02", "03-09"), "03-10", [("03-08", "03-09")]),
    ],
)
def test_periods_that_have_ended_are_delivered(
    exporting: Exporting, period: str, days: tuple[str, str], today: str, expected: list[tuple[str, str]]
) -> None:
    def day(text: str) -> date:
        return date.fromisoformat(f"2026-{text}")

    export: Export = load_export("orders").model_copy(update={"period": period})
    found = periods_of(export, Interval(day(days[0]), day(days[1])), day(today))
    assert found == [Interval(day(start), day(end)) for start, end in expected]
