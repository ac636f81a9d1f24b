"""Switchboards, and the integrations on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.operation import APP, Operations
from sunco.emulator.api.paths import ANY_APP
from sunco.emulator.errors import ApiError, bad_request, not_found
from sunco.emulator.schemas.configuration import (
    SWITCHBOARD,
    SWITCHBOARD_INTEGRATION_CREATE,
    SWITCHBOARD_INTEGRATION_UPDATE,
)
from sunco.emulator.state.switchboard import Control, Switchboard, SwitchboardIntegration

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

MAX_INTEGRATIONS = 10
_ALL = f"{ANY_APP}/switchboards"
_ONE = f"{_ALL}/{{switchboardId}}"
_INTEGRATIONS = f"{_ONE}/switchboardIntegrations"
_INTEGRATION = f"{_INTEGRATIONS}/{{switchboardIntegrationId}}"

operations: Operations = Operations()


@operations.add("CreateSwitchboard", "POST", _ALL, status=201, scopes=APP)
def create(call: Call) -> Result:
    """Create the app's switchboard, disabled and empty."""
    if call.app.switchboard is not None:
        raise bad_request("Only one switchboard can be created per app")
    call.app.switchboard = Switchboard(call.app.clock.new_id())
    return {"switchboard": call.app.switchboard.to_json()}


@operations.add("ListSwitchboards", "GET", _ALL, scopes=APP)
def list_(call: Call) -> Result:
    """List the switchboards, at most one."""
    switchboard = call.app.switchboard
    return {"switchboards": [switchboard.to_json()] if switchboard else []}


@operations.add("UpdateSwitchboard", "PATCH", _ONE, body=SWITCHBOARD, scopes=APP)
def update(call: Call) -> Result:
    """Update the switchboard: missing members are kept."""
    switchboard = _switchboard(call)
    default_id = call.body.get("defaultSwitchboardIntegrationId", switchboard.default_id)
    if default_id is not None and switchboard.find(default_id) is None:
        raise _entry_not_found()
    enabled = call.body.get("enabled", switchboard.enabled)
    if enabled and default_id is None:
        raise bad_request(
            "Enabled switchboard must have an associated default switchboardIntegration"
        )
    switchboard.enabled, switchboard.default_id = enabled, default_id
    return {"switchboard": switchboard.to_json()}


@operations.add("DeleteSwitchboard", "DELETE", _ONE, scopes=APP)
def delete(call: Call) -> Result:
    """Delete the switchboard, and release the control of all conversations."""
    _switchboard(call)
    call.app.switchboard = None
    for conversation in call.app.conversations:
        conversation.control = Control()
    return {}


@operations.add(
    "CreateSwitchboardIntegration",
    "POST",
    _INTEGRATIONS,
    status=201,
    body=SWITCHBOARD_INTEGRATION_CREATE,
    scopes=APP,
)
def create_integration(call: Call) -> Result:
    """Add an integration to the switchboard."""
    switchboard = _switchboard(call)
    if len(switchboard.integrations) >= MAX_INTEGRATIONS:
        title = "Switchboard has reached the max number of switchboard integrations (10)"
        raise ApiError(400, "too_many_switchboard_integrations", title)
    linked = _linked(call)
    _check(call, switchboard)
    entry = SwitchboardIntegration(
        call.app.clock.new_id(), call.body["name"], linked["id"], linked["type"]
    )
    _set_options(entry, call.body)
    switchboard.integrations.append(entry)
    return {"switchboardIntegration": entry.settings_to_json()}


@operations.add("ListSwitchboardIntegrations", "GET", _INTEGRATIONS, scopes=APP)
def list_integrations(call: Call) -> Result:
    """List the integrations on the switchboard."""
    entries = _switchboard(call).integrations
    return {"switchboardIntegrations": [entry.settings_to_json() for entry in entries]}


@operations.add(
    "UpdateSwitchboardIntegration",
    "PATCH",
    _INTEGRATION,
    body=SWITCHBOARD_INTEGRATION_UPDATE,
    scopes=APP,
)
def update_integration(call: Call) -> Result:
    """Update a switchboard integration: missing members are kept."""
    switchboard = _switchboard(call)
    entry = _entry(call, switchboard)
    _check(call, switchboard, entry)
    if "integrationId" in call.body or "integrationType" in call.body:
        linked = _linked(call)
        entry.integration_id, entry.integration_type = linked["id"], linked["type"]
    entry.name = call.body.get("name", entry.name)
    _set_options(entry, call.body)
    return {"switchboardIntegration": entry.settings_to_json()}


@operations.add("DeleteSwitchboardIntegration", "DELETE", _INTEGRATION, scopes=APP)
def delete_integration(call: Call) -> Result:
    """Remove an integration from the switchboard and from the control of all conversations."""
    switchboard = _switchboard(call)
    entry = _entry(call, switchboard)
    if entry.id == switchboard.default_id:
        raise bad_request("The default switchboardIntegration cannot be deleted")
    if any(one.next_id == entry.id for one in switchboard.integrations):
        raise bad_request(
            "A switchboardIntegration that is the next of another one cannot be deleted"
        )
    switchboard.integrations.remove(entry)
    for conversation in call.app.conversations:
        conversation.control = conversation.control.without(entry)
    return {}


def _switchboard(call: Call) -> Switchboard:
    switchboard = call.app.switchboard
    if switchboard is None or switchboard.id != call.ids["switchboardId"]:
        raise not_found("Switchboard")
    return switchboard


def _entry(call: Call, switchboard: Switchboard) -> SwitchboardIntegration:
    entry = switchboard.find(call.ids["switchboardIntegrationId"])
    if entry is None:
        raise _entry_not_found()
    return entry


def _entry_not_found() -> ApiError:
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
        raise _entry_not_found()
    others = [entry for entry in switchboard.integrations if entry is not itself]
    if call.body.get("name") in [entry.name for entry in others]:
        raise bad_request("The name of a switchboardIntegration must be unique")


def _set_options(entry: SwitchboardIntegration, body: dict[str, Any]) -> None:
    entry.next_id = body.get("nextSwitchboardIntegrationId", entry.next_id)
    entry.deliver_standby_events = body.get("deliverStandbyEvents", entry.deliver_standby_events)
    entry.message_history_count = body.get("messageHistoryCount", entry.message_history_count)
