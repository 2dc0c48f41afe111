"""FAB's auth manager, which holds up no other request while it asks whether a token still counts."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from jwt import InvalidTokenError

from headline.pages.accounts import RIGHTS, Rights


class HeadlineFabAuthManager(FabAuthManager):
    """Asks for the tokens of all requests of a moment at once, in a thread; Airflow asks for each on its own, in the event loop.

    A user is read again as soon as their rights are others, not each second: hundreds of rights a second are much garbage, and
    the collector stops the server. Airflow knows FAB by the name of this class: it has to contain FabAuthManager.
    """

    asks_each_time = True
    _rights: ClassVar[dict[int, Rights]] = {}

    async def get_user_from_token(self, token: str) -> Any:
        """The user of a token; raises InvalidTokenError if it is forged, expired or revoked, or its account deactivated."""
        claims = await self._get_token_validator().avalidated_claims(token)
        try:
            user_id = int(claims["sub"])
            rights = await RIGHTS.ask((str(claims.get("jti", "")), user_id))
            if rights is None:
                raise InvalidTokenError("the token is revoked, or its account deactivated")
            if self._rights.get(user_id) != rights:  # what was asked for before the user is read is never newer than the user
                self.cache.pop(user_id, None)
                self._rights[user_id] = rights
            return self.deserialize_user(claims)
        except (ValueError, KeyError) as error:
            raise InvalidTokenError(str(error)) from error
