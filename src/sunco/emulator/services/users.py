"""Users: creating and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.services.conversations import delete_conversation, leave
from sunco.emulator.state.users import User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.app import App


def create_user(app: App, description: Mapping[str, Any]) -> User:
    """Add a user.

    Args:
        app: The app.
        description: The user in the form of the API.
    """
    user = User(
        app.clock.new_id(), description.get("externalId"), brand_id=description.get("brandId")
    )
    user.update(description)
    app.add_user(user)
    return user


def delete_user(app: App, user: User) -> None:
    """Delete a user with its clients and its personal conversations, and leave all others."""
    for conversation in list(app.conversations_of(user)):
        if conversation.type == "personal":
            delete_conversation(app, conversation)
        else:
            leave(app, conversation, user)
    app.announce("user:remove", user=user)
    app.remove_user(user)


def clear_personal_information(app: App, user: User) -> None:
    """Clear who a user is, in the profile and as the author of messages."""
    user.clear_personal_information()
    for conversation in app.conversations_of(user):
        for message in conversation.messages:
            if message["author"].get("userId") == user.id:
                message["author"] = {"type": "user", "userId": user.id}
