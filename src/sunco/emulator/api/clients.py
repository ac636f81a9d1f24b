"""Clients of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import user_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.pagination import read_page, select
from sunco.emulator.api.paths import USER
from sunco.emulator.errors import bad_request, not_found
from sunco.emulator.schemas.clients import CLIENT_CREATE
from sunco.emulator.services import clients
from sunco.emulator.state.users import Client

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

CLIENTS = f"{USER}/clients"

operations: Operations = Operations()


@operations.add("CreateClient", "POST", CLIENTS, status=201, body=CLIENT_CREATE)
def create(call: Call) -> Result:
    """Ask to link a user to a channel."""
    user = user_of(call)
    criteria = call.body["matchCriteria"]
    integration = call.app.integrations.get(criteria["integrationId"])
    if integration is None:
        raise not_found("Integration")
    if integration["type"] != criteria["type"]:
        raise bad_request("matchCriteria.integrationId must match matchCriteria.type")
    conversation = call.app.conversations.get(call.body["target"]["conversationId"])
    if conversation is None:
        raise not_found("Conversation")
    if conversation.participant_of(user) is None:
        raise bad_request("User is not a member of the target conversation")
    client = clients.link(call.app, user, criteria, conversation)
    response = {"client": client.to_json()}
    if call.body["confirmation"]["type"] == "immediate":
        # The response shows the client before the channel has found the user.
        clients.activate(call.app, user, client)
    return response


@operations.add("ListClients", "GET", CLIENTS)
def list_(call: Call) -> Result:
    """List the clients of a user, a page at a time."""
    page = read_page(call.query)
    return select(user_of(call).clients, page).to_json(
        "clients", Client.to_json, call.url, call.query
    )


@operations.add("RemoveClient", "DELETE", f"{CLIENTS}/{{clientId}}")
def remove(call: Call) -> Result:
    """Remove a client of a user, from all conversations too."""
    user = user_of(call)
    client = user.clients.get(call.ids["clientId"])
    if client is None:
        raise not_found("Client")
    if client.type == "sdk":
        raise bad_request("Cannot remove a client of type 'sdk'")
    clients.remove_client(call.app, user, client)
    return {}
