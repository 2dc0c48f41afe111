"""The people and the channels of the tests of alerts, and what arrives there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.airflow.world import Deployment, wait_for
from tests.unit.paging.servers import Mailbox, Phones, Webhook

from headline import oncall
from headline.specs import Team
from headline.specs.team_file import parse_team

MINUTE = timedelta(minutes=1)
TIME_TO_NOTICE = timedelta(seconds=30)
FAR = "23:59"
ENGINEERS = ("ines", "jonas", "sanne", "aoife")


def prepare(include: Path) -> None:
    """Nothing is due for long, it is day where people live, and each has one minute to acknowledge."""
    for file in [*include.glob("sql/*/*/pipeline.yml"), *include.glob("sql/sources/*/source.yml")]:
        file.write_text(re.sub(r'lands_at: "\d\d:\d\d"', f'lands_at: "{FAR}"', file.read_text()))
    team = include / "team.yml"
    ahead = 13 - datetime.now(UTC).hour  # hours, to where it is about one o'clock; such zones have the opposite sign
    text = re.sub(r"zone: \w+/\w+", f"zone: Etc/GMT{-ahead:+d}", team.read_text())
    team.write_text(re.sub(r"escalate_after: {.*}", 'escalate_after: {1: "00:01", 2: "00:01"}', text))


@dataclass(frozen=True)
class Alert:
    """Something that has reached somebody."""

    at: datetime
    channel: str
    person: str
    text: str


@dataclass
class Recipients:
    """Everybody's phones, the team's Slack channel and the mail server."""

    phones: Phones
    slack: Webhook
    mailbox: Mailbox
    received: list[Alert] = field(default_factory=list)
    phones_work: bool = True

    def connections(self) -> dict[str, str]:
        return {
            "AIRFLOW_CONN_HEADLINE_SNS": self.phones.connection(),
            "AIRFLOW_CONN_HEADLINE_SLACK": self.slack.connection(),
            "AIRFLOW_CONN_HEADLINE_EMAIL": self.mailbox.connection(),
        }

    def break_phones(self) -> None:
        """Nobody answers any more where SNS was."""
        self.look()
        self.phones.stop()
        self.phones_work = False

    def look(self) -> list[Alert]:
        """Everything that has arrived so far."""
        now, known = datetime.now(UTC), Counter(alert.channel for alert in self.received)
        if self.phones_work:
            for person in ENGINEERS:
                new = self.phones.received(person)
                self.received += [Alert(now, "sns", person, one["Message"]) for one in new]
        for text in self.slack.texts[known["slack"] :]:
            person, _, message = text.partition(": ")
            self.received.append(Alert(now, "slack", person, message))
        for addresses, mail in self.mailbox.mails[known["email"] :]:
            self.received.append(Alert(now, "email", addresses[0].partition(".")[0], str(mail["subject"])))
        return self.received

    def told(self, words: str) -> list[Alert]:
        return [alert for alert in self.look() if words in alert.text]

    def wait_until_told(self, words: str, times: int = 1, seconds: float = 100) -> Alert:
        return wait_for(lambda: found[times - 1] if len(found := self.told(words)) >= times else None, seconds, every=1)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Guarded:
    """A deployment with its people."""

    deployment: Deployment
    people: Recipients

    def chain(self, area: str) -> list[str]:
        """Who is told about an area now, one after the other."""
        return [engineer.id for engineer in oncall.escalation_chain(self.team, area, datetime.now(UTC))]

    @property
    def team(self) -> Team:
        file = self.deployment.include / "team.yml"
        return parse_team(file.read_text(), file)

    def make_due(self, *folders: str) -> datetime:
        """Let yesterday of these pipelines be due as soon as Airflow can know of it; gives the moment."""
        moment = (datetime.now(UTC) + TIME_TO_NOTICE).replace(second=0, microsecond=0) + MINUTE
        for folder in folders:
            file = "source.yml" if folder.startswith("sources/") else "pipeline.yml"
            self.deployment.edit(f"{folder}/{file}", f'lands_at: "{FAR}"', f'lands_at: "{moment:%H:%M}"')
        for folder in folders:
            self.deployment.api.parse_again(folder.rpartition("/")[2])
        for folder in folders:
            dag_id, promise = folder.rpartition("/")[2], f"{moment:%H:%M} UTC"
            wait_for(lambda dag_id=dag_id, promise=promise: promise in self._documentation(dag_id), 40)
        assert datetime.now(UTC) < moment, "it took too long until Airflow knew"
        return moment

    def _documentation(self, dag_id: str) -> str:
        return str(self.deployment.api.get(f"/dags/{dag_id}/details")["doc_md"])

    def scheduled_run(self, dag_id: str) -> str:
        """Unpause a DAG and give the run that the schedule then makes."""
        self.deployment.api.unpause(dag_id)
        runs = wait_for(lambda: self.deployment.api.runs(dag_id, run_type="scheduled"), 40)
        return str(runs[0]["dag_run_id"])

    def look(self) -> None:
        """A round of the watch, as it comes every ten minutes."""
        self.deployment.api.trigger("freshness_watch")
