"""Whether a token still counts, and what its user may do now: asked anew for each request, and for many requests at once."""

from __future__ import annotations

from collections.abc import Sequence

from headline.pages.at_once import AtOnce

# The id of a token (jti) and of its user.
Login = tuple[str, int]
# By role of the user how many rights it has and the sum of the ids of these, which differs as soon as one comes or goes.
Rights = frozenset[tuple[int, int, int]]


def _rights(logins: Sequence[Login]) -> Sequence[Rights | None]:
    """The rights of the users of these tokens; None where somebody has revoked the token, or the user may not log in."""
    from airflow.models.revoked_token import RevokedToken
    from airflow.providers.fab.auth_manager.models import User, assoc_permission_role, assoc_user_role
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    tokens, users = ({one[place] for one in logins} for place in (0, 1))
    of_user, of_role = assoc_user_role.c, assoc_permission_role.c
    with create_session(scoped=False) as session:
        RevokedToken._maybe_cleanup_expired(session)  # as Airflow does when it asks for a token
        revoked = set(session.scalars(select(RevokedToken.jti).where(RevokedToken.jti.in_(tokens))))
        active = select(User.id, of_user.role_id).outerjoin(assoc_user_role, of_user.user_id == User.id)
        pairs = session.execute(active.where(User.id.in_(users), User.active.is_(True))).all()
        granted = select(of_role.role_id, func.count(), func.sum(of_role.id)).group_by(of_role.role_id)
        sums = session.execute(granted.where(of_role.role_id.in_({role for _, role in pairs}))).all()
    roles = {role: (role, count, int(total)) for role, count, total in sums}
    found: dict[int, set[tuple[int, int, int]]] = {user: set() for user, _ in pairs}
    for user, role in pairs:
        found[user].add(roles.get(role, (role or 0, 0, 0)))
    return [frozenset(found[user]) if user in found and token not in revoked else None for token, user in logins]


RIGHTS: AtOnce[Login, Rights | None] = AtOnce(_rights)
