"""Messages: posting, reading and deleting them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from sunco.models._model import Metadata
from sunco.models.content import Content, TextMessage
from sunco.models.messages import Author, Destination, Message, MessageOverride
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, given
from sunco.wire import Operation

__all__ = ["Messages"]

_ALL = "/v2/apps/{app_id}/conversations/{conversation_id}/messages"

POST = Operation("PostMessage", "POST", _ALL, list[Message], "messages")
LIST = Operation("ListMessages", "GET", _ALL, list[Message], "messages")
DELETE = Operation("DeleteMessage", "DELETE", f"{_ALL}/{{message_id}}", NoneType)
DELETE_ALL = Operation("DeleteAllMessages", "DELETE", _ALL, NoneType)

_BUSINESS = Author("business")


class Messages(Resource):
    """What is said in a conversation."""

    async def post(
        self,
        conversation_id: str,
        content: Content | str | Mapping[str, Any],
        *,
        author: Author | None = None,
        destination: Destination | None = None,
        metadata: Metadata | None = None,
        override: MessageOverride | None = None,
        schema: str | None = None,
    ) -> list[Message]:
        """Post a message (`PostMessage`).

        It is never sent twice: where it is not known whether it arrived, that is raised.

        Args:
            conversation_id: The conversation.
            content: What it says. A `str` is a `TextMessage`; a mapping goes out as it is, for
                content in WhatsApp's own form.
            author: Who says it; the business by default.
            destination: The one channel it should go to; for business messages.
            metadata: Custom properties, 4 kB at most.
            override: What single channels get in place of `content`.
            schema: `"whatsapp"` when the content is a WhatsApp template.

        Returns:
            The message; content that a channel cannot show as one message comes back as several.

        Raises:
            APIConnectionError: No answer; `maybe_delivered` says whether it may have arrived.
            ConversationFullError: The conversation holds 30,000 messages.
            NotFoundError: The conversation does not exist.
        """
        body = given(
            author=author or _BUSINESS,
            content=TextMessage(content) if isinstance(content, str) else content,
            destination=destination,
            metadata=metadata,
            override=override,
            schema=schema,
        )
        return await self._session.call(POST, body=body, conversation_id=conversation_id)

    def list(
        self,
        conversation_id: str,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Paginator[Message]:
        """List a conversation's messages, the newest first (`ListMessages`).

        The API gives 100 at a time. With `after`, the walk goes forwards and messages come oldest
        first.

        Args:
            conversation_id: The conversation.
            after: Walk forwards from this cursor (a message's id).
            before: Walk backwards from this cursor.

        Raises:
            ConfigurationError: Both cursors were given.
            NotFoundError: The conversation does not exist; raised when the list is read.
        """
        return self._paginate(
            LIST,
            after=after,
            before=before,
            backwards=True,
            descends=_newest_first,
            conversation_id=conversation_id,
        )

    async def delete(self, conversation_id: str, message_id: str) -> None:
        """Delete a message (`DeleteMessage`).

        Raises:
            NotFoundError: The conversation or the message does not exist.
        """
        await self._session.call(DELETE, conversation_id=conversation_id, message_id=message_id)

    async def delete_all(self, conversation_id: str) -> None:
        """Delete all messages of a conversation (`DeleteAllMessages`).

        Raises:
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(DELETE_ALL, conversation_id=conversation_id)


def _newest_first(page: Sequence[Message]) -> bool:
    """Whether a page's times descend: the API does not promise that they ascend."""
    times = [message.received for message in page if message.received is not None]
    return len(times) > 1 and times[0] > times[-1]
