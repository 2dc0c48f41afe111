"""Stands in for AWS in docker-compose.yaml: moto, whose buckets outlive it. `python aws.py FOLDER PORT` serves it.

    headline-landing     what arrives lands here
    headline-arrivals    the app and partners drop their files here; the queue of the same name is told of each

It runs in an image of its own, with moto and without the rest of this package. What else it is asked for, it forgets.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from werkzeug.serving import run_simple

LANDING, ARRIVALS = BUCKETS = "headline-landing", "headline-arrivals"
REGION = "us-east-1"


class Kept:
    """moto as a WSGI application that has a file for each object of the buckets, before it answers that the object is there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._objects = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._moto(environ, start_response)
        path, _, query = environ["RAW_URI"].partition("?")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        is_part = "partNumber=" in query
        if key and bucket in BUCKETS and environ["REQUEST_METHOD"] in {"DELETE", "POST", "PUT"} and not is_part:
            self._keep(bucket, key)
        return answer

    def _keep(self, bucket: str, key: str) -> None:
        file = self._folder / bucket / quote(key, safe="")
        found = self._objects.get_object(bucket, key)
        if found is None:
            file.unlink(missing_ok=True)
            return
        begun = file.with_name(f".{id(found)}.part")
        begun.write_bytes(found.value)
        written = found.last_modified.replace(tzinfo=UTC).timestamp()
        os.utime(begun, (written, written))
        begun.replace(file)

    def make(self) -> None:
        """Make buckets and queue, put back the objects of before, and let the queue be told of those that come from now on."""
        setting_up = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        setting_up.start()
        address = "http://{}:{}".format(*setting_up.get_host_and_port())
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
        s3, sqs = (boto3.client(service, endpoint_url=address, **keys) for service in ("s3", "sqs"))
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket)
            (self._folder / bucket).mkdir(parents=True, exist_ok=True)
            for file in (self._folder / bucket).glob("[!.]*"):
                key = unquote(file.name)
                s3.put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
                written = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
                self._objects.get_object(bucket, key).last_modified = written  # type: ignore[union-attr]
        sqs.create_queue(QueueName=ARRIVALS)
        told = {"QueueArn": f"arn:aws:sqs:{REGION}:{DEFAULT_ACCOUNT_ID}:{ARRIVALS}", "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(Bucket=ARRIVALS, NotificationConfiguration={"QueueConfigurations": [told]})
        setting_up.stop()


def main(folder: str, port: str) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not every request
    kept = Kept(Path(folder))
    kept.make()
    run_simple("0.0.0.0", int(port), kept, threaded=True, request_handler=MotoRequestHandler)  # noqa: S104 (Compose opens it to nobody)


if __name__ == "__main__":
    main(*sys.argv[1:])
