"""Sending once, although nobody knows what became of the last try: look first, then send."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
import attrs

from sunco import _json
from sunco.errors import APIConnectionError, APIStatusError, ConfigurationError, SuncoError
from sunco.models.base import Metadata
from sunco.models.messages import Message
from sunco.pagination import Page
from sunco.session import Session

__all__ = ["MARK", "Once", "marked"]

MARK: Final = "sunco_once"
"""The name in a message's metadata under which its key stands."""

_METADATA_BYTES: Final = 4096
# Two machines seldom agree on the time, and an hour or a time zone is soon lost.
_CLOCKS_DIFFER: Final = timedelta(days=1)
# When to look, as parts of the time to settle. Only the last look makes sure; the others are for
# those messages that have arrived, so that most are found at once.
_LOOKS: Final = (0.0, 0.25, 1.0)
_REQUEST_TIMEOUT: Final = 408
_SERVER_ERRORS: Final = 500


def marked(metadata: Metadata | None, key: object) -> dict[str, Any]:
    """Metadata with the key in it.

    Raises:
        ConfigurationError: The key is none, the name is taken, or there is no room.
    """
    if not isinstance(key, str) or not key.strip():
        raise ConfigurationError(f"key must be a str that is not empty, not {key!r}.")
    if metadata is not None and MARK in metadata:
        raise ConfigurationError(
            f"metadata must not hold {MARK!r}: post_once keeps the key there. Use another name."
        )
    whole = {**(metadata or {}), MARK: key}
    size = len(_json.dump(whole))
    if size > _METADATA_BYTES:
        raise ConfigurationError(
            f"metadata takes {size} bytes with the key in it, and {_METADATA_BYTES} is the most "
            "that the API takes. Shorten it, or the key."
        )
    return whole


@attrs.frozen(kw_only=True)
class Once:
    """One message that must be taken once.

    Attributes:
        session: Whose retry policy counts.
        post: Sends the message, marked with the key.
        pages: Begins to read the conversation, the newest messages first.
        key: The key.
        settle: Seconds after which a message that is not there will not be there.
    """

    session: Session
    post: Callable[[], Awaitable[list[Message]]]
    pages: Callable[[], AsyncIterator[Page[Message]]]
    key: str
    settle: float

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.settle < math.inf:
            raise ConfigurationError(f"settle must be 0 seconds or more, not {self.settle!r}.")

    async def send(self, *, maybe_sent: bool, since: datetime | None) -> list[Message]:
        """Send the message, unless it is there; see `Messages.post_once`."""
        if since is not None and since.tzinfo is None:
            raise ConfigurationError(
                f"since has no time zone: use an aware datetime, not {since!r}."
            )
        if maybe_sent and (found := await self._look(since)):
            return found
        began, since = anyio.current_time(), datetime.now(UTC)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self.post()
            except (APIConnectionError, APIStatusError) as error:
                if not _is_uncertain(error):
                    raise
                failure = error
            failure.attempts = attempt
            if found := await self._settle(failure, since):
                return found
            delay = self._delay(attempt, anyio.current_time() - began)
            if delay is None:
                raise failure
            await anyio.sleep(delay)

    def _delay(self, attempt: int, elapsed: float) -> float | None:
        session = self.session
        delay = session.retry.delay(
            attempt=attempt, elapsed=elapsed, retry_after=None, jitter=session.jitter()
        )
        return delay if delay is not None and session.budget.spend() else None

    async def _settle(
        self, failure: APIConnectionError | APIStatusError, since: datetime
    ) -> list[Message]:
        failed = anyio.current_time()
        doubt: SuncoError | None = None
        for part in _LOOKS if self.settle else _LOOKS[-1:]:
            await anyio.sleep_until(failed + part * self.settle)
            try:
                found = await self._look(since)
            except SuncoError as error:
                doubt = error
                continue
            if found:
                return found
            doubt = None
        if doubt is not None:
            raise failure from doubt
        return []

    async def _look(self, since: datetime | None) -> list[Message]:
        """The messages with the key, the oldest first; no further back than they can be."""
        found: list[Message] = []
        async for page in self.pages():
            messages = page.newest_first()[::-1]
            found[:0] = [message for message in messages if _key(message) == self.key]
            # A message that a channel splits can lie across the edge of a page.
            if found and found[0] is not messages[0]:
                break
            if since is not None and any(_is_before(message, since) for message in messages):
                break
        return found


def _is_uncertain(error: APIConnectionError | APIStatusError) -> bool:
    if isinstance(error, APIConnectionError):
        return error.maybe_delivered
    return error.status == _REQUEST_TIMEOUT or error.status >= _SERVER_ERRORS


def _key(message: Message) -> object:
    metadata = message.metadata
    return metadata.get(MARK) if isinstance(metadata, Mapping) else None


def _is_before(message: Message, moment: datetime) -> bool:
    return message.received is not None and message.received + _CLOCKS_DIFFER < moment
