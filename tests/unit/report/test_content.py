"""What a report says of issued figures, to the letter; and that the same figures are the same bytes."""

from __future__ import annotations

import hashlib
import html
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from tests.repository.written import ROOT
from tests.unit.report.rows import HEAD, OCTOBER, issued_rows, noon, report, restated

from headline.ledger import Reported
from headline.report import numbers
from headline.report.charts import renumbered
from headline.report.render import as_told, render

FEW = ("monthly_net_profit", "monthly_net_margin", "weekly_churned_users", "daily_refunds", "monthly_quick_ratio")
GOLDEN = """
Demo company
Investor report, October 2026, restated
2026-10-01 to 2026-10-31 · figures as issued up to 2026-11-09 12:00 UTC
This report is incomplete. Not issued for October 2026: Quick ratio. A figure of a month is issued once all of its days are \
complete and a second person has approved it; nothing else is reported.
Figures marked r differ from what was first reported: see Restatements .
Profit
Metric Unit Oct 2026 Sep 2026 Change Oct 2025 Change Coverage
Net profit EUR 70,000.13 r 70,714.11 −1.0 % 93,582.76 −25.2 % 100 %
Net margin share 81.7 % 97.3 % d −15.7 pp 84.6 % −2.9 pp 99.62 %
Net profit by month, EUR
Growth
Metric Unit Oct 2026 Sep 2026 Change Oct 2025 Change Coverage
Quick ratio ratio – 2.42 2.17 –
Weeks that end in October 2026
Metric 28 Sep – 4 Oct 5 Oct – 11 Oct
Churned users 2,504 3,264
Restatements
2026-11-09: approved, request 7
a refund came late
Figure Period Before Now Difference
Net profit of the month 2026-10 80,773.32 70,000.13 −10,773.19
Refunds of the day 2026-10-02 65,911.87 65,000.00 −911.87
2026-11-08: within the limits of the metrics
moved by no more than the materiality limit
Figure Period Before Now Difference
Refunds of the day 2026-10-01 85,875.85 85,876.10 +0.25
Profit by day
Day Refunds, EUR
1 Oct 85,876.10 r
2 Oct 65,000.00 r
"""


def few() -> list[Reported]:
    """Two days and weeks of October, no quick ratio of it, one restatement that was approved and one below the limit."""
    rows = [
        one
        for one in issued_rows()
        if one.row.metric in FEW
        and (one.row.metric, one.row.start) != ("monthly_quick_ratio", OCTOBER.start)
        and (
            (one.row.end - one.row.start).days > 7
            or one.row.end <= date(2026, 10, 3 if one.row.metric == "daily_refunds" else 12)
        )
    ]
    for number, one in enumerate(rows):
        if (one.row.metric, one.row.start) == ("monthly_net_margin", date(2026, 9, 1)):
            rows[number] = replace(one, row=replace(one.row, definition_version="another"))
        if (one.row.metric, one.row.start) == ("monthly_net_margin", OCTOBER.start):
            rows[number] = replace(one, row=replace(one.row, coverage=Decimal("0.9962")))
    for metric, day, value, on, request in (
        ("daily_refunds", date(2026, 10, 1), "85876.1", date(2026, 11, 8), None),
        ("daily_refunds", date(2026, 10, 2), "65000", date(2026, 11, 9), 7),
        ("monthly_net_profit", OCTOBER.start, "70000.1250", date(2026, 11, 9), 7),
    ):
        rows.append(restated(rows, metric, day, value, noon(on), request))
    return rows


def text_of(page: bytes) -> str:
    """What somebody reads on a page, a line for each paragraph, heading and row of a table; without pictures."""
    body = re.sub(r"<(style|svg|title|footer)\b.*?</\1>", "", page.decode(), flags=re.DOTALL)
    body = re.sub(r"</(?:p|h\d|tr|figure)>", "\n", body.replace("\n", " "))
    return html.unescape("\n".join(" ".join(line.split()) for line in re.sub(r"<[^>]+>", " ", body).splitlines())).strip()


def test_a_small_report_to_the_letter() -> None:
    text = text_of(render(report(few(), only=FEW)).html)
    told = text[: text.index("\nDefinitions\n")]
    assert [line for line in told.splitlines() if line] == GOLDEN.strip().splitlines()
    assert "Net profit month Gross profit − all expenses of the month. EUR 1000 " in text
    assert text.endswith(HEAD)


