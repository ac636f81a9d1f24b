"""Devices of users."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import user_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.paths import USER
from sunco.emulator.errors import not_found

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

operations: Operations = Operations()


@operations.add("ListDevices", "GET", f"{USER}/devices")
def list_(call: Call) -> Result:
    """List the devices of a user, the most recently seen first."""
    devices = sorted(user_of(call).devices, key=attrgetter("last_seen", "id"), reverse=True)
    return {"devices": [device.to_json() for device in devices]}


@operations.add("GetDevice", "GET", f"{USER}/devices/{{deviceId}}")
def get(call: Call) -> Result:
    """Return one device."""
    device = user_of(call).devices.get(call.ids["deviceId"])
    if device is None:
        raise not_found("Device")
    return {"device": device.to_json()}
