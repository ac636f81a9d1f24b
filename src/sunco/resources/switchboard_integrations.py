"""The integrations of a switchboard."""

from __future__ import annotations

import builtins
from types import NoneType

from sunco.models.base import UNSET, Unset
from sunco.models.switchboards import SwitchboardIntegration
from sunco.resources._resource import Resource, changes, given, required
from sunco.wire import Operation

__all__ = ["SwitchboardIntegrations"]

_ALL = "/v2/apps/{app_id}/switchboards/{switchboard_id}/switchboardIntegrations"
_ONE = f"{_ALL}/{{switchboard_integration_id}}"

CREATE = Operation(
    "CreateSwitchboardIntegration",
    "POST",
    _ALL,
    SwitchboardIntegration,
    "switchboardIntegration",
)
LIST = Operation(
    "ListSwitchboardIntegrations",
    "GET",
    _ALL,
    list[SwitchboardIntegration],
    "switchboardIntegrations",
)
UPDATE = Operation(
    "UpdateSwitchboardIntegration",
    "PATCH",
    _ONE,
    SwitchboardIntegration,
    "switchboardIntegration",
)
DELETE = Operation("DeleteSwitchboardIntegration", "DELETE", _ONE, NoneType)


class SwitchboardIntegrations(Resource):
    """The integrations of a switchboard."""

    async def create(
        self,
        switchboard_id: str,
        name: str,
        *,
        integration_id: str | None = None,
        integration_type: str | None = None,
        deliver_standby_events: bool | None = None,
        next_switchboard_integration_id: str | None = None,
        message_history_count: int | None = None,
    ) -> SwitchboardIntegration:
        """Add an integration to a switchboard (`CreateSwitchboardIntegration`).

        The API wants one of `integration_id` and `integration_type`.

        Args:
            switchboard_id: The switchboard.
            name: Its name in control transfers: letters, digits, `-` and `_`, 128 characters at
                most.
            integration_id: The integration; for custom integrations.
            integration_type: The integration's type; for OAuth integrations, their client id.
            deliver_standby_events: Whether its webhooks are called while it is not in control. The
                API's default is true.
            next_switchboard_integration_id: Whom `"next"` means when it gives control away.
            message_history_count: How many messages of history it is given, 1 to 10.

        Raises:
            BadRequestError: The switchboard has ten already, which is its limit.
            NotFoundError: The switchboard does not exist.
        """
        body = required(name=name) | given(
            integrationId=integration_id,
            integrationType=integration_type,
            deliverStandbyEvents=deliver_standby_events,
            nextSwitchboardIntegrationId=next_switchboard_integration_id,
            messageHistoryCount=message_history_count,
        )
        return await self._session.call(CREATE, body=body, switchboard_id=switchboard_id)

    async def list(self, switchboard_id: str) -> builtins.list[SwitchboardIntegration]:
        """List the integrations of a switchboard (`ListSwitchboardIntegrations`).

        Args:
            switchboard_id: The switchboard.

        Raises:
            NotFoundError: The switchboard does not exist.
        """
        return await self._session.call(LIST, switchboard_id=switchboard_id)

    async def update(
        self,
        switchboard_id: str,
        switchboard_integration_id: str,
        *,
        name: str | Unset = UNSET,
        integration_id: str | Unset = UNSET,
        integration_type: str | Unset = UNSET,
        deliver_standby_events: bool | Unset = UNSET,
        next_switchboard_integration_id: str | Unset | None = UNSET,
        message_history_count: int | Unset | None = UNSET,
    ) -> SwitchboardIntegration:
        """Update a switchboard integration (`UpdateSwitchboardIntegration`): None clears a value.

        Args:
            switchboard_id: The switchboard.
            switchboard_integration_id: The place in it.
            name: Its name in control transfers: letters, digits, `-` and `_`, 128 characters at
                most.
            integration_id: The integration; for custom integrations.
            integration_type: Instead of `integration_id`: the integration's type; for OAuth
                integrations, their client id.
            deliver_standby_events: Whether its webhooks are called while it is not in control.
            next_switchboard_integration_id: Whom `"next"` means when it gives control away.
            message_history_count: How many messages of history it is given, 1 to 10.

        Raises:
            NotFoundError: The switchboard or the place in it does not exist.
        """
        body = changes(
            name=name,
            integrationId=integration_id,
            integrationType=integration_type,
            deliverStandbyEvents=deliver_standby_events,
            nextSwitchboardIntegrationId=next_switchboard_integration_id,
            messageHistoryCount=message_history_count,
        )
        return await self._session.call(
            UPDATE,
            body=body,
            switchboard_id=switchboard_id,
            switchboard_integration_id=switchboard_integration_id,
        )

    async def delete(self, switchboard_id: str, switchboard_integration_id: str) -> None:
        """Remove an integration from a switchboard (`DeleteSwitchboardIntegration`).

        The integration itself stays, and gets all events from then on. The default one, and one
        that is another's next, cannot be taken out.

        Args:
            switchboard_id: The switchboard.
            switchboard_integration_id: The integration's place in it.

        Raises:
            NotFoundError: The switchboard or the place in it does not exist.
        """
        await self._session.call(
            DELETE,
            switchboard_id=switchboard_id,
            switchboard_integration_id=switchboard_integration_id,
        )
