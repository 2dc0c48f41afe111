"""How a message reaches a person: e-mail, Slack and SNS through Airflow's providers and connections.

A channel exists where its connection does; its extra `people` says the address of each engineer there. Every call ends within
TIMEOUT, give or take: an alert must not hang on a dead server. What was sent counts as delivered only if the server's answer says
so: a proxy's login page has status 200 too.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headline import connections
from headline.errors import BadRequest, HeadlineError
from headline.paging.message import Message
from headline.redaction import redact

if TYPE_CHECKING:
    from email.message import EmailMessage

TIMEOUT = 10
INBOX = "inbox"  # the ledger itself, which keeps every notification
URL = re.compile(r"https?://\S+")
ANSWER_LENGTH = 150


class Undelivered(HeadlineError):
    """A server has answered, and the answer does not say that it took the message; the text holds it, cut and redacted."""


@dataclass(frozen=True)
class Contact:
    """Somebody to notify: the engineer's id, time zone, role (on call, primary, secondary) and work e-mail."""

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

    def send(self, message: Message, contact: Contact) -> str:
        """Hand the message over for one person; returns the person's addresses that rejected it, empty for none.

        Raises Undelivered when the answer does not say that it was taken, or whatever the provider raises.
        """
        raise NotImplementedError


class Email(Channel):
    """SMTP. The connection (type smtp): host, port, login, extra `from_email`, and `people` who have another address there.

    Several addresses of one person are divided by commas; the person is reached when one of them was accepted.
    """

    def reaches(self, contact: Contact) -> bool:
        return bool(self.people.get(contact.person) or contact.email)

    def send(self, message: Message, contact: Contact) -> str:
        from email.message import EmailMessage

        addresses = [one.strip() for one in (self.people.get(contact.person) or contact.email).split(",") if one.strip()]
        mail = EmailMessage()
        mail["Subject"], mail["To"] = message.subject, ", ".join(addresses)
        mail.set_content(as_html(message.text), subtype="html")
        return self.deliver(mail, addresses)

    def deliver(self, mail: EmailMessage, addresses: Sequence[str]) -> str:
        """Hand over a mail that has no sender yet; returns which addresses rejected it, empty for none; raises as `send`."""
        import smtplib

        from airflow.providers.smtp.hooks.smtp import SmtpHook

        class ImpatientHook(SmtpHook):
            timeout = TIMEOUT
            smtp_retry_limit = 0

        with ImpatientHook(self.conn_id) as hook:
            if not hook.from_email:
                raise BadRequest(f"the connection {self.conn_id} has no from_email in its extra")
            mail["From"] = hook.from_email
            try:  # the hook's own method does not return the rejected addresses
                refused = hook._smtp_client.send_message(mail, to_addrs=addresses)
            except smtplib.SMTPRecipientsRefused as error:
                raise Undelivered(_refused(error.recipients, len(addresses))) from error
        return _refused(refused, len(addresses)) if refused else ""


class Slack(Channel):
    """An incoming webhook. The connection (type slackwebhook): the webhook's URL as password, `people` with member ids.

    It reaches everybody who reads its Slack channel; who has a member id is mentioned.
    """

    def reaches(self, contact: Contact) -> bool:  # noqa: ARG002 (a webhook knows no persons)
        return True

    def send(self, message: Message, contact: Contact) -> str:
        member = self.people.get(contact.person)
        self.post(f"{f'<@{member}>' if member else contact.person}: {html.escape(message.short, quote=False)}")
        return ""

    def post(self, text: str) -> None:
        """Show a text, in Slack's markup, to everybody who reads the channel; raises as `send`."""
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        hook = SlackWebhookHook(slack_webhook_conn_id=self.conn_id, timeout=TIMEOUT)
        answer = hook.send(text=text, unfurl_links=False)
        if not _is_ok(answer.body):
            raise Undelivered(f"HTTP {answer.status_code}, but the answer is not ok: {shortened(answer.body)}")


class Sns(Channel):
    """Amazon SNS, for phones. The connection (type aws): `people` with the ARN of each one's topic or endpoint."""

    def send(self, message: Message, contact: Contact) -> str:
        from airflow.providers.amazon.aws.hooks.sns import SnsHook
        from botocore.config import Config

        config = Config(connect_timeout=TIMEOUT, read_timeout=TIMEOUT, retries={"total_max_attempts": 1})
        subject = message.subject.encode("ascii", "replace").decode()  # SNS takes no other
        hook = SnsHook(aws_conn_id=self.conn_id, config=config)
        answer = hook.publish_to_target(self.people[contact.person], message.short, subject=subject)
        if not answer.get("MessageId"):
            raise Undelivered(f"the answer has no MessageId: {shortened(str(answer))}")
        return ""


@dataclass(frozen=True)
class Unusable(Channel):
    """A channel whose connection cannot be read: it fails like one that is down, so that the next is used and people know."""

    reason: str

    def reaches(self, contact: Contact) -> bool:  # noqa: ARG002 (nobody knows whom it would)
        return True

    def send(self, message: Message, contact: Contact) -> str:  # noqa: ARG002 (there is nothing to send it with)
        raise Undelivered(f"the connection {self.conn_id} cannot be read: {self.reason}")


CHANNELS: dict[str, type[Channel]] = {"sns": Sns, "slack": Slack, "email": Email}


def configured() -> dict[str, Channel]:
    """The channels that this deployment has, by name; the one that wakes people first."""
    found: dict[str, Channel] = {}
    for name, channel in CHANNELS.items():
        conn_id = f"headline_{name}"
        try:
            found[name] = channel(conn_id, _people(connections.get(conn_id).extra))
        except BadRequest:
            continue
        except Exception as error:  # whatever is wrong with one channel, the others must be used
            found[name] = Unusable(conn_id, {}, f"{type(error).__name__}: {shortened(str(error))}")
    return found


def _people(extra: Mapping[str, Any]) -> dict[str, str]:
    return {str(person): str(address) for person, address in (extra.get("people") or {}).items()}


def shortened(answer: str) -> str:
    """What a server has answered, on one line, without secrets, cut; «nothing» where it was empty."""
    return redact(" ".join(answer.split()))[:ANSWER_LENGTH] or "nothing"


def _is_ok(body: str) -> bool:
    """Whether Slack says that it took a message: `ok` from a webhook, `{"ok": true}` from its API and most stand-ins."""
    if body.strip() == "ok":
        return True
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


def _refused(refused: Mapping[str, tuple[int, bytes]], count: int) -> str:
    """Which addresses a mail server rejected and why; by their domain, as alerts name no address."""
    said = [
        f"at {address.rpartition('@')[2]}: {code} {shortened(text.decode(errors='replace'))}"
        for address, (code, text) in sorted(refused.items())
    ]
    return f"{len(refused)} of {count} addresses rejected: {'; '.join(said)}"


def as_html(text: str) -> str:
    """The text as the body of an e-mail, its addresses as links."""
    body = URL.sub(lambda url: f'<a href="{url[0]}">{url[0]}</a>', html.escape(text))
    return f'<div style="font-family: sans-serif">{body.replace(chr(10), "<br>" + chr(10))}</div>'
