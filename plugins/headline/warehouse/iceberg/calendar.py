"""`calendar.days`: a row a day for a century, since portable SQL has no series of days."""

from __future__ import annotations

from headline.warehouse.iceberg.engine import Engine

CALENDAR = "calendar.days"
_DIGITS = " union all ".join(f"select {digit} as digit" for digit in range(10))
_DAYS = f"""
with digits as ({_DIGITS}),
numbers as (
    select e.digit * 10000 + d.digit * 1000 + c.digit * 100 + b.digit * 10 + a.digit as number
    from digits as a cross join digits as b cross join digits as c cross join digits as d cross join digits as e
)
select cast(date_add(date '2000-01-01', number) as date) as ds
from numbers
where number <= date_diff('day', date '2000-01-01', date '2099-12-31')
"""


def ensure_calendar(engine: Engine) -> None:
    """Make the calendar where it is not there, or was left empty."""
    if not engine.columns(CALENDAR):
        engine.create_namespace(CALENDAR.split(".")[0])
        engine.create_table(CALENDAR, {"ds": "date"})
    if not engine.query(f"select count(*) from {CALENDAR}").rows[0][0]:
        engine.query(f"insert into {CALENDAR} (ds) {engine.transpile(_DAYS)}")
