"""Clients and devices: linking, confirming and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.state.sources import API, Source
from sunco.emulator.state.users import Client, Device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import User

SDK_TYPES = ("web", "ios", "android", "unity")
# The channels that are not SDKs.
CHANNEL_TYPES = (
    "apple",
    "instagram",
    "line",
    "mailgun",
    "messagebird",
    "messenger",
    "telegram",
    "twilio",
    "twitter",
    "viber",
    "whatsapp",
)

# The addresses in the match criteria of the various channels.
_ADDRESSES = ("phoneNumber", "address")


def link(app: App, user: User, criteria: Mapping[str, Any], conversation: Conversation) -> Client:
    """Add a client that is pending until it is confirmed.

    Args:
        app: The app.
        user: The user.
        criteria: The match criteria in the form of the API.
        conversation: Where the client will be linked.
    """
    external_id = next(criteria[name] for name in _ADDRESSES if name in criteria)
    client = Client(
        app.clock.new_id(),
        type=criteria["type"],
        status="pending",
        integration_id=criteria["integrationId"],
        external_id=external_id,
        target_id=conversation.id,
        primary=criteria.get("primary", True),
    )
    user.clients.add(client.id, client)
    app.announce(
        "client:add", conversation, user=user, client=client, reason="channelLinking", source=API
    )
    return client


def activate(app: App, user: User, client: Client, *, reason: str = "confirmed") -> None:
    """Make a pending client active, and link it to its conversation.

    Args:
        app: The app.
        user: The user.
        client: The client.
        reason: The reason in the event.
    """
    client.status = "active"
    client.linked_at = client.last_seen = app.clock.timestamp()
    client.display_name = client.external_id
    target = app.conversations_of(user).get(client.target_id or "")
    participant = target.participant_of(user) if target else None
    if participant is not None:
        participant.add_client(client, primary=client.primary)
    app.announce("client:update", target, user=user, client=client, reason=reason)


def set_blocked(app: App, user: User, client: Client, *, blocked: bool) -> None:
    """Block or unblock a channel for its user: to a blocked one nothing is delivered.

    Args:
        app: The app.
        user: The user.
        client: The client, which is active or blocked.
        blocked: Whether it becomes blocked.
    """
    client.status = "blocked" if blocked else "active"
    reason = "blocked" if blocked else "unblocked"
    app.announce("client:update", user=user, client=client, reason=reason)


def remove_client(
    app: App, user: User, client: Client, *, reason: str = "api", source: Source = API
) -> None:
    """Remove a client from its user and from all conversations.

    Args:
        app: The app.
        user: The user.
        client: The client.
        reason: The reason in the event.
        source: The source in the event.
    """
    user.clients.remove(client.id)
    for conversation in app.conversations_of(user):
        for participant in conversation.participants:
            participant.remove_client(client)
    app.announce("client:remove", user=user, client=client, reason=reason, source=source)


def sdk_client(app: App, user: User, conversation: Conversation | None = None) -> Client:
    """The client of the user's SDKs, which is added when it is first needed.

    Args:
        app: The app.
        user: The user.
        conversation: The conversation in the event.
    """
    for client in user.clients:
        if client.type == "sdk":
            return client
    now = app.clock.timestamp()
    client = Client(app.clock.new_id(), "sdk", "active", linked_at=now, last_seen=now)
    user.clients.add(client.id, client)
    app.announce(
        "client:add",
        conversation,
        user=user,
        client=client,
        reason="sdkLogin",
        source=Source("sdk"),
    )
    return client


def add_channel_client(app: App, user: User, integration: Mapping[str, Any]) -> Client:
    """Add the client of a user that first writes on a channel.

    Args:
        app: The app.
        user: The user.
        integration: The channel's integration.
    """
    now, identifier = app.clock.timestamp(), app.clock.new_id()
    client = Client(
        identifier,
        integration["type"],
        "active",
        integration_id=integration["id"],
        external_id=f"{integration['type']}-{user.id}",
        linked_at=now,
        last_seen=now,
        display_name=user.name,
    )
    user.clients.add(identifier, client)
    return client


def device(app: App, user: User, client: Client, integration: Mapping[str, Any]) -> Device:
    """The device that a user's SDK runs on, which is added when it is first needed.

    Args:
        app: The app.
        user: The user.
        client: The client of the user's SDKs.
        integration: The SDK's integration.
    """
    now = app.clock.timestamp()
    for found in user.devices:
        if found.integration_id == integration["id"]:
            found.last_seen = now
            return found
    identifier, kind = app.clock.new_id(), integration["type"]
    made = Device(identifier, kind, f"{identifier:0>32}", client.id, integration["id"], now)
    user.devices.add(identifier, made)
    return made
