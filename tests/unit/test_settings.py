"""What the environment says, and what holds where it says nothing."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from headline import settings
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
    limits = ("2026-02-03", "90", "0.05", "30", "2.5", *map(str, range(6, 16)), "file:///backups")
    for name, value in zip(LIMITS, limits, strict=True):
        monkeypatch.setenv(name, value)
    forget_settings()
    said = settings.load()
    assert (said.first_day, said.restatement_days, said.closed_day_limit) == (date(2026, 2, 3), 90, Decimal("0.05"))
    assert (said.settled_minutes, said.query_seconds) == (30, 2.5)
    assert (said.most_days, said.most_rows, said.most_bytes, said.most_expansion, said.most_pages) == (6, 7, 8, 9, 10)
    kept = (said.keep_landing_days, said.keep_log_days, said.keep_staging_days, said.keep_quarantine_days, said.keep_audit_days)
    assert kept == (11, 12, 13, 14, 15)
    assert said.backup_to == "file:///backups"
