"""What a shell and the pages show of issued figures and of requests."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import HTTPException, Request
from tests.unit.figures.conftest import D1, D2
from typer.testing import CliRunner

from headline import recovery
from headline.cli import app
from headline.errors import BadRequest, HeadlineError
from headline.ledger import Reads
from headline.pages import figures as pages
from headline.settings import shell

Run = Callable[..., Any]
ASKED = Request({"type": "http", "path": "/figures", "query_string": b"", "headers": [], "server": ("x", 80), "scheme": "http"})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: str) -> Any:
        found = CliRunner().invoke(app, ["figures", *arguments], terminal_width=400)
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found

    return call


@pytest.fixture
def held(issued: Any) -> Any:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    return SimpleNamespace(world=issued, request=issued.held(D2, requester="ann"))


class Reader(SimpleNamespace):
    """A visitor who may read some pipelines."""

    name = "ada"

    def readable(self) -> set[str]:
        return set(self.pipelines)

    def must_read(self, pipeline: str) -> None:
        if pipeline not in self.pipelines:
            raise HTTPException(403, "no right")


def shown(page: Any) -> str:
    return " ".join(bytes(page.body).decode().split())


def test_figures_in_a_shell(held: Any, run: Run) -> None:
    assert "monthly_net,,2026-03-01,2026-04-01,193.0000,1,issued,ben" in run("--metric", "monthly_net", "--format", "csv").stdout
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    for option in (("--as-of", day), ("--first",), ("--drafts",)):
        assert run(*option, "--format", "csv").stdout.count("daily_paid,") == len(held.world.issued("daily_paid"))
    assert run("--as-of", "2026-01-01", "--format", "json").stdout.strip() == "[]"
    assert run("--history", "--metric", "monthly_net", "--format", "csv").stdout.count("monthly_net") == 3
    assert f"head of the chain: {held.world.figures.head()}" in run().stderr
    told = Reads().newest(1)[0]
    assert (told.reader, told.detail, "monthly_net" in told.names) == (shell(), "headline figures", True)
    with pytest.raises(BadRequest, match="choose one"):
        run("--first", "--drafts")
    with pytest.raises(BadRequest, match="is no day"):
        run("--as-of", "yesterday")


def test_the_chain_is_verified_in_a_shell(held: Any, run: Run) -> None:
    head = held.world.figures.head()
    assert f"are as they were written, 1 anchor(s) hold; head of the chain: {head}" in run("verify", "--anchor", head[:16]).stdout
    with pytest.raises(HeadlineError, match="no row has the hash"):
        run("verify", "--anchor", "f" * 64)
    held.world.project.replace("core/core_shop/metrics.yml", "monthly_net:", "monthly_result:")
    with pytest.raises(HeadlineError, match=r"nobody compares the figures of these metrics:\s+- monthly_net: core_shop has"):
        run("verify")


def test_a_rebuild_tells_which_issued_figures_could_move(issued: Any) -> None:
    issued.project.replace("core/core_shop/daily_sales.sql", "greatest(amount, 0)", "greatest(amount, 40)")
    with pytest.raises(
        HeadlineError, match=r"the warehouse stays as it is[\s\S]*\d issued figure\(s\) could move, such as daily_"
    ):
        recovery.rebuild()


def test_requests_in_a_shell(held: Any, run: Run) -> None:
    known = held.request
    assert f"{known.id},restatement,core_shop,2026-03-02,2026-03-03,asked,ann" in run("requests", "--format", "csv").stdout
    assert run("requests", "--waiting", "--format", "csv").stdout.count("core_shop") == 1
    told = run("request", str(known.id), "--format", "csv")
    assert "monthly_net,2026-03-01,193.0000,223.0000,30.0000,orders +30" in told.stdout
    assert known.sha256 in told.stderr
    with pytest.raises(BadRequest, match="no request 99"):
        run("request", "99")
    with pytest.raises(BadRequest, match="'May' is no month"):
        run("issue", "May", "--pipeline", "core_shop")


def test_the_page_shows_who_may_see_it_what_was_restated(held: Any) -> None:
    held.world.requests.approve(held.request.id, "ben", "r")
    held.world.run(D2)
    reader, stranger = Reader(pipelines=["core_shop"]), Reader(pipelines=["shop"])
    text = shown(pages.figures(ASKED, reader))
    for part in ("monthly_net", "223", "193", "ben", held.world.figures.head(), f"{held.request.id}: restatement"):
        assert part in text
    assert "monthly_net" not in shown(pages.figures(ASKED, stranger))
    first = shown(pages.figures(ASKED, reader, read="first"))
    assert "193" in first
    assert "223" not in first.split("<tbody>")[1].split("</tbody>")[0]
    assert "kind=books" in shown(pages.figures(ASKED, reader, grain="day"))
    assert "No figure of a month is issued as of that day" in shown(pages.figures(ASKED, reader, read="as_of", as_of=D1))
    assert {(one.reader, one.channel, one.detail) for one in Reads().newest()} == {("ada", "page", "/figures")}
    detail = shown(pages.figure_request(ASKED, reader, held.request.id))
    for part in ("orders +30", "published", "approved by ben", held.request.sha256):
        assert part in detail
    with pytest.raises(HTTPException, match="no right"):
        pages.figure_request(ASKED, stranger, held.request.id)
    with pytest.raises(HTTPException, match="no request 99"):
        pages.figure_request(ASKED, reader, 99)
