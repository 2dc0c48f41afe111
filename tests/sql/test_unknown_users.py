"""Exposed users whom the shop does not know are told of when their share has grown, and not for as long as it is what it was."""

from datetime import date

import pytest
from tests.sql.test_checks_catch import company, damaged, examine  # noqa: F401

from headline.specs import load
from headline.warehouse import Session

CHECK = "the share of exposed users unknown to the shop is as before"
D1 = date(2026, 1, 5)


@pytest.mark.parametrize(
    ("known_before", "known", "outcome"),
    [
        ((0, 0), (20, 20), "passed"),
        ((0, 0), (19, 20), "passed"),
        ((0, 0), (18, 20), "warned"),
        ((70, 100), (14, 20), "passed"),
        ((70, 100), (13, 20), "passed"),
        ((70, 100), (12, 20), "warned"),
        ((100, 100), (0, 20), "warned"),
    ],
    ids=str,
)
def test_share_of_unknown_users(
    company: Session,  # noqa: F811
    known_before: tuple[int, int],
    known: tuple[int, int],
    outcome: str,
) -> None:
    rows = [
        f"('{day}', 'E9', '{'C1' if number < shares[0] else 'C1.0'}-{day}-{number}', 'a', '{day} 10:00:00', false)"
        for day, shares in (("2026-01-01", known_before), ("2026-01-05", known))
        for number in range(shares[1])
    ]
    damage = f"""
        delete from core.exposures;
        insert into core.exposures (ds, experiment_id, user_id, variant, exposed_at, is_contaminated) values {", ".join(rows)};
        insert into core.customers (customer_id, signed_up_at, valid_from, valid_to, is_current)
        select user_id, '2025-01-01', '2025-01-01', '9999-12-31', true from core.exposures where user_id like 'C1-%'
    """
    with damaged(company, damage):
        [result] = [one for one in examine(load().table("growth.daily_growth"), company) if one.name == CHECK]
    assert result.outcome == outcome
    assert [row["ds"] for row in result.sample] == ([str(D1)] if outcome == "warned" else [])
