"""A pipeline behind those of the project: what was paid on a day."""

from __future__ import annotations

from textwrap import indent


def daily_report(reads: str, checks: str) -> dict[str, str]:
    """Its files by path, for a table profit.totals that sums one table up and has these checks (YAML, a list)."""
    return {
        "profit/daily/pipeline.yml": f"""
            description: What was paid on a day, as investors read it.
            tier: 1
            lands_at: "04:00"
            tables:
              totals:
                reads: {{{reads}: {{}}}}
            """,
        "profit/daily/totals.sql": f"""
            select ds, cast(sum(amount) as decimal(18, 4)) as amount
            from {reads}
            where ds >= date '{{{{ start }}}}' and ds < date '{{{{ end }}}}'
            group by ds
            """,
        "profit/daily/totals.contract.yml": """
            dataset: warehouse/profit/totals
            description: One row per day.
            columns:
              - {name: ds, data_type: date, description: Business day.}
              - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
            checks:
"""
        + indent(checks, 12 * " "),
    }
