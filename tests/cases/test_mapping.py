"""The mappings of the examples without data, tried on rows such as they are for."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from headline.intervals import Interval
from headline.local.example import Example
from headline.rules.content import content_faults
from headline.rules.golden import case_faults
from headline.settings import PROJECT
from headline.specs import FilesIngest, load
from headline.sql import render

PAGE = PROJECT / "docs" / "mapping_your_own_data.md"
D1, D2, D3 = "2026-03-01", "2026-03-02", "2026-03-03"
Rows = list[dict[str, Any]]
Try = Callable[..., None]
SHOP = ("orders", "order_items", "refunds", "products", "customers")
RECEIVED = {"headline_refusal": "varchar", "headline_text": "varchar", "headline_origin": "varchar"}


@pytest.fixture
def example() -> str:
    return "small_shop"


@pytest.fixture
def try_out(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Try:
    """Compute a table of the example's source from landed rows, all text, and compare it."""
    monkeypatch.setenv("HEADLINE_SOURCES", str(PROJECT / "examples" / example / "sources"))
    forget_settings()

    def compare(
        table: str, landing: str, columns: list[str], given: list[tuple[Any, ...]], expected: Rows, days: tuple[str, str]
    ) -> None:
        case = tmp_path / table
        (case / "given").mkdir(parents=True)
        names = ["ds", *columns]
        rows = [dict(zip(names, row[: len(names)], strict=True)) | (row[-1] if len(row) > len(names) else {}) for row in given]
        types = {"ds": "date"} | dict.fromkeys(columns, "varchar") | RECEIVED
        if landing:
            (case / "given" / f"landing.{landing}.yml").write_text(yaml.safe_dump({"types": types, "rows": rows}))
        interval = {"start": days[0], "end": days[1]}
        (case / "expect.yml").write_text(yaml.safe_dump({"interval": interval, "rows": expected}))
        catalog = load()
        assert case_faults(catalog, catalog.table(f"raw.{table}"), case) == []

    return compare


@pytest.mark.parametrize(
    ("quantity", "line_total", "unit_price", "discount"),
    [
        (3, "10.00", "3.3334", "0.0002"),
        (4, "10.00", "2.5000", "0.0000"),
        (7, "0.00", "0.0000", "0.0000"),
        (1, "0.0001", "0.0001", "0.0000"),
        (999_983, "12345678.9012", "12.3459", None),
        (0, "5.00", "5.0000", "0.0000"),
        (-2, "-5.00", "-5.0000", "0.0000"),
    ],
)
def test_a_line_total_is_kept_to_the_last_digit(
    try_out: Try, quantity: int, line_total: str, unit_price: str, discount: str | None
) -> None:
    """Whatever the price is rounded to, gross less discount is the total."""
    rest = quantity * Decimal(unit_price) - Decimal(line_total)
    if quantity > 0:
        assert 0 <= rest < quantity * Decimal("0.0001")
    row = {"order_id": "A7", "line_number": 1, "product_id": "P1", "quantity": quantity, "unit_price": unit_price}
    try_out(
        "order_items",
        "sales",
        ["order_number", "position", "sku", "quantity", "line_total"],
        [(D1, "A7", "1", "P1", str(quantity), line_total)],
        [{**row, "discount_amount": discount or str(rest)}],
        (D1, D2),
    )


def test_an_order_is_made_of_its_lines(try_out: Try) -> None:
    try_out(
        "orders",
        "sales",
        ["order_number", "customer_number", "ordered_at"],
        [
            (D1, "A7", "71", f"{D1} 10:00:01"),
            (D1, "A7", "71", f"{D1} 10:00:00"),
            (D1, "A8", None, f"{D1} 11:00:00"),
            (D1, "A9", "72", f"{D1} 12:00:00", {"headline_refusal": "invalid_quantity"}),
        ],
        [
            {"order_id": "A7", "customer_id": "71", "ordered_at": f"{D1} 10:00:00"},
            {"order_id": "A8", "customer_id": None, "ordered_at": f"{D1} 11:00:00"},
        ],
        (D1, D2),
    )


def test_changes_become_a_snapshot_a_day(try_out: Try) -> None:
    columns = ["sku", "name", "category", "unit_cost", "changed_at", "operation"]
    try_out(
        "products",
        "product_changes",
        columns,
        [
            ("2026-02-01", "P1", "cup", "kitchen", "2.00", "2026-02-01 08:00:00", "added"),
            ("2026-02-01", "P2", "bag", "bags", None, "2026-02-01 08:00:00", "added"),
            (D2, "P1", "cup", "kitchen", "2.50", f"{D2} 08:00:00", "changed"),
            (D2, "P1", "cup", "kitchen", "2.25", f"{D2} 07:00:00", "changed"),
            (D2, None, None, None, None, None, None, {"headline_refusal": "unreadable_record", "headline_text": "?"}),
            (D3, "P2", "bag", "bags", None, f"{D3} 08:00:00", "deleted"),
        ],
        [
            {"ds": D1, "product_id": "P1", "unit_cost": "2.00", "updated_at": "2026-02-01 08:00:00", "refusal": None},
            {"ds": D1, "product_id": "P2", "unit_cost": None, "updated_at": "2026-02-01 08:00:00", "refusal": None},
            {"ds": D2, "product_id": "P1", "unit_cost": "2.50", "updated_at": f"{D2} 08:00:00", "refusal": None},
            {"ds": D2, "product_id": "P2", "unit_cost": None, "updated_at": "2026-02-01 08:00:00", "refusal": None},
            {"ds": D2, "product_id": None, "unit_cost": None, "updated_at": None, "refusal": "unreadable_record"},
            {"ds": D3, "product_id": "P1", "unit_cost": "2.50", "updated_at": f"{D2} 08:00:00", "refusal": None},
        ],
        (D1, "2026-03-04"),
    )


