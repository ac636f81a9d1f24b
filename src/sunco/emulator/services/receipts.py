"""The delivery events of messages on channels other than the SDKs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.clock import format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import Client, User

# Only SDKs can show these.
_SDK_ONLY = ("form",)
# WhatsApp delivers only templates to users who have not written for this long.
_WHATSAPP_WINDOW = timedelta(hours=24)


def deliver(
    app: App,
    conversation: Conversation,
    message: Mapping[str, Any],
    destination: Mapping[str, str],
) -> None:
    """Announce how a message of the business was delivered.

    Args:
        app: The app.
        conversation: Where the message was posted.
        message: The message.
        destination: The integration that delivers it, by `integrationId` or `integrationType`;
            empty for the primary client of each participant.
    """
    kind = message["content"].get("type")
    for user, client in _recipients(conversation, destination):
        payload: dict[str, Any] = {
            "user": user,
            "message": {"id": message["id"]},
            "destination": {"type": client.type, "integrationId": client.integration_id},
        }
        rule = app.channels.take(client)
        if rule is not None and rule.result == "silence":
            continue
        delay = rule.seconds if rule is not None else 0.0
        error = rule.error if rule is not None and rule.error else _error(app, client, kind)
        if error is not None:
            trigger = "conversation:message:delivery:failure"
            app.announce(
                trigger, conversation, delay=delay, **payload, isFinalEvent=True, error=error
            )
            continue
        payload["externalMessages"] = [{"id": f"{client.type}-{message['id']}"}]
        for stage, final in (("channel", False), ("user", True)):
            trigger = f"conversation:message:delivery:{stage}"
            app.announce(trigger, conversation, delay=delay, **payload, isFinalEvent=final)


def _error(app: App, client: Client, kind: str | None) -> Mapping[str, Any] | None:
    """Why the channel does not deliver content of this type, None if it does."""
    if client.status == "blocked":
        return {"code": "forbidden", "message": "The user has blocked the channel"}
    if kind in _SDK_ONLY:
        return {"code": "uncategorized_error", "message": f"Unsupported message type `{kind}`"}
    opened = format_time(app.clock.now() - _WHATSAPP_WINDOW)
    if client.type == "whatsapp" and kind != "template" and (client.last_inbound or "") <= opened:
        title = "Re-engagement message"
        return {
            "code": "uncategorized_error",
            "message": title,
            "underlyingError": {"errors": [{"code": 131047, "title": title}]},
        }
    return None


def _recipients(
    conversation: Conversation, destination: Mapping[str, str]
) -> Iterator[tuple[User, Client]]:
    for participant in conversation.participants:
        matches = [one for one in participant.clients if _is_at(one, destination)]
        if matches and matches[0].type != "sdk":
            yield participant.user, matches[0]


def _is_at(client: Client, destination: Mapping[str, str]) -> bool:
    integration_id = destination.get("integrationId", client.integration_id)
    kind = destination.get("integrationType", client.type)
    return client.integration_id == integration_id and client.type == kind
