"""The switchboard of an app."""

from __future__ import annotations

import builtins
from types import NoneType

from sunco.models.base import UNSET, Unset
from sunco.models.switchboards import Switchboard
from sunco.resources._resource import Resource, changes
from sunco.wire import Operation

__all__ = ["Switchboards"]

_ALL = "/v2/apps/{app_id}/switchboards"
_ONE = f"{_ALL}/{{switchboard_id}}"

CREATE = Operation("CreateSwitchboard", "POST", _ALL, Switchboard, "switchboard")
LIST = Operation("ListSwitchboards", "GET", _ALL, list[Switchboard], "switchboards")
UPDATE = Operation("UpdateSwitchboard", "PATCH", _ONE, Switchboard, "switchboard")
DELETE = Operation("DeleteSwitchboard", "DELETE", _ONE, NoneType)


class Switchboards(Resource):
    """Switchboards, which pass control between integrations; an app has one at most."""

    async def create(self) -> Switchboard:
        """Create the app's switchboard (`CreateSwitchboard`).

        Raises:
            BadRequestError: The app has one.
        """
        return await self._session.call(CREATE)

    async def list(self) -> builtins.list[Switchboard]:
        """List the app's switchboards (`ListSwitchboards`)."""
        return await self._session.call(LIST)

    async def update(
        self,
        switchboard_id: str,
        *,
        enabled: bool | Unset = UNSET,
        default_switchboard_integration_id: str | Unset = UNSET,
    ) -> Switchboard:
        """Update a switchboard (`UpdateSwitchboard`).

        Args:
            switchboard_id: The switchboard.
            enabled: Whether it is at work; needs a default switchboard integration. While it is
                not, all its integrations get all events.
            default_switchboard_integration_id: Who is in control of a conversation at first, also
                of conversations that are older than the switchboard.

        Raises:
            NotFoundError: The switchboard does not exist.
        """
        body = changes(
            enabled=enabled,
            defaultSwitchboardIntegrationId=default_switchboard_integration_id,
        )
        return await self._session.call(UPDATE, body=body, switchboard_id=switchboard_id)

    async def delete(self, switchboard_id: str) -> None:
        """Delete a switchboard with its switchboard integrations (`DeleteSwitchboard`).

        The integrations behind them stay, and get all events from then on.

        Args:
            switchboard_id: The switchboard.

        Raises:
            NotFoundError: It does not exist.
        """
        await self._session.call(DELETE, switchboard_id=switchboard_id)
