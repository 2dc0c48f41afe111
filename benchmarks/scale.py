"""A year of a larger shop, made at once: 3,000 order lines a day, with nothing to refuse, as files in a landing zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from headline.intervals import Interval
from headline.ledger import Load
from headline.sources.storage import sha256_of

PIPELINES = ("shop", "finance", "core_shop", "core_finance", "unit_profit", "investor_profit")
INTERVAL = Interval(date(2025, 1, 1), date(2026, 1, 1))

# What each table brings for a day; :day is its date, :number counts days from the first, draw(a, b, n) is some number below n.
QUERIES = {
    "orders": """
        select 'O' || :number || '-' || i as order_id, 'C' || draw(:number, i, 2000) as customer_id,
            timestamp ':day' + to_seconds(i * 57 % 86400) as ordered_at, 'paid' as order_status,
            ['web', 'app', 'marketplace'][1 + draw(i, 0, 3)] as sales_channel, 'DE' as country_code,
            ['EUR', 'USD', 'GBP'][1 + draw(i, 1, 3)] as currency_code
        from range(1500) as orders(i)""",
    "order_items": """
        select 'O' || :number || '-' || i // 2 as order_id, 1 + i % 2 as line_number, 'P' || draw(:number, i, 300) as product_id,
            1 + draw(i, 2, 3) as quantity, cast(5 + draw(:number, i, 9000) / 100.0 as decimal(18, 4)) as unit_price,
            cast(draw(i, 4, 100) / 100.0 as decimal(18, 4)) as discount_amount
        from range(3000) as items(i)""",
    "refunds": """
        select 'R' || :number || '-' || i as refund_id, 'O' || :number - i % 40 || '-' || i * 16 as order_id, 1 as line_number,
            timestamp ':day' + interval '23' hour as refunded_at, 1 as quantity, cast(4 as decimal(18, 4)) as amount
        from range(90) as refunds(i) where :number >= i % 40""",
    "products": """
        select 'P' || i as product_id, 'Product ' || i as product_name, 'category ' || i % 8 as category,
            cast(1 + draw(i, month(date ':day'), 300) / 100.0 as decimal(18, 4)) as unit_cost,
            date_trunc('month', timestamp ':day') as updated_at
        from range(300) as products(i)""",
    "customers": """
        select 'C' || i as customer_id, timestamp '2024-01-01' as signed_up_at, 'DE' as country_code,
            'c' || i || '@example.org' as email, timestamp '2024-01-01' as updated_at
        from range(2000) as customers(i)""",
    "expenses": """
        select 'E' || :number || '-' || i as expense_id, ':day' as incurred_on,
            ['marketing', 'operational', 'labor'][1 + i % 3] as expense_type,
            case when i % 3 = 0 then ['web', 'app', 'marketplace'][1 + i // 3] end as sales_channel,
            cast(cast(1000 + draw(:number, i, 100000) / 100.0 as decimal(18, 2)) as varchar) as amount, 'EUR' as currency_code
        from range(9) as expenses(i)""",
    "exchange_rates": """
        select ':day' as rate_date, currency_code,
            '1.' || cast(base + draw(:number, currency_code, 10) as varchar) as rate_to_reporting
        from (values ('USD', 120), ('GBP', 150)) as currencies(currency_code, base)""",
}


# Rows of each query a day, for 3,000 order lines.
_SIZES = {"range(1500)": 1500, "range(3000)": 3000, "range(90)": 90, "range(2000)": 2000}


def land(folder: Path, interval: Interval = INTERVAL, share: float = 1) -> dict[str, list[Load]]:
    """Write the files and say what is in them, by landing table; `share`: how much of the larger shop it is."""
    return {f"landing.{name}": list(_land(name, query, folder, interval, share)) for name, query in QUERIES.items()}


def _land(name: str, query: str, folder: Path, interval: Interval, share: float) -> Iterator[Load]:
    for text, count in _SIZES.items():
        query = query.replace(text, f"range({max(1, round(count * share))})")
    with duckdb.connect() as connection:
        connection.execute("create macro draw(a, b, n) as cast(hash(a, b) % n as bigint)")
        for number, day in enumerate(interval):
            file = folder / f"{name}-{day}.parquet"
            select = query.replace(":number", str(number)).replace(":day", str(day))
            connection.sql(f"select date '{day}' as ds, * from ({select})").write_parquet(str(file))
            rows = connection.read_parquet(str(file))
            columns = dict(zip(rows.columns, map(str, rows.types), strict=True))
            yield Load(
                f"landing.{name}", day, f"file://{file}", len(rows), sha256_of(file), columns, "made up", datetime.now(UTC)
            )
