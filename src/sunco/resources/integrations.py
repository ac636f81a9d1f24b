"""Integrations: connecting an app to channels and to other software."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Final, cast

from sunco._literals import check_values, known_values
from sunco.models.integrations import Integration, IntegrationType
from sunco.models.integrations.updates import IntegrationUpdate
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation

__all__ = ["Integrations"]

_ALL = "/v2/apps/{app_id}/integrations"
_ONE = f"{_ALL}/{{integration_id}}"

# A union is no class, but is read like one.
_INTEGRATION = cast("type[Integration]", Integration)

CREATE = Operation("CreateIntegration", "POST", _ALL, _INTEGRATION, "integration")
LIST = Operation("ListIntegrations", "GET", _ALL, list[Integration], "integrations")
GET = Operation("GetIntegration", "GET", _ONE, _INTEGRATION, "integration")
UPDATE = Operation("UpdateIntegration", "PATCH", _ONE, _INTEGRATION, "integration")
DELETE = Operation("DeleteIntegration", "DELETE", _ONE, NoneType)

_TYPES: Final = known_values(IntegrationType)


class Integrations(Resource):
    """The integrations of an app: channels, SDKs and custom software."""

    async def create(self, integration: Integration) -> Integration:
        """Create an integration (`CreateIntegration`).

        What the API sets itself, such as `id` and `status`, is not sent.

        Args:
            integration: What to connect to; its class says what is required.

        Raises:
            BadRequestError: The type is unknown, or something is missing or wrong.
        """
        required(integration=integration)
        return await self._session.call(CREATE, body=integration)

    def list(
        self,
        *,
        types: Sequence[IntegrationType] | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> Paginator[Integration]:
        """List the app's integrations (`ListIntegrations`).

        Args:
            types: Only those of these types, such as `["custom", "web"]`.
            after: List what follows this cursor.
            before: List what precedes this cursor, backwards.
            page_size: Items per request, 1 to 100; 25 by default.

        Raises:
            ConfigurationError: Both cursors were given, or a type is misspelt.
        """
        if types is not None:
            check_values("types", types, _TYPES)
        return self._paginate(
            LIST,
            after=after,
            before=before,
            page_size=page_size,
            params={"filter": given(types=types)},
        )

    async def get(self, integration_id: str) -> Integration:
        """Get an integration (`GetIntegration`).

        Args:
            integration_id: The integration.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._session.call(GET, integration_id=integration_id)

    async def update(
        self, integration_id: str, changes: IntegrationUpdate | Mapping[str, Any]
    ) -> Integration:
        """Update an integration (`UpdateIntegration`).

        What cannot be updated has to be deleted and created again.

        Args:
            integration_id: The integration.
            changes: What to change, for its type: `WebIntegrationUpdate(...)` for the Web
                Messenger. A mapping goes out as it is, for types that have no class.

        Raises:
            NotFoundError: The integration does not exist.
        """
        required(changes=changes)
        return await self._session.call(UPDATE, body=changes, integration_id=integration_id)

    async def delete(self, integration_id: str) -> None:
        """Delete an integration (`DeleteIntegration`).

        Args:
            integration_id: The integration.

        Raises:
            BadRequestError: It is an SDK integration that was made in the Admin Center.
            NotFoundError: It does not exist.
        """
        await self._session.call(DELETE, integration_id=integration_id)
