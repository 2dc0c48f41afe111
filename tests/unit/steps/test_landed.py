"""What landed is in the table that takes it over, row for row; a file that lost some is told by name and number."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from headline.errors import BadData
from headline.intervals import DAY, Interval

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


@pytest.fixture
def landed(project: Any) -> tuple[Any, Path]:
    """Two days that landed, and the file of the second, which holds three rows."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("c", "20.00"), ("d", "30.00")]})
    [load] = project.ledger.current_loads("landing.orders", [Interval(D2, D2 + DAY)])
    return project, Path(load.file.removeprefix("file://"))


def test_a_file_that_lost_rows_is_told_with_what_was_expected_and_read(landed: tuple[Any, Path]) -> None:
    project, file = landed
    pq.write_table(pq.read_table(file).slice(0, 2), file)
    with pytest.raises(
        BadData, match=rf"raw\.orders: .* on 1 day.*\n.*2026-03-02: 3 rows by the manifest of \S*{file.name}, 2 made"
    ):
        project.publish("shop", D1, D2)
    assert project.query("select count(*) from raw.orders") == [(0,)]


def test_a_file_that_breaks_off_is_told_by_its_name(landed: tuple[Any, Path]) -> None:
    project, file = landed
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(
        BadData, match=rf"{file.name}: cannot be read any more, and holds 3 rows of landing\.orders of 2026-03-02"
    ):
        project.publish("shop", D1, D2)


@pytest.mark.parametrize(
    "how", ["and amount <> '20.00'", "and order_id <> 'a' union all select ds, order_id, 7 from landing.orders"]
)
def test_a_mapping_that_drops_or_doubles_rows_is_held(landed: tuple[Any, Path], how: str) -> None:
    project, _ = landed
    project.replace("sources/shop/orders.sql", "< date '{{ end }}'", f"< date '{{{{ end }}}}' {how}")
    with pytest.raises(
        BadData, match=r"Or orders\.sql drops or doubles rows: where that is meant, state in source.yml what the table "
    ):
        project.publish("shop", D1, D2)


def test_a_mapping_that_states_its_reads_may_leave_rows_out(landed: tuple[Any, Path]) -> None:
    project, _ = landed
    project.replace("sources/shop/orders.sql", "< date '{{ end }}'", "< date '{{ end }}' and amount <> '20.00'")
    project.replace("sources/shop/source.yml", "orders:\n", "orders: {reads: {landing.orders: {}}}\n")
    project.publish("shop", D1, D2)
    assert project.query("select count(*) from raw.orders") == [(3,)]


def test_refused_records_may_be_left_out_by_a_mapping_that_does_not_ask_for_them(project: Any) -> None:
    from headline.sources.landing import LandingWriter
    from headline.sources.refused import Agreed
    from headline.sources.text import batch

    rows = batch({"order_id": key, "amount": amount} for key, amount in (("a", "1.00"), ("b", "one")))
    writer = LandingWriter("shop", "landing.orders", "test", Agreed({"amount": {"decimal(18, 4)"}}))
    project.ledger.record_loads(writer.write([(D1, rows)], [D1]), "arrival")
    project.publish("shop", D1)
    assert project.query("select order_id from raw.orders") == [("a",)]
