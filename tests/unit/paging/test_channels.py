"""Messages really arrive: over SMTP, at a webhook and through SNS, by the connections alone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.sns import SnsHook
from airflow.sdk.exceptions import AirflowException
from tests.unit.paging.servers import Mailbox, Phones, Webhook, smtp, sns, webhook

from headline.paging.channels import ANSWER_LENGTH, TIMEOUT, Contact, Undelivered, as_html, configured
from headline.paging.message import Message

ADA = Contact("ada", "UTC", "on call", "ada@example.com")
BEN = Contact("ben", "UTC", "primary")
MESSAGE = Message(
    "T1 «core» <has> not landed – 100 %",
    "T1 core <has> not landed & more\nAcknowledge: https://airflow.example.com/headline/incidents/7",
    "What & why <b>\nAcknowledge: https://airflow.example.com/headline/incidents/7?a=1&b=2\nEnd",
)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with smtp() as found:
        yield found


@pytest.fixture(scope="module")
def slack() -> Iterator[Webhook]:
    with webhook() as found:
        yield found


@pytest.fixture(scope="module")
def phones() -> Iterator[Phones]:
    with sns("ada") as found:
        yield found


def test_a_channel_exists_where_its_connection_does(monkeypatch: pytest.MonkeyPatch, slack: Webhook, mailbox: Mailbox) -> None:
    assert configured() == {}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection())
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection(people={"ada": "U1"}))
    found = configured()
    assert list(found) == ["slack", "email"]
    assert found["slack"].people == {"ada": "U1"}


def test_mail_arrives(monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection(people={"ben": "ben@work.example.com"}))
    email = configured()["email"]
    email.send(MESSAGE, ADA)
    email.send(MESSAGE, BEN)
    assert [recipients for recipients, _ in mailbox.mails] == [["ada@example.com"], ["ben@work.example.com"]]
    mail = mailbox.mails[0][1]
    assert (mail["subject"], mail["from"]) == (MESSAGE.subject, "headline@example.com")
    assert mailbox.text(0).replace("\r\n", "\n").strip() == as_html(MESSAGE.text)
    assert not email.reaches(Contact("cleo", "UTC", "secondary"))


def test_links_of_a_mail_can_be_followed() -> None:
    body = as_html(MESSAGE.text)
    assert "What &amp; why &lt;b&gt;<br>" in body
    assert '<a href="https://airflow.example.com/headline/incidents/7?a=1&amp;b=2">' in body


def test_slack_takes_it_and_mentions_whom_it_knows(monkeypatch: pytest.MonkeyPatch, slack: Webhook) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection(people={"ada": "U1"}))
    channel = configured()["slack"]
    channel.send(MESSAGE, ADA)
    channel.send(MESSAGE, BEN)
    first, second = slack.texts
    assert first.startswith("<@U1>: T1 core &lt;has&gt; not landed &amp; more\nAcknowledge: https://")
    assert second.startswith("ben: T1 core")


def test_sns_takes_it_for_the_topic_of_the_person(monkeypatch: pytest.MonkeyPatch, phones: Phones) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SNS", phones.connection())
    channel = configured()["sns"]
    assert not channel.reaches(BEN)
    channel.send(MESSAGE, ADA)
    [received] = phones.received("ada")
    assert received["Message"] == MESSAGE.short
    assert received["Subject"] == "T1 ?core? <has> not landed ? 100 %", "SNS takes ASCII only"


def test_a_channel_that_does_not_take_it_says_so(monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox, slack: Webhook) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection())
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    monkeypatch.setattr(mailbox, "answer", "451 try later")
    monkeypatch.setattr(slack, "status", 500)
    for name in ("email", "slack"):
        before = len(mailbox.mails) + len(slack.posts)
        with pytest.raises(Exception, match=r"451|500"):
            configured()[name].send(MESSAGE, ADA)
        assert len(mailbox.mails) + len(slack.posts) == before


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("no_service", "no_service"),
        ("invalid_token", "invalid_token"),
        ("", "nothing"),
        ("OK, thank you", "OK, thank you"),
        ('{"ok": false, "error": "not_authed"}', "not_authed"),
        ('{"ok": "true"}', '{"ok": "true"}'),
        ('["ok"]', r'\["ok"\]'),
        ("<!DOCTYPE html>\n<html><title>Sign in to the proxy</title>" + "x" * 1000, "Sign in to the proxy"),
        ("token=abcdef is not valid", "token=… is not valid"),
    ],
)
def test_slack_has_taken_it_only_if_the_body_says_so(
    body: str, says: str, monkeypatch: pytest.MonkeyPatch, slack: Webhook
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    monkeypatch.setattr(slack, "body", body)
    with pytest.raises(Undelivered, match=f"HTTP 200, but the answer is not ok: .*{says}") as raised:
        configured()["slack"].send(MESSAGE, ADA)
    assert len(str(raised.value)) < 2 * ANSWER_LENGTH


@pytest.mark.parametrize("body", ["ok", "ok\n", '{"ok": true, "ts": "1.2"}'])
def test_slack_says_ok_in_more_than_one_way(body: str, monkeypatch: pytest.MonkeyPatch, slack: Webhook) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    monkeypatch.setattr(slack, "body", body)
    assert configured()["slack"].send(MESSAGE, ADA) == ""


def test_a_server_that_does_not_answer_in_time_has_not_taken_it(monkeypatch: pytest.MonkeyPatch, slack: Webhook) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    monkeypatch.setattr("headline.paging.channels.TIMEOUT", 1)
    monkeypatch.setattr(slack, "delay", 2)
    with pytest.raises(TimeoutError):
        configured()["slack"].send(MESSAGE, ADA)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", Mailbox(port=silent.getsockname()[1]).connection())
        with pytest.raises(AirflowException, match="Unable to connect to smtp server"):
            configured()["email"].send(MESSAGE, ADA)


def test_a_phone_service_that_does_not_answer_in_time_has_not_taken_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headline.paging.channels.TIMEOUT", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        phones = Phones(f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SNS", phones.connection(ada="arn:aws:sns:eu-west-1:123456789012:ada"))
        with pytest.raises(Exception, match="Read timeout"):
            configured()["sns"].send(MESSAGE, ADA)


@pytest.mark.parametrize(
    "connection",
    ['{"conn_type": "aws"', "{}", '{"conn_type": "aws", "extra": {"people": ["ada"]}}', '{"conn_type": "aws", "extra": "?"}'],
)
def test_a_channel_whose_connection_cannot_be_read_fails_by_itself(
    connection: str, monkeypatch: pytest.MonkeyPatch, slack: Webhook
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SNS", connection)
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection())
    channels = configured()
    assert list(channels) == ["sns", "slack"]
    assert channels["sns"].reaches(ADA)
    with pytest.raises(Undelivered, match="the connection headline_sns cannot be read: "):
        channels["sns"].send(MESSAGE, ADA)
    assert channels["slack"].send(MESSAGE, ADA) == ""


def test_mail_tells_which_addresses_were_refused(monkeypatch: pytest.MonkeyPatch, mailbox: Mailbox) -> None:
    both = {"ada": "ada@example.com, ada@old.example.com"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection(people=both))
    monkeypatch.setattr(mailbox, "refused", {"ada@old.example.com"})
    before = len(mailbox.mails)
    email = configured()["email"]
    assert email.send(MESSAGE, ADA) == "1 of 2 addresses rejected: at old.example.com: 550 no such mailbox"
    assert [recipients for recipients, _ in mailbox.mails[before:]] == [["ada@example.com"]]
    mailbox.refused.add("ada@example.com")
    with pytest.raises(Undelivered, match=r"2 of 2 addresses rejected: at example.com: 550 no such mailbox; at old"):
        email.send(MESSAGE, ADA)
    assert len(mailbox.mails) == before + 1


@pytest.mark.parametrize("answer", [{}, {"MessageId": ""}, {"Error": {"Code": "Throttled"}}])
def test_sns_has_taken_it_only_with_a_message_id(answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch, phones: Phones) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SNS", phones.connection())
    monkeypatch.setattr(SnsHook, "publish_to_target", lambda *_, **__: answer)
    with pytest.raises(Undelivered, match=r"the answer has no MessageId: \{"):
        configured()["sns"].send(MESSAGE, ADA)


@pytest.mark.parametrize("name", ["email", "slack", "sns"])
def test_a_channel_that_is_gone_fails_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {
        "email": Mailbox(port=1).connection(),
        "slack": Webhook(port=1).connection(),
        "sns": Phones("http://127.0.0.1:1").connection(ada="arn:aws:sns:eu-west-1:123456789012:ada"),
    }
    monkeypatch.setenv(f"AIRFLOW_CONN_HEADLINE_{name.upper()}", gone[name])
    begun = time.monotonic()
    with pytest.raises(Exception, match=r"refused|Could not connect"):
        configured()[name].send(MESSAGE, ADA)
    assert time.monotonic() - begun < TIMEOUT / 2
