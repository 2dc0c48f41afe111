"""Who looks at a page and what they may see and do: Airflow's own rights, DAG by DAG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, get_auth_manager
from fastapi import Depends, HTTPException, Request

from headline.pages.accounts import RIGHTS
from headline.specs.access import PERSONAL_DATA


@dataclass(frozen=True)
class Visitor:
    """A user who is logged in."""

    user: Any

    @property
    def name(self) -> str:
        return str(self.user.get_name())

    def readable(self) -> set[str]:
        """The DAGs that he may see."""
        return set(get_auth_manager().get_authorized_dag_ids(user=self.user, method="GET"))

    def may_read(self, dag_id: str) -> bool:
        return self._may("GET", dag_id)

    def may_edit(self, dag_id: str) -> bool:
        return self._may("PUT", dag_id)

    def may_see_personal(self, dag_id: str) -> bool:
        """Whether they may see the personal data in the DAG's tables: who may edit it, and readers with a right of their own."""
        return self.may_edit(dag_id) or (
            self.may_read(dag_id)
            and bool(get_auth_manager().is_authorized_custom_view(method="GET", resource_name=PERSONAL_DATA, user=self.user))
        )

    def may_trigger(self, dag_id: str) -> bool:
        """Whether Airflow would let them start a run of the DAG."""
        details = DagDetails(id=dag_id)
        manager = get_auth_manager()
        return bool(manager.is_authorized_dag(method="POST", access_entity=DagAccessEntity.RUN, details=details, user=self.user))

    def must_read(self, dag_id: str) -> None:
        """Raises 403 where he may not see the DAG."""
        if not self.may_read(dag_id):
            raise HTTPException(403, f"you have no right to see {dag_id}; ask an administrator of Airflow")

    def must_edit(self, dag_id: str) -> None:
        """Raises 403 where he may not change the DAG."""
        if not self.may_edit(dag_id):
            raise HTTPException(403, f"you may see {dag_id}, not act on it; ask an administrator of Airflow")

    def must_trigger(self, dag_id: str) -> None:
        """Raises 403 where they may not start a run of the DAG."""
        if not self.may_trigger(dag_id):
            raise HTTPException(403, f"you may see {dag_id}, not run it; ask an administrator of Airflow")

    def _may(self, method: Any, dag_id: str) -> bool:
        return bool(get_auth_manager().is_authorized_dag(method=method, details=DagDetails(id=dag_id), user=self.user))


async def active_user(user: GetUserDep) -> Any:
    """Who asks. FAB keeps a user for some seconds, so that a token would outlive its account: asked anew, it does not."""
    is_kept = type(user).__module__.startswith("airflow.providers.fab.") and not getattr(user, "is_anonymous", False)
    if is_kept and not getattr(get_auth_manager(), "asks_each_time", False) and await RIGHTS.ask(("", user.id)) is None:
        raise HTTPException(401, "this account is deactivated; ask an administrator of Airflow")
    return user


async def visitor(user: Annotated[Any, Depends(active_user)]) -> Visitor:
    return Visitor(user)


def from_this_site(request: Request) -> None:
    """Refuse what another site makes the browser send: a form of theirs would come with our cookie.

    Browsers say where a request comes from; programs that do not must bring a token of their own instead of the cookie.
    """
    origin = request.headers.get("sec-fetch-site") or request.headers.get("origin", "")
    own = {"same-origin", f"{request.url.scheme}://{request.url.netloc}"}
    if origin not in own and (origin or not request.headers.get("authorization")):
        raise HTTPException(403, "this must be sent from a page of this site")


CurrentVisitor = Annotated[Visitor, Depends(visitor)]
