"""The drill: a synthetic alert is sent over every channel, so that a broken channel is found before it is needed."""

from __future__ import annotations

from datetime import datetime

from headline import specs
from headline.errors import HeadlineError
from headline.ledger.incident import Event, Finding
from headline.ledger.incidents import Incidents
from headline.paging import people
from headline.paging.channels import INBOX
from headline.paging.deliver import Delivery
from headline.paging.message import compose

DRILL = "alert_drill"


def drill(now: datetime) -> dict[str, str]:
    """Send whoever is on call a synthetic alert over every channel; returns the result by channel.

    A channel that fails becomes an incident, notified over the others. A drill that nobody acknowledges escalates like any other
    alert. Raises HeadlineError when a channel failed, or when the ledger does not show what was sent.
    """
    incidents = Incidents()
    delivery = Delivery(specs.load_sound(), people.load(now), now)
    incident = incidents.fire(Finding(DRILL, "alert_path_failed", now.date(), now, {"drill": True}), now)
    message = compose(incident, delivery.around(incident))
    contact = delivery.people.chain(people.ALERTS, now)[0]
    incidents.record(Event(incident.id, now, "told", contact.person, INBOX, message.text))
    reached = [name for name, channel in delivery.channels.items() if channel.reaches(contact)]
    for name in reached:
        delivery.send(incident, message, contact, name)
    failed = delivery.failed
    delivery.run()
    shown = {event.channel for event in incidents.history(incident.id) if event.event == "told" and event.at >= now}
    lost = {name: "the ledger does not show it" for name in (INBOX, *reached) if name not in shown and name not in failed}
    if failed | lost:
        what = "; ".join(f"{name}: {reason}" for name, reason in (failed | lost).items())
        raise HeadlineError(f"the drill for {contact.person} did not get through everywhere: {what}")
    unknown = {name: f"has no address of {contact.person}" for name in delivery.channels if name not in reached}
    return {INBOX: f"notified {contact.person}"} | dict.fromkeys(reached, f"notified {contact.person}") | unknown
