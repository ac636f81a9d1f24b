"""Merging users, and synchronizing them with the users of Zendesk Support."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sunco.emulator.errors import ApiError
from sunco.emulator.services.conversations import leave
from sunco.emulator.state.account import CoreUser
from sunco.emulator.state.rendering import omit_none

if TYPE_CHECKING:
    from sunco.emulator.state.app import App
    from sunco.emulator.state.users import User


METADATA_BYTES = 4096


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


def sign_in(app: App, user: User, *, external_id: str | None, email: str | None) -> User:
    """Authenticate a user, and merge it with the users that have the same external id or address.

    Args:
        app: The app.
        user: The user.
        external_id: The external id that the user signs in with.
        email: The verified e-mail address that the user signs in with.

    Returns:
        The surviving user: one that had an external id before, if there is one.

    Raises:
        ApiError: 409 if two different external ids would meet.
    """
    others = [one for one in app.users if email is not None and one.email == email]
    if external_id is not None:
        others.append(app.user_by_external_id(external_id, user.brand_id) or user)
    same = [user]
    for other in others:
        separate = other.zendesk_id is not None and user.zendesk_id is not None
        if other not in same and other.brand_id == user.brand_id and not separate:
            same.append(other)
    external_ids = {one.external_id for one in same} | {external_id}
    if len(external_ids - {None}) > 1:
        raise ApiError(409, "conflict", "The users have different external ids")
    surviving = next((one for one in same if one.external_id is not None), user)
    for other in same:
        if other is not surviving:
            merge(app, surviving, other, reason="sdkLogin")
    if surviving.external_id is None and external_id is not None:
        app.set_external_id(surviving, external_id)
    if email is not None:
        identify(app, surviving, email)
    surviving.authenticated = True
    return surviving


def merge(app: App, surviving: User, discarded: User, *, reason: str = "api") -> None:
    """Move everything of a user to another, and delete the first.

    What the surviving user does not have is taken from the other: external id, e-mail address,
    profile and metadata. Metadata that would exceed the limit is discarded.

    Args:
        app: The app.
        surviving: The user that is kept.
        discarded: The user that is deleted.
        reason: The reason in the event.
    """
    external_id, shown = discarded.external_id, discarded.to_json()
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
    if surviving.external_id is None and surviving.brand_id == discarded.brand_id:
        app.set_external_id(surviving, external_id)
    surviving.email = surviving.email or discarded.email
    surviving.authenticated |= discarded.authenticated
    surviving.profile = {**discarded.profile, **surviving.profile}
    surviving.metadata, lost = _combine(surviving.metadata, discarded.metadata)
    app.announce(
        "user:merge",
        mergedUsers={"surviving": surviving.to_json(), "discarded": shown},
        reason=reason,
        **omit_none(discardedMetadata=lost or None),
    )


def _combine(kept: dict[str, Any], added: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both metadata if they fit, and those that were discarded if they do not."""
    combined = {**added, **kept}
    text = json.dumps(combined, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode("utf-8", "replace")) <= METADATA_BYTES:
        return combined, {}
    return kept, {name: member for name, member in added.items() if name not in kept}
