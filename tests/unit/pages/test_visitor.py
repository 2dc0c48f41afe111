"""Who looks at a page: an account that is deactivated is refused, whatever Airflow still keeps of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.routing import APIRoute

from headline.pages import visitor
from headline.pages.app import app
from headline.pages.at_once import AtOnce
from headline.pages.visitor import Visitor, active_user


class User(SimpleNamespace):
    """A user as FAB keeps them."""

    __module__ = "airflow.providers.fab.auth_manager.models"


def test_a_user_of_fab_is_looked_for_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def rights(logins: Sequence[tuple[str, int]]) -> list[frozenset[Any] | None]:
        asked.extend(logins)
        return [frozenset() if user == 1 else None for _, user in logins]

    monkeypatch.setattr(visitor, "RIGHTS", AtOnce(rights))
    monkeypatch.setattr(visitor, "get_auth_manager", object)
    there, gone = User(id=1), User(id=2)
    for _ in range(2):
        assert asyncio.run(active_user(there)) is there
    with pytest.raises(HTTPException, match="401: this account is deactivated"):
        asyncio.run(active_user(gone))
    assert asked == [("", 1), ("", 1), ("", 2)]
    other: Any = SimpleNamespace(id=2)
    assert asyncio.run(active_user(other)) is other, "another auth manager keeps nobody"
    monkeypatch.setattr(visitor, "get_auth_manager", lambda: SimpleNamespace(asks_each_time=True))
    assert asyncio.run(active_user(gone)) is gone, "our own has asked already"
    assert len(asked) == 3


def test_every_page_asks_for_an_active_account() -> None:
    def calls(found: FastAPI) -> list[set[Any]]:
        return [{one.call for one in route.dependant.dependencies} for route in found.routes if isinstance(route, APIRoute)]

    assert len(calls(app)) > 20
    assert all(active_user in asked for asked in calls(app))


def test_personal_data_are_for_editors_and_for_readers_with_a_right_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rights: set[tuple[str, str]] = set()
    manager = SimpleNamespace(
        is_authorized_dag=lambda *, method, details, user: (method, details.id) in rights,
        is_authorized_custom_view=lambda *, method, resource_name, user: (method, resource_name) in rights,
    )
    monkeypatch.setattr(visitor, "get_auth_manager", lambda: manager)
    one = Visitor(object())
    assert not one.may_see_personal("shop")
    rights.add(("GET", "Personal Data"))
    assert not one.may_see_personal("shop"), "whoever may not read the DAG"
    rights.add(("GET", "shop"))
    assert one.may_see_personal("shop")
    rights.clear()
    rights.add(("PUT", "shop"))
    assert one.may_see_personal("shop")
