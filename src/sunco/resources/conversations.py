"""Creating, listing, updating and deleting conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Final, cast

from sunco._literals import check_value, known_values
from sunco.errors import ConfigurationError
from sunco.models.base import UNSET, Metadata, Unset
from sunco.models.conversations import (
    Conversation,
    ConversationType,
    ConversionEvents,
    InteractiveDataRef,
)
from sunco.models.participants import ParticipantUser
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, changes, exactly_one, given, required
from sunco.wire import Operation

__all__ = ["Conversations"]

_ALL = "/v2/apps/{app_id}/conversations"
_ONE = f"{_ALL}/{{conversation_id}}"

CREATE = Operation("CreateConversation", "POST", _ALL, Conversation, "conversation")
LIST = Operation("ListConversations", "GET", _ALL, list[Conversation], "conversations")
GET = Operation("GetConversation", "GET", _ONE, Conversation, "conversation")
UPDATE = Operation("UpdateConversation", "PATCH", _ONE, Conversation, "conversation")
DELETE = Operation("DeleteConversation", "DELETE", _ONE, NoneType)
DOWNLOAD_MESSAGE_REF = Operation(
    "DownloadMessageRef", "POST", f"{_ONE}/download", dict[str, Any], repeatable=True
)
POST_CONVERSION_EVENTS = Operation(
    "PostConversionEvents",
    "POST",
    f"{_ONE}/conversionEvents",
    ConversionEvents,
    "conversionEvents",
)

_TYPES: Final = known_values(ConversationType)


class Conversations(Resource):
    """Conversations between users and the business."""

    async def create(
        self,
        type: ConversationType,  # noqa: A002 - the API's name for it
        *,
        participants: Sequence[ParticipantUser] = (),
        display_name: str | None = None,
        description: str | None = None,
        icon_url: str | None = None,
        metadata: Metadata | None = None,
    ) -> Conversation:
        """Create a conversation (`CreateConversation`).

        Args:
            type: `"personal"`, with exactly one participant, or `"sdkGroup"`, with up to ten.
            participants: The participants. In an `"sdkGroup"`, each needs `subscribe_sdk_client`.
            display_name: A name to show, 100 characters at most.
            description: 100 characters at most.
            icon_url: A picture (JPG, PNG or GIF).
            metadata: Custom properties, 4 kB at most.

        Raises:
            ConfigurationError: The type is misspelt, or a participant is no `ParticipantUser`, or
                has no id or two.
            NotFoundError: A user does not exist.
        """
        listed = cast("object", participants)
        if isinstance(listed, (str, bytes)) or not isinstance(listed, Sequence):
            kind = listed.__class__.__name__
            raise ConfigurationError(f"participants must be a sequence, not {kind}.")
        for participant in participants:
            if not isinstance(cast("object", participant), ParticipantUser):
                raise ConfigurationError(
                    "Each participant must be a ParticipantUser, as in "
                    f"ParticipantUser(user_id=...), not {participant!r}."
                )
            exactly_one(user_id=participant.user_id, user_external_id=participant.user_external_id)
        body = required(type=type)
        check_value("type", type, _TYPES)
        if participants:
            body["participants"] = list(participants)
        body |= given(
            displayName=display_name,
            description=description,
            iconUrl=icon_url,
            metadata=metadata,
        )
        return await self._session.call(CREATE, body=body)

    def list(
        self,
        *,
        user_id: str | None = None,
        user_external_id: str | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> Paginator[Conversation]:
        """List a user's conversations (`ListConversations`).

        Args:
            user_id: The user.
            user_external_id: The user by external id, in place of `user_id`.
            after: List what follows this cursor.
            before: List what precedes this cursor, backwards.
            page_size: Items per request, 1 to 100; 25 by default.

        Raises:
            ConfigurationError: None or both of the ids were given, or both cursors.
            NotFoundError: The user does not exist; raised when the list is iterated.
        """
        exactly_one(user_id=user_id, user_external_id=user_external_id)
        return self._paginate(
            LIST,
            after=after,
            before=before,
            page_size=page_size,
            params={"filter": given(userId=user_id, userExternalId=user_external_id)},
        )

    async def get(self, conversation_id: str) -> Conversation:
        """Get a conversation (`GetConversation`).

        Args:
            conversation_id: The conversation.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._session.call(GET, conversation_id=conversation_id)

    async def update(
        self,
        conversation_id: str,
        *,
        display_name: str | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        icon_url: str | Unset | None = UNSET,
        metadata: Metadata | Unset | None = UNSET,
    ) -> Conversation:
        """Update a conversation (`UpdateConversation`): None clears a value.

        Args:
            conversation_id: The conversation.
            display_name: A name to show, 100 characters at most.
            description: 100 characters at most.
            icon_url: A picture (JPG, PNG or GIF).
            metadata: Custom properties, 4 kB at most.

        Raises:
            NotFoundError: The conversation does not exist.
        """
        body = changes(
            displayName=display_name,
            description=description,
            iconUrl=icon_url,
            metadata=metadata,
        )
        return await self._session.call(UPDATE, body=body, conversation_id=conversation_id)

    async def delete(self, conversation_id: str) -> None:
        """Delete a conversation with its messages and attachments (`DeleteConversation`).

        Args:
            conversation_id: The conversation.

        Raises:
            BadRequestError: It is its user's default conversation, which cannot be deleted.
            NotFoundError: It does not exist.
        """
        await self._session.call(DELETE, conversation_id=conversation_id)

    async def download_message_ref(
        self,
        conversation_id: str,
        *,
        user_id: str,
        interactive_data_ref: InteractiveDataRef,
    ) -> dict[str, Any]:
        """Download data that Apple sent as a reference (`DownloadMessageRef`).

        Args:
            conversation_id: The conversation.
            user_id: The user.
            interactive_data_ref: The reference, from the `passthrough:messaging` event.

        Returns:
            The data, in Apple's own form.
        """
        apple = required(interactiveDataRef=interactive_data_ref)
        body = required(userId=user_id) | {"apple": apple}
        return await self._session.call(
            DOWNLOAD_MESSAGE_REF, body=body, conversation_id=conversation_id
        )

    async def post_conversion_events(
        self,
        conversation_id: str,
        *,
        messenger: Sequence[Mapping[str, Any]] | None = None,
        instagram: Sequence[Mapping[str, Any]] | None = None,
        whatsapp: Sequence[Mapping[str, Any]] | None = None,
    ) -> ConversionEvents:
        """Report conversion events to Meta (`PostConversionEvents`); pass one channel.

        Args:
            conversation_id: The conversation.
            messenger: Events in the form of Meta's Conversions API, for Facebook Messenger. The API
                adds `user_data` and `messaging_channel`.
            instagram: The same for Instagram.
            whatsapp: The same for WhatsApp.

        Raises:
            ConfigurationError: No channel was given, or more than one.
        """
        channels = {"messenger": messenger, "instagram": instagram, "whatsapp": whatsapp}
        exactly_one(**channels)
        body = {
            channel: {"payload": {"data": events}} for channel, events in given(**channels).items()
        }
        return await self._session.call(
            POST_CONVERSION_EVENTS, body=body, conversation_id=conversation_id
        )
