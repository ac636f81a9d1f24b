"""The records that a request refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.errors import bad_request, not_found
from sunco.emulator.services.messages import expire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.api.operation import Call
    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import User


def conversation_of(call: Call) -> Conversation:
    """The conversation in the path.

    Raises:
        ApiError: 404 `conversation_not_found`.
    """
    conversation = call.app.conversations.get(call.ids["conversationId"])
    if conversation is None:
        raise not_found("Conversation")
    expire(call.app, conversation)
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


def author_of(app: App, conversation: Conversation, author: Mapping[str, Any]) -> User | None:
    """The user that is the author, None for the business.

    Raises:
        ApiError: 404 `user_not_found`, or 400 if the user is not in the conversation.
    """
    if author["type"] == "business":
        return None
    user = referenced_user(app, author)
    if conversation.participant_of(user) is None:
        raise bad_request("The author is not a member of the conversation")
    return user


def integration_of(call: Call) -> dict[str, Any]:
    """The integration in the path.

    Raises:
        ApiError: 404 `integration_not_found`.
    """
    integration = call.app.integrations.get(call.ids["integrationId"])
    if integration is None:
        raise not_found("Integration")
    return integration
