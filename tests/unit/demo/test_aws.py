"""What stands in for AWS in containers: its buckets outlive it, and its queue is told of files that arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import requests
from werkzeug.serving import make_server

from headline.demo.aws import ARRIVALS, LANDING, REGION, Kept

PART = 5 * 2**20  # the least that S3 takes


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Any, Any]]:
    """Clients of S3 and SQS of one that has just started."""
    kept = Kept(folder)
    kept.make()
    server = make_server("127.0.0.1", 0, kept, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": REGION}
        yield boto3.client("s3", endpoint_url=address, **keys), boto3.client("sqs", endpoint_url=address, **keys)
        requests.post(f"{address}/moto-api/reset", timeout=10)  # as its end does: memory is empty
    finally:
        server.shutdown()


def told(sqs: Any) -> list[str]:
    """The keys that the queue has been told of."""
    url = sqs.get_queue_url(QueueName=ARRIVALS)["QueueUrl"]
    found = [json.loads(one["Body"]) for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())]
    return [record["s3"]["object"]["key"] for message in found for record in message.get("Records", ())]


def test_objects_outlive_it_and_deleted_ones_stay_away(tmp_path: Path) -> None:
    with serving(tmp_path) as (s3, _):
        for key in ("shop/orders/ds=2026-03-02/a.parquet", "an odd+näme/%2F", "gone"):
            s3.put_object(Bucket=LANDING, Key=key, Body=b"first")
        s3.put_object(Bucket=LANDING, Key="gone", Body=b"second")
        s3.delete_object(Bucket=LANDING, Key="gone")
        upload = {
            "Bucket": LANDING,
            "Key": "large",
            "UploadId": s3.create_multipart_upload(Bucket=LANDING, Key="large")["UploadId"],
        }
        etags = [s3.upload_part(**upload, PartNumber=number, Body=bytes(PART))["ETag"] for number in (1, 2)]
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, start=1)]
        s3.create_multipart_upload(Bucket=LANDING, Key="begun")
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        before = {one["Key"]: (one["Size"], one["LastModified"]) for one in s3.list_objects_v2(Bucket=LANDING)["Contents"]}
    assert list(before) == sorted(["shop/orders/ds=2026-03-02/a.parquet", "an odd+näme/%2F", "large"])
    with serving(tmp_path) as (s3, _):
        after = {one["Key"]: (one["Size"], one["LastModified"]) for one in s3.list_objects_v2(Bucket=LANDING)["Contents"]}
        assert after == before
        assert s3.get_object(Bucket=LANDING, Key="an odd+näme/%2F")["Body"].read() == b"first"
        assert s3.get_object(Bucket=LANDING, Key="large")["Body"].read() == bytes(2 * PART)


def test_the_queue_is_told_of_what_arrives_and_not_of_what_was_there(tmp_path: Path) -> None:
    with serving(tmp_path) as (s3, sqs):
        s3.put_object(Bucket=ARRIVALS, Key="events/1.jsonl.gz", Body=b"x")
        s3.put_object(Bucket=LANDING, Key="a", Body=b"x")
        assert told(sqs) == ["events%2F1.jsonl.gz"]
    with serving(tmp_path) as (s3, sqs):
        assert told(sqs) == []
        s3.put_object(Bucket=ARRIVALS, Key="events/2.jsonl.gz", Body=b"x")
        assert told(sqs) == ["events%2F2.jsonl.gz"]
