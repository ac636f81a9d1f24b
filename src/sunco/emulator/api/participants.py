"""Participants of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import conversation_of, referenced_user
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.pagination import read_page, select
from sunco.emulator.api.paths import CONVERSATION
from sunco.emulator.errors import bad_request, resource_not_found
from sunco.emulator.schemas.conversations import LEAVE, MAX_PARTICIPANTS, PARTICIPANT
from sunco.emulator.services import conversations
from sunco.emulator.state.conversations import Participant

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

operations: Operations = Operations()


@operations.add("ListParticipants", "GET", f"{CONVERSATION}/participants")
def list_(call: Call) -> Result:
    """List the participants of a conversation, a page at a time."""
    page = read_page(call.query)
    return select(conversation_of(call).participants, page).to_json(
        "participants", Participant.to_json, call.url, call.query
    )


@operations.add("JoinConversation", "POST", f"{CONVERSATION}/join", status=201, body=PARTICIPANT)
def join(call: Call) -> Result:
    """Add a user to an sdkGroup conversation."""
    conversation = conversation_of(call)
    if conversation.type != "sdkGroup":
        raise bad_request("Only sdkGroup conversations can be joined")
    if "subscribeSDKClient" not in call.body:
        raise bad_request("subscribeSDKClient is required")
    user = referenced_user(call.app, call.body)
    if conversation.participant_of(user):
        raise bad_request("User is already a member of the conversation")
    if len(conversation.participants) >= MAX_PARTICIPANTS:
        raise bad_request("Too many participants")
    subscribe = call.body["subscribeSDKClient"]
    participant = conversations.join(call.app, conversation, user, subscribe_sdk_client=subscribe)
    return {"participant": participant.to_json()}


@operations.add("LeaveConversation", "POST", f"{CONVERSATION}/leave", body=LEAVE)
def leave(call: Call) -> Result:
    """Remove a user from a conversation."""
    conversation = conversation_of(call)
    if "participantId" in call.body:
        participant = conversation.participants.get(call.body["participantId"])
    else:
        participant = conversation.participant_of(referenced_user(call.app, call.body))
    if participant is None:
        raise resource_not_found("User is not a member of the conversation")
    conversations.leave(call.app, conversation, participant.user)
    return {}
