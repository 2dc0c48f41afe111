"""How a message reaches a person: e-mail, Slack and SNS through Airflow's providers and connections.

A channel exists where its connection does; its extra `people` says the address of each engineer there. Every call ends within
TIMEOUT, give or take: an alert must not hang on a dead server.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headline import connections
from headline.alerts.message import Message
from headline.errors import BadRequest

TIMEOUT = 10
INBOX = "inbox"  # the ledger itself: what was told stands there in any case
URL = re.compile(r"https?://\S+")


class Undelivered(Exception):
    """A channel answered, and its answer does not say that it has taken the message."""


@dataclass(frozen=True)
class Contact:
    """Somebody to tell: the engineer's id, in which zone they live, as what (on call, primary, secondary), their work e-mail."""

    person: str
    zone: str
    role: str
    email: str = ""


@dataclass(frozen=True)
class Channel:
    """A way to people, as the connection `headline_<name>` describes it; `people`: engineer to address."""

    conn_id: str
    people: Mapping[str, str]

    def reaches(self, contact: Contact) -> bool:
        return contact.person in self.people

    def send(self, message: Message, contact: Contact) -> None:
        """Hand the message over for one person; raises Undelivered, or whatever the provider raises, when it is not taken.

        A status of 200 proves nothing: the answer itself must say so.
        """
        raise NotImplementedError


class Email(Channel):
    """SMTP. The connection (type smtp): host, port, login, extra `from_email`, and `people` who have another address there."""

    def reaches(self, contact: Contact) -> bool:
        return bool(self.people.get(contact.person) or contact.email)

    def send(self, message: Message, contact: Contact) -> None:
        from airflow.providers.smtp.hooks.smtp import SmtpHook

        class ImpatientHook(SmtpHook):
            timeout = TIMEOUT
            smtp_retry_limit = 0

        with ImpatientHook(self.conn_id) as hook:
            refused = _refused_recipients(hook)
            address = self.people.get(contact.person) or contact.email
            hook.send_email_smtp(to=address, subject=message.subject, html_content=as_html(message.text))
        if refused:
            raise Undelivered(f"the server took it, but not for {', '.join(refused)}: {next(iter(refused.values()))}")


class Slack(Channel):
    """An incoming webhook. The connection (type slackwebhook): the webhook's URL as password, `people` with member ids.

    It reaches everybody who reads its Slack channel; who has a member id is mentioned.
    """

    def reaches(self, contact: Contact) -> bool:  # noqa: ARG002 (a webhook knows no persons)
        return True

    def send(self, message: Message, contact: Contact) -> None:
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        member = self.people.get(contact.person)
        text = f"{f'<@{member}>' if member else contact.person}: {html.escape(message.short, quote=False)}"
        answer = SlackWebhookHook(slack_webhook_conn_id=self.conn_id, timeout=TIMEOUT).send(text=text, unfurl_links=False)
        if not _is_ok(answer.body):
            raise Undelivered(
                f"answered {answer.status_code} and {_short(answer.body)}; «ok» is how Slack says that it has taken it"
            )


class Sns(Channel):
    """Amazon SNS, for phones. The connection (type aws): `people` with the ARN of each one's topic or endpoint."""

    def send(self, message: Message, contact: Contact) -> None:
        from airflow.providers.amazon.aws.hooks.sns import SnsHook
        from botocore.config import Config

        config = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
        subject = message.subject.encode("ascii", "replace").decode()  # SNS takes no other
        hook = SnsHook(aws_conn_id=self.conn_id, config=config)
        answer = hook.publish_to_target(self.people[contact.person], message.short, subject=subject)
        if not (answer or {}).get("MessageId"):
            raise Undelivered(f"answered {_short(answer)} without a MessageId")


def _refused_recipients(hook: Any) -> dict[str, Any]:
    """Whom the server will have refused, by address, once the hook has sent: it takes a message that only some get."""
    client, refused = hook._smtp_client, dict[str, Any]()
    send = client.sendmail

    def sendmail(*arguments: Any, **named: Any) -> dict[str, Any]:
        found: dict[str, Any] = send(*arguments, **named)
        refused.update(found)
        return found

    client.sendmail = sendmail
    return refused


def _is_ok(body: str) -> bool:
    """Slack's webhooks answer «ok», others that stand in for them {"ok": true}."""
    if body.strip() == "ok":
        return True
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


def _short(answer: Any) -> str:
    return repr(answer)[:120]


CHANNELS: dict[str, type[Channel]] = {"sns": Sns, "slack": Slack, "email": Email}


def configured() -> dict[str, Channel]:
    """The channels that this deployment has, by name; the one that wakes people first."""
    found: dict[str, Channel] = {}
    for name, channel in CHANNELS.items():
        try:
            connection = connections.get(f"headline_{name}")
        except BadRequest:
            continue
        found[name] = channel(connection.conn_id, _people(connection.extra))
    return found


def _people(extra: Mapping[str, Any]) -> dict[str, str]:
    return {str(person): str(address) for person, address in (extra.get("people") or {}).items()}


def as_html(text: str) -> str:
    """The text as the body of an e-mail, its addresses as links."""
    body = URL.sub(lambda url: f'<a href="{url[0]}">{url[0]}</a>', html.escape(text))
    return f'<div style="font-family: sans-serif">{body.replace(chr(10), "<br>" + chr(10))}</div>'
