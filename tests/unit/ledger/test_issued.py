"""Issued figures: a chain of hashes that nobody rewrites unseen, three reads, and requests that only another person decides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from headline.errors import BadData, BadRequest
from headline.ledger import FigureRequest, FigureRequests, FigureRow, IssuedFigures, Ledger
from headline.ledger.engine import engine, parameters
from headline.ledger.figure_requests import ISSUE, take

MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
FIGURE = FigureRow(
    "investor_profit", "monthly_net_profit", "d1", "", MAY, JUNE, Decimal("100.50"), Decimal(1), "issued", "first", "run 1",
    "abc", "c1", "k1", "i1", 7,
)  # fmt: skip
PROFIT = {"monthly_net_profit": ()}
A_REQUEST = FigureRequest(
    ISSUE, "investor_profit", MAY, JUNE, "a" * 64, [{"figure": FIGURE.to_json()}], "May is over", "ann", "run 1"
)


@pytest.fixture
def figures(ledger: Ledger) -> IssuedFigures:
    return IssuedFigures()


@pytest.fixture
def as_owner(postgres: str, figures: IssuedFigures) -> Callable[[str], None]:
    """What only the owner of the server can do: change history with its triggers off."""

    def change(statement: str) -> None:
        with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
            server.cursor().execute(f"set session_replication_role = replica; {statement}")
            server.commit()

    return change


def issue(figures: IssuedFigures, *values: str | None) -> list[str]:
    """One value after the other; gives the head of the chain after each."""
    heads = []
    for value in values:
        figures.record([replace(FIGURE, value=None if value is None else Decimal(value))])
        heads.append(figures.head())
    return heads


def test_a_row_comes_back_as_it_was_recorded(figures: IssuedFigures) -> None:
    figures.record([FIGURE, replace(FIGURE, segment="category=books", value=None, coverage=Decimal("0.995"), status="draft")])
    first, second = figures.history()
    assert replace(first, recorded_at=None, id=0, hash="") == FIGURE
    assert (second.value, second.coverage, second.segment, second.id) == (None, Decimal("0.995"), "category=books", 2)
    assert first.recorded_at
    assert second.recorded_at
    assert first.recorded_at <= second.recorded_at <= datetime.now(UTC)


def test_the_chain_holds_and_its_heads_are_anchors(figures: IssuedFigures) -> None:
    assert figures.verify().count == 0
    heads = issue(figures, "1", "2", "3")
    found = figures.verify(heads)
    assert (found.count, found.head, found.broken, found.unknown_anchors) == (3, heads[-1], [], [])
    assert figures.verify([head[:12] for head in heads]).unknown_anchors == []
    assert figures.verify(["f" * 64, heads[0][:11], ""]).unknown_anchors == ["f" * 64, heads[0][:11], ""]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("update issued_figures set value = 2.0 where id = 2", "it was changed"),
        ("update issued_figures set recorded_at = recorded_at - interval '1 day' where id = 2", "it was changed"),
        ("delete from issued_figures where id = 2", "rows before it are missing"),
        (f"update issued_figures set previous_hash = '{'e' * 64}' where id = 2", "it does not follow the row before it"),
    ],
)
def test_a_row_that_its_owner_changes_or_removes_is_seen(
    figures: IssuedFigures, as_owner: Callable[[str], None], change: str, problem: str
) -> None:
    issue(figures, "1", "2", "3")
    as_owner(change)
    assert problem in {text for _, text in figures.verify().broken}


def test_a_chain_that_was_computed_anew_does_not_hold_its_anchor(figures: IssuedFigures, as_owner: Callable[[str], None]) -> None:
    kept = issue(figures, "1", "2")[-1]
    as_owner("delete from issued_figures")
    issue(figures, "1", "3")
    found = figures.verify([kept])
    assert (found.broken, found.unknown_anchors) == ([], [kept])


def test_the_same_text_is_not_the_same_row(figures: IssuedFigures) -> None:
    """Where a column ends and the next begins is part of what is hashed."""
    figures.record([replace(FIGURE, requester="ab", approver="c"), replace(FIGURE, requester="a", approver="bc")])
    first, second = figures.history()
    assert first.hash != second.hash


def test_many_at_once_make_one_chain(figures: IssuedFigures) -> None:
    def add(number: int) -> None:
        connection = psycopg2.connect(**parameters())
        with closing(connection), connection.cursor() as cursor:
            for part in range(3):
                cursor.execute(
                    'insert into issued_figures (pipeline, metric, definition_version, segment, start, "end", value, coverage, '
                    "status, reason, run_id, commit, code_version, contract_version, inputs, as_of) values "
                    "('p', 'm', 'd', %s, '2026-05-01', '2026-06-01', 1, 1, 'draft', '', 'r', '', 'c', 'k', 'i', 1)",
                    [f"{number}.{part}"],
                )
            connection.commit()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(24)))
    found = figures.verify()
    assert (found.count, found.broken) == (72, [])
    assert {row.segment for row in figures.history()} == {f"{n}.{part}" for n in range(24) for part in range(3)}


def test_a_person_who_asked_never_approves_whoever_writes_the_row(figures: IssuedFigures) -> None:
    for wrong in (
        {"requester": "ann", "approver": "ann"},
        {"status": "approved", "requester": "ann"},
        {"status": "approved", "approver": "ben"},
        {"status": "secret"},
    ):
        with pytest.raises(IntegrityError):
            figures.record([replace(FIGURE, **wrong)])  # type: ignore[arg-type]
    assert figures.history() == []


def test_three_reads(figures: IssuedFigures) -> None:
    figures.record([replace(FIGURE, status="draft", value=Decimal(90))])
    assert figures.most_recent() == figures.as_first_reported() == []
    issue(figures, "100", "101")
    [_, first, second] = figures.history()
    figures.record([replace(FIGURE, status="approved", requester="ann", approver="ben", value=Decimal(300))])
    assert [row.value for row in figures.as_first_reported()] == [100]
    assert [row.value for row in figures.most_recent()] == [101]
    assert first.recorded_at
    assert second.recorded_at
    assert [row.value for row in figures.as_of(first.recorded_at)] == [100]
    assert [row.value for row in figures.as_of(second.recorded_at)] == [101]
    assert figures.as_of(first.recorded_at - timedelta(microseconds=1)) == []
    assert figures.most_recent(metric="daily_net_profit") == []
    assert [row.value for row in figures.with_drafts()] == [101]


def test_known_tells_newest_issued_and_approved_apart(figures: IssuedFigures) -> None:
    asked = FigureRequests().ask(A_REQUEST)
    figures.record([replace(FIGURE, request_id=asked.id), replace(FIGURE, value=Decimal(101))])
    figures.record([replace(FIGURE, value=Decimal(102), status="draft"), replace(FIGURE, start=JUNE, end=date(2026, 7, 1))])
    found = figures.known(PROFIT, [MAY])
    values = [[row.value for row in part.values()] for part in (found.newest, found.issued, found.agreed)]
    assert values == [[102], [101], [Decimal("100.50")]]
    assert figures.known({"monthly_new_users": ()}, [MAY]).newest == {}


def test_figures_of_a_former_name_and_of_another_pipeline_are_the_metrics_own(figures: IssuedFigures) -> None:
    figures.record([replace(FIGURE, pipeline="old_profit"), replace(FIGURE, metric="monthly_profit", start=JUNE)])
    found = figures.known({"monthly_net_profit": ["monthly_profit"]}, [MAY, JUNE])
    assert [(row.metric, row.start, row.pipeline) for row in found.issued.values()] == [
        ("monthly_net_profit", MAY, "old_profit"),
        ("monthly_net_profit", JUNE, "investor_profit"),
    ]
    assert [(one.pipeline, one.name, one.grain) for one in figures.metrics()] == [
        ("investor_profit", "monthly_profit", "month"),
        ("old_profit", "monthly_net_profit", "month"),
    ]


def test_a_limit_is_part_of_the_chain(figures: IssuedFigures, as_owner: Callable[[str], None]) -> None:
    figures.record([FIGURE, replace(FIGURE, materiality="1 %")])
    assert [row.materiality for row in figures.history()] == [None, "1 %"]
    assert figures.verify().broken == []
    for value in ("'2 %'", "null"):
        as_owner(f"update issued_figures set materiality = {value} where id = 2")
        assert figures.verify().broken == [(2, "it was changed")]
    as_owner("update issued_figures set materiality = '1 %'")
    assert figures.verify().broken == [(1, "it was changed")], "one that was recorded without a limit"


def test_nobody_who_has_caused_a_request_decides_it(ledger: Ledger) -> None:
    requests = FigureRequests()
    asked = requests.ask(replace(A_REQUEST, involved=["cleo"]))
    assert requests.get(asked.id).people == ["ann", "cleo"]
    for decide in (requests.approve, requests.refuse):
        with pytest.raises(BadRequest, match="CLEO requested it"):
            decide(asked.id, "CLEO", "r")
    statement = text(
        "insert into figure_decision (request_id, event, person, requester, sha256, run_id) "
        "values (:id, 'approved', ' Cleo', 'ann', :sha256, 'r')"
    )
    with pytest.raises(DBAPIError, match="nobody_decides_what_they_caused"), engine().begin() as connection:
        connection.execute(statement, {"id": asked.id, "sha256": asked.sha256})
    assert requests.approve(asked.id, "ben", "r").state == "approved"


def test_what_is_superseded_is_closed_and_can_be_asked_for_anew(ledger: Ledger) -> None:
    requests = FigureRequests()
    asked, other = requests.ask(A_REQUEST), requests.ask(replace(A_REQUEST, sha256="b" * 64))
    requests.approve(other.id, "ben", "r")
    requests.supersede([asked.id, other.id], "run 2")
    requests.supersede([asked.id], "run 3")
    assert [(row.event, row.run_id) for row in requests.history(asked.id)] == [("asked", "run 1"), ("superseded", "run 2")]
    assert (requests.get(other.id).state, requests.get(other.id).decided_by) == ("superseded", None)
    assert requests.open("investor_profit") == requests.all(waiting=True) == []
    for decide in (requests.approve, requests.refuse):
        with pytest.raises(BadRequest, match="is superseded: its figures were computed again"):
            decide(asked.id, "ben", "r")
    with pytest.raises(BadRequest, match="is superseded"):
        requests.ask_again(asked.id, "r")
    with engine().begin() as connection, pytest.raises(BadData, match="not approved"):
        take(connection, other.id, other.sha256, "r")
    assert requests.ask(A_REQUEST).id not in (asked.id, other.id)


def test_one_result_is_asked_for_once_and_decided_by_another_person(ledger: Ledger, figures: IssuedFigures) -> None:
    requests = FigureRequests()
    asked = requests.ask(A_REQUEST)
    assert (asked.state, requests.ask(replace(A_REQUEST, requester="cleo", run_id="run 2")).id) == ("asked", asked.id)
    for decide in (requests.approve, requests.refuse):
        with pytest.raises(BadRequest, match="ann requested it"):
            decide(asked.id, "ann", "r")
        with pytest.raises(BadRequest, match="waits for a person"):
            decide(asked.id, "", "r")
    with engine().begin() as connection, pytest.raises(BadData, match="not approved"):
        take(connection, asked.id, A_REQUEST.sha256, "r")
    assert [row.state for row in requests.all(waiting=True)] == ["asked"]
    approved = requests.approve(asked.id, "ben", "r")
    assert (approved.state, approved.decided_by) == ("approved", "ben")
    [row] = figures.history()
    assert (row.status, row.approver, row.requester, row.request_id, row.value) == (
        "approved",
        "ben",
        "ann",
        asked.id,
        FIGURE.value,
    )
    assert figures.most_recent() == []
    with engine().begin() as connection, pytest.raises(BadData):
        take(connection, asked.id, "b" * 64, "r")
    with engine().begin() as connection:
        take(connection, asked.id, A_REQUEST.sha256, "r")
    assert (requests.get(asked.id).state, requests.get(asked.id).decided_by) == ("published", "ben")
    assert requests.of_result("investor_profit", A_REQUEST.sha256) is None, "it is used up"
    assert requests.ask(A_REQUEST).id != asked.id


def test_what_was_decided_counts_no_more_once_it_is_asked_again(ledger: Ledger) -> None:
    requests = FigureRequests()
    asked = requests.ask(A_REQUEST)
    requests.approve(asked.id, "ben", "r")
    with pytest.raises(BadRequest, match="approved already"):
        requests.refuse(asked.id, "cleo", "r")
    assert requests.ask_again(asked.id, "r2").state == "asked"
    with engine().begin() as connection, pytest.raises(BadData, match="not approved"):
        take(connection, asked.id, A_REQUEST.sha256, "r")
    assert requests.refuse(asked.id, "cleo", "r2").state == "refused"
    assert [(row.event, row.person) for row in requests.history(asked.id)] == [
        ("asked", None), ("approved", "ben"), ("asked", None), ("refused", "cleo"),
    ]  # fmt: skip
    with pytest.raises(BadRequest, match="no request 99"):
        requests.get(99)


@pytest.mark.parametrize(
    ("event", "person", "requester", "refused"),
    [
        ("approved", "ann", "ann", "nobody_decides_their_own"),
        ("refused", "ann", "ann", "nobody_decides_their_own"),
        ("refused", None, "ann", "somebody_decides"),
        ("approved", "ben", "somebody", "figure_decision_of_request"),
    ],
)
def test_the_database_refuses_a_decision_that_nobody_else_made(
    ledger: Ledger, event: str, person: str | None, requester: str, refused: str
) -> None:
    asked = FigureRequests().ask(A_REQUEST)
    values = {"id": asked.id, "event": event, "person": person, "requester": requester, "sha256": asked.sha256}
    statement = text(
        "insert into figure_decision (request_id, event, person, requester, sha256, run_id) "
        "values (:id, :event, :person, :requester, :sha256, 'r')"
    )
    with pytest.raises(DBAPIError, match=refused), engine().begin() as connection:
        connection.execute(statement, values)
    assert FigureRequests().get(asked.id).state == "asked"
