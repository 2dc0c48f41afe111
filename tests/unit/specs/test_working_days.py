"""When a source is closed: weekdays, and the holidays of a country or a market."""

from datetime import date

import pytest
from pydantic import ValidationError

from headline.specs.working_days import WorkingDays

GOOD_FRIDAY, EASTER_SUNDAY, MAY_DAY = date(2026, 4, 3), date(2026, 4, 5), date(2026, 5, 1)


@pytest.mark.parametrize(
    ("calendar", "closed"),
    [
        ({}, []),
        ({"closed": ["friday"]}, [GOOD_FRIDAY, MAY_DAY]),
        ({"closed": ["saturday", "sunday"]}, [EASTER_SUNDAY]),
        ({"holidays": "DE"}, [GOOD_FRIDAY, MAY_DAY]),
        ({"holidays": "DE-BB"}, [GOOD_FRIDAY, EASTER_SUNDAY, MAY_DAY]),
        ({"holidays": "XECB"}, [GOOD_FRIDAY, MAY_DAY]),
        ({"holidays": "XNYS"}, [GOOD_FRIDAY]),
    ],
)
def test_a_source_is_closed_on_weekdays_and_holidays(calendar: dict[str, object], closed: list[date]) -> None:
    known = WorkingDays.model_validate(calendar)
    assert [day for day in (GOOD_FRIDAY, EASTER_SUNDAY, MAY_DAY) if known.is_closed(day)] == closed


@pytest.mark.parametrize("calendar", [{"holidays": "QQ"}, {"holidays": "DE-QQ"}, {"closed": ["sun"]}, {"open": ["monday"]}])
def test_a_calendar_that_nobody_knows_is_refused(calendar: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WorkingDays.model_validate(calendar)
