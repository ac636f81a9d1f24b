"""Conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import (
    CONVERSATION,
    CONVERSATIONS,
    conversation_of,
    referenced_user,
)
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.pagination import cut, read_page
from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.conversations import (
    CONVERSATION_CREATE,
    CONVERSATION_UPDATE,
    CONVERSION_EVENTS,
    DOWNLOAD,
)
from sunco.emulator.state.conversations import Conversation

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call

# An integer, as the spec's example has it, although its schema says string.
DATASET_ID = 1234567890123456

operations: Operations = Operations()


@operations.add("POST", CONVERSATIONS, status=201, body=CONVERSATION_CREATE)
def create(call: Call) -> Answer:
    """Create a conversation for the users named."""
    entries = call.body.get("participants", [])
    if call.body["type"] == "personal":
        if len(entries) != 1:
            raise bad_request("A personal conversation must have exactly one participant")
    elif not all("subscribeSDKClient" in entry for entry in entries):
        raise bad_request("participants must have subscribeSDKClient in an sdkGroup conversation")
    users = [referenced_user(call.app, entry) for entry in entries]
    if len({user.id for user in users}) < len(users):
        raise bad_request("A user can participate only once in a conversation")
    subscribed = [entry.get("subscribeSDKClient", False) for entry in entries]
    joined = list(zip(users, subscribed, strict=True))
    return {"conversation": call.app.create_conversation(call.body, joined).to_json()}


@operations.add("GET", CONVERSATIONS)
def list_(call: Call) -> Answer:
    """List the conversations of one user, a page at a time."""
    page = read_page(call.query)
    names = {"filter[userId]": "userId", "filter[userExternalId]": "userExternalId"}
    reference = {names[name]: text for name, text in call.query.items() if name in names}
    if len(reference) != 1:
        raise bad_request("Exactly one of filter[userId], filter[userExternalId] is required")
    user = referenced_user(call.app, reference)
    return cut(user.conversations, page).to_json(
        "conversations", Conversation.to_json, call.address, call.query
    )


@operations.add("GET", CONVERSATION)
def get(call: Call) -> Answer:
    """Return one conversation."""
    return {"conversation": conversation_of(call).to_json()}


@operations.add("PATCH", CONVERSATION, body=CONVERSATION_UPDATE)
def update(call: Call) -> Answer:
    """Change a conversation: null clears, what is missing stays."""
    conversation = conversation_of(call)
    conversation.update(call.body)
    return {"conversation": conversation.to_json()}


@operations.add("DELETE", CONVERSATION)
def delete(call: Call) -> Answer:
    """Delete a conversation, unless it is its user's default."""
    conversation = conversation_of(call)
    if conversation.is_default:
        raise bad_request(
            f"Conversation {conversation.id} cannot be deleted because it is the default."
        )
    call.app.delete_conversation(conversation)
    return {}


@operations.add("POST", f"{CONVERSATION}/download", body=DOWNLOAD)
def download_message_ref(call: Call) -> Answer:
    """Accept a reference to Apple's data; there is nothing to fetch here."""
    conversation_of(call)
    referenced_user(call.app, call.body)
    return {}


@operations.add("POST", f"{CONVERSATION}/conversionEvents", body=CONVERSION_EVENTS)
def post_conversion_events(call: Call) -> Answer:
    """Accept conversion events, and say how many they were."""
    conversation_of(call)
    channels = ("messenger", "instagram", "whatsapp")
    (events,) = (call.body[name]["payload"]["data"] for name in channels if name in call.body)
    return {"conversionEvents": {"datasetId": DATASET_ID, "eventsReceived": len(events)}}
