"""A token ends with its account and when its user logs out, whatever is kept; looked for of many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from airflow.models.revoked_token import RevokedToken
from airflow.providers.fab.auth_manager import models
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.auth_manager.models import Action, Permission, Resource, Role, User
from jwt import InvalidTokenError
from sqlalchemy import create_engine, event, select, update
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

from airflow import settings
from headline.local import environment
from headline.pages.accounts import RIGHTS, Rights
from headline.pages.auth_manager import HeadlineFabAuthManager

HOLDERS = range(1, 6)
ASKED = 3  # statements for as many logins as there are


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Airflow's database with five users; what is asked of it."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    tables = [models.User, models.Role, models.Permission, models.Action, models.Resource, RevokedToken]
    links = [models.assoc_user_role, models.assoc_permission_role]
    User.metadata.create_all(engine, [*(one.__table__ for one in tables), *links])
    made = sessionmaker(engine, expire_on_commit=False)
    monkeypatch.setattr(settings, "NonScopedSession", made)
    monkeypatch.setattr(settings, "Session", scoped_session(made))
    with made.begin() as session:
        names = ({"first_name": "a", "last_name": "b", "username": f"u{one}", "email": f"u{one}@x"} for one in HOLDERS)
        session.add_all(User(id=one, active=True, **name) for one, name in zip(HOLDERS, names, strict=True))
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _connection, _cursor, statement, *_: asked.append(statement))
    monkeypatch.setattr(RevokedToken, "_last_cleanup_time", float("inf"))
    monkeypatch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "a secret of these tests " * 4)
    FabAuthManager.cache.clear()
    HeadlineFabAuthManager._rights.clear()
    HeadlineFabAuthManager._get_token_validator.cache_clear()
    yield asked
    FabAuthManager.cache.clear()
    HeadlineFabAuthManager._rights.clear()
    HeadlineFabAuthManager._get_token_validator.cache_clear()
    engine.dispose()


def token(user_id: int, seconds: int = 600) -> str:
    return HeadlineFabAuthManager._get_token_signer(expiration_time_in_seconds=seconds).generate({"sub": str(user_id)})


def user_of(text: str) -> int:
    return int(asyncio.run(HeadlineFabAuthManager().get_user_from_token(text)).id)


def permissions_of(text: str) -> set[str]:
    user = asyncio.run(HeadlineFabAuthManager().get_user_from_token(text))
    return {one.resource.name for role in user.roles for one in role.permissions}


def test_a_token_ends_at_once_with_its_account_and_with_its_session(statements: list[str]) -> None:
    kept, other, gone = token(1), token(1), token(2)
    assert [user_of(one) for one in (kept, other, gone)] == [1, 1, 2]
    HeadlineFabAuthManager().revoke_token(other)
    with settings.NonScopedSession.begin() as session:
        session.execute(update(User).where(User.id == 2).values(active=False))
    assert {user.id for user in FabAuthManager.cache.values()} == {1, 2}, "FAB would still let them in"
    for ended in (other, gone):
        with pytest.raises(InvalidTokenError, match="revoked, or its account deactivated"):
            user_of(ended)
    assert user_of(kept) == 1


def test_rights_that_come_and_go_count_at_once(statements: list[str]) -> None:
    """Also where one goes and another comes at the same time, and without reading a user again whose rights stay."""
    text = token(1)
    assert permissions_of(text) == set()
    for rights in ({"DAG:a"}, {"DAG:a", "DAG:b"}, {"DAG:c", "DAG:b"}, {"DAG:c"}, set()):
        with settings.NonScopedSession.begin() as session:
            user = session.get(User, 1)
            if not user.roles:
                user.roles = [Role(name="reader")]
            role = user.roles[0]
            role.permissions = [one for one in role.permissions if one.resource.name in rights]
            there = {one.resource.name for one in role.permissions}
            action = session.scalar(select(Action)) or Action(name="can_read")
            role.permissions += [Permission(action=action, resource=Resource(name=name)) for name in sorted(rights - there)]
        assert permissions_of(text) == rights
        statements.clear()
        assert permissions_of(text) == rights
        assert len(statements) == ASKED
    with settings.NonScopedSession.begin() as session:
        session.get(User, 1).roles = []
    assert permissions_of(text) == set()


def test_no_other_token_is_taken(statements: list[str]) -> None:
    genuine = token(1)
    for text in (token(1, -60), token(99), genuine[:-3] + "AAA", genuine.rsplit(".", 1)[0] + ".", "", "a.b.c"):
        with pytest.raises(InvalidTokenError):
            user_of(text)


def test_many_tokens_are_looked_for_at_once(statements: list[str]) -> None:
    async def ask() -> list[Rights | None]:
        return await asyncio.gather(*(RIGHTS.ask((f"jti{number}", number % 7)) for number in range(70)))

    assert [one is not None for one in asyncio.run(ask())] == [number % 7 in HOLDERS for number in range(70)]
    assert len(statements) <= 2 * ASKED, "for the first, and for all others together"


def test_airflow_knows_it_for_fabs() -> None:
    """Airflow looks for this in its name before it keeps the rights to each DAG, and when it removes old sessions."""
    told = environment.AUTH_MANAGER
    assert "FabAuthManager" in told
    assert told == f"{HeadlineFabAuthManager.__module__}.{HeadlineFabAuthManager.__name__}"
