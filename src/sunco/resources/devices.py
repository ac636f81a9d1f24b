"""The devices of a user."""

from __future__ import annotations

import builtins

from sunco.models.devices import Device
from sunco.resources._resource import Resource, given
from sunco.wire import Operation

__all__ = ["Devices"]

_ALL = "/v2/apps/{app_id}/users/{user}/devices"

LIST = Operation("ListDevices", "GET", _ALL, list[Device], "devices")
GET = Operation("GetDevice", "GET", f"{_ALL}/{{device_id}}", Device, "device")


class Devices(Resource):
    """The phones and browsers of users. `user` is a user's id or external id."""

    async def list(self, user: str, *, brand_id: str | None = None) -> builtins.list[Device]:
        """List a user's devices, sorted by when they were last seen (`ListDevices`).

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        return await self._session.call(LIST, params=given(brandId=brand_id), user=user)

    async def get(self, user: str, device_id: str, *, brand_id: str | None = None) -> Device:
        """Get a user's device (`GetDevice`).

        Args:
            user: The user's id or external id.
            device_id: The device.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user or the device does not exist.
        """
        return await self._session.call(
            GET, params=given(brandId=brand_id), user=user, device_id=device_id
        )
