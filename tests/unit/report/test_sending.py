"""An edition reaches everybody once, whenever the process that sends it is killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from tests.unit.paging.servers import Mailbox, Webhook, smtp, webhook
from tests.unit.report.rows import OCTOBER

from headline.errors import Transient
from headline.ledger import Edition, Ledger, Reads, Reports
from headline.paging.channels import Channel, Email, Undelivered, Unusable
from headline.report.sending import send

ADA, BEN = "ada@investors.example.com", "ben@fund.example.com"
AS_OF = datetime(2026, 11, 4, 9, 12, 30, tzinfo=UTC)


class Killed(BaseException):
    """What no `except Exception` catches, as nothing catches a kill."""


class Fake(Email):
    """A mail server that keeps a Message-ID once; `dies`: before or after it has taken the mail to an address."""

    def __init__(self, dies: tuple[str, str] = ("", "")) -> None:
        super().__init__("headline_email", {})
        object.__setattr__(self, "dies", dies)
        object.__setattr__(self, "taken", {})
        object.__setattr__(self, "offered", [])

    def deliver(self, mail: Any, addresses: Any) -> str:
        [address] = addresses
        if self.dies == ("before", address):
            raise Killed
        self.offered.append(address)
        self.taken.setdefault((address, mail["Message-ID"]), mail)
        if self.dies == ("after", address):
            raise Killed
        return ""


def edition(**more: Any) -> Edition:
    made = Edition(
        month=OCTOBER.start,
        as_of=AS_OF,
        chain_head="c" * 64,
        html_sha256="a" * 64,
        pdf_sha256="b" * 64,
        metrics=["monthly_net_profit", "monthly_users"],
        missing=[],
        figure_count=2,
        is_restated=False,
        run_id="run",
        html=b"<p>html",
        pdf=b"%PDF",
    )
    return replace(made, **more)


@pytest.fixture
def kept(ledger: Ledger) -> Edition:
    return Reports().record(edition())


def events(kept: Edition) -> list[tuple[str, str, str]]:
    return [(one.channel, one.recipient, one.event) for one in Reports().sendings(kept.id)]


@pytest.mark.parametrize("person", [ADA, BEN])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_it_sends_it_reaches_everybody_once_in_the_end(kept: Edition, moment: str, person: str) -> None:
    email = Fake((moment, person))
    with pytest.raises(Killed):
        send(kept, [ADA, BEN], "run", {"email": email})
    assert events(kept)[-1] == ("email", person, "sending")
    object.__setattr__(email, "dies", ("", ""))
    send(kept, [ADA, BEN], "run", {"email": email})
    assert [address for address, _ in email.taken] == [ADA, BEN]
    assert len(email.offered) == (3 if moment == "after" else 2)  # once more, under the Message-ID that it had
    assert send(kept, [ADA, BEN], "another run", {"email": email}) == {"email": 0}
    assert len(email.offered) == (3 if moment == "after" else 2)


def test_killed_before_the_ledger_knows_that_it_was_taken(kept: Edition, monkeypatch: pytest.MonkeyPatch) -> None:
    email, add = Fake(), Reports.add

    def dying(self: Reports, *sendings: Any) -> None:
        if sendings[0].event == "sent":
            raise Killed
        add(self, *sendings)

    with monkeypatch.context() as patched:
        patched.setattr(Reports, "add", dying)
        with pytest.raises(Killed):
            send(kept, [ADA], "run", {"email": email})
    send(kept, [ADA], "run", {"email": email})
    assert (len(email.offered), len(email.taken)) == (2, 1)
    assert events(kept) == [("email", ADA, "sending"), ("email", ADA, "sending"), ("email", ADA, "sent")]


def test_the_same_edition_is_kept_once_and_a_restated_one_is_sent_anew(ledger: Ledger) -> None:
    reports, email = Reports(), Fake()
    first = reports.record(edition())
    assert reports.record(edition(run_id="retry", pdf=b"other")) == first
    send(first, [ADA], "run", {"email": email})
    second = reports.record(edition(as_of=AS_OF.replace(day=9), is_restated=True, pdf_sha256="d" * 64))
    send(second, [ADA], "run", {"email": email})
    assert [str(mail["Subject"]) for mail in email.taken.values()] == [
        "Investor report October 2026",
        "Investor report October 2026, restated",
    ]
    assert [(one.id, one.is_restated, one.pdf) for one in reports.all()] == [(second.id, True, b""), (first.id, False, b"")]
    with pytest.raises(DBAPIError, match="permission denied"), reports._begin() as connection:
        connection.exec_driver_sql("delete from report")


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with smtp() as found:
        yield found


@pytest.fixture(scope="module")
def slack() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


def test_mail_with_both_files_and_a_link_in_slack_arrive(
    kept: Edition, mailbox: Mailbox, slack: Webhook, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection())
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    mailbox.refused = {BEN}
    with pytest.raises(Transient, match=r"1 of 2 recipients .*at fund.example.com: 550 no such mailbox") as failed:
        send(kept, [BEN, ADA], "run")
    assert BEN not in str(failed.value)
    mailbox.refused = set()
    assert send(kept, [BEN, ADA], "run") == {"email": 1, "slack": 0}
    assert [(recipients, mail["to"]) for recipients, mail in mailbox.mails] == [([ADA], ADA), ([BEN], BEN)]
    mail = mailbox.mails[0][1]
    assert mail["message-id"] != mailbox.mails[1][1]["message-id"]
    files = {part.get_filename(): part.get_content() for part in mail.iter_attachments()}
    assert files == {
        "investor_report_2026-10_as_of_20261104T091230Z.pdf": b"%PDF",
        "investor_report_2026-10_as_of_20261104T091230Z.html": "<p>html",
    }
    text = mail.get_body().get_content()
    for told in (kept.pdf_sha256, kept.html_sha256, kept.chain_head, "https://airflow.example.com/headline/reports"):
        assert told in text
    [post] = slack.texts
    assert post.startswith("Investor report October 2026: https://airflow.example.com/headline/reports\nSHA-256 of the PDF: bbb")
    [read, _, _] = Reads().newest()
    assert (read.reader, read.channel, read.names, read.row_count) == ("run", "report", tuple(kept.metrics), 2)
    assert json.dumps(events(kept)).count("failed") == 1


def test_slack_is_never_sent_it_twice(kept: Edition, slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook knows no duplicates: whether it was posted is not known after a kill, and the mails say the same."""
    from headline.paging.channels import Slack

    def dies(self: Slack, text: str) -> None:
        raise Killed

    monkeypatch.setattr(Slack, "post", dies)
    with pytest.raises(Killed):
        send(kept, [], "run", {"slack": Slack("headline_slack", {})})
    assert send(kept, [], "run", {"slack": Slack("headline_slack", {})}) == {"slack": 0}


def test_without_channels_it_is_kept_and_with_one_that_cannot_be_read_it_fails(kept: Edition) -> None:
    assert send(kept, [ADA], "run", {}) == {}
    broken: dict[str, Channel] = {"email": Unusable("headline_email", {}, "no such file")}
    with pytest.raises(Transient, match="email: no such file"):
        send(kept, [ADA], "run", broken)
    assert issubclass(Undelivered, Exception)
    assert events(kept) == []
