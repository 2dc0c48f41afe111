"""A pipeline as somebody new would add it: the least that keeps all rules."""

FILES = {
    "include/sql/profit/daily_refunds/pipeline.yml": """\
description: Refunds by day and sales channel, for the support team.
tier: 2
lands_at: "03:40"
tables:
  refunds:
    key: [ds, sales_channel]
    exempt:
      completeness: a day without refunds has no rows
      anomaly: refunds are few and come in bursts
    reads:
      core.refund_lines: {}
      core.shop_coverage: {}
      calendar.days: {}
""",
    "include/sql/profit/daily_refunds/refunds.sql": """\
{% from 'macros/coverage.jinja' import covered_days with context %}
with {{ covered_days(['core.shop_coverage']) }}

select
    refund_lines.ds,
    coalesce(refund_lines.sales_channel, 'unknown') as sales_channel,
    cast(sum(refund_lines.refund_amount) as decimal(18, 4)) as refund_amount,
    cast(count(distinct refund_lines.refund_id) as bigint) as refund_count,
    covered_days.coverage,
    covered_days.is_partial
from core.refund_lines as refund_lines
inner join covered_days on refund_lines.ds = covered_days.ds
where refund_lines.ds >= date '{{ start }}' and refund_lines.ds < date '{{ end }}'
group by refund_lines.ds, coalesce(refund_lines.sales_channel, 'unknown'), covered_days.coverage, covered_days.is_partial
""",
    "include/sql/profit/daily_refunds/refunds.contract.yml": """\
description: Refunds by sales channel; one row per day and channel with refunds.
additive_over: all
columns:
  ds: Business day on which the refund was granted.
  sales_channel:
    values: [web, app, marketplace, unknown]
    description: Where the order was placed; `unknown` for a refund without an order.
  refund_amount: Sum of the refunds, in reporting currency.
  refund_count: Number of refunds.
  coverage: Share of the day's rows that were valid, 0 to 1.
  is_partial: Whether rows of the day were quarantined, so that refunds are missing.
checks:
  refunds by channel = core.refund_lines:
    differences: {by: [ds], measures: [refund_amount], sides: [profit.refunds, core.refund_lines]}
""",
    "tests/sql/profit/daily_refunds/refunds/two_channels/given/core.refund_lines.yml": """\
- {ds: 2026-01-05, refund_id: R1, sales_channel: web, refund_amount: "10.50"}
- {ds: 2026-01-05, refund_id: R2, sales_channel: web, refund_amount: "2.00"}
- {ds: 2026-01-05, refund_id: R3, refund_amount: "3.00"}
- {ds: 2026-01-06, refund_id: R4, sales_channel: app, refund_amount: "9.99"}
""",
    "tests/sql/profit/daily_refunds/refunds/two_channels/given/core.shop_coverage.yml": """\
- {ds: 2026-01-05, coverage: "0.95", is_partial: true}
""",
    "tests/sql/profit/daily_refunds/refunds/two_channels/expect.yml": """\
interval: {start: 2026-01-05, end: 2026-01-06}
rows:
  - {ds: 2026-01-05, sales_channel: web, refund_amount: "12.50", refund_count: 2, coverage: "0.95", is_partial: true}
  - {ds: 2026-01-05, sales_channel: unknown, refund_amount: "3.00", refund_count: 1, coverage: "0.95", is_partial: true}
""",
}
DAG = 'daily_refunds = pipeline_dag("profit/daily_refunds")\n'
CHECK = "refunds by channel = core.refund_lines"
