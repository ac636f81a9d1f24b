"""The devices of users."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from sunco.emulator.answers import not_found
from sunco.emulator.operations import Operations
from sunco.emulator.routes.lookup import USER, user_of

if TYPE_CHECKING:
    from sunco.emulator.operations import Answer, Call

operations: Operations = Operations()


@operations.add("GET", f"{USER}/devices")
def list_(call: Call) -> Answer:
    """List the devices of a user, the one last seen first."""
    devices = sorted(user_of(call).devices, key=attrgetter("last_seen", "id"), reverse=True)
    return {"devices": [device.to_json() for device in devices]}


@operations.add("GET", f"{USER}/devices/{{deviceId}}")
def get(call: Call) -> Answer:
    """Return one device."""
    device = user_of(call).devices.get(call.ids["deviceId"])
    if device is None:
        raise not_found("Device")
    return {"device": device.to_json()}
