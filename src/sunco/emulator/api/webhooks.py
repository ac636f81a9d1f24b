"""Webhooks of custom integrations and of partners' integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import integration_of
from sunco.emulator.api.operation import WEBHOOKS, Operations
from sunco.emulator.api.paths import INTEGRATION
from sunco.emulator.errors import bad_request, resource_not_found
from sunco.emulator.schemas.configuration import WEBHOOK_CREATE, WEBHOOK_UPDATE
from sunco.emulator.schemas.integrations import KINDS
from sunco.emulator.state.webhooks import Webhook

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result
    from sunco.emulator.state.app import App

MAX_WEBHOOKS = 10
_ALL = f"{INTEGRATION}/webhooks"
_ONE = f"{_ALL}/{{webhookId}}"

operations: Operations = Operations()


@operations.add("CreateWebhook", "POST", _ALL, status=201, body=WEBHOOK_CREATE, scopes=WEBHOOKS)
def create(call: Call) -> Result:
    """Create a webhook."""
    integration = integration_of(call)
    if integration["type"] in KINDS and integration["type"] != "custom":
        raise bad_request("Webhooks are available only for custom integrations")
    check_limit(call.app)
    return {"webhook": call.app.add_webhook(integration["id"], call.body).to_json()}


@operations.add("ListWebhooks", "GET", _ALL, scopes=WEBHOOKS)
def list_(call: Call) -> Result:
    """List the webhooks of an integration."""
    integration_id = integration_of(call)["id"]
    found = [one for one in call.app.webhooks if one.integration_id == integration_id]
    return {"webhooks": [webhook.to_json() for webhook in found]}


@operations.add("GetWebhook", "GET", _ONE, scopes=WEBHOOKS)
def get(call: Call) -> Result:
    """Return one webhook."""
    return {"webhook": _webhook(call).to_json()}


@operations.add("UpdateWebhook", "PATCH", _ONE, body=WEBHOOK_UPDATE, scopes=WEBHOOKS)
def update(call: Call) -> Result:
    """Update a webhook: missing members are kept."""
    webhook = _webhook(call)
    webhook.update(call.body)
    return {"webhook": webhook.to_json()}


@operations.add("DeleteWebhook", "DELETE", _ONE, scopes=WEBHOOKS)
def delete(call: Call) -> Result:
    """Delete a webhook with the events that wait for it."""
    call.app.webhooks.remove(_webhook(call).id)
    return {}


def check_limit(app: App) -> None:
    """Check that the app can have one more webhook.

    Raises:
        ApiError: 400 if the limit is reached.
    """
    if len(app.webhooks) >= MAX_WEBHOOKS:
        raise bad_request(f"The maximum number of webhooks ({MAX_WEBHOOKS}) has been reached")


def _webhook(call: Call) -> Webhook:
    webhook = call.app.webhooks.get(call.ids["webhookId"])
    if webhook is None or webhook.integration_id != integration_of(call)["id"]:
        raise resource_not_found()
    return webhook
