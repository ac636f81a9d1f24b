"""Messages: posting, reading and deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import NoneType
from typing import Any, Literal

from sunco._literals import check_value
from sunco.models.base import Metadata
from sunco.models.content import Content, TextMessage
from sunco.models.messages import Author, Destination, Message, MessageOverride
from sunco.pagination import Paginator
from sunco.resources._idempotent_post import IdempotentPost, with_key
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation

__all__ = ["Messages"]

_ALL = "/v2/apps/{app_id}/conversations/{conversation_id}/messages"

POST = Operation("PostMessage", "POST", _ALL, list[Message], "messages")
LIST = Operation("ListMessages", "GET", _ALL, list[Message], "messages")
DELETE = Operation("DeleteMessage", "DELETE", f"{_ALL}/{{message_id}}", NoneType)
DELETE_ALL = Operation("DeleteAllMessages", "DELETE", _ALL, NoneType, repeatable=False)

_BUSINESS = Author("business")


class Messages(Resource):
    """The messages of a conversation."""

    async def post(
        self,
        conversation_id: str,
        content: Content | str | Mapping[str, Any],
        *,
        author: Author | None = None,
        destination: Destination | None = None,
        metadata: Metadata | None = None,
        override: MessageOverride | None = None,
        schema: Literal["whatsapp"] | str | None = None,
    ) -> list[Message]:
        """Post a message (`PostMessage`).

        It is never sent twice: an unknown outcome is raised. See `post_once` for retries.

        Args:
            conversation_id: The conversation.
            content: The content. A `str` is sent as a `TextMessage`, a mapping as it is, for
                content in WhatsApp's own form.
            author: The author; the business by default.
            destination: The one channel to send it to; for messages of the business.
            metadata: Custom properties, 4 kB at most.
            override: Content for single channels, in place of `content`.
            schema: `"whatsapp"` if the content is a WhatsApp template.

        Returns:
            The message; several where a channel cannot show the content as one.

        Raises:
            ConfigurationError: The content cannot be written as JSON, or `schema` is misspelt.
            APIConnectionError: No response; `maybe_delivered` says whether it may have arrived.
            ConversationFullError: The conversation has 30,000 messages.
            NotFoundError: The conversation does not exist.
        """
        body = _body(
            content,
            author,
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
        grace_period: float = 10.0,
        maybe_sent: bool = True,
        since: datetime | None = None,
        author: Author | None = None,
        destination: Destination | None = None,
        metadata: Metadata | None = None,
        override: MessageOverride | None = None,
        schema: Literal["whatsapp"] | str | None = None,
    ) -> list[Message]:
        """Post a message exactly once, however often this is called with the same key.

        The message carries `key` in its metadata, under the reserved name `sunco_once`. Before it
        is posted, the conversation is read back from its newest message; if the key is found, that
        message is returned and nothing is sent. Only messages of the business count (of users, if
        `author` is one): an end user cannot suppress a message by using its key.

        After an attempt with an unknown outcome (no response, 408 or 5xx), the conversation is read
        at once and again until `grace_period` seconds have passed; only if the message is not there
        is it sent again, as often as the client's retry policy permits. If the conversation cannot
        be read, the error is raised.

        The API accepts the message exactly once under these conditions:

        - A message that was accepted can be read `grace_period` seconds after the attempt failed,
          and none is accepted later. A gateway that holds a request for longer, or a store that
          shows it later, is the one way in which this method sends twice.
        - One task at a time posts a key, over all processes, and after a process was killed the
          next one waits `grace_period` seconds (`sunco.bulk` does that). Two callers that read at
          the same moment both send.
        - The message, its metadata and its conversation are not deleted in between: a deleted
          message is sent again.
        - The same key is used with the same conversation: others are not read.
        - `since` and `maybe_sent`, where they are given, are true.

        When it is cancelled, it stops at once; the next call finds out whether the message was
        accepted.

        Args:
            conversation_id: The conversation.
            content: As in `post`.
            key: The idempotency key, such as the id of a row. It is visible to all who can read the
                message's metadata.
            grace_period: Seconds after which an accepted message can be read.
            maybe_sent: False if the key has certainly not been sent before: the conversation is not
                read before the first attempt.
            since: The key has certainly not been sent before this moment: messages that are a day
                older (clocks differ) are not read. By default the whole conversation is read, 100
                messages per request.
            author: As in `post`.
            destination: As in `post`.
            metadata: As in `post`; the key counts towards its 4 kB.
            override: As in `post`.
            schema: As in `post`.

        Returns:
            The message, as in `post`.

        Raises:
            ConfigurationError: `metadata` has the reserved name or is too large with the key, the
                key is empty, or `since` has no time zone. Nothing was sent.
            APIConnectionError: As in `post`; `maybe_delivered` if the outcome stayed unknown.
            ServerError: The API failed each time; `outcome_unknown` is true.
        """
        whole = with_key(metadata, key)
        body = _body(
            content,
            author,
            destination=destination,
            metadata=whole,
            override=override,
            schema=schema,
        )
        once = IdempotentPost(
            session=self._session,
            post=lambda: self._session.call(POST, body=body, conversation_id=conversation_id),
            pages=lambda: self.list(conversation_id).pages(),
            key=key,
            grace_period=grace_period,
            author_type=body["author"].type,
        )
        return await once.send(maybe_sent=maybe_sent, since=since)

    def list(
        self,
        conversation_id: str,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Paginator[Message]:
        """List a conversation's messages, newest first (`ListMessages`).

        A page has up to 100 messages. With `after`, messages are listed oldest first.

        Args:
            conversation_id: The conversation.
            after: List what follows this cursor (a message's id), forwards.
            before: List what precedes this cursor, backwards.

        Raises:
            ConfigurationError: Both cursors were given.
            NotFoundError: The conversation does not exist; raised when the list is iterated.
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

        It is not repeated after an unknown outcome: a repeat could delete messages posted since.

        Args:
            conversation_id: The conversation.

        Raises:
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(DELETE_ALL, conversation_id=conversation_id)


def _body(
    content: Content | str | Mapping[str, Any], author: Author | None, **others: Any
) -> dict[str, Any]:
    body = required(
        author=_BUSINESS if author is None else author,
        content=TextMessage(content) if isinstance(content, str) else content,
    ) | given(**others)
    if "schema" in body:
        check_value("schema", body["schema"], ("whatsapp",))
    return body
