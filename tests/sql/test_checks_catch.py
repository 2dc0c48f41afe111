"""Every check of our own SQL passes on a small healthy company, and fails when the one thing that it guards is broken."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import pytest
from tests.properties.memory import make_output, open_in_memory

from headline.intervals import Interval
from headline.ledger import CheckResult, Sample
from headline.pipeline import compile_table
from headline.pipeline.verify import Staged, verify
from headline.specs import Table, load, load_contract
from headline.warehouse import Output, Session

DAYS = Interval(date(2026, 1, 5), date(2026, 1, 7))
RAW = """
insert into raw.orders
select ds, order_id, 'C1', cast(ds as timestamp), 'paid', sales_channel, 'DE', 'EUR'
from (values (date '2026-01-05', 'O1', 'web'), (date '2026-01-06', 'O2', 'app'), (date '2026-01-06', 'O3', 'web'))
as orders(ds, order_id, sales_channel);
insert into raw.order_items values
    ('2026-01-05', 'O1', 1, 'P1', 2, 10, 1), ('2026-01-05', 'O1', 2, 'P1', 1, 10, 0), ('2026-01-05', 'O1', 2, 'P1', 1, 10, 0),
    ('2026-01-06', 'O2', 1, 'P2', 1, 50, 0);
insert into raw.order_items select date '2026-01-06', 'O3', line_number, 'P2', 1, 1, 0 from range(1, 30) as lines(line_number);
insert into raw.refunds values
    ('2026-01-06', 'R1', 'O1', 1, '2026-01-06 09:00:00', 1, 5), ('2026-01-06', 'R2', 'O9', 1, '2026-01-06 09:00:00', 1, 7),
    ('2026-01-06', 'R3', 'O1', null, '2026-01-06 09:00:00', null, 1),
    ('2026-01-06', 'R4', null, null, '2026-01-06 09:00:00', null, 2);
insert into raw.products
select days.ds, product_id, product_id, category, 4, timestamp '2025-06-01 00:00:00'
from (values ('P1', 'home'), ('P2', 'garden')) as products(product_id, category)
cross join (select unnest([date '2026-01-05', date '2026-01-06']) as ds) as days;
insert into raw.customers
select ds, customer_id, timestamp '2025-06-01 00:00:00', 'DE', 'a@example.com', timestamp '2025-06-01 00:00:00'
from (values ('C1'), ('C2')) as customers(customer_id)
cross join (select unnest([date '2026-01-05', date '2026-01-06']) as ds) as days;
insert into raw.expenses values
    ('2026-01-05', 'E1', '2026-01-05', 'operational', null, 10, 'EUR'),
    ('2026-01-05', 'E2', '2026-01-05', 'labor', null, 3.01, 'EUR'),
    ('2026-01-06', 'E3', '2026-01-06', 'marketing', 'marketplace', 2, 'EUR'),
    ('2026-01-06', 'E4', '2026-01-06', 'labor', null, -0.5, 'EUR');
insert into raw.expenses select '2026-01-06', 'E6-' || n, '2026-01-06', 'labor', null, 0.1, 'EUR' from range(9) as entries(n);
insert into raw.exchange_rates values ('2026-01-05', '2026-01-05', 'USD', 0.9);
insert into raw.events values
    ('2026-01-05', 'V1', 'C1', 'S1', 'app_opened', '2026-01-05 09:00:00', 'ios'),
    ('2026-01-05', 'V2', 'C1', 'S1', 'product_viewed', '2026-01-05 09:10:00', 'ios'),
    ('2026-01-05', 'V3', 'C2', 'S2', 'app_opened', '2026-01-05 10:00:00', 'web'),
    ('2026-01-06', 'V4', 'C1', 'S3', 'app_opened', '2026-01-06 09:00:00', 'ios'),
    ('2026-01-06', 'V5', 'C3', 'S4', 'app_opened', '2026-01-06 09:30:00', 'ios');
insert into raw.experiment_assignments values
    ('2026-01-05', 'E1', 'a', 'C1', '2026-01-05 00:00:00'), ('2026-01-05', 'E1', 'b', 'C2', '2026-01-05 10:00:00');
