"""What a handler can do besides reading its event: reply, keep state, control retries."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from sunco.errors import ConfigurationError, SuncoError
from sunco.models.base import Metadata
from sunco.models.content import Content
from sunco.models.events import Event
from sunco.models.events.base import is_from_business
from sunco.models.messages import Author, Destination, Message, MessageOverride

if TYPE_CHECKING:
    from sunco.client import Sunco

__all__ = ["Call", "CallEvent", "Context", "DeadLetter", "RetryLater"]

_MAX_STATE_BYTES: Final = 64 * 1024
_logger: Final = logging.getLogger("sunco.webhooks.handlers")


class DeadLetter(SuncoError):  # noqa: N818 - an instruction, raised on purpose
    """Raised by a handler: the event is dead-lettered at once, without further attempts.

    Without an inbox there is no dead-letter list: the event is logged and acknowledged.
    """


class RetryLater(SuncoError):  # noqa: N818 - as above
    """Raised by a handler: call it again later. The attempt is not counted.

    Without an inbox, the response is 500 and the platform decides when it delivers again.

    Args:
        seconds: Seconds until the next attempt, at least.
        reason: The reason, for the log.
    """

    def __init__(self, seconds: float, reason: str = "") -> None:
        if not 0 <= seconds < math.inf:
            raise ConfigurationError("RetryLater takes a number of seconds, 0 or more.")
        super().__init__(reason or f"The handler asked to be called again in {seconds:g} s.")
        self.seconds = seconds


@attrs.frozen(kw_only=True)
class CallEvent:
    """An event that a handler is called for.

    Attributes:
        event: The event.
        key: The dedupe key.
        repeated: Whether a handler may have been called for it before.
    """

    event: Event
    key: str
    repeated: bool


@attrs.define(eq=False, kw_only=True)
class Call:
    """One call of a handler.

    Attributes:
        handler: The handler's name.
        events: Its event, or the events of its batch.
        attempt: The number of the attempt, from 1.
        client: The router's client.
        stored_state: The state of the ordering key before the call.
        check_claim: Raises `ClaimLostError` if the claim of the ordering key is lost.
        state: A copy of the state that the handler can change; None until it is used.
        outcome_unknown: Whether a reply may still take effect after the call.
    """

    handler: str
    events: Sequence[CallEvent]
    attempt: int
    client: Sunco | None
    stored_state: Mapping[str, Any]
    check_claim: Callable[[], Awaitable[object]]
    state: dict[str, Any] | None = None
    outcome_unknown: bool = False
    _replies: dict[str, int] = attrs.field(factory=dict[str, int])

    def derived(self, name: str) -> Call:
        """A call for the same events under another name, for error handlers."""
        return Call(
            handler=f"{self.handler}!{name}",
            events=self.events,
            attempt=self.attempt,
            client=self.client,
            stored_state=self.stored_state,
            check_claim=self.check_claim,
        )

    def new_state(self) -> dict[str, Any] | None:
        """The state to store after the call; None if it has not changed.

        Raises:
            ConfigurationError: It is not a JSON object of at most 64 kB.
        """
        if self.state is None or self.state == self.stored_state:
            return None
        try:
            content = json.dumps(self.state, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"ctx.state must be a JSON object: {error}.") from None
        if len(content) > _MAX_STATE_BYTES:
            raise ConfigurationError(
                f"ctx.state takes {len(content)} bytes as JSON; the maximum is {_MAX_STATE_BYTES}."
            )
        state: dict[str, Any] = json.loads(content)
        return state

    async def reply_to(
        self, event: Event, client: Any, content: Any, **options: Any
    ) -> list[Message] | None:
        """Post an idempotent reply to one of the call's events; None if it is none of them."""
        for each in self.events:
            if each.event is event or each.event == event:
                return await self.reply(each, client, content, **options)
        return None

    async def reply(
        self, to: CallEvent, client: Any, content: Any, **options: Any
    ) -> list[Message]:
        """Post an idempotent reply; see `Context.reply`."""
        conversation_id = to.event.conversation_id
        position = self._replies[to.key] = self._replies.get(to.key, 0) + 1
        source = json.dumps([to.key, self.handler, position])
        key = f"reply-{hashlib.sha256(source.encode()).hexdigest()[:32]}"
        # The event's time is that of the platform's clock, as are the times of messages.
        since: datetime | None = to.event.created_at if to.repeated else None
        await self.check_claim()
        before, self.outcome_unknown = self.outcome_unknown, True
        try:
            messages: list[Message] = await client.messages.post_once(
                conversation_id,
                content,
                key=key,
                maybe_sent=to.repeated,
                since=since,
                **{name: value for name, value in options.items() if value is not None},
            )
        except SuncoError as error:
            self.outcome_unknown = before or error.outcome_unknown
            raise
        self.outcome_unknown = before
        return messages


