"""What UCI Online Retail says of a cancellation, on rows made up: needs no data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import forget

from headline import settings, specs
from headline.rules.golden import case_faults

GIVEN = """\
types:
  ds: date
  '"InvoiceNo"': varchar
  '"InvoiceDate"': timestamp
  '"StockCode"': varchar
  '"Description"': varchar
  '"Quantity"': integer
  '"UnitPrice"': double
  '"CustomerID"': double
  '"Country"': varchar
rows:
  - {ds: 2011-03-01, '"InvoiceNo"': C7, '"InvoiceDate"': 2011-03-01 10:00:00, '"StockCode"': 21, '"Quantity"': -2,
     '"UnitPrice"': "1.5"}
  - {ds: 2011-03-01, '"InvoiceNo"': C8, '"InvoiceDate"': 2011-03-01 10:00:00, '"StockCode"': 21, '"Quantity"': 3,
     '"UnitPrice"': "1.5"}
"""
EXPECTED = """\
interval: {start: 2011-03-01, end: 2011-03-02}
reporting_zone: Europe/London
rows:
  - {refund_id: C7-1, quantity: 2, amount: "3", refusal: null, refused_text: null}
  - {refund_id: C8-1, quantity: -3, amount: "-4.5", refusal: positive_quantity_on_a_cancellation, refused_text: "3"}
"""


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[specs.Catalog]:
    monkeypatch.setenv("HEADLINE_SOURCES", str(settings.PROJECT / "examples" / "online_retail" / "sources"))
    forget()
    yield specs.load()
    monkeypatch.undo()
    forget()


def test_a_cancellation_of_more_units_is_refused_by_that_name(catalog: specs.Catalog, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "landing.retail_lines.yml").write_text(GIVEN)
    (tmp_path / "expect.yml").write_text(EXPECTED)
    assert case_faults(catalog, catalog.table("raw.refunds"), tmp_path) == []
