"""The API keys of a custom integration."""

from __future__ import annotations

import builtins
from types import NoneType

from sunco.models.integrations import IntegrationKey
from sunco.resources._resource import Resource, required
from sunco.wire import Operation

__all__ = ["IntegrationKeys"]

_ALL = "/v2/apps/{app_id}/integrations/{integration_id}/keys"
_ONE = f"{_ALL}/{{key_id}}"

CREATE = Operation("CreateCustomIntegrationKey", "POST", _ALL, IntegrationKey, "key")
LIST = Operation("ListCustomIntegrationKeys", "GET", _ALL, list[IntegrationKey], "keys")
GET = Operation("GetCustomIntegrationKey", "GET", _ONE, IntegrationKey, "key")
DELETE = Operation("DeleteCustomIntegrationKey", "DELETE", _ONE, NoneType)


class IntegrationKeys(Resource):
    """API keys with the scope of a custom integration."""

    async def create(self, integration_id: str, display_name: str) -> IntegrationKey:
        """Create an API key for a custom integration (`CreateCustomIntegrationKey`).

        Args:
            integration_id: The integration.
            display_name: A name to show, 1 to 100 characters.
        """
        return await self._session.call(
            CREATE, body=required(displayName=display_name), integration_id=integration_id
        )

    async def list(self, integration_id: str) -> builtins.list[IntegrationKey]:
        """List a custom integration's API keys (`ListCustomIntegrationKeys`).

        Args:
            integration_id: The integration.

        Raises:
            BadRequestError: The integration is not a custom one.
        """
        return await self._session.call(LIST, integration_id=integration_id)

    async def get(self, integration_id: str, key_id: str) -> IntegrationKey:
        """Get an API key (`GetCustomIntegrationKey`).

        Args:
            integration_id: The integration.
            key_id: The key.

        Raises:
            NotFoundError: The integration or the key does not exist.
        """
        return await self._session.call(GET, integration_id=integration_id, key_id=key_id)

    async def delete(self, integration_id: str, key_id: str) -> None:
        """Delete an API key; it is rejected from then on (`DeleteCustomIntegrationKey`).

        Args:
            integration_id: The integration.
            key_id: The key.

        Raises:
            NotFoundError: The integration or the key does not exist.
        """
        await self._session.call(DELETE, integration_id=integration_id, key_id=key_id)
