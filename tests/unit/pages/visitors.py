"""Somebody who is logged in, and a server of some pages for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.testclient import TestClient

from headline.pages import errors
from headline.pages.visitor import visitor

TOKEN = {"authorization": "Bearer a-token"}


@dataclass(frozen=True)
class Somebody:
    """A visitor who sees some DAGs, and may edit others."""

    sees: set[str] = field(default_factory=lambda: {"shop", "core_shop", "backfill"})
    edits: set[str] = field(default_factory=set)
    name: str = "ada"
    personal: set[str] = field(default_factory=set)

    def readable(self) -> set[str]:
        return self.sees

    def may_edit(self, dag_id: str) -> bool:
        return dag_id in self.edits

    def may_see_personal(self, dag_id: str) -> bool:
        return dag_id in self.edits | self.personal

    def must_read(self, dag_id: str) -> None:
        if dag_id not in self.sees:
            raise HTTPException(403, "no")

    must_trigger = must_read


def server(who: Somebody, *routers: APIRouter, **headers: str) -> TestClient:
    """The pages of routers as one visitor gets them."""
    app = FastAPI(exception_handlers=errors.HANDLERS)
    for router in routers:
        app.include_router(router)
    app.dependency_overrides[visitor] = lambda: who
    return TestClient(app, headers=TOKEN | headers)
