"""Messages: posting, reading and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import NoneType
from typing import Any

from sunco.models.base import Metadata
from sunco.models.content import Content, TextMessage
from sunco.models.messages import Author, Destination, Message, MessageOverride
from sunco.pagination import Paginator
from sunco.resources._idempotent_post import Once, marked
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

    async def post_once(
        self,
        conversation_id: str,
        content: Content | str | Mapping[str, Any],
        *,
        key: str,
        settle: float = 10.0,
        maybe_sent: bool = True,
        since: datetime | None = None,
        author: Author | None = None,
        destination: Destination | None = None,
        metadata: Metadata | None = None,
        override: MessageOverride | None = None,
        schema: str | None = None,
    ) -> list[Message]:
        """Post a message exactly once, however often it is asked for.

        The message carries `key` in its metadata, under the reserved name `sunco_once`. Before it
        is sent, the conversation is read back from its newest message; where the key is found, that
        message is returned and nothing is sent. When nobody knows what became of a try (no answer
        after it went out, 408 or 5xx), the conversation is read at once, and again until `settle`
        seconds have gone by since; only if the message is not there then is it sent again, as often
        as the client's retry policy allows. Where it cannot be read back, the failure is raised.

        So the API takes the message once, and at most one is ever under way, as long as

        - what it has taken can be read no later than `settle` seconds after the try failed, and
          what it has not taken by then it never takes. A gateway that holds a request for longer,
          or a store that shows it later, is the one way in which this client sends twice;
        - one task at a time sends a key, in all processes together, and after one was killed the
          next waits `settle` seconds (`sunco.bulk` sees to that). Two that look at the same moment
          see nothing and both send;
        - the message keeps its place: if it, its metadata or all messages were deleted since, there
          is nothing to find, and asking for it again sends it again;
        - the same key means the same conversation: others are not looked at;
        - `since` and `maybe_sent`, where they are given, are true.

        Cancelled, it stops at once: whether the message was taken is for the next call to see.

        Args:
            conversation_id: The conversation.
            content: As in `post`.
            key: What makes this message this message, such as a row's id. It is shown to whoever
                may read the message's metadata.
            settle: How many seconds the API may take to show, or to take, what it was sent.
            maybe_sent: False if the key has certainly never been sent: saves reading the
                conversation before the first try.
            since: The key was certainly not sent before this moment: saves reading what is a day
                older than that (clocks differ). By default, all of the conversation is read, 100
                messages at a time.
            author: As in `post`.
            destination: As in `post`.
            metadata: As in `post`; the key counts towards its 4 kB.
            override: As in `post`.
            schema: As in `post`.

        Returns:
            The message, as in `post`.

        Raises:
            ConfigurationError: `metadata` has the reserved name or no room for the key, the key is
                empty, or `since` has no time zone. Nothing was sent.
            APIConnectionError: As in `post`; `maybe_delivered` if that could not be found out.
            ServerError: Likewise, where the API failed each time.
        """
        metadata = marked(metadata, key)
        once = Once(
            session=self._session,
            post=lambda: self.post(
                conversation_id,
                content,
                author=author,
                destination=destination,
                metadata=metadata,
                override=override,
                schema=schema,
            ),
            pages=lambda: self.list(conversation_id).pages(),
            key=key,
            settle=settle,
        )
        return await once.send(maybe_sent=maybe_sent, since=since)

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
            conversation_id=conversation_id,
        )

    async def delete(self, conversation_id: str, message_id: str) -> None:
        """Delete a message (`DeleteMessage`).

        Args:
            conversation_id: The conversation.
            message_id: The message.

        Raises:
            NotFoundError: The conversation or the message does not exist.
        """
        await self._session.call(DELETE, conversation_id=conversation_id, message_id=message_id)

    async def delete_all(self, conversation_id: str) -> None:
        """Delete all messages of a conversation (`DeleteAllMessages`).

        Args:
            conversation_id: The conversation.

        Raises:
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(DELETE_ALL, conversation_id=conversation_id)
