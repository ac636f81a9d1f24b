"""Merging users, and synchronizing them with the users of Zendesk Support."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.services.conversations import leave
from sunco.emulator.state.account import CoreUser
from sunco.emulator.state.rendering import omit_none

if TYPE_CHECKING:
    from sunco.emulator.state.app import App
    from sunco.emulator.state.users import User


def user_by_zendesk_id(app: App, zendesk_id: str) -> User | None:
    """The user that is linked to a Zendesk user, or None."""
    return next((user for user in app.users if user.zendesk_id == zendesk_id), None)


def synchronize(app: App, user: User, surviving_id: str, core: CoreUser) -> User:
    """Update a user from its Zendesk user, and merge it with the same user elsewhere.

    Args:
        app: The app.
        user: The user; it is linked to a Zendesk user.
        surviving_id: The Zendesk user that this one was merged into, or its own.
        core: The Zendesk user.

    Returns:
        The surviving user.
    """
    surviving = user_by_zendesk_id(app, surviving_id)
    if surviving is not None and surviving is not user:
        merge(app, surviving, user)
        user = surviving
    user.zendesk_id = surviving_id
    names = {"givenName": core.given_name, "surname": core.surname}
    user.profile |= omit_none(**names)
    if core.external_id is not None:
        other = app.user_by_external_id(core.external_id, user.brand_id)
        if other is not None and _stays_separate(app, user, other):
            app.set_external_id(other, None)
        app.set_external_id(user, core.external_id)
    if core.email is not None:
        identify(app, user, core.email)
    return user


def identify(app: App, user: User, email: str) -> None:
    """Set the verified e-mail address of a user, and merge it with others that have the same."""
    for other in [one for one in app.users if one.email == email]:
        if other.brand_id == user.brand_id and _stays_separate(app, user, other):
            other.email = None
    user.email = email


def _stays_separate(app: App, user: User, other: User) -> bool:
    # A user that is linked to another Zendesk user cannot be merged.
    if other is user:
        return False
    if other.zendesk_id is not None:
        return True
    merge(app, user, other)
    return False


def merge(app: App, surviving: User, discarded: User) -> None:
    """Move the conversations, clients and devices of a user to another, and delete the first."""
    shown = {"surviving": surviving.to_json(), "discarded": discarded.to_json()}
    metadata = discarded.metadata
    for conversation in list(app.conversations_of(discarded)):
        if conversation.participant_of(surviving) is not None:
            leave(app, conversation, discarded)
            continue
        app.link(surviving, conversation)
        for participant in conversation.participants:
            if participant.user is discarded:
                participant.user = surviving
        if surviving.has_default_conversation:
            conversation.is_default = False
    surviving.has_default_conversation |= discarded.has_default_conversation
    for client in discarded.clients:
        surviving.clients.add(client.id, client)
    for device in discarded.devices:
        surviving.devices.add(device.id, device)
    app.remove_user(discarded)
    app.announce(
        "user:merge",
        mergedUsers=shown,
        reason="api",
        **omit_none(discardedMetadata=metadata or None),
    )