def test_nothing_stands_in_it_that_was_not_issued() -> None:
    """A metric that is defined and of which nothing is issued is named as missing, without a number."""
    told = as_told(report(few(), only=FEW))
    assert told["missing"] == ["Quick ratio"]
    [growth] = [area for area in told["areas"] if area["title"] == "Growth"]
    assert (growth["lines"][0]["now"]["text"], growth["lines"][0]["change"]) == (numbers.NOT_ISSUED, ("", ""))


def test_figures_of_a_whole_month_are_all_there_and_drawn() -> None:
    made = report(issued_rows())
    assert (made.missing, made.notes, made.is_restated) == ([], [], False)
    assert [len(area.lines) for area in made.areas] == [5, 9, 4]
    assert [len(area.charts) for area in made.areas] == [4, 2, 2]
    assert made.figure_count == 5 + 9 + 4 + 4 * 9 + 31 * (8 + 5)
    assert made.as_of == noon(date(2026, 11, 4))


def test_a_restatement_of_an_earlier_month_is_told_if_it_was_made_since_the_report_before() -> None:
    rows = issued_rows()
    for day in (date(2026, 10, 3), date(2026, 10, 20)):  # September was reported on 4 October
        rows.append(restated(rows, "monthly_users", date(2026, 6, 1), f"{2000 + day.day}", noon(day), request=day.day))
    assert [note.request for note in report(rows).notes] == [20]
    assert [note.request for note in report(rows[:-1]).notes] == []


_RENDERED = """
import hashlib, sys
from tests.unit.report.rows import report
from tests.unit.report.test_content import FEW, few
from headline.report.render import render
made = render(report(few(), only=FEW))
print(hashlib.sha256(made.html).hexdigest(), hashlib.sha256(made.pdf).hexdigest())
"""


def test_another_process_makes_the_same_bytes() -> None:
    """With another hash seed, zone and language; neither file holds a date, an address of memory or an id of its own."""
    environment = {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
    done = subprocess.run([sys.executable, "-c", _RENDERED], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    render(report(few()[:9], only=FEW))  # a process that has drawn before draws the same
    made = render(report(few(), only=FEW))
    assert done.stdout.split() == [hashlib.sha256(made.html).hexdigest(), hashlib.sha256(made.pdf).hexdigest()]
    other = render(report(few()[:-1], only=FEW))
    assert (other.html != made.html, other.pdf != made.pdf) == (True, True)


@pytest.mark.parametrize(
    ("unit", "before", "now", "figure", "change", "difference"),
    [
        ("reporting_currency", "1000", "1234.565", "1,234.57", "+23.5 %", "+234.57"),
        ("reporting_currency", "-10", "20", "20.00", "+30.00", "+30.00"),
        ("reporting_currency", "10", "-20.005", "−20.01", "−300.1 %", "−30.01"),
        ("users", "4000", "3999", "3,999", "±0.0 %", "−1"),
        ("users", "4000", "3999.25", "3,999.3", "±0.0 %", "−1"),
        ("share", "0.40", "0.4129", "41.3 %", "+1.3 pp", "+1.29 pp"),
        ("ratio", "1.5", "1.4", "1.40", "−0.10", "−0.10"),
    ],
)
def test_figures_as_investors_read_them(
    unit: numbers.Unit, before: str, now: str, figure: str, change: str, difference: str
) -> None:
    old, new = Decimal(before), Decimal(now)
    assert numbers.figure(new, unit) == figure
    assert numbers.change(old, new, unit) == change
    assert numbers.difference(old, new, unit) == difference


def test_a_coverage_is_never_rounded_up_to_all() -> None:
    assert [numbers.share(Decimal(one)) for one in ("1", "0.999999", "0.99")] == ["100 %", "99.99 %", "99.00 %"]


@pytest.mark.parametrize(
    ("before", "now", "direction", "verdict"),
    [
        ("1", "2", "up", "good"),
        ("1", "2", "down", "bad"),
        ("2", "1", "down", "good"),
        ("1", "1", "up", ""),
        ("1", "2", "none", ""),
    ],
)
def test_a_change_is_good_or_bad_by_the_direction(before: str, now: str, direction: str, verdict: str) -> None:
    assert numbers.verdict(Decimal(before), Decimal(now), direction) == verdict


def test_ids_of_a_picture_are_its_own_whatever_was_drawn_before() -> None:
    drawn = '<svg><clipPath id="clip{0}"/><clipPath id="clip{1}"/><g clip-path="url(#clip{1})"/><a href="url(#other)"/></svg>'
    expected = drawn.replace("clip{0}", "net-profit-0").replace("clip{1}", "net-profit-1")
    assert {renumbered(drawn.format(*pair), "net-profit") for pair in ((1, 2), (14, 15))} == {expected}
