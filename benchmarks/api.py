"""How soon the data API gives answers that it has kept, at 200 requests a second: through the real server, as many users."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from urllib.parse import urlsplit

import httpx

from headline.airflow_api import AirflowApi
from headline.ledger import Reads
from headline.operators.links import PREFIX

RATE, SECONDS, CONNECTIONS = 200, 20, 32
USERS = 10  # of the roles of readers, each within its limit of requests
PASSWORD = "of a benchmark"  # noqa: S105
PATHS = (
    "/tables/profit.daily_profit_summary/rows?limit=100",
    "/metrics/daily_net_profit/values",
    "/metrics/daily_active_users/values",
    "/tables/growth.weekly_growth/rows?limit=100",
)


@dataclass(frozen=True)
class Spent:
    """The times from when a request was due to the end of its answer, in milliseconds, and what was not answered as it should."""

    milliseconds: Sequence[float]
    failed: int
    unchanged: int
    seconds: float

    def percentile(self, share: int) -> float:
        return quantiles(self.milliseconds, n=100)[share - 1]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.milliseconds) / self.seconds


def measure(api: AirflowApi) -> Spent:
    """The same addresses by all users in turn, half of them with the tag of the answer that they have; each is recorded."""
    requests = [(path, token) for token in _tokens(api) for path in PATHS]
    with httpx.Client(base_url=f"{api.url}{PREFIX}/api/v1", trust_env=False) as client:
        texts = []
        for path, token in requests:
            headers = {"authorization": f"Bearer {token}", "accept-encoding": "gzip"}
            answer = client.get(path, headers=headers)
            answer.raise_for_status()
            told = {**headers, "host": urlsplit(api.url).netloc}
            texts += [_text(path, told), _text(path, told | {"if-none-match": answer.headers["etag"]})]
    before = len(Reads().newest(1_000_000))
    spent = asyncio.run(_ask(urlsplit(api.url).hostname or "", urlsplit(api.url).port or 80, texts))
    recorded = len(Reads().newest(1_000_000)) - before
    if recorded != RATE * SECONDS:
        raise RuntimeError(f"{RATE * SECONDS} figures were read and {recorded} readings recorded")
    return spent


def _tokens(api: AirflowApi) -> list[str]:
    with httpx.Client(base_url=api.url, trust_env=False, timeout=30) as client:
        tokens = []
        for _ in range(USERS):
            name = f"bench_{time.time_ns()}"
            told = {
                "username": name,
                "password": PASSWORD,
                "first_name": name,
                "last_name": "Bench",
                "email": f"{name}@localhost",
            }
            api._ask("POST", "/auth/fab/v1/users", json=told | {"roles": [{"name": "analyst"}]})
            answer = client.post("/auth/token", json={"username": name, "password": PASSWORD})
            tokens.append(str(answer.raise_for_status().json()["access_token"]))
    return tokens


def _text(path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {PREFIX}/api/v1{path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _ask(host: str, port: int, texts: Sequence[bytes]) -> Spent:
    """Each request when it is due, whether or not those before are answered; connections are kept, as programs keep them.

    A client of its own: it must leave the server the other core.
    """
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection(host, port))
    spent, states = [], []

    async def one(text: bytes, due: float) -> None:
        reader, writer = await free.get()
        writer.write(text)
        head = await reader.readuntil(b"\r\n\r\n")
        if length := next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b""):
            await reader.readexactly(int(length.split(b":")[1]))
        spent.append((time.perf_counter() - due) * 1000)
        states.append(int(head[9:12]))
        free.put_nowait((reader, writer))

    begun = time.perf_counter()
    tasks = []
    for number in range(RATE * SECONDS):
        due = begun + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(texts[number % len(texts)], due)))
    await asyncio.gather(*tasks)
    seconds = time.perf_counter() - begun
    while not free.empty():
        free.get_nowait()[1].close()
    return Spent(spent, sum(state not in (200, 304) for state in states), states.count(304), seconds)
