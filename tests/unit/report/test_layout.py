"""What report.yml may say, and team.yml of the recipients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.oncall.teams import team_with

from headline.errors import SpecError
from headline.report.layout import load_layout

FAULTY = """
title: Investor report
areas:
  profit:
    title: Profit
    charts: [{metric: monthly_net_revenue, title: Revenue}, {metric: monthly_vouchers, title: Revenue}]
"""


def test_all_faults_of_the_layout_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path))
    forget_settings()
    (tmp_path / "report").mkdir()
    file = tmp_path / "report" / "report.yml"
    file.write_text(FAULTY)
    with pytest.raises(SpecError) as refused:
        load_layout({"monthly_net_revenue"})
    assert refused.value.faults == [
        "report.yml: areas.profit.charts: no metrics.yml defines monthly_vouchers",
        "report.yml: 2 charts have the title 'Revenue'",
    ]
    file.write_text("titel: Investor report")
    with pytest.raises(SpecError, match=r"report.yml: titel: Extra inputs") as refused:
        load_layout(())
    assert len(refused.value.faults) == 3


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"company": "Example Ltd", "recipients": []}, "at least 1 item"),
        ({"company": "Example Ltd", "recipients": ["ada@example.com, ben@example.com"]}, "match pattern"),
        (
            {"company": "Example Ltd", "recipients": ["ada@example.com", "Ada@example.com"]},
            "ada@example.com stands there 2 times",
        ),
        ({"recipients": ["ada@example.com"]}, "investor_report.company"),
    ],
)
def test_a_list_of_recipients_that_makes_no_sense_is_refused(said: dict[str, object], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        team_with(investor_report=said)
