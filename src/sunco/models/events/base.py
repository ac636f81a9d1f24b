"""What all events have in common, and replying to them."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol, cast

from sunco.errors import ConfigurationError
from sunco.models.base import Metadata, Model, model
from sunco.models.content import Content
from sunco.models.messages import Author, Message

__all__ = ["IncomingEvent", "Replies", "current_replies", "is_from_business"]


class _Client(Protocol):
    # Not more exact: checkers differ on whether a cached property matches a property.
    @property
    def messages(self) -> Any: ...


# A payload is a model, or plain JSON if the event is unknown or cannot be read.
def _part(of: Any, *names: tuple[str, str]) -> Any:
    for attribute, key in names:
        if isinstance(of, dict):
            of = cast("dict[str, Any]", of).get(key)
        else:
            of = getattr(of, attribute, None)
    return of


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


_CONVERSATION = (("conversation", "conversation"), ("id", "id"))
_AUTHORS = (
    (("message", "message"), ("author", "author")),
    (("activity", "activity"), ("author", "author")),
)
_USERS = (
    (("user", "user"), ("id", "id")),
    (("merged_users", "mergedUsers"), ("surviving", "surviving"), ("id", "id")),
)


@model
class IncomingEvent(Model):
    """The base class of all events, including those that could not be read."""

    @property
    def conversation_id(self) -> str | None:
        """The id of the event's conversation, if it has one."""
        return _text(_part(getattr(self, "payload", None), *_CONVERSATION))

    @property
    def user_id(self) -> str | None:
        """The id of the event's end user; for a merge, of the surviving one."""
        payload = getattr(self, "payload", None)
        for path in _USERS:
            if found := _text(_part(payload, *path)):
                return found
        for path in _AUTHORS:
            author = _part(payload, *path)
            if found := _text(_part(author, ("user_id", "userId"))):
                return found
        return None

    @property
    def is_from_user(self) -> bool:
        """Whether an end user caused the event; False for what the business does.

        Messages of the business cause events, too: a bot that replies only where this is true
        never replies to itself.
        """
        payload = getattr(self, "payload", None)
        authors = [_part(payload, *path) for path in _AUTHORS]
        return any(_part(author, ("type", "type")) == "user" for author in authors)

    async def reply(
        self,
        sunco: _Client,
        content: Content | str | Mapping[str, Any],
        *,
        author: Author | None = None,
        metadata: Metadata | None = None,
    ) -> list[Message]:
        """Post a message to the event's conversation.

        Called by a handler of a `WebhookRouter`, it is idempotent as `Context.reply` is: however
        often the event is processed, the message is posted once. Elsewhere it is `messages.post`.

        Args:
            sunco: The client to post with, a `Sunco`.
            content: The content; a `str` is a `TextMessage`.
            author: The author; the business by default.
            metadata: Custom properties, 4 kB at most.

        Returns:
            The message; several if a channel needs the content split.

        Raises:
            ConfigurationError: The event has no conversation, or the business wrote the message: a
                reply would cause the next event, endlessly.
            SuncoError: As for `messages.post`.
        """
        conversation_id = self.conversation_id
        if conversation_id is None:
            raise ConfigurationError("The event belongs to no conversation: there is no recipient.")
        if is_from_business(self):
            raise ConfigurationError(
                "The business wrote this message, and a reply would cause the next event: "
                "handle messages where event.is_from_user, or use messages.post."
            )
        replies = current_replies.get()
        if replies is not None:
            sent = await replies.reply_to(self, sunco, content, author=author, metadata=metadata)
            if sent is not None:
                return sent
        posted: list[Message] = await sunco.messages.post(
            conversation_id, content, author=author, metadata=metadata
        )
        return posted


def is_from_business(event: IncomingEvent) -> bool:
    """Whether the event is about a message that the business wrote."""
    payload = getattr(event, "payload", None)
    return bool(_part(payload, *_AUTHORS[0], ("type", "type")) == "business")


class Replies(Protocol):
    """Sends the replies of the handler call that is running."""

    async def reply_to(
        self, event: Any, client: Any, content: Any, **options: Any
    ) -> list[Message] | None:
        """Reply to an event of the call; None if it is none of them."""
        ...


current_replies: ContextVar[Replies | None] = ContextVar("sunco_replies", default=None)
"""Set by a `WebhookRouter` while it calls a handler."""
