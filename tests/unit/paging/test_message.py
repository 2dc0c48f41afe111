"""What alerts say: short enough for a phone, enough to act on, and nothing that must not leave the house."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from headline.incidents.first_step import first_step
from headline.incidents.kinds import KINDS
from headline.ledger.incident import Incident
from headline.paging.message import LINE_LENGTH, SHORT_LENGTH, SUBJECT_LENGTH, Message, Surroundings, compose, likely_cause
from headline.redaction import redact

SINCE = datetime(2026, 11, 20, 2, 47, tzinfo=UTC)
AROUND = Surroundings(1, ["investor_profit", "unit_profit"], [], "https://airflow.example.com/", ["shop"])
CHECK = {
    "name": "raw = core + quarantine",
    "measured": "3",
    "threshold": "must be 0",
    "sample": [{"order_id": f"O{number}", "line_number": 1} for number in range(1, 6)],
}
# What each kind typically knows.
FACTS: dict[str, dict[str, Any]] = {
    "landing_missed": {"phase": "missed", "missing": ["core.order_lines"], "waits_for": ["shop"]},
    "data_partial": {"partial": {"core.order_lines": 0.94}},
    "backfill_failed": {"failed 2026-10-02": "r2", "failed 2026-10-01": "r1", "run_id": "r2", "error": "Transient: locked"},
    "backfill_stranded": {"run_id": "r1", "queued": ["r1", "r2"], "queued_count": 2, "from": "2026-10-01", "to": "2026-10-02"},
    "data_stale": {"days": ["2026-11-12"], "day_count": 3},
    "contract_failed": {
        "table": "core.order_lines",
        "run_id": "scheduled__2026-11-20",
        "task_id": "audit.x",
        "checks": [CHECK],
        "from": "2026-11-17",
        "to": "2026-11-19",
    },
    "contract_not_evaluated": {"table": "core.order_lines", "run_id": "r", "task_id": "audit.x", "error": "no such column"},
    "task_failed": {"run_id": "r", "task_id": "publish", "try_number": 4, "error": "Transient: locked"},
    "source_missing": {"landing": "landing.expenses", "error": "HTTP 503"},
    "schema_changed": {"landing": "landing.expenses", "changes": ["amount: was integer, arrives as text"]},
    "source_shrunk": {"run_id": "r", "error": "landing.orders: 9 of 29 records are missing (such as O1, O2)"},
    "profit_drop": {"run_id": "r"},
    "restatement_waiting": {},
    "alert_path_failed": {"down": {"slack": "HTTP 500"}},
}


def incident(kind: str, **facts: Any) -> Incident:
    return Incident(7, kind, "core_shop", date(2026, 11, 19), "open", None, SINCE, SINCE, facts=facts)


def message(kind: str, **facts: Any) -> Message:
    return compose(incident(kind, **facts), AROUND)


def test_an_error_of_several_lines_keeps_them() -> None:
    error = "core.orders: 2 of 9 checks failed:\n  - no duplicates: measured 3\n  - a rule: measured 1\nNothing was published"
    lines = message("task_failed", task_id="write_audit_publish", error=error).text.splitlines()
    begins = lines.index("  core.orders: 2 of 9 checks failed:")
    assert lines[begins + 1 : begins + 4] == [
        "    - no duplicates: measured 3",
        "    - a rule: measured 1",
        "  Nothing was published",
    ]
    assert lines[begins + 4].startswith("Next step: ")
    assert lines[begins + 5] == ""
    assert lines[begins - 1].startswith("Likely cause: task write_audit_publish failed; core.orders: 2 of 9 checks failed: -")


def test_an_unusual_figure_is_told_with_what_was_expected() -> None:
    figure = {"ds": "2026-11-19", "score": "9", "value": "5.120000", "allowed": "1", "finding": "outlier", "expected": "2.000000"}
    check = {"name": "revenue is usual", "kind": "anomaly", "sample": [figure | {"measure": "revenue"}]}
    assert "«revenue is usual», such as ds=2026-11-19, measure=revenue, value=5.12, expected=2.00" in likely_cause(
        {"checks": [check]}
    )


def test_every_kind_has_its_facts_here() -> None:
    assert FACTS.keys() == KINDS.keys()


def test_a_broken_contract_in_full() -> None:
    found = message("contract_failed", **FACTS["contract_failed"])
    assert found.subject == "T1 core.order_lines 11-19 failed its checks"
    assert found.text.splitlines() == [
        "core.order_lines 11-19 failed its checks. A check of a table's contract failed: the data is bad and nothing of it was"
        " published.",
        "Day: 2026-11-19. Since: 2026-11-20 02:47 UTC.",
        "Impact: investor_profit, unit_profit.",
        "Likely cause: task audit.x failed; «raw = core + quarantine»: 3 found, must be 0, such as order_id=O1, line_number=1;"
        " order_id=O2, line_number=1; order_id=O3, line_number=1",
        "Next step: See its rows beside what is published: headline inspect core.order_lines scheduled__2026-11-20",
        "  When the source is fixed: run the source again for these days: "
        "headline trigger shop core_shop --from 2026-11-17 --to 2026-11-19",
        "  When SQL or contract are fixed: headline retry core_shop",
        "",
        "Acknowledge: https://airflow.example.com/headline/incidents/7",
        "Run: https://airflow.example.com/dags/core_shop/runs/scheduled__2026-11-20",
        "Log: https://airflow.example.com/dags/core_shop/runs/scheduled__2026-11-20/tasks/audit.x",
        "What to do: https://airflow.example.com/headline/alerts/contract_failed",
        "Runbook: https://airflow.example.com/headline/runbooks/core_shop#when-a-check-fails",
        "Impact: investor_profit: https://airflow.example.com/headline/board?dag_id=investor_profit",
        "Impact: unit_profit: https://airflow.example.com/headline/board?dag_id=unit_profit",
    ]
    assert found.short == (
        "T1 core.order_lines 11-19 failed its checks. task audit.x failed; «raw = core + quarantine»: 3 found, must be 0, such as"
        " order_id=O1, line_number=1; order_id=O2, line_number=1; order_id=O3, line_number=1"
        "\nAcknowledge: https://airflow.example.com/headline/incidents/7"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_to_do_on_a_phone(kind: str) -> None:
    for facts in (FACTS[kind], {}):
        found = message(kind, **facts)
        assert len(found.subject) <= SUBJECT_LENGTH
        assert len(found.short) <= SHORT_LENGTH
        assert found.short.endswith("\nAcknowledge: https://airflow.example.com/headline/incidents/7")
        lines = [line.strip() for line in found.text.removeprefix("Next step: ").replace("\nNext step: ", "\n").splitlines()]
        assert set(first_step(incident(kind, **facts), AROUND.sources).splitlines()) <= set(lines)
        assert f"What to do: https://airflow.example.com/headline/alerts/{kind}" in found.text
        assert ("Runbook: " in found.text) == (kind != "alert_path_failed"), "the watch has none"
        assert "Day: 2026-11-19. Since: 2026-11-20 02:47 UTC." in found.text
        assert "None" not in found.text + found.short + found.subject


@pytest.mark.parametrize(
    ("facts", "subject", "says"),
    [
        (
            {"phase": "missed", "missing": ["core.orders"], "waits_for": ["shop", "finance"]},
            "T1 core_shop 11-19 has not landed",
            "Likely cause: waits for shop, finance",
        ),
        (
            {"phase": "missed", "missing": ["core.orders"], "waits_for": [], "cause": "late"},
            "T1 core_shop 11-19 has not landed",
            "late: its inputs are published and no task failed",
        ),
        (
            {"phase": "missed", "missing": ["core.orders"], "waits_for": [], "cause": "failed"},
            "T1 core_shop 11-19 has not landed",
            "Likely cause: its run failed",
        ),
        (
            {
                "phase": "at_risk",
                "missing": ["x"],
                "deadline": "2026-11-20T03:00:00+00:00",
                "expected_at": "2026-11-20T04:20:00+01:00",
            },
            "T1 core_shop 11-19 will be late",
            "will land 2026-11-19 at about 03:20 UTC, after 03:00 UTC",
        ),
        (
            {
                "phase": "at_risk",
                "missing": ["x"],
                "slow": [{"task_id": "transform.orders", "since": "2026-11-20T02:10:00+00:00", "usual_minutes": 2.5}],
            },
            "T1 core_shop 11-19 will be late",
            "transform.orders runs since 02:10 UTC, usually 2.5 min",
        ),
    ],
)
def test_a_landing_says_how_it_stands(facts: dict[str, Any], subject: str, says: str) -> None:
    found = message("landing_missed", **facts)
    assert found.subject == subject
    assert says in found.text


def test_what_hangs_on_it_is_counted_and_named() -> None:
    hanging = [replace(incident("landing_missed"), id=number, pipeline=f"pipeline_{number}") for number in range(9)]
    text = compose(incident("task_failed"), replace(AROUND, hanging=hanging)).text
    assert "9 more incident(s) caused by this one: pipeline_0 landing_missed, " in text
    assert "pipeline_5 landing_missed and 3 more." in text
    assert "Caused by this: pipeline_5 landing_missed 2026-11-19: https://airflow.example.com/headline/incidents/5" in text


OUTLIER = CHECK | {"kind": "anomaly"}
DAYS = "--from 2026-11-19 --to 2026-11-19"


@pytest.mark.parametrize(
    ("kind", "facts", "says"),
    [
        (
            "contract_failed",
            {"table": "core.x", "checks": [OUTLIER]},
            ["headline inspect core.x", "«Waive»", f"core_shop {DAYS} --accept"],
        ),
        ("contract_failed", {"table": "core.x", "checks": [OUTLIER]}, [f"headline trigger shop core_shop {DAYS}"]),
        ("contract_failed", {"table": "core.x", "run_id": "a b", "checks": [CHECK]}, ["headline inspect core.x 'a b'"]),
        ("contract_failed", {"error": "2 checks failed"}, ["Read the end of the log."]),
        ("contract_not_evaluated", {"behind": ["core_app"]}, [f"headline trigger core_app core_shop {DAYS}"]),
        ("contract_not_evaluated", {}, ["headline retry core_shop"]),
        ("task_failed", {}, ["headline retry core_shop"]),
        ("source_missing", {}, [f"headline trigger core_shop {DAYS}"]),
        ("landing_missed", {"cause": "failed"}, ["See the incident that caused this one"]),
        ("landing_missed", {"cause": "waits", "waits_for": ["shop"]}, ["Wait: core_shop computes 2026-11-19 as soon as shop is"]),
        ("landing_missed", {"cause": "late"}, ["headline unpause core_shop", f"headline trigger core_shop {DAYS}"]),
        ("data_stale", {"from": "2026-11-01", "to": "2026-11-12"}, ["core_shop --from 2026-11-01 --to 2026-11-12"]),
        ("data_partial", {}, [f"headline trigger shop core_shop {DAYS}"]),
        ("backfill_failed", FACTS["backfill_failed"], ["headline trigger core_shop --from 2026-10-01 --to 2026-10-02"]),
        (
            "backfill_stranded",
            FACTS["backfill_stranded"],
            ["headline backfill free core_shop", "headline trigger core_shop --from 2026-10-01 --to 2026-10-02"],
        ),
    ],
)
def test_the_first_step_follows_from_the_cause(kind: str, facts: dict[str, Any], says: list[str]) -> None:
    step = first_step(incident(kind, **facts), AROUND.sources)
    assert [text for text in says if text not in step] == []
    assert ("«Waive»" in step) == (OUTLIER in facts.get("checks", [])), "nothing but an unusual figure can be waived"


def test_a_drill_says_that_it_is_one() -> None:
    found = message("alert_path_failed", drill=True)
    assert found.subject == "Drill: acknowledge this alert"
    assert found.short.startswith("Drill: acknowledge this alert. nothing is wrong\nAcknowledge: ")
    assert found.text.startswith("This is a drill: show that it reached you.")
    assert "Next step: acknowledge it; nothing else" in found.text


def test_a_score_has_two_decimals_and_money_all_of_its_own() -> None:
    sample = [{"ds": "2026-11-19", "value": "12.3456", "score": "197.70755123"}]
    assert "ds=2026-11-19, value=12.3456, score=197.70" in message("contract_failed", checks=[CHECK | {"sample": sample}]).text


HEAD = "0123456789abcdef" * 4


@pytest.mark.parametrize("kind", KINDS)
def test_every_message_anchors_the_chain_of_issued_figures(kind: str) -> None:
    for facts in (FACTS[kind], {"drill": True}):
        found = compose(incident(kind, **facts), replace(AROUND, chain_head=HEAD))
        assert "\nHead of issued figures: 0123456789abcdef\nAcknowledge: " in found.short
        assert "\nHead of issued figures: 0123456789abcdef\n\nAcknowledge: " in found.text
        assert len(found.short) <= SHORT_LENGTH
        assert "Head of" not in message(kind, **facts).text, "there is none yet, or it cannot be read"


def test_long_facts_are_cut() -> None:
    checks = [CHECK | {"name": f"check {number} " + "x" * 200} for number in range(9)]
    found = message("contract_failed", table="core." + "y" * 90, checks=checks, error="z" * 1000)
    assert len(found.subject) == SUBJECT_LENGTH
    assert len(found.short) == SHORT_LENGTH
    assert max(map(len, found.text.splitlines())) <= LINE_LENGTH + 20


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:s3cret@db:5432/x", "postgresql://…@db:5432/x"),
        ("password=hunter2 rest", "password=… rest"),
        ("PGPASSWORD: 'hunter 2', x", "PGPASSWORD: …, x"),
        ('{"api_key": "abc", "x": 1}', '{"api_key": …, "x": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: …"),
        ("key AKIAIOSFODNN7EXAMPLE here", "key … here"),
        ("posting to https://hooks.slack.com/services/T0/B0/x failed", "posting to https://hooks… failed"),
        ("customer jane.doe+x@example.co.uk left", "customer …@… left"),
        ("order_id=O17, line_number=2; token bucket full", "order_id=O17, line_number=2; token bucket full"),
    ],
)
def test_what_nobody_may_see_is_left_out(text: str, shown: str) -> None:
    assert redact(text) == shown
    found = message("task_failed", task_id="x", error=text, checks=[CHECK | {"sample": [{"k": text}]}])
    for secret in ("s3cret", "hunter", "abc", "AKIAIOSFODNN7EXAMPLE", "services/T0", "jane", "example.co.uk"):
        assert secret not in found.text + found.short
