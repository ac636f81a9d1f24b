"""The API keys of an app."""

from __future__ import annotations

import builtins
from types import NoneType

from sunco.models.apps import AppKey
from sunco.resources._resource import Resource, required
from sunco.wire import Operation

__all__ = ["AppKeys"]

_ALL = "/v2/apps/{app_id}/keys"
_ONE = f"{_ALL}/{{key_id}}"

CREATE = Operation("CreateAppKey", "POST", _ALL, AppKey, "key")
LIST = Operation("ListAppKeys", "GET", _ALL, list[AppKey], "keys")
GET = Operation("GetAppKey", "GET", _ONE, AppKey, "key")
DELETE = Operation("DeleteAppKey", "DELETE", _ONE, NoneType)


class AppKeys(Resource):
    """API keys with the scope of an app. All methods need an account's credential."""

    async def create(self, display_name: str) -> AppKey:
        """Create an API key for the app (`CreateAppKey`).

        Args:
            display_name: A name to show, 1 to 100 characters.
        """
        return await self._session.call(CREATE, body=required(displayName=display_name))

    async def list(self) -> builtins.list[AppKey]:
        """List the app's API keys (`ListAppKeys`)."""
        return await self._session.call(LIST)

    async def get(self, key_id: str) -> AppKey:
        """Get an API key (`GetAppKey`).

        Args:
            key_id: The key.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._session.call(GET, key_id=key_id)

    async def delete(self, key_id: str) -> None:
        """Delete an API key; it is rejected from then on (`DeleteAppKey`).

        Args:
            key_id: The key.

        Raises:
            NotFoundError: It does not exist.
        """
        await self._session.call(DELETE, key_id=key_id)
