"""What landed is in the table that takes it over, row for row."""

from datetime import date
from typing import Any

import pytest

from headline.errors import BadData

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def landed(project: Any) -> Any:
    """The project after two days have landed, with one row and with three."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("c", "20.00"), ("d", "30.00")]})
    return project


@pytest.mark.parametrize(
    "how", ["and amount <> '20.00'", "and order_id <> 'a' union all select ds, order_id, 7 from landing.orders"]
)
def test_a_mapping_that_drops_or_doubles_rows_is_held(landed: Any, how: str) -> None:
    landed.replace("sources/shop/orders.sql", "< date '{{ end }}'", f"< date '{{{{ end }}}}' {how}")
    with pytest.raises(
        BadData, match=r"orders\.sql drops or doubles rows: where that is meant, state in source.yml what the table "
    ):
        landed.publish("shop", D1, D2)


def test_a_mapping_that_states_its_reads_may_leave_rows_out(landed: Any) -> None:
    landed.replace("sources/shop/orders.sql", "< date '{{ end }}'", "< date '{{ end }}' and amount <> '20.00'")
    landed.replace("sources/shop/source.yml", "orders:\n", "orders: {reads: {landing.orders: {}}}\n")
    landed.publish("shop", D1, D2)
    assert landed.query("select count(*) from raw.orders") == [(3,)]


def test_refused_records_may_be_left_out_by_a_mapping_that_does_not_ask_for_them(project: Any) -> None:
    from headline.sources.landing import LandingWriter
    from headline.sources.refused import Agreed
    from headline.sources.text import batch

    rows = batch({"order_id": key, "amount": amount} for key, amount in (("a", "1.00"), ("b", "one")))
    writer = LandingWriter("shop", "landing.orders", "test", Agreed({"amount": {"decimal(18, 4)"}}))
    project.ledger.record_loads(writer.write([(D1, rows)], [D1]), "arrival")
    project.publish("shop", D1)
    assert project.query("select order_id from raw.orders") == [("a",)]
