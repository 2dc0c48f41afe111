"""Business days: in every zone a day begins where the one before ends, also where clocks change at midnight."""

from __future__ import annotations

from datetime import date

import pytest
from tests.properties.memory import open_in_memory

from headline.intervals import Interval
from headline.rules.golden import reporting_zone
from headline.sql import render

ANY = Interval(date(2026, 1, 1), date(2026, 1, 2))
WRONG = """
{% from 'macros/business_day.jinja' import business_day, start_of_day with context %}
select ds, {{ start_of_day('ds') }} as begins_at
from (select cast(unnest(generate_series(date '2023-12-31', date '2027-01-01', interval 1 day)) as date) as ds) as days
where
    {{ business_day(start_of_day('ds')) }} <> ds
    or {{ business_day("(" ~ start_of_day('ds') ~ " - interval '1' second)") }} <> cast(ds - interval '1' day as date)
"""


@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/New_York", "Africa/Cairo", "America/Havana", "America/Santiago"]
)
def test_a_day_begins_where_the_one_before_ends(zone: str) -> None:
    with reporting_zone(zone), open_in_memory() as session:
        assert session.query(render(WRONG, ANY, "business days")).rows == []
