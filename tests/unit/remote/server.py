"""An Airflow with Headline's pages that answers from a few paths, and remembers what it was asked."""

from __future__ import annotations

from typing import Any

import httpx

from headline.remote.login import Login

PERSON = Login("https://airflow.example", "ada", "a-token")


class Server:
    """`answers`: by path, JSON, or a status with JSON or text; an exception is raised. `tokens`: those that are taken."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.tokens = {PERSON.token}
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return httpx.Response(401, json={"detail": "Invalid JWT token"})
        found = self.answers.get(request.url.path, (404, {"detail": "Not Found"}))
        if isinstance(found, Exception):
            raise found
        status, body = found if isinstance(found, tuple) else (200, found)
        return httpx.Response(status, text=body) if isinstance(body, str) else httpx.Response(status, json=body)

    @property
    def paths(self) -> list[str]:
        return [f"{one.method} {one.url.raw_path.decode()}" for one in self.asked]
