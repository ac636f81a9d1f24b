"""Conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import conversation_of, referenced_user
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.pagination import read_page, select
from sunco.emulator.api.paths import CONVERSATION, CONVERSATIONS
from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.conversations import (
    CONVERSATION_CREATE,
    CONVERSATION_UPDATE,
    CONVERSION_EVENTS,
    DOWNLOAD,
)
from sunco.emulator.services.conversations import create_conversation, delete_conversation
from sunco.emulator.state.conversations import Conversation

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

# An integer, as the spec's example has it, although its schema says string.
DATASET_ID = 1234567890123456

operations: Operations = Operations()


@operations.add("CreateConversation", "POST", CONVERSATIONS, status=201, body=CONVERSATION_CREATE)
def create(call: Call) -> Result:
    """Create a conversation."""
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
    return {"conversation": create_conversation(call.app, call.body, joined).to_json()}


@operations.add("ListConversations", "GET", CONVERSATIONS)
def list_(call: Call) -> Result:
    """List the conversations of one user, a page at a time."""
    page = read_page(call.query)
    names = {"filter[userId]": "userId", "filter[userExternalId]": "userExternalId"}
    reference = {names[name]: text for name, text in call.query.items() if name in names}
    if len(reference) != 1:
        raise bad_request("Exactly one of filter[userId], filter[userExternalId] is required")
    user = referenced_user(call.app, reference)
    return select(call.app.conversations_of(user), page).to_json(
        "conversations", Conversation.to_json, call.url, call.query
    )


@operations.add("GetConversation", "GET", CONVERSATION)
def get(call: Call) -> Result:
    """Return one conversation."""
    return {"conversation": conversation_of(call).to_json()}


@operations.add("UpdateConversation", "PATCH", CONVERSATION, body=CONVERSATION_UPDATE)
def update(call: Call) -> Result:
    """Update a conversation: null clears, missing members are kept."""
    conversation = conversation_of(call)
    conversation.update(call.body)
    return {"conversation": conversation.to_json()}


@operations.add("DeleteConversation", "DELETE", CONVERSATION)
def delete(call: Call) -> Result:
    """Delete a conversation that is not the default of its user."""
    conversation = conversation_of(call)
    if conversation.is_default:
        raise bad_request(
            f"Conversation {conversation.id} cannot be deleted because it is the default."
        )
    delete_conversation(call.app, conversation)
    return {}


@operations.add("DownloadMessageRef", "POST", f"{CONVERSATION}/download", body=DOWNLOAD)
def download_message_ref(call: Call) -> Result:
    """Accept a reference to Apple's data; nothing is downloaded."""
    conversation_of(call)
    referenced_user(call.app, call.body)
    return {}


@operations.add(
    "PostConversionEvents", "POST", f"{CONVERSATION}/conversionEvents", body=CONVERSION_EVENTS
)
def post_conversion_events(call: Call) -> Result:
    """Accept conversion events, and return their number."""
    conversation_of(call)
    channels = ("messenger", "instagram", "whatsapp")
    (events,) = (call.body[name]["payload"]["data"] for name in channels if name in call.body)
    return {"conversionEvents": {"datasetId": DATASET_ID, "eventsReceived": len(events)}}
