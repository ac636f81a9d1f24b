"""Switchboards, and the integrations on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.lookup import ANY_APP
from sunco.emulator.api.operation import APP, Operations
from sunco.emulator.errors import ApiError, bad_request, not_found
from sunco.emulator.schemas.configuration import (
    SWITCHBOARD,
    SWITCHBOARD_INTEGRATION_CREATE,
    SWITCHBOARD_INTEGRATION_UPDATE,
)
from sunco.emulator.state.switchboard import Switchboard, SwitchboardIntegration

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call

MOST_INTEGRATIONS = 10
_ALL = f"{ANY_APP}/switchboards"
_ONE = f"{_ALL}/{{switchboardId}}"
_SEATS = f"{_ONE}/switchboardIntegrations"
_SEAT = f"{_SEATS}/{{switchboardIntegrationId}}"

operations: Operations = Operations()


@operations.add("POST", _ALL, status=201, scopes=APP)
def create(call: Call) -> Answer:
    """Create the app's switchboard, disabled and empty."""
    if call.app.switchboard is not None:
        raise bad_request("Only one switchboard can be created per app")
    call.app.switchboard = Switchboard(call.app.clock.new_id())
    return {"switchboard": call.app.switchboard.to_json()}


@operations.add("GET", _ALL, scopes=APP)
def list_(call: Call) -> Answer:
    """List the switchboards, of which there is one at most."""
    switchboard = call.app.switchboard
    return {"switchboards": [switchboard.to_json()] if switchboard else []}


@operations.add("PATCH", _ONE, body=SWITCHBOARD, scopes=APP)
def update(call: Call) -> Answer:
    """Choose the default, and switch it on or off."""
    switchboard = _switchboard(call)
    default_id = call.body.get("defaultSwitchboardIntegrationId", switchboard.default_id)
    if default_id is not None and switchboard.find(default_id) is None:
        raise _seat_not_found()
    enabled = call.body.get("enabled", switchboard.enabled)
    if enabled and default_id is None:
        raise bad_request(
            "Enabled switchboard must have an associated default switchboardIntegration"
        )
    switchboard.enabled, switchboard.default_id = enabled, default_id
    return {"switchboard": switchboard.to_json()}


@operations.add("DELETE", _ONE, scopes=APP)
def delete(call: Call) -> Answer:
    """Delete the switchboard, and nobody is in control of anything any more."""
    _switchboard(call)
    call.app.switchboard = None
    for conversation in call.app.conversations:
        conversation.active = conversation.pending = None
    return {}


@operations.add("POST", _SEATS, status=201, body=SWITCHBOARD_INTEGRATION_CREATE, scopes=APP)
def create_integration(call: Call) -> Answer:
    """Put an integration on the switchboard."""
    switchboard = _switchboard(call)
    if len(switchboard.integrations) >= MOST_INTEGRATIONS:
        title = "Switchboard has reached the max number of switchboard integrations (10)"
        raise ApiError(400, "too_many_switchboard_integrations", title)
    linked = _linked(call)
    _check(call, switchboard)
    seat = SwitchboardIntegration(
        call.app.clock.new_id(), call.body["name"], linked["id"], linked["type"]
    )
    _set_options(seat, call.body)
    switchboard.integrations.append(seat)
    return {"switchboardIntegration": seat.settings_to_json()}


@operations.add("GET", _SEATS, scopes=APP)
def list_integrations(call: Call) -> Answer:
    """List the integrations on the switchboard."""
    seats = _switchboard(call).integrations
    return {"switchboardIntegrations": [seat.settings_to_json() for seat in seats]}


@operations.add("PATCH", _SEAT, body=SWITCHBOARD_INTEGRATION_UPDATE, scopes=APP)
def update_integration(call: Call) -> Answer:
    """Change how an integration takes part: what is missing stays."""
    switchboard = _switchboard(call)
    seat = _seat(call, switchboard)
    _check(call, switchboard, seat)
    if "integrationId" in call.body or "integrationType" in call.body:
        linked = _linked(call)
        seat.integration_id, seat.integration_type = linked["id"], linked["type"]
    seat.name = call.body.get("name", seat.name)
    _set_options(seat, call.body)
    return {"switchboardIntegration": seat.settings_to_json()}


@operations.add("DELETE", _SEAT, scopes=APP)
def delete_integration(call: Call) -> Answer:
    """Take an integration off the switchboard, and out of every conversation's control."""
    switchboard = _switchboard(call)
    seat = _seat(call, switchboard)
    if seat.id == switchboard.default_id:
        raise bad_request("The default switchboardIntegration cannot be deleted")
    if any(one.next_id == seat.id for one in switchboard.integrations):
        raise bad_request(
            "A switchboardIntegration that is the next of another one cannot be deleted"
        )
    switchboard.integrations.remove(seat)
    for conversation in call.app.conversations:
        # The default takes over the next time that something happens.
        if conversation.active is seat:
            conversation.active = None
        if conversation.pending is seat:
            conversation.pending = None
    return {}


def _switchboard(call: Call) -> Switchboard:
    switchboard = call.app.switchboard
    if switchboard is None or switchboard.id != call.ids["switchboardId"]:
        raise not_found("Switchboard")
    return switchboard


def _seat(call: Call, switchboard: Switchboard) -> SwitchboardIntegration:
    seat = switchboard.find(call.ids["switchboardIntegrationId"])
    if seat is None:
        raise _seat_not_found()
    return seat


def _seat_not_found() -> ApiError:
    title = "SwitchboardIntegration not found"
    return ApiError(404, "switchboard_integration_not_found", title)


def _linked(call: Call) -> dict[str, Any]:
    if "integrationId" in call.body:
        integration = call.app.integrations.get(call.body["integrationId"])
    else:
        kind = call.body["integrationType"]
        integration = next((one for one in call.app.integrations if one["type"] == kind), None)
    if integration is None:
        raise not_found("Integration")
    return integration


def _check(
    call: Call, switchboard: Switchboard, itself: SwitchboardIntegration | None = None
) -> None:
    next_id = call.body.get("nextSwitchboardIntegrationId")
    if next_id is not None and switchboard.find(next_id) is None:
        raise _seat_not_found()
    others = [seat for seat in switchboard.integrations if seat is not itself]
    if call.body.get("name") in [seat.name for seat in others]:
        raise bad_request("The name of a switchboardIntegration must be unique")


def _set_options(seat: SwitchboardIntegration, body: dict[str, Any]) -> None:
    seat.next_id = body.get("nextSwitchboardIntegrationId", seat.next_id)
    seat.deliver_standby_events = body.get("deliverStandbyEvents", seat.deliver_standby_events)
    seat.message_history_count = body.get("messageHistoryCount", seat.message_history_count)
