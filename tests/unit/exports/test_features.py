"""Features: of each label what was known at its moment, and the same in training as in serving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow.parquet
import pytest
from tests.unit.exports.conftest import D1, D2, DUMP, Exporting

from headline import specs
from headline.errors import BadData, BadRequest, SpecError
from headline.exports.entitled import check_entitled
from headline.exports.features import known_loads, serve
from headline.exports.result import Work
from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.specs import Source
from headline.specs.exports import load_export

SPEC = (
    DUMP.replace("receiver: partners", "receiver: trusted").replace(
        'amount: {type: "decimal(18, 4)", description: What was paid.}',
        'moment: {type: timestamp, description: When it was asked for.}\n      paid: {type: "decimal(18, 4)", nullable: true, '
        "description: What was known to be paid.}\n      rows: {type: bigint, description: Rows that were known.}",
    )
    + "features: {key: [order_id], entity: order_id, moment: moment, sql: labels.sql, landings: {orders: order_id}, days: 5}\n"
)
SQL = """
    select
        labels.order_id,
        labels.moment,
        cast(sum(known.amount) as decimal(18, 4)) as paid,
        count(known.order_id) as rows
    from known.labels as labels
    left join known.orders as known on labels.order_id = known.label_order_id and labels.moment = known.label_moment
    group by labels.order_id, labels.moment
    """


@pytest.fixture
def learning(exporting: Exporting) -> Exporting:
    exporting.define("orders", SPEC, SQL)
    return exporting


def label(learning: Exporting, moment: datetime) -> None:
    at = f"{moment.replace(tzinfo=None):%Y-%m-%d %H:%M:%S.%f}"
    learning.project.write(
        "exports/orders/labels.sql",
        f"select order_id, timestamp '{at}' as moment from core.orders "
        "where ds >= date '{{ start }}' and ds < date '{{ end }}'",
    )


def trained(learning: Exporting) -> dict[str, tuple[object, int]]:
    learning.run()
    manifest = learning.manifest()
    assert manifest
    files = [learning.place / "orders" / str(D1) / one["path"] for one in manifest["files"]]
    return {row["order_id"]: (row["paid"], row["rows"]) for file in files for row in pyarrow.parquet.read_table(file).to_pylist()}


def served(learning: Exporting, moment: datetime, *orders: str) -> dict[str, tuple[object, int]]:
    work = Work(load_export("orders"), "serving", specs.load(), learning.project.ledger, learning.project.warehouse)
    return {row["order_id"]: (row["paid"], row["rows"]) for row in serve(work, [{"order_id": one} for one in orders], moment)}


def test_training_sees_what_serving_saw_whatever_landed_since(learning: Exporting) -> None:
    """The label's day is that of its load, which is long before the moment: the test lets it land now."""
    first = datetime.now(UTC)
    label(learning, first)
    learning.project.replace("exports/orders/export.yml", "days: 5", "days: 400")
    at_first = served_on(learning, first)
    learning.arrive(D1, ("a", "100"), ("b", "2"), ("b2", "9"))
    second = datetime.now(UTC)
    at_second = served_on(learning, second)
    assert at_first == {"a": ("1.5000", 1), "b": ("2.0000", 1)}
    assert at_second == {"a": ("100.0000", 1), "b": ("2.0000", 1)}
    for moment, seen in ((first, at_first), (second, at_second)):
        label(learning, moment)
        found = trained(learning)
        assert {order: (str(found[order][0]), found[order][1]) for order in ("a", "b")} == seen
    label(learning, first)
    assert trained(learning)["b2"] == (None, 0), "nothing was known of it then"
    label(learning, first - timedelta(days=1))
    assert set(trained(learning).values()) == {(None, 0)}


def served_on(learning: Exporting, moment: datetime) -> dict[str, tuple[str, int]]:
    return {order: (str(paid), rows) for order, (paid, rows) in served(learning, moment, "a", "b").items()}


def test_who_serves_names_entities_by_their_key(learning: Exporting) -> None:
    label(learning, datetime.now(UTC))
    work = Work(load_export("orders"), "serving", specs.load(), learning.project.ledger, learning.project.warehouse)
    for entities in ([], [{"customer": "a"}]):
        with pytest.raises(BadRequest, match="each by order_id"):
            serve(work, entities, datetime.now(UTC))


def load(hour: int, checksum: str) -> Load:
    return Load("landing.orders", D1, "f", 1, checksum, {}, "o", datetime(2026, 3, 9, hour, tzinfo=UTC))


def test_a_load_is_known_until_the_next_of_its_day(learning: Exporting) -> None:
    label(learning, datetime.now(UTC))
    source = specs.load().pipelines["shop"]
    assert isinstance(source, Source)
    spec = load_export("orders").features
    assert spec
    [one, other] = known_loads([load(4, "a"), load(6, "b")], source, spec)
    assert one[1:] == (datetime(2026, 3, 9, 4, tzinfo=UTC), datetime(2026, 3, 9, 6, tzinfo=UTC))
    assert (other[1].hour, other[2].year) == (6, 9999)
    [one, _] = known_loads([load(4, "a"), load(6, "b")], source, spec.model_copy(update={"first_known": "deadline"}))
    assert one[1] == source.due_at(D1) < datetime(2026, 3, 9, tzinfo=UTC)


def test_a_file_that_is_gone_is_no_guess(learning: Exporting) -> None:
    label(learning, datetime.now(UTC))
    learning.project.replace("exports/orders/export.yml", "days: 5", "days: 400")
    [found] = learning.project.ledger.loads("landing.orders", Interval(D1, D2 + DAY))
    from headline.sources.storage import path_of

    path_of(found.file).unlink()
    with pytest.raises(BadData):
        learning.run()


def test_personal_data_of_landings_and_labels_is_followed(learning: Exporting) -> None:
    label(learning, datetime.now(UTC))
    catalog = specs.load()
    check_entitled(load_export("orders"), catalog)
    learning.project.replace(
        "sources/shop/orders.contract.yml",
        "numeric_scale: 4, description: What was paid.}",
        "numeric_scale: 4, attributes: {personal: true}, description: What was paid.}",
    )
    with pytest.raises(SpecError, match=r"paid \(from raw\.orders\.amount\)"):
        check_entitled(load_export("orders"), specs.load())
