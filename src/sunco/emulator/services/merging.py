"""Users who turn out to be one, and the Zendesk users that they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sunco.emulator.state.rendering import present

if TYPE_CHECKING:
    from sunco.emulator.state.app import App
    from sunco.emulator.state.users import User


@dataclass(frozen=True, slots=True)
class CoreUser:
    """What Zendesk Support knows of a user."""

    given_name: str | None = None
    surname: str | None = None
    external_id: str | None = None
    email: str | None = None


def user_by_zendesk_id(app: App, zendesk_id: str) -> User | None:
    """The user who stands for this Zendesk user."""
    return next((user for user in app.users if user.zendesk_id == zendesk_id), None)


def synchronize(app: App, zendesk_id: str, surviving_id: str) -> User:
    """Bring the user of a Zendesk user up to date, and merge whoever turns out to be the same.

    Args:
        app: The app.
        zendesk_id: The Zendesk user; one of the app's users stands for it.
        surviving_id: The Zendesk user that it was merged into, or itself.
    """
    (user,) = (one for one in app.users if one.zendesk_id == zendesk_id)
    surviving = user_by_zendesk_id(app, surviving_id)
    if surviving is not None and surviving is not user:
        merge(app, surviving, user)
        user = surviving
    user.zendesk_id = surviving_id
    core = app.account.core_users.get(surviving_id, CoreUser())
    names = {"givenName": core.given_name, "surname": core.surname}
    user.profile |= present(**names)
    if core.external_id is not None:
        other = app.user_by_external_id(core.external_id, user.brand_id)
        if other is not None and _give_way(app, user, other):
            app.set_external_id(other, None)
        app.set_external_id(user, core.external_id)
    if core.email is not None:
        identify(app, user, core.email)
    return user


def identify(app: App, user: User, email: str) -> None:
    """Note that a user owns an e-mail address, and thereby is whoever else does."""
    for other in [one for one in app.users if one.email == email]:
        if other.brand_id == user.brand_id and _give_way(app, user, other):
            other.email = None
    user.email = email


def _give_way(app: App, user: User, other: User) -> bool:
    """Merge another user who cannot be told from this one; whether it stays a user of its own."""
    if other is user:
        return False
    if other.zendesk_id is not None:
        return True
    merge(app, user, other)
    return False


def merge(app: App, surviving: User, discarded: User) -> None:
    """Make two users one, who has the conversations and the clients of both."""
    shown = {"surviving": surviving.to_json(), "discarded": discarded.to_json()}
    metadata = discarded.metadata
    for conversation in list(discarded.conversations):
        if conversation.participant_of(surviving) is not None:
            app.leave(conversation, discarded)
            continue
        surviving.conversations.add(conversation.id, conversation)
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
    app.users.remove(discarded.id)
    app.set_external_id(discarded, None)
    app.announce(
        "user:merge",
        mergedUsers=shown,
        reason="api",
        **present(discardedMetadata=metadata or None),
    )