def test_a_list_without_dates_is_the_snapshot_of_the_day_on_which_it_is_read(try_out: Try) -> None:
    try_out(
        "customers",
        "customers",
        ["customer_number", "registered_at", "country", "email"],
        [(D1, "71", "2025-05-01 10:00:00", "DE", "a@example.com"), (D2, "71", "2025-05-01 10:00:00", "FR", "a@example.com")],
        [
            {"ds": D1, "customer_id": "71", "country_code": "DE", "updated_at": f"{D1} 00:00:00"},
            {"ds": D2, "customer_id": "71", "country_code": "FR", "updated_at": f"{D2} 00:00:00"},
        ],
        (D1, D3),
    )


def documented(begin: str) -> str:
    """The block of YAML on the page that begins so."""
    [found] = [
        block for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE) if begin in block
    ]
    return str(found)


def test_the_documented_example_has_every_key() -> None:
    written = yaml.safe_load(documented("data_as: shop/"))
    assert Example.model_validate(written).data_as == "shop/"
    assert {field.alias or name for name, field in Example.model_fields.items()} == written.keys()


@pytest.mark.parametrize("begin", ["shop/sales_{{ ds }}.csv", 'day_format: "%d/%m/%Y"'])
def test_documented_ways_to_read_files(begin: str) -> None:
    for ingest in yaml.safe_load(documented(begin))["ingest"].values():
        assert FilesIngest.model_validate(ingest).tells_day


def test_a_day_in_a_name_may_have_another_form() -> None:
    [pattern] = re.findall(r'`pattern: "(shop/\S.*?)"`', PAGE.read_text())
    day = Interval(date(2026, 1, 5), date(2026, 1, 6))
    assert render(pattern, day, "pattern") == "shop/20260105.csv"
    assert FilesIngest(kind="files", connection="x", pattern=pattern, format="csv").tells_day


@pytest.mark.parametrize(
    ("example", "empty", "landings"),
    [("small_shop", ["refunds"], {"sales", "product_changes", "customers"}), ("sign_ups", [*SHOP[:-1]], {"accounts"})],
)
def test_what_a_company_does_not_have_is_empty(try_out: Try, example: str, empty: list[str], landings: set[str]) -> None:
    source = load().source("shop")
    assert (set(source.tables), set(source.ingest)) == (set(SHOP), landings)
    for table in empty:
        try_out(table, "", [], [], [], (D1, D3))


@pytest.mark.parametrize("example", ["small_shop", "sign_ups"])
def test_headline_check_finds_nothing_though_the_golden_cases_and_the_runbook_are_of_the_original(try_out: Try) -> None:
    catalog = load()
    folder = catalog.source("shop").folder
    assert folder.parents[2] == PROJECT / "examples"
    assert list(content_faults(folder, catalog)) == []


@pytest.mark.parametrize("example", ["sign_ups"])
def test_accounts_are_sign_ups_without_a_shop(try_out: Try, example: str) -> None:
    try_out(
        "customers",
        "accounts",
        ["user_number", "opened_at", "country", "email"],
        [
            (D1, "71", f"{D1} 10:00:00", "DE", "a@example.com"),
            (D2, "71", f"{D2} 08:00:00", "FR", "a@example.com"),
            (D2, "72", f"{D2} 09:00:00", None, None),
            (D2, None, f"{D2} 09:00:00", None, None),
            (D2, None, f"{D2} 09:00:00", None, None),
            (D2, None, None, None, None, {"headline_refusal": "wrong_number_of_fields"}),
            (D3, "73", f"{D3} 09:00:00", "DE", None),
        ],
        [
            {"ds": D1, "customer_id": "71", "signed_up_at": f"{D1} 10:00:00", "country_code": "DE", "refusal": None},
            {"ds": D2, "customer_id": "71", "signed_up_at": f"{D1} 10:00:00", "country_code": "DE", "refusal": None},
            {"ds": D2, "customer_id": "72", "signed_up_at": f"{D2} 09:00:00", "country_code": None, "refusal": None},
            *[{"ds": D2, "customer_id": None, "signed_up_at": f"{D2} 09:00:00", "country_code": None, "refusal": None}] * 2,
            {"ds": D2, "customer_id": None, "signed_up_at": None, "country_code": None, "refusal": "wrong_number_of_fields"},
        ],
        (D1, D3),
    )
