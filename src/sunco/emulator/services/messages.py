"""Messages: posting and deleting them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sunco.emulator.services.masking import mask_card_numbers
from sunco.emulator.services.receipts import deliver
from sunco.emulator.state.clock import format_time
from sunco.emulator.state.rendering import omit_none
from sunco.emulator.state.sources import API, Source
from sunco.emulator.state.switchboard import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import User


def is_full(app: App, conversation: Conversation) -> bool:
    """Whether a conversation has reached the limit of messages."""
    return len(conversation.messages) >= app.limits.messages


def expire(app: App, conversation: Conversation) -> None:
    """Delete the messages of a conversation that was inactive for longer than the app's setting."""
    seconds = app.settings.get("conversationRetentionSeconds")
    if not seconds or not conversation.messages:
        return
    if conversation.last_updated_at < format_time(app.clock.now() - timedelta(seconds=seconds)):
        delete_all_messages(app, conversation)


def post(
    app: App,
    conversation: Conversation,
    message: Mapping[str, Any],
    author: User | None,
    *,
    source: Source = API,
    destination: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Add a message, and return it with its id and timestamp.

    Args:
        app: The app.
        conversation: Where to post it.
        message: The message in the form of the API.
        author: The user that wrote it, None for the business.
        source: Where it was sent from.
        destination: The integration that delivers it, see `receipts.deliver`.
    """
    expire(app, conversation)
    now = app.clock.timestamp()
    identifier = app.clock.new_id()
    if app.settings.get("maskCreditCardNumbers"):
        message = {**message, "content": mask_card_numbers(message["content"])}
    posted: dict[str, Any] = {
        "id": identifier,
        "received": now,
        **message,
        "source": source.to_json(),
    }
    conversation.messages.add(identifier, posted)
    conversation.last_updated_at = now
    for participant in conversation.participants:
        if participant.user is not author:
            participant.unread_count += 1
    if author is not None:
        conversation.mark_read(author, now)
        if conversation.control.active is None:
            responder = app.responder_of(source.integration_id)
            conversation.control = Control(responder, conversation.control.pending)
    shown_author: dict[str, Any] = {**posted["author"], **omit_none(user=author)}
    app.announce(
        "conversation:message",
        conversation,
        message={**posted, "author": shown_author, "source": source},
    )
    if author is None:
        deliver(app, conversation, posted, destination or {})
    return posted


def delete_message(app: App, conversation: Conversation, message_id: str) -> bool:
    """Delete a message with the files uploaded for it.

    Returns:
        Whether there was such a message.
    """
    message = conversation.messages.remove(message_id)
    if message is None:
        return False
    _delete_files(app, message)
    return True


def delete_all_messages(app: App, conversation: Conversation) -> None:
    """Delete the messages of a conversation with the files uploaded for them."""
    for message in conversation.messages:
        _delete_files(app, message)
    conversation.messages.clear()
    for participant in conversation.participants:
        participant.unread_count = 0


def _delete_files(app: App, message: Mapping[str, Any]) -> None:
    content = message["content"]
    for part in (content, *content.get("items", ())):
        try:
            attachment = app.attachments.at(str(part.get("mediaUrl", "")))
        except ValueError:
            continue
        if attachment is not None and attachment.of_message:
            app.attachments.remove(attachment)