class Context:
    """Given to handlers that take `(event, ctx)`.

    Attributes:
        attempt: The number of the attempt, from 1.
        logger: A logger whose records carry the keys of the event (`event_key`,
            `conversation_id`, `handler`, `attempt`).
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._first = call.events[0]
        self.attempt: int = call.attempt
        self.logger: logging.LoggerAdapter[logging.Logger] = _EventLogger(
            _logger,
            {
                "event_key": self._first.key,
                "conversation_id": self._first.event.conversation_id,
                "handler": call.handler,
                "attempt": call.attempt,
            },
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of event {self._first.key}, attempt {self.attempt}>"

    @property
    def client(self) -> Sunco:
        """The router's client.

        Raises:
            ConfigurationError: The router was created without `client=`.
        """
        if self._call.client is None:
            raise ConfigurationError("Pass client= to WebhookRouter to use it in handlers.")
        return self._call.client

    @property
    def state(self) -> dict[str, Any]:
        """A JSON object kept for the ordering key (conversation or user), 64 kB at most.

        Changes are stored together with the event's result: if the handler fails, they are
        dropped. Events that belong to no conversation or user share no state. Without an inbox,
        state is kept in memory.
        """
        if self._call.state is None:
            self._call.state = copy.deepcopy(dict(self._call.stored_state))
        return self._call.state

    async def reply(
        self,
        content: Content | str | Mapping[str, Any],
        *,
        author: Author | None = None,
        destination: Destination | None = None,
        metadata: Metadata | None = None,
        override: MessageOverride | None = None,
        schema: str | None = None,
    ) -> list[Message]:
        """Post a message to the event's conversation, once however often the event is processed.

        The message is identified by the event, the handler's name and the position of the reply
        among the handler's replies to the event, so that these must not change between attempts.
        A first attempt costs no request more than `messages.post`. Later ones read the
        conversation back from the time of the event before they send. Without an inbox, an event
        counts as a later attempt if it was seen before or is older than the router.

        Right before it is sent, the claim of the ordering key is checked. The residual risk is a
        process that is suspended between that check and the sending for longer than its lease.

        Args:
            content: The content; a `str` is a `TextMessage`.
            author: The author; the business by default.
            destination: The one channel to send to.
            metadata: Custom properties, 4 kB at most including the key.
            override: Content for single channels.
            schema: `"whatsapp"` for content in WhatsApp's format.

        Returns:
            The message; several if a channel needs the content split.

        Raises:
            ConfigurationError: The event has no conversation, the business wrote the message (a
                reply would cause the next event, endlessly), or the router has no client.
            ClaimLostError: Another worker processes the event. Nothing was sent.
            SuncoError: As for `messages.post_once`.
        """
        event = self._first.event
        self._conversation_id()
        if is_from_business(event):
            raise ConfigurationError(
                "The business wrote this message, and a reply would cause the next event: "
                "register the handler with where=is_from_user, or use messages.post."
            )
        return await self._call.reply(
            self._first,
            self.client,
            content,
            author=author,
            destination=destination,
            metadata=metadata,
            override=override,
            schema=schema,
        )

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Show a typing indicator while the block runs; see `activities.typing`.

        Raises:
            ConfigurationError: The event has no conversation, or the router no client.
        """
        return self.client.activities.typing(self._conversation_id())

    async def pass_control(
        self, switchboard_integration: str = "next", *, metadata: Metadata | None = None
    ) -> None:
        """Pass control of the conversation; see `switchboard_actions.pass_control`.

        Args:
            switchboard_integration: An id, a name or a type; `"next"` by default.
            metadata: Custom properties for the webhook of the integration.

        Raises:
            ConfigurationError: The event has no conversation, or the router no client.
            ClaimLostError: Another worker processes the event. Nothing was sent.
            SuncoError: As for `switchboard_actions.pass_control`.
        """
        conversation_id = self._conversation_id()
        await self._call.check_claim()
        await self.client.switchboard_actions.pass_control(
            conversation_id, switchboard_integration, metadata=metadata
        )

    async def release_control(self, *, metadata: Metadata | None = None) -> None:
        """Release control of the conversation; see `switchboard_actions.release_control`.

        Args:
            metadata: Custom properties for the webhook of the integration.

        Raises:
            ConfigurationError: The event has no conversation, or the router no client.
            ClaimLostError: Another worker processes the event. Nothing was sent.
            SuncoError: As for `switchboard_actions.release_control`.
        """
        conversation_id = self._conversation_id()
        await self._call.check_claim()
        await self.client.switchboard_actions.release_control(conversation_id, metadata=metadata)

    def _conversation_id(self) -> str:
        conversation_id = self._first.event.conversation_id
        if conversation_id is None:
            raise ConfigurationError("The event belongs to no conversation.")
        return conversation_id


class _EventLogger(logging.LoggerAdapter[logging.Logger]):
    """Adds the keys of the event to records, and names the event in the message."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        extra: dict[str, Any] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        kwargs["extra"] = extra
        return f"Event {extra['event_key']}: {msg}", kwargs
