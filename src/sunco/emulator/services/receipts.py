"""What becomes of a message on the channels other than the SDKs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import Client, User

# What only an SDK has a way to show.
_SDK_ONLY = ("form",)


def deliver(
    app: App,
    conversation: Conversation,
    message: Mapping[str, Any],
    destination: Mapping[str, str],
) -> None:
    """Tell how a message of the business fares on the channels of those it is for.

    Args:
        app: The app.
        conversation: Where the message was posted.
        message: The message.
        destination: The integration it goes to, by id or type; all without one.
    """
    kind = message["content"].get("type")
    for user, client in _reached(conversation, destination):
        told: dict[str, Any] = {
            "user": user,
            "message": {"id": message["id"]},
            "destination": {"type": client.type, "integrationId": client.integration_id},
        }
        if kind in _SDK_ONLY:
            error = {
                "code": "uncategorized_error",
                "message": f"Unsupported message type `{kind}`",
            }
            trigger = "conversation:message:delivery:failure"
            app.announce(trigger, conversation, **told, isFinalEvent=True, error=error)
            continue
        told["externalMessages"] = [{"id": f"{client.type}-{message['id']}"}]
        for stage, final in (("channel", False), ("user", True)):
            trigger = f"conversation:message:delivery:{stage}"
            app.announce(trigger, conversation, **told, isFinalEvent=final)


def _reached(
    conversation: Conversation, destination: Mapping[str, str]
) -> Iterator[tuple[User, Client]]:
    for participant in conversation.participants:
        for client in participant.clients:
            wanted = destination.get("integrationId", client.integration_id)
            kind = destination.get("integrationType", client.type)
            if client.integration_id == wanted and client.type == kind and client.type != "sdk":
                yield participant.user, client
