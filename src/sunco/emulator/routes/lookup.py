"""Finding the records that a request names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.answers import not_found

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.operations import Call
    from sunco.emulator.state import App, Conversation, User

CONVERSATIONS = "/v2/apps/{appId}/conversations"
CONVERSATION = f"{CONVERSATIONS}/{{conversationId}}"
USERS = "/v2/apps/{appId}/users"
USER = f"{USERS}/{{userIdOrExternalId}}"


def conversation_of(call: Call) -> Conversation:
    """The conversation in the path.

    Raises:
        ApiError: 404 `conversation_not_found`.
    """
    conversation = call.app.conversations.get(call.ids["conversationId"])
    if conversation is None:
        raise not_found("Conversation")
    return conversation


def user_of(call: Call) -> User:
    """The user in the path, by id or else by external id.

    Raises:
        ApiError: 404 `user_not_found`.
    """
    reference, app = call.ids["userIdOrExternalId"], call.app
    user = app.users.get(reference)
    user = user or app.user_by_external_id(reference, call.query.get("brandId"))
    if user is None:
        raise not_found("User")
    return user


def referenced_user(app: App, reference: Mapping[str, Any]) -> User:
    """The user that `userId` or `userExternalId` names.

    Raises:
        ApiError: 404 `user_not_found`.
    """
    if "userId" in reference:
        user = app.users.get(reference["userId"])
    else:
        user = app.user_by_external_id(reference["userExternalId"], reference.get("brandId"))
    if user is None:
        raise not_found("User")
    return user
