"""Conversations: creating and deleting them, joining and leaving them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.services.clients import sdk_client
from sunco.emulator.services.messages import delete_all_messages
from sunco.emulator.state.conversations import Conversation, Participant
from sunco.emulator.state.rendering import omit_none
from sunco.emulator.state.sources import API, Source
from sunco.emulator.state.switchboard import Control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sunco.emulator.state.app import App
    from sunco.emulator.state.users import User


def create_conversation(
    app: App,
    description: Mapping[str, Any],
    entries: Sequence[tuple[User, bool]],
    *,
    reason: str = "none",
    source: Source = API,
    referral: Mapping[str, Any] | None = None,
) -> Conversation:
    """Add a conversation, controlled by the default integration.

    Args:
        app: The app.
        description: The conversation in the form of the API.
        entries: The users in it, each with whether to subscribe its SDK client.
        reason: Why it was created.
        source: Where it was created.
        referral: The referral that started it.
    """
    now = app.clock.timestamp()
    conversation = Conversation(
        app.clock.new_id(),
        type=description["type"],
        is_default=False,
        created_at=now,
        last_updated_at=now,
        control=Control(app.responder_of(source.integration_id)),
    )
    conversation.update(description)
    for user, subscribe in entries:
        _add_participant(app, conversation, user, subscribe_sdk_client=subscribe)
    app.add_conversation(conversation)
    first = entries[0][0] if conversation.type == "personal" else None
    app.announce(
        "conversation:create",
        conversation,
        creationReason=reason,
        source=source,
        **omit_none(user=first, referral=referral),
    )
    return conversation


def delete_conversation(app: App, conversation: Conversation) -> None:
    """Delete a conversation with its messages and the files uploaded for them."""
    delete_all_messages(app, conversation)
    app.remove_conversation(conversation)
    app.announce("conversation:remove", conversation)


def join(
    app: App, conversation: Conversation, user: User, *, subscribe_sdk_client: bool
) -> Participant:
    """Add a user to an sdkGroup conversation.

    Args:
        app: The app.
        conversation: The conversation.
        user: The user.
        subscribe_sdk_client: Whether to link the client of the user's SDKs.
    """
    participant = _add_participant(
        app, conversation, user, subscribe_sdk_client=subscribe_sdk_client
    )
    app.link(user, conversation)
    app.announce("conversation:join", conversation, user=user)
    return participant


def leave(app: App, conversation: Conversation, user: User) -> None:
    """Remove a user from a conversation."""
    for participant in [one for one in conversation.participants if one.user is user]:
        conversation.participants.remove(participant.id)
    app.unlink(user, conversation)
    if conversation.type == "sdkGroup":
        app.announce("conversation:leave", conversation, user=user)


def _add_participant(
    app: App, conversation: Conversation, user: User, *, subscribe_sdk_client: bool
) -> Participant:
    participant = Participant(app.clock.new_id(), user)
    if subscribe_sdk_client:
        participant.add_client(sdk_client(app, user, conversation))
    # A user's first personal conversation becomes the default.
    if conversation.type == "personal" and not user.has_default_conversation:
        conversation.is_default = user.has_default_conversation = True
    conversation.participants.add(participant.id, participant)
    return participant
