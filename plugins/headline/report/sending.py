"""An edition is sent: a mail to each recipient with both files, and a link in Slack; what was sent is not sent again."""

from __future__ import annotations

import hashlib
import html
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime

from headline import settings
from headline.errors import Transient
from headline.ledger import Edition, Locks, Read, Reads, Reports, Sending
from headline.paging.channels import Channel, Email, Slack, Undelivered, Unusable, as_html, configured
from headline.redaction import redact
from headline.report.editions import file_name, title

log = logging.getLogger(__name__)


def send(
    edition: Edition, recipients: Sequence[str], run_id: str, channels: Mapping[str, Channel] | None = None
) -> dict[str, int]:
    """Send an edition that the ledger has to everybody whom it has not reached yet; returns how many each channel reached now.

    The ledger is told before and after each sending. Who was being sent it when a process was killed may have it: the mail goes
    out once more under the same Message-ID, by which mail servers and mailboxes know a duplicate; Slack knows none, and is sent
    nothing more. Raises Transient where somebody was not reached, after all others were tried, or while another process sends it.
    """
    known = configured() if channels is None else channels
    locks = Locks(f"report {run_id}")
    try:
        with locks.exclusive(f"investor report {edition.id}"):
            sending = _Sending(edition, run_id)
            reached: dict[str, int] = {}
            if isinstance(email := known.get("email"), Email):
                reached["email"] = sum(sending.mail(email, one) for one in recipients)
            if isinstance(slack := known.get("slack"), Slack):
                reached["slack"] = int(sending.post(slack))
            sending.failed += [f"{name}: {one.reason}" for name, one in known.items() if isinstance(one, Unusable)]
            if "email" not in known:
                log.warning("%s is mailed to nobody, for lack of the connection headline_email. Read it at %s", *_what(edition))
    finally:
        locks.close()
    if sending.failed:
        raise Transient(
            f"{title(edition)}: {len(sending.failed)} of {len(recipients)} recipients and channels were not reached: "
            f"{'; '.join(sending.failed)}. A retry sends it to these alone"
        )
    return reached


class _Sending:
    """The sendings of an edition by a run; `failed`: what went wrong, without addresses."""

    def __init__(self, edition: Edition, run_id: str) -> None:
        self.edition, self.run_id, self.failed = edition, run_id, list[str]()
        self._ledger = Reports()
        self._last = {(one.channel, one.recipient): one.event for one in self._ledger.sendings(edition.id)}

    def mail(self, email: Email, recipient: str) -> bool:
        """Whether the mail was taken now."""
        if self._last.get(("email", recipient)) == "sent":
            return False
        mail = mail_of(self.edition, recipient)
        detail = f"{title(self.edition)}, SHA-256 of the PDF {self.edition.pdf_sha256}, by e-mail"
        Reads().record(Read(self.run_id, "report", tuple(self.edition.metrics), detail, self.edition.figure_count))
        return self._sent("email", recipient, str(mail["Message-ID"]), lambda: _taken(email.deliver(mail, [recipient])))

    def post(self, slack: Slack) -> bool:
        """Whether the link was posted now."""
        if self._last.get(("slack", "")) in ("sent", "sending"):
            return False
        name, url = _what(self.edition)
        text = f"{html.escape(name, quote=False)}: {url}\nSHA-256 of the PDF: {self.edition.pdf_sha256}"
        return self._sent("slack", "", message_id(self.edition, "slack"), lambda: slack.post(text))

    def _sent(self, channel: str, recipient: str, message: str, act: Callable[[], None]) -> bool:
        place = (self.edition.id, channel, recipient)
        self._ledger.add(Sending(*place, "sending", message, self.run_id))
        try:
            act()
        except Exception as error:  # whatever a provider raises, the others are to have it
            reason = redact(str(error) if isinstance(error, Undelivered) else f"{type(error).__name__}: {error}")[:300]
            self._ledger.add(Sending(*place, "failed", message, self.run_id, reason))
            self.failed.append(f"{channel}: {reason}")
            return False
        self._ledger.add(Sending(*place, "sent", message, self.run_id))
        return True


def mail_of(edition: Edition, recipient: str) -> EmailMessage:
    """The mail to one recipient, the same each time, with both files attached."""
    name, url = _what(edition)
    restated = "\nFigures were restated: this edition takes the place of those before it." if edition.is_restated else ""
    mail = EmailMessage()
    mail["Subject"], mail["To"], mail["Message-ID"] = name, recipient, message_id(edition, recipient)
    if edition.recorded_at:
        mail["Date"] = format_datetime(edition.recorded_at.astimezone(UTC))
    files = {
        ending: (content, sha256)
        for ending, content, sha256 in (("pdf", edition.pdf, edition.pdf_sha256), ("html", edition.html, edition.html_sha256))
    }
    sums = "\n".join(f"{sha256}  {file_name(edition, ending)}" for ending, (_, sha256) in files.items())
    mail.set_content(
        as_html(
            f"{name}, figures as issued up to {edition.as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC.{restated}\n\n"
            f"All editions: {url}\n\nSHA-256 of the files:\n{sums}\n\nHead of the chain of issued figures:\n{edition.chain_head}"
        ),
        subtype="html",
    )
    mail.add_attachment(files["pdf"][0], maintype="application", subtype="pdf", filename=file_name(edition, "pdf"))
    mail.add_attachment(files["html"][0], maintype="text", subtype="html", filename=file_name(edition, "html"))
    return mail


def message_id(edition: Edition, recipient: str) -> str:
    """By what a mail is known wherever it goes: the same edition to the same recipient has the same one."""
    of = f"{edition.month} {edition.as_of.astimezone(UTC).isoformat()} {edition.pdf_sha256} {recipient}"
    return f"<{hashlib.sha256(of.encode()).hexdigest()[:40]}@investor-report.headline>"


def _what(edition: Edition) -> tuple[str, str]:
    return title(edition), f"{settings.load().base_url.rstrip('/')}/headline/reports"


def _taken(refused: str) -> None:
    if refused:
        raise Undelivered(refused)
