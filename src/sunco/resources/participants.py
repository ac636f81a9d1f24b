"""The participants of a conversation."""

from __future__ import annotations

from types import NoneType

from sunco.models.participants import Participant, ParticipantUser
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, exactly_one, given
from sunco.wire import Operation

__all__ = ["Participants"]

_CONVERSATION = "/v2/apps/{app_id}/conversations/{conversation_id}"

LIST = Operation(
    "ListParticipants", "GET", f"{_CONVERSATION}/participants", list[Participant], "participants"
)
JOIN = Operation("JoinConversation", "POST", f"{_CONVERSATION}/join", Participant, "participant")
LEAVE = Operation("LeaveConversation", "POST", f"{_CONVERSATION}/leave", NoneType)


class Participants(Resource):
    """The users of a conversation."""

    def list(
        self,
        conversation_id: str,
        *,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> Paginator[Participant]:
        """List a conversation's participants (`ListParticipants`).

        Args:
            conversation_id: The conversation.
            after: List what follows this cursor.
            before: List what precedes this cursor, backwards.
            page_size: Items per request, 1 to 100; 25 by default.

        Raises:
            ConfigurationError: Both cursors were given.
            NotFoundError: The conversation does not exist; raised when the list is iterated.
        """
        return self._paginate(
            LIST,
            after=after,
            before=before,
            page_size=page_size,
            conversation_id=conversation_id,
        )

    async def join(
        self,
        conversation_id: str,
        *,
        user_id: str | None = None,
        user_external_id: str | None = None,
        subscribe_sdk_client: bool | None = None,
    ) -> Participant:
        """Add a user to an `sdkGroup` conversation (`JoinConversation`).

        Args:
            conversation_id: The conversation.
            user_id: The user.
            user_external_id: The user by external id, in place of `user_id`.
            subscribe_sdk_client: Whether push notifications are to come at once; the API requires
                it for `sdkGroup` conversations.

        Raises:
            ConfigurationError: None or both of the ids were given.
            BadRequestError: The conversation is personal, or has as many participants as it can.
            NotFoundError: The conversation or the user does not exist.
        """
        exactly_one(user_id=user_id, user_external_id=user_external_id)
        given(userId=user_id, userExternalId=user_external_id)
        given(subscribeSDKClient=subscribe_sdk_client)
        user = ParticipantUser(
            user_id=user_id,
            user_external_id=user_external_id,
            subscribe_sdk_client=subscribe_sdk_client,
        )
        return await self._session.call(JOIN, body=user, conversation_id=conversation_id)

    async def leave(
        self,
        conversation_id: str,
        *,
        user_id: str | None = None,
        user_external_id: str | None = None,
        participant_id: str | None = None,
    ) -> None:
        """Remove a user from a conversation (`LeaveConversation`).

        Args:
            conversation_id: The conversation.
            user_id: The user.
            user_external_id: The user by external id, in place of `user_id`.
            participant_id: The participant, in place of `user_id`.

        Raises:
            ConfigurationError: None of the ids was given, or more than one.
            NotFoundError: The conversation does not exist, or the user does not take part in it.
        """
        exactly_one(
            user_id=user_id, user_external_id=user_external_id, participant_id=participant_id
        )
        body = given(userId=user_id, userExternalId=user_external_id, participantId=participant_id)
        await self._session.call(LEAVE, body=body, conversation_id=conversation_id)
