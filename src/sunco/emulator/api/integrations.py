"""Integrations, of sixteen types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.lookup import integration_of
from sunco.emulator.api.operation import APP, Operations
from sunco.emulator.api.pagination import read_page, select
from sunco.emulator.api.paths import INTEGRATION, INTEGRATIONS
from sunco.emulator.api.webhooks import check_limit
from sunco.emulator.errors import ApiError, bad_request, reject
from sunco.emulator.schemas.integrations import KINDS, UNKNOWN_KIND
from sunco.emulator.schemas.schema import Object
from sunco.emulator.state.records import SortedRecords

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result
    from sunco.emulator.state.app import App

# Members of integrations at the start that API responses omit.
_HIDDEN = ("configuredOnAdminCenter", "defaultResponderId")

operations: Operations = Operations()


# The type determines the schema of the body, so the functions validate it.
@operations.add("CreateIntegration", "POST", INTEGRATIONS, status=201, body=Object(), scopes=APP)
def create(call: Call) -> Result:
    """Create an integration; one of type custom has its first webhook in the body."""
    name = call.body.get("type")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise bad_request("Invalid integration type")
    reject(kind.create.problems(call.body, ""))
    _check_responder(call.app, call.body)
    webhooks: list[dict[str, Any]] = call.body.get("webhooks", [])
    if call.body["type"] == "custom":
        check_limit(call.app)
    known = {
        name: call.body[name]
        for name in ("type", *kind.create.properties)
        if name in call.body and name != "webhooks"
    }
    integration = call.app.add_integration({**_defaults(call.body["type"]), **known})
    if call.body["type"] == "custom":
        call.app.add_webhook(integration["id"], webhooks[0])
    return {"integration": view(call.app, integration)}


@operations.add("ListIntegrations", "GET", INTEGRATIONS, scopes=APP)
def list_(call: Call) -> Result:
    """List the integrations, all or those of some types."""
    page = read_page(call.query)
    if "filter" in call.query:
        raise bad_request("Invalid query parameters")
    types = call.query.get("filter[types]")
    wanted = None if types is None else set(types.split(","))
    found = SortedRecords[dict[str, Any]]()
    for integration in call.app.integrations:
        kind: str = integration["type"]
        # The platform's own integrations are not listed.
        if kind in wanted if wanted else not kind.startswith("zd:"):
            found.add(integration["id"], integration)
    return select(found, page).to_json(
        "integrations", lambda one: view(call.app, one), call.url, call.query
    )


@operations.add("GetIntegration", "GET", INTEGRATION, scopes=APP)
def get(call: Call) -> Result:
    """Return one integration."""
    return {"integration": view(call.app, integration_of(call))}


@operations.add("UpdateIntegration", "PATCH", INTEGRATION, body=Object(), scopes=APP)
def update(call: Call) -> Result:
    """Update an integration: null clears, missing members are kept."""
    integration = integration_of(call)
    kind = KINDS.get(integration["type"], UNKNOWN_KIND)
    reject(kind.update.problems(call.body, ""))
    _check_responder(call.app, call.body)
    integration.update(
        {name: call.body[name] for name in kind.update.properties if name in call.body}
    )
    return {"integration": view(call.app, integration)}


@operations.add("DeleteIntegration", "DELETE", INTEGRATION, scopes=APP)
def delete(call: Call) -> Result:
    """Delete an integration with its webhooks and keys."""
    integration = integration_of(call)
    if integration.get("configuredOnAdminCenter"):
        raise bad_request("SDK integrations configured on Admin Center cannot be deleted")
    call.account.remove_integration(call.app, integration["id"])
    return {}


def view(app: App, integration: dict[str, Any]) -> dict[str, Any]:
    """An integration in API responses, without its secrets."""
    kind = KINDS.get(integration["type"], UNKNOWN_KIND)
    shown = {
        name: member
        for name, member in integration.items()
        if name not in kind.secrets and name not in _HIDDEN
    }
    if integration["type"] == "custom":
        hooks = [one for one in app.webhooks if one.integration_id == integration["id"]]
        return {**shown, "webhooks": [webhook.to_json() for webhook in hooks]}
    responder = app.responder_of(integration["id"])
    if responder is not None:
        settings = responder.settings_to_json()
        del settings["id"]
        inherited = integration.get("defaultResponderId") is None
        shown["defaultResponder"] = {**settings, "inherited": inherited}
    return shown


def _defaults(kind: str) -> dict[str, Any]:
    disclaimer = {} if kind == "custom" else {"showAIDisclaimer": True}
    return {**KINDS[kind].defaults, **disclaimer}


def _check_responder(app: App, body: dict[str, Any]) -> None:
    responder_id = body.get("defaultResponderId")
    if responder_id is None:
        return
    if app.switchboard is None or app.switchboard.find(responder_id) is None:
        title = "SwitchboardIntegration not found"
        raise ApiError(404, "switchboard_integration_not_found", title)
