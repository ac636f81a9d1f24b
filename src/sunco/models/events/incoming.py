"""What every event can be asked, whatever it carries, and how to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from sunco.models.base import Metadata, Model, model
from sunco.models.content import Content
from sunco.models.messages import Author, Message

__all__ = ["IncomingEvent"]


class _Client(Protocol):
    # Nothing more exact, as checkers differ on whether a cached property is one.
    @property
    def messages(self) -> Any: ...


# A payload is a model, or plain JSON where the event is not known or cannot be read.
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
    """What all events can be asked, also those that could not be read."""

    @property
    def conversation_id(self) -> str | None:
        """The conversation it happened in, if it happened in one."""
        return _text(_part(getattr(self, "payload", None), *_CONVERSATION))

    @property
    def user_id(self) -> str | None:
        """The end user it is about; of a merge, the one who is left."""
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
        """Whether an end user wrote, read, typed or tapped; False for all that the business does.

        One's own messages come back as events too: a bot that answers only where this is true
        never answers itself.
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
        """Post a message to the conversation that the event happened in.

        Args:
            sunco: The client to post with, a `Sunco`.
            content: What it says; a `str` is a `TextMessage`.
            author: Who says it; the business by default.
            metadata: Custom properties, 4 kB at most.

        Returns:
            The message; content that a channel cannot show as one message comes back as several.

        Raises:
            ValueError: The event happened in no conversation, or the business itself wrote the
                message: answering that would go on for ever.
            SuncoError: As `messages.post` has it.
        """
        conversation_id = self.conversation_id
        if conversation_id is None:
            raise ValueError("The event happened in no conversation: there is nowhere to reply.")
        written_by = _part(getattr(self, "payload", None), *_AUTHORS[0], ("type", "type"))
        if written_by == "business":
            raise ValueError(
                "The business wrote this message, and replying to oneself never ends: "
                "handle messages where event.is_from_user, or use messages.post."
            )
        posted: list[Message] = await sunco.messages.post(
            conversation_id, content, author=author, metadata=metadata
        )
        return posted