"""
# Five rows of the evening before: as many as no clock goes wrong by itself.
OFF = "insert into {} select date '2026-01-06', 'X' || n, timestamp '2026-01-05 23:30:00' from range(5) as more(n)"
RAW_TABLES = [name for name in load().tables if name.startswith("raw.")]
# Table, the check that must catch it, and how the data are broken.
BROKEN = [
    *((name, "every record matches its schema", f"update {name} set refusal = 'unreadable_record'") for name in RAW_TABLES),
    ("raw.orders", "every day has orders", "delete from raw.orders where ds = '2026-01-06'"),
    (
        "raw.orders",
        "every order is on the business day of its timestamp",
        "update raw.orders set ordered_at = '2026-01-07' where order_id = 'O2'",
    ),
    ("raw.orders", "days are cut in the reporting zone", OFF.format("raw.orders (ds, order_id, ordered_at)")),
    (
        "raw.refunds",
        "every refund is on the business day of its timestamp",
        "update raw.refunds set refunded_at = '2026-01-05 23:59:59' where refund_id = 'R1'",
    ),
    ("raw.refunds", "days are cut in the reporting zone", OFF.format("raw.refunds (ds, refund_id, refunded_at)")),
    ("raw.events", "days are cut in the reporting zone", OFF.format("raw.events (ds, event_id, occurred_at)")),
    ("raw.order_items", "every day has order lines", "delete from raw.order_items where ds = '2026-01-06'"),
    ("raw.products", "every day has a snapshot", "delete from raw.products where ds = '2026-01-06'"),
    ("raw.customers", "every day has a snapshot", "delete from raw.customers where ds = '2026-01-06'"),
    ("raw.expenses", "every day has expenses", "delete from raw.expenses where ds = '2026-01-05'"),
    ("raw.events", "every day has events", "delete from raw.events where ds = '2026-01-06'"),
    (
        "raw.events",
        "every event arrives while its day is open",
        "update raw.events set occurred_at = '2026-01-04 23:59:59' where event_id = 'V1'",
    ),
    (
        "raw.events",
        "every event arrives while its day is open",
        "update raw.events set occurred_at = null where event_id = 'V1'",
    ),
    (
        "raw.experiment_assignments",
        "no assignment lacks its experiment, variant, user or time",
        "update raw.experiment_assignments set variant = null where user_id = 'C1'",
    ),
    ("core.events", "raw = core + quarantine in rows", "delete from core.events where event_id = 'V1'"),
    ("core.events", "raw = core + quarantine in rows", "insert into quarantine.events (ds) values ('2026-01-06')"),
    ("core.events", "every day with events has valid ones", "delete from core.events where ds = '2026-01-06'"),
    (
        "core.events",
        "an event counts by its newest version",
        "insert into core.app_superseded values ('event', 'V1', '2026-01-05', '2026-01-05', '2026-01-06')",
    ),
    *(
        (
            f"core.{source}_resends",
            "no version supersedes a later one",
            f"insert into core.{source}_resends values ('2026-01-05', 'record', '1', '2026-01-06')",
        )
        for source in ("shop", "finance", "app")
    ),
    ("core.sessions", "every event of a session is counted in sessions", "delete from core.sessions where session_id = 'S2'"),
    (
        "core.sessions",
        "every event of a session is counted in sessions",
        "update core.sessions set event_count = event_count + 1 where session_id = 'S1'",
    ),
    (
        "core.user_days",
        "user_days counts every session and every active event",
        "delete from core.user_days where user_id = 'C3'",
    ),
    (
        "core.user_days",
        "user_days counts every session and every active event",
        "update core.user_days set session_count = session_count + 1 where user_id = 'C3'",
    ),
    (
        "core.first_activity",
        "a user is first active on one day only",
        "insert into core.first_activity values ('2025-12-31', 'C1')",
    ),
    ("core.first_activity", "every active user has a first day", "delete from core.first_activity where user_id = 'C3'"),
    (
        "core.first_activity",
        "a user is active on their first day",
        "insert into core.first_activity values ('2026-01-05', 'C3')",
    ),
    (
        "core.assignments",
        "every valid assignment is on its business day",
        "delete from core.assignments where user_id = 'C2'",
    ),
    (
        "core.contaminated_users",
        "a user is contaminated once in an experiment",
        "insert into core.contaminated_users values ('E1', 'C1', '2026-01-05', '2026-01-06'), "
        "('E1', 'C1', '2026-01-06', '2026-01-07')",
    ),
    (
        "core.contaminated_users",
        "a contaminated user was shown two variants",
        "insert into core.contaminated_users values ('E1', 'C1', '2026-01-05', '2026-01-06')",
    ),
    (
        "core.exposures",
        "a user is first exposed on one day only",
        "insert into core.exposures values ('2026-01-06', 'E1', 'C1', 'b', '2026-01-06', false)",
    ),
    (
        "core.exposures",
        "every assignment is of an exposed user or in quarantine",
        "delete from core.exposures where user_id = 'C2'",
    ),
    (
        "core.exposures",
        "every incomplete assignment is in quarantine",
        "insert into raw.experiment_assignments (ds, experiment_id, variant, exposed_at) "
        "values ('2026-01-06', 'E1', 'a', '2026-01-06')",
    ),
    (
        "raw.exchange_rates",
        "no currency of the week before has vanished",
        "insert into raw.exchange_rates (ds, rate_date, currency_code, rate_to_reporting) "
        "values ('2026-01-06', '2026-01-06', 'SEK', 0.1)",
    ),
    ("raw.exchange_rates", "every file is of its day", "update raw.exchange_rates set rate_date = '2026-01-04'"),
    ("raw.exchange_rates", "every rate can be used", "update raw.exchange_rates set rate_date = '2026-01-06'"),
    (
        "core.exchange_rates",
        "the reporting currency is worth 1 on every day",
        "delete from core.exchange_rates where ds = '2026-01-06' and currency_code = 'EUR'",
    ),
    (
        "core.exchange_rates",
        "a rate that arrived is in force on its day",
        "delete from core.exchange_rates where ds = '2026-01-05' and currency_code = 'USD'",
    ),
    (
        "core.exchange_rates",
        "a rate that arrived is in force on its day",
        "update core.exchange_rates set rate_to_reporting = 9 where currency_code = 'USD'",
    ),
    ("core.expenses", "every day with expenses has valid ones", "delete from core.expenses where ds = '2026-01-06'"),
    (
        "core.expenses",
        "an expense counts by its newest version",
        "insert into core.finance_superseded values ('expense', 'E1', '2026-01-05', '2026-01-05', '2026-01-06')",
    ),
    (
        "core.expenses",
        "an expense is on one day only",
        "insert into core.expenses select * replace (date '2025-12-05' as ds) from core.expenses where expense_id = 'E1'",
    ),
    ("core.expenses", "amounts are whole cents", "update core.expenses set amount = amount + 0.001"),
    ("core.expenses", "raw = core + quarantine in rows and money", "delete from core.expenses where expense_id = 'E1'"),
    ("core.expenses", "raw = core + quarantine in rows and money", "delete from quarantine.expenses"),
    (
        "core.expenses",
        "raw = core + quarantine in rows and money",
        "update core.expenses set amount_in_expense_currency = amount_in_expense_currency + 0.0001 where expense_id = 'E1'",
    ),
    (
        "core.expenses",
        "money in reporting currency = money of the row × the day's rate",
        "update core.expenses set amount = amount - 0.01 where expense_id = 'E1'",
    ),
    (
        "core.product_changes",
        "a product changes once a day",
        "insert into core.product_changes select * replace (timestamp '2026-01-01' as updated_at) from core.product_changes",
    ),
    (
        "core.product_changes",
        "every product of a snapshot is in the history of changes",
        "delete from core.product_changes where product_id = 'P1'",
    ),
    (
        "core.product_changes",
        "every product of a snapshot is in the history of changes",
        "insert into core.product_changes select * replace (date '2026-01-06' as ds, true as is_removed) "
        "from core.product_changes",
    ),
    (
        "core.product_changes",
        "no product changes after the day of its snapshot",
        "update core.product_changes set updated_at = ds + interval 1 day",
    ),
    (
        "core.product_changes",
        "a removed product is not in the snapshot of the day",
        "update core.product_changes set is_removed = true where product_id = 'P1'",
    ),
    (
        "core.products",
        "the current version of a product is what the last snapshot says",
        "update core.products set category = 'kitchen' where product_id = 'P1'",
    ),
    ("core.products", "a version ends after it begins", "update core.products set valid_to = valid_from where product_id = 'P1'"),
    (
        "core.products",
        "no two versions of a product overlap",
        "insert into core.products values ('P1', 'P1', 'home', 5, '2026-01-05', '2026-01-06', false)",
    ),
    (
        "core.products",
        "at most one version of a product is current",
        "insert into core.products values ('P1', 'P1', 'home', 5, '2020-01-05', '2020-01-06', true)",
    ),
    (
        "core.products",
        "every product of the last snapshot is current or in quarantine",
        "update core.products set is_current = false where product_id = 'P1'",
    ),
    (
        "core.customer_changes",
        "a customer changes once a day",
        "insert into core.customer_changes select * replace (timestamp '2026-01-01' as updated_at) from core.customer_changes",
    ),
    (
        "core.customer_changes",
        "every customer of a snapshot is in the history of changes",
        "delete from core.customer_changes where customer_id = 'C1'",
    ),
    (
        "core.customer_changes",
        "every customer of a snapshot is in the history of changes",
        "insert into core.customer_changes select * replace (date '2026-01-06' as ds, true as is_removed) "
        "from core.customer_changes",
    ),
    (
        "core.customer_changes",
        "no customer changes after the day of its snapshot",
        "update core.customer_changes set updated_at = ds + interval 1 day",
    ),
    (
        "core.customer_changes",
        "a removed customer is not in the snapshot of the day",
        "update core.customer_changes set is_removed = true where customer_id = 'C1'",
    ),
    (
        "core.customers",
        "the current version of a customer is what the last snapshot says",
        "update core.customers set country_code = 'FR' where customer_id = 'C1'",
    ),
    ("core.customers", "a version ends after it begins", "update core.customers set valid_to = valid_from"),
    (
        "core.customers",
        "no two versions of a customer overlap",
        "insert into core.customers values ('C1', null, 'DE', '2026-01-05', '2026-01-06', false)",
    ),
    (
        "core.customers",
        "at most one version of a customer is current",
        "insert into core.customers values ('C1', null, 'DE', '2020-01-05', '2020-01-06', true)",
    ),
    ("core.customers", "every customer of the last snapshot is current or in quarantine", "delete from core.customers"),
    (
        "core.order_lines",
        "no discount exceeds the gross revenue",
        "update core.order_lines set discount_amount = gross_revenue + 0.0001 where order_id = 'O2'",
    ),
    (
        "core.order_lines",
        "an order line is on one day only",
        "insert into core.order_lines select * replace (date '2025-12-31' as ds) from core.order_lines where order_id = 'O2'",
    ),
    (
        "core.order_lines",
        "an order counts by its newest version",
        "insert into core.shop_superseded values ('order', 'O2', '2026-01-06', '2026-01-06', '2026-01-07')",
    ),
    ("core.order_lines", "raw = core + quarantine in rows and money", "delete from core.order_lines where order_id = 'O2'"),
    ("core.order_lines", "raw = core + quarantine in rows and money", "delete from quarantine.order_lines"),
    (
        "core.order_lines",
        "raw = core + quarantine in rows and money",
        "update core.order_lines set quantity = quantity + 1 where order_id = 'O2'",
    ),
    (
        "core.order_lines",
        "money in reporting currency = money of the row × the day's rate",
        "update core.order_lines set gross_revenue = gross_revenue - 0.0001 where order_id = 'O2'",
    ),
    (
        "core.order_lines",
        "money in reporting currency = money of the row × the day's rate",
        "update core.order_lines set discount_amount = 0 where order_id = 'O1'",
    ),
    ("core.order_lines", "every day with order lines has valid ones", "delete from core.order_lines where ds = '2026-01-06'"),
    ("core.refund_lines", "no refund comes before its order", "update core.refund_lines set order_ds = '2026-01-07'"),
    (
        "core.refund_lines",
        "one row per refund and order line",
        "insert into core.refund_lines select * from core.refund_lines where refund_id = 'R4'",
    ),
    ("core.refund_lines", "raw = core + quarantine in rows and money", "delete from core.refund_lines where refund_id = 'R1'"),
    (
        "core.refund_lines",
        "raw = core + quarantine in rows and money",
        "delete from core.refund_lines where refund_id = 'R3' and line_number = 2",
    ),
    (
        "core.refund_lines",
        "a refund counts by its newest version",
        "insert into core.shop_superseded values ('refund', 'R1', '2026-01-06', '2026-01-06', '2026-01-07')",
    ),
    (
        "core.refund_lines",
        "a refund is on one day only",
        "insert into core.refund_lines select * replace (date '2025-12-06' as ds) from core.refund_lines where refund_id = 'R1'",
    ),
    *(
        ("core.refund_lines", "refunds do not exceed what was paid", damage)
        for damage in (
            "update core.refund_lines set amount_in_order_currency = 19.02 where refund_id = 'R1'",
            "update core.refund_lines set amount_in_order_currency = 9 + amount_in_order_currency where refund_id <= 'R3'",
            "update core.refund_lines set line_number = null where refund_id = 'R3'",
        )
    ),
    ("core.refund_lines", "raw = core + quarantine in rows and money", "delete from quarantine.refund_lines"),
    (
        "core.refund_lines",
        "money in reporting currency = money of the row × the day's rate",
        "update core.refund_lines set refund_amount = refund_amount - 0.01 where refund_id = 'R3' and line_number = 2",
    ),
    (
        "core.shop_coverage",
        "coverage counts the rows of core and quarantine",
        "update core.order_lines set has_unit_cost = false where order_id = 'O2'",
    ),
    ("core.shop_coverage", "every day has its row", "delete from core.shop_coverage where ds = '2026-01-06'"),
    (
        "core.shop_coverage",
        "coverage counts the rows of core and quarantine",
        "delete from core.order_lines where ds = '2026-01-05'",
    ),
    (
        "core.shop_coverage",
        "coverage counts the rows of core and quarantine",
        "update core.refund_lines set refund_amount = refund_amount - 0.01 where refund_id = 'R1'",
    ),
    (
        "core.shop_coverage",
        "coverage counts all money in quarantine",
        "update quarantine.refund_lines set refund_amount = -5.01 where refund_id = 'R2'",
    ),
    (
        "core.shop_coverage",
        "no day is below the coverage limit",
        "update core.shop_coverage set accepted_count = 1, accepted_revenue = 1 where ds = '2026-01-06'",
    ),
    ("core.finance_coverage", "every day has its row", "delete from core.finance_coverage where ds = '2026-01-06'"),
    (
        "core.finance_coverage",
        "coverage counts the rows of core and quarantine",
        "delete from core.expenses where ds = '2026-01-05'",
    ),
    (
        "core.finance_coverage",
        "coverage counts all money in quarantine",
        "update core.finance_coverage set refused_expense = 0.49 where ds = '2026-01-06'",
    ),
    (
        "core.finance_coverage",
        "no day is below the coverage limit",
        "update core.finance_coverage set accepted_count = 3, accepted_expense = 1 where ds = '2026-01-06'",
    ),
    ("core.app_coverage", "every day has its row", "delete from core.app_coverage where ds = '2026-01-06'"),
    (
        "core.app_coverage",
        "coverage counts the rows of core and quarantine",
        "delete from core.events where ds = '2026-01-05'",
    ),
    (
        "core.app_coverage",
        "no day is below the coverage limit",
        "insert into quarantine.events (ds, quarantine_reason) values ('2026-01-06', 'missing_user_id'); "
        "update core.app_coverage set refused_count = 1 where ds = '2026-01-06'",
    ),
    (
        "profit.expense_allocation",
        "one row per pool and order line",
        "insert into profit.expense_allocation select * from profit.expense_allocation where order_id is null",
    ),
    (
        "profit.expense_allocation",
        "an order line has its exact share of each pool",
        "update profit.expense_allocation set amount = case line_number when 1 then amount + 0.02 else amount - 0.02 end "
        "where ds = '2026-01-05'",
    ),
    (
        "profit.expense_allocation",
        "every order line with revenue has a part of each pool",
        "delete from profit.expense_allocation where order_id = 'O1' and line_number = 2",
    ),
    (
        "profit.expense_allocation",
        "an order line has its exact share of each pool",
        "update core.order_lines set gross_revenue = gross_revenue + 10 where order_id = 'O1' and line_number = 2",
    ),
    (
        "profit.expense_allocation",
        "the parts of a pool sum to its expenses",
        "delete from profit.expense_allocation where order_id is null",
    ),
    ("profit.expense_allocation", "the parts of a pool sum to its expenses", "delete from core.expenses where expense_id = 'E3'"),
    (
        "profit.refund_windows",
        "a closed refund window is followed by orders",
        "insert into profit.refund_windows values ('2026-01-05', '2026-01-05', '2026-01-06')",
    ),
    (
        "profit.unit_profit",
        "refunds of the day = core.refund_lines in rows and money",
        "delete from profit.unit_profit where entry = 'refund' and refund_id = 'R4'",
    ),
    (
        "profit.unit_profit",
        "refunds of the day = core.refund_lines in rows and money",
        "update profit.unit_profit set line_number = 1 where refund_id = 'R3'",
    ),
    (
        "profit.unit_profit",
        "refunds of the day = core.refund_lines in rows and money",
        "update profit.unit_profit set net_revenue = net_revenue + 0.01 where refund_id = 'R1'",
    ),
    (
        "profit.unit_profit",
        "sales of the day = core.order_lines in rows and money",
        "update profit.unit_profit set net_revenue = gross_revenue where order_id = 'O1' and entry = 'sale'",
    ),
    (
        "profit.unit_profit",
        "profit of the day = money and costs of core",
        "update profit.unit_profit set gross_profit = gross_profit + 0.0001 where order_id = 'O2'",
    ),
    (
        "profit.unit_profit",
        "profit of the day = money and costs of core",
        "update profit.unit_profit set net_profit = net_profit - 0.01 where order_id = 'O1'",
    ),
    (
        "profit.unit_profit",
        "profit of the day = money and costs of core",
        "update core.products set unit_cost = 3 where product_id = 'P1'",
    ),
    (
        "profit.unit_profit",
        "profit of the day = money and costs of core",
        "update core.expenses set amount = amount + 0.01 where expense_id = 'E1'",
    ),
    (
        "profit.unit_profit",
        "sales of the day = core.order_lines in rows and money",
        "delete from profit.unit_profit where order_id = 'O2'",
    ),
    (
        "profit.unit_profit",
        "expenses of the day = what was allocated to order lines",
        "update profit.expense_allocation set amount = amount + 0.01 where order_id = 'O1' and line_number = 1",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "update profit.daily_profit_summary set net_revenue = net_revenue + 0.0001 where category = 'home'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "update profit.daily_profit_summary set gross_profit = gross_profit - 0.01 where category = 'garden'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "update profit.daily_profit_summary set net_profit = net_profit + labor_expense where category = 'home'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "delete from core.refund_lines where refund_id = 'R4'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "update profit.unit_profit set cost_of_goods = cost_of_goods + 0.01 where order_id = 'O2'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "update core.order_lines set has_unit_cost = false where order_id = 'O2'",
    ),
    (
        "profit.daily_profit_summary",
        "unit profit on the recognition clock = daily summary, by category",
        "update profit.unit_profit set gross_profit = null where order_id = 'O2'",
    ),
    (
        "profit.unit_profit",
        "profit is known where the cost of goods is",
        "update profit.unit_profit set cost_of_goods = null where order_id = 'O2'",
    ),
    (
        "profit.unit_profit",
        "profit is known where the cost of goods is",
        "update profit.unit_profit set net_profit = null where order_id = 'O2'",
    ),
    (
        "core.product_changes",
        "every product that is added or changed has a unit cost",
        "update core.product_changes set unit_cost = null where product_id = 'P1'",
    ),
    (
        "profit.daily_profit_summary",
        "profit of the day = sales, refunds and expenses of core, less cost of goods",
        "delete from core.expenses where expense_id = 'E3'",
    ),
    (
        "profit.daily_profit_summary",
        "every day has its row unallocated",
        "delete from profit.daily_profit_summary where category = 'unallocated' and ds = '2026-01-05'",
    ),
    (
        "profit.daily_profit_summary",
        "unit profit on the recognition clock = daily summary, by category",
        "update profit.daily_profit_summary set category = 'kitchen' where category = 'home'",
    ),
    (
        "profit.daily_profit_summary",
        "unit profit on the recognition clock = daily summary, by category",
        "delete from profit.unit_profit where entry = 'refund'",
    ),
    (
        "profit.daily_profit_summary",
        "sales and refunds of the day = core.order_lines and core.refund_lines",
        "update core.refund_lines set refund_amount = refund_amount + 0.0001",
    ),
    (
        "profit.daily_profit_summary",
        "sales and refunds of the day = core.order_lines and core.refund_lines",
        "delete from core.order_lines where order_id = 'O2'",
    ),
    (
        "profit.daily_profit_summary",
        "allocated + unallocated = core.expenses, by day and type",
        "update core.expenses set amount = amount + 0.01 where expense_id = 'E3'",
    ),
    (
        "profit.monthly_profit_trends",
        "a month is covered at most once",
        "update profit.monthly_profit_trends set coverage = 1.1",
    ),
    ("profit.monthly_profit_trends", "every month since the first one has its row", "delete from profit.monthly_profit_trends"),
    (
        "profit.monthly_profit_trends",
        "the days sum to the month",
        "update profit.daily_profit_summary set net_profit = net_profit + 0.0001 where ds = '2026-01-06' and category = 'garden'",
    ),
    (
        "growth.daily_growth",
        "every day since the first one loaded has its row all",
        "delete from growth.daily_growth where ds = '2026-01-06' and experiment_id = 'all'",
    ),
    (
        "growth.daily_growth",
        "active = new + retained + resurrected + unknown",
        "update growth.daily_growth set unknown_users = unknown_users + 1",
    ),
    (
        "growth.daily_growth",
        "active = users of core.user_days, exposed to the variant",
        "delete from core.user_days where user_id = 'C3'",
    ),
    (
        "growth.daily_growth",
        "active = users of core.user_days, exposed to the variant",
        "delete from core.exposures where user_id = 'C1'",
    ),
    (
        "growth.daily_growth",
        "retained + churned = active the day before",
        "update growth.daily_growth set churned_users = churned_users - 1 where ds = '2026-01-06' and experiment_id = 'all'",
    ),
    (
        "growth.daily_growth",
        "retained + churned = active the day before",
        "update growth.daily_growth set churned_users = churned_users + 1 where ds = '2026-01-06' and variant = 'a'",
    ),
    (
        "growth.daily_growth",
        "new + unknown = users seen for the first time",
        "update growth.daily_growth set new_users = new_users + 1 where experiment_id = 'all'",
    ),
    (
        "growth.daily_growth",
        "nobody is new or retained before a full day of history, unless by sign-up",
        "update growth.daily_growth set new_users = unknown_users where ds = '2026-01-05'",
    ),
    (
        "growth.daily_growth",
        "the share of exposed users unknown to the shop is as before",
        "update core.exposures set user_id = user_id || '.0' where user_id = 'C2'",
    ),
    ("growth.weekly_growth", "every week since the first one loaded has its row", "delete from growth.weekly_growth"),
    (
        "growth.weekly_growth",
        "active = new + retained + resurrected + unknown",
        "update growth.weekly_growth set unknown_users = unknown_users + 1",
    ),
    (
        "growth.weekly_growth",
        "retention rate + churn rate = 1",
        "update growth.weekly_growth set retention_rate = 0.5, churn_rate = 0.4",
    ),
    (
        "growth.weekly_growth",
        "retention rate + churn rate = 1",
        "update growth.weekly_growth set churned_users = 0, quick_ratio = 1",
    ),
    ("growth.weekly_growth", "daily actives roll up to the week", "delete from core.user_days where user_id = 'C3'"),
    (
        "growth.weekly_growth",
        "retained + churned = active the week before",
        "insert into core.user_days values ('2025-12-30', 'C1', 1, 1)",
    ),
    (
        "growth.weekly_growth",
        "new + unknown = users seen for the first time",
        "insert into core.first_activity values ('2025-12-30', 'C1')",
    ),
    ("growth.monthly_growth", "every month since the first one loaded has its row", "delete from growth.monthly_growth"),
    (
        "growth.monthly_growth",
        "active = new + retained + resurrected + unknown",
        "update growth.monthly_growth set unknown_users = unknown_users + 1",
    ),
    (
        "growth.monthly_growth",
        "retention rate + churn rate = 1",
        "update growth.monthly_growth set retention_rate = 0.5, churn_rate = 0.4",
    ),
    (
        "growth.monthly_growth",
        "retention rate + churn rate = 1",
        "update growth.monthly_growth set churned_users = 0, quick_ratio = 1",
    ),
    ("growth.monthly_growth", "daily actives roll up to the month", "delete from core.user_days where user_id = 'C3'"),
    (
        "growth.monthly_growth",
        "retained + churned = active the month before",
        "insert into core.user_days values ('2025-12-30', 'C1', 1, 1)",
    ),
    (
        "growth.monthly_growth",
        "new + unknown = users seen for the first time",
        "insert into core.first_activity values ('2025-12-30', 'C1')",
    ),
    (
        "engagement.daily_engagement",
        "every day since the first one loaded has its row",
        "delete from engagement.daily_engagement where ds = '2026-01-06'",
    ),
    (
        "engagement.daily_engagement",
        "DAU ≤ WAU ≤ MAU",
        "update engagement.daily_engagement set weekly_active_users = monthly_active_users + 1",
    ),
    (
        "engagement.daily_engagement",
        "DAU ≤ WAU ≤ MAU",
        "update engagement.daily_engagement set weekly_active_users = daily_active_users - 1",
    ),
    ("engagement.daily_engagement", "DAU = users of core.user_days", "delete from core.user_days where user_id = 'C3'"),
    (
        "engagement.daily_engagement",
        "28 × stickiness = mean active days per active user",
        "update engagement.daily_engagement set stickiness = 0.5",
    ),
    (
        "engagement.monthly_engagement",
        "every month since the first one loaded has its row",
        "delete from engagement.monthly_engagement",
    ),
    (
        "engagement.monthly_engagement",
        "users by active days sum to the active users",
        "update engagement.monthly_engagement set one_day_users = one_day_users + 1",
    ),
    ("engagement.monthly_engagement", "daily actives roll up to the month", "delete from core.user_days where user_id = 'C3'"),
    (
        "engagement.monthly_engagement",
        "mean DAU × days = the days' DAU",
        "update engagement.monthly_engagement set mean_daily_active_users = mean_daily_active_users + 0.0001",
    ),
    (
        "profit.experiment_profit",
        "exposed + contaminated = users of core.exposures",
        "update core.exposures set is_contaminated = true where user_id = 'C1'",
    ),
    (
        "profit.experiment_profit",
        "sums = unit profit of the exposed users since exposure",
        "update profit.experiment_profit set net_revenue_sum = net_revenue_sum + 0.0001 where variant = 'a'",
    ),
    (
        "profit.experiment_profit",
        "sums = unit profit of the exposed users since exposure",
        "update core.exposures set exposed_at = '2026-01-05 12:00:00' where user_id = 'C1'",
    ),
    (
        "profit.experiment_profit",
        "buyers are exposed users",
        "update profit.experiment_profit set buyer_count = exposed_users + 1",
    ),
    (
        "profit.experiment_profit",
        "no variance is negative",
        "update profit.experiment_profit set net_profit_sum_of_squares = 0",
    ),
    (
        "profit.experiment_profit",
        "no sample ratio mismatch",
        "update profit.experiment_profit set is_sample_ratio_off = true",
    ),
    (
        "profit.experiment_readout",
        "an interval holds its lift, and the always-valid one holds the other",
        "update profit.experiment_readout set absolute_lift_low = absolute_lift + 1",
    ),
    (
        "profit.experiment_readout",
        "nothing is concluded from a sample ratio mismatch",
        "update profit.experiment_readout set is_sample_ratio_off = true",
    ),
    (
        "profit.experiment_readout",
        "every variant is compared with the control",
        "delete from profit.experiment_readout where ds = '2026-01-06'",
    ),
    (
        "growth.experiment_readout",
        "an interval holds its lift, and the always-valid one holds the other",
        "update growth.experiment_readout set absolute_lift_low = absolute_lift + 1",
    ),
    (
        "growth.experiment_readout",
        "nothing is concluded from a sample ratio mismatch",
        "update growth.experiment_readout set is_sample_ratio_off = true",
    ),
    (
        "growth.experiment_readout",
        "every variant is compared with the control",
        "delete from growth.experiment_readout where ds = '2026-01-06'",
    ),
    (
        "profit.experiment_readout",
        "a value × its users is the sum of profit.experiment_profit",
        "update profit.experiment_readout set control_value = control_value + 0.0001 where metric_name = 'net_profit_per_user'",
    ),
    (
        "growth.experiment_readout",
        "a value × its users is the active days of core.user_days",
        "insert into core.user_days values ('2026-01-06', 'C2', 1, 1)",
    ),
    (
        "growth.experiment_readout",
        "a value × its users is the active days of core.user_days",
        "delete from core.user_days where user_id = 'C1'",
    ),
]
# Table, check, how the data are broken, and the rows that the result must name.
SAMPLES = [
    ("raw.orders", "every day has orders", "delete from raw.orders where ds = '2026-01-06'", [{"ds": "2026-01-06"}]),
    (
        "core.order_lines",
        "raw = core + quarantine in rows and money",
        "delete from core.order_lines where order_id = 'O2'",
        [
            {
                "ds": "2026-01-06",
                "order_id": "O2",
                "line_number": "1",
                "row_count_difference": "1",
                "gross_amount_difference": "50.0000",
                "discount_amount_difference": "0.0000",
            }
        ],
    ),
    (
        "core.shop_coverage",
        "no day is below the coverage limit",
        "update core.shop_coverage set accepted_count = 1, accepted_revenue = 1 where ds = '2026-01-06'",
        [{"ds": "2026-01-06", "table_name": "refund_lines", "quarantine_reason": "order_line_not_found", "row_count": "1"}],
    ),
    (
        "core.events",
        "raw = core + quarantine in rows",
        "insert into core.events select * replace ('V9' as event_id) from core.events where event_id = 'V1'",
        [{"ds": "2026-01-05", "event_id": "V9", "row_count_difference": "-1"}],
    ),
    (
        "core.events",
        "No missing values",
        "update core.events set user_id = null where event_id = 'V1'",
        [{"ds": "2026-01-05", "event_id": "V1", "user_id": None}],
    ),
    (
        "core.sessions",
        "No invalid values",
        "update core.sessions set event_count = 0 where session_id = 'S2'",
        [{"ds": "2026-01-05", "session_id": "S2", "user_id": "C2", "event_count": "0"}],
    ),
    (
        "core.order_lines",
        "No invalid values",
        "update core.order_lines set sales_channel = 'fax' where order_id = 'O2'",
        [{"ds": "2026-01-06", "order_id": "O2", "line_number": "1", "sales_channel": "fax"}],
    ),
    (
        "core.order_lines",
        "no discount exceeds the gross revenue",
        "update core.order_lines set discount_amount = gross_revenue + 0.0001 where order_id = 'O2'",
        [{"ds": "2026-01-06", "order_id": "O2", "line_number": "1"}],
    ),
    (
        "core.user_days",
        "No duplicate values",
        "insert into core.user_days select * from core.user_days where user_id = 'C3'",
        [{"ds": "2026-01-06", "user_id": "C3", "row_count": "2"}],
    ),
    (
        "core.products",
        "no two versions of a product overlap",
        "insert into core.products values ('P1', 'P1', 'home', 5, '2026-01-05', '2026-01-06', false)",
        [{"product_id": "P1", "valid_from": "2026-01-05 00:00:00"}],
    ),
    (
        "profit.expense_allocation",
        "one row per pool and order line",
        "insert into profit.expense_allocation select * from profit.expense_allocation where order_id is null",
        [
            {
                "ds": "2026-01-06",
                "expense_type": "marketing",
                "sales_channel": "marketplace",
                "order_id": None,
                "line_number": None,
                "row_count": "2",
            }
        ],
    ),
]
TABLES = [table for pipeline in load().pipelines.values() for table in pipeline.ordered_tables]


def test_every_check_of_our_own_is_shown_to_catch() -> None:
    """Those of kind anomaly need weeks of history: test_anomaly_checks_catch.py."""
    checks = [(table.full_name, check) for table in TABLES for check in load_contract(table).listed_checks]
    written = {(table, check.name) for table, check in checks if check.type == "failed_rows" and check.dimension != "anomaly"}
    assert written == {(table, check) for table, check, _ in BROKEN}


def with_readable_columns(insert: re.Match[str]) -> str:
    """Every row can be read: what is told of those that cannot stays NULL."""
    columns = [name for name in load_contract(load().table(insert[1])).column_names if not name.startswith("refus")]
    return f"{insert[0]} ({', '.join(columns)})"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.full_name)
def test_healthy(company: Session, table: Table) -> None:
    results = examine(table, company)
    assert {(result.outcome, len(result.sample)) for result in results if result.kind != "anomaly"} == {("passed", 0)}
    assert {result.outcome for result in results if result.kind == "anomaly"} <= {"insufficient_history", "passed"}


@pytest.mark.parametrize(("name", "check", "damage"), BROKEN, ids=[f"{name}: {check}" for name, check, _ in BROKEN])
def test_broken(company: Session, name: str, check: str, damage: str) -> None:
    with damaged(company, damage):
        results = {result.name: result for result in examine(load().table(name), company)}
    assert results[check].outcome in ("failed", "warned")
    assert results[check].sample


@pytest.mark.parametrize(("name", "check", "damage", "rows"), SAMPLES, ids=[f"{name}: {check}" for name, check, _, _ in SAMPLES])
def test_the_rows_are_named(company: Session, name: str, check: str, damage: str, rows: list[Sample]) -> None:
    with damaged(company, damage):
        found = [one for one in examine(load().table(name), company) if one.name == check and one.sample]
    assert [one.sample for one in found] == [rows]


@pytest.mark.parametrize(("name", "measure"), [("shop", "revenue"), ("finance", "expense")])
@pytest.mark.parametrize("few", ["accepted_count = 1", "accepted_{} = 1"])
def test_neither_one_large_row_nor_many_worth_nothing_hold_a_day(company: Session, name: str, measure: str, few: str) -> None:
    with damaged(company, f"update core.{name}_coverage set {few.format(measure)} where ds = '2026-01-06'"):
        results = {result.name: result for result in examine(load().table(f"core.{name}_coverage"), company)}
    assert results["no day is below the coverage limit"].outcome == "passed"


@pytest.fixture(scope="module")
def company() -> Iterator[Session]:
    """Two days of a tiny company, in every table from raw on."""
    with open_in_memory() as session:
        for table in TABLES:
            for output in table.outputs:
                make_output(Output(output, table), session)
        for statement in re.sub(r"insert into (raw\.\w+)", with_readable_columns, RAW).split(";")[:-1]:
            session.query(statement)
        for table in in_order_of_reads():
            compute(table, session)
        yield session


def in_order_of_reads() -> list[Table]:
    """All tables above raw, each after those that it reads."""
    from graphlib import TopologicalSorter

    tables = {table.full_name: table for table in TABLES if not table.full_name.startswith("raw.")}
    graph = {name: set(table.reads) & set(tables) for name, table in tables.items()}
    return [tables[name] for name in TopologicalSorter(graph).static_order()]


def compute(table: Table, session: Session) -> None:
    session.query("create schema if not exists computed")
    session.query(f"create or replace table computed.result as {compile_table(table, DAYS, {}, 'duckdb')}")
    for output in table.outputs:
        columns = ", ".join(Output(output, table).columns)
        condition = f"quarantine_reason is {'not null' if output != table.full_name else 'null'}" if table.quarantine else "true"
        session.query(f"insert into {output} ({columns}) select {columns} from computed.result where {condition}")


@contextmanager
def damaged(company: Session, sql: str) -> Iterator[None]:
    company.query("begin")
    try:
        company.query(sql)
        yield
    finally:
        company.query("rollback")


def examine(table: Table, session: Session) -> list[CheckResult]:
    """The results of the checks of the table's contract on what stands in the table."""
    verified = verify([Staged(table, table.full_name, [DAYS], {})], session, "duckdb")[table.full_name]
    assert not verified.problems
    return verified.results
