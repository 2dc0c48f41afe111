"""Messages of a queue about new files on S3: the objects that they name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

log = logging.getLogger(__name__)


def announced(messages: Iterable[Mapping[str, Any]]) -> set[str] | None:
    """The addresses `s3://bucket/key` that messages of SQS announce, each once, whether they come from S3 or through SNS.

    None where one cannot be read: then it may be about anything. The message by which S3 tries out a queue is about nothing.
    """
    found: set[str] = set()
    for message in messages:
        try:
            found.update(_objects(json.loads(message["Body"])))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("the message %s cannot be read: %r; all streams are looked at", message.get("MessageId", ""), error)
            return None
    return found


def _objects(told: Mapping[str, Any]) -> Iterator[str]:
    if told.get("Type") == "Notification":
        told = json.loads(told["Message"])
    if told.get("Event") == "s3:TestEvent":
        return
    for record in told["Records"]:
        if record["eventName"].startswith("ObjectCreated:"):
            yield f"s3://{record['s3']['bucket']['name']}/{unquote_plus(record['s3']['object']['key'])}"
