"""What the environment says, and what holds where it says nothing."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from headline import settings
from headline.errors import BadRequest
from headline.local.environment import LIMITS


def test_a_limit_that_is_empty_in_the_environment_has_its_default(
    monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    defaults = settings.load()
    for name in LIMITS:
        monkeypatch.setenv(name, "")
    forget_settings()
    assert settings.load() == defaults


def test_a_limit_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    said = {
        "first_day": date(2026, 2, 3),
        "closed_day_limit": Decimal("0.05"),
        "query_seconds": 2.5,
        "backup_to": "file:///backups",
    }
    said |= {name: place for place, name in enumerate(settings.Settings.model_fields) if name.startswith(("most_", "keep_"))}
    for name, value in said.items():
        monkeypatch.setenv(settings.variable(name), str(value))
    forget_settings()
    assert {name: getattr(settings.load(), name) for name in said} == said


@pytest.mark.parametrize(
    ("name", "value"), [("HEADLINE_MOST_DAYS", "many"), ("HEADLINE_MOST_ROWS", "0"), ("HEADLINE_FIRST_DAY", "2026-02-30")]
)
def test_a_wrong_value_is_told_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    forget_settings()
    with pytest.raises(BadRequest, match=f"^{name}={value}: Input should be"):
        settings.load()
    monkeypatch.delenv(name)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in settings.Settings.model_fields.values())
