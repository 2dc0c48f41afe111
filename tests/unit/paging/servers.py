"""Real servers that take alerts: SMTP, a webhook, and moto's SNS with a queue behind its topic."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

REGION = "eu-west-1"


@dataclass
class Mailbox:
    """What an SMTP server has taken; `answer` is what it says to the next, `refused` are addresses that it does not know."""

    mails: list[Any] = field(default_factory=list)
    answer: str = "250 OK"
    port: int = 0
    refused: set[str] = field(default_factory=set)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.answer.startswith("250"):
            self.mails.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return self.answer

    @property
    def subjects(self) -> list[str]:
        return [str(mail["subject"]) for _, mail in self.mails]

    def text(self, number: int = -1) -> str:
        return self.mails[number][1].get_content()  # type: ignore[no-any-return]

    def connection(self, **extra: Any) -> str:
        secure = {"disable_ssl": True, "disable_tls": True, "from_email": "headline@example.com"}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": secure | extra})


@contextmanager
def smtp() -> Iterator[Mailbox]:
    """A mail server of this machine."""
    mailbox = Mailbox()
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:  # the controller does not say which port it was given
        mailbox.port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


@dataclass
class Webhook:
    """What was posted to a webhook; `status` and `body` are what it answers to the next, after `delay` seconds."""

    posts: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: str = "ok"
    delay: float = 0
    port: int = 0

    @property
    def texts(self) -> list[str]:
        return [post["text"] for post in self.posts]

    def connection(self, **extra: Any) -> str:
        url = f"http://127.0.0.1:{self.port}/services/T0/B0/secret"
        return json.dumps({"conn_type": "slackwebhook", "password": url, "extra": extra})


@contextmanager
def webhook() -> Iterator[Webhook]:
    """An HTTP server that takes what Slack's would."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if hook.status == 200:
                hook.posts.append(json.loads(body))
            time.sleep(hook.delay)
            with suppress(BrokenPipeError):  # who asked has given up
                self.send_response(hook.status)
                self.end_headers()
                self.wfile.write(hook.body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Phones:
    """Topics of moto's SNS, one an engineer, and what has come out of the queue behind each."""

    endpoint: str
    topics: dict[str, str] = field(default_factory=dict)
    queues: dict[str, str] = field(default_factory=dict)
    stop: Callable[[], None] = lambda: None
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """The client of a service: to make one takes far longer than to ask it, and who waits asks again and again."""
        if service not in self.clients:
            import boto3

            keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y", "region_name": REGION}
            self.clients[service] = boto3.client(service, endpoint_url=self.endpoint, **keys)
        return self.clients[service]

    def add(self, person: str) -> None:
        sns, sqs = self.client("sns"), self.client("sqs")
        self.topics[person] = sns.create_topic(Name=person)["TopicArn"]
        self.queues[person] = sqs.create_queue(QueueName=person)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queues[person], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.topics[person], Protocol="sqs", Endpoint=arn)

    def received(self, person: str) -> list[dict[str, str]]:
        """What has come since the last time."""
        sqs, queue = self.client("sqs"), self.queues[person]
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:  # or it comes again half a minute later
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    def connection(self, **people: str) -> str:
        extra = {"region_name": REGION, "endpoint_url": self.endpoint, "people": people or self.topics}
        return json.dumps({"conn_type": "aws", "login": "x", "password": "y", "extra": extra})


@contextmanager
def sns(*people: str) -> Iterator[Phones]:
    """moto's SNS with a topic for each of these people. To import it takes longer than to import all else of a test."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    phones = Phones(f"http://{host}:{port}", stop=server.stop)
    for person in people:
        phones.add(person)
    try:
        yield phones
    finally:
        server.stop()
