"""Posting a message exactly once: after an unknown outcome, read back before sending again."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import anyio
import attrs

from sunco import _json
from sunco._numbers import is_number
from sunco._sync import pause_until
from sunco.errors import ConfigurationError, DecodeError, SuncoError
from sunco.models.base import Metadata
from sunco.models.messages import Message
from sunco.pagination import Page
from sunco.session import Session

__all__ = ["METADATA_KEY", "IdempotentPost", "with_key"]

METADATA_KEY: Final = "sunco_once"
"""The entry of a message's metadata that holds its idempotency key."""

_METADATA_BYTES: Final = 4096
# Clocks of two machines differ, and a wrong time zone is off by hours.
_CLOCK_SKEW: Final = timedelta(days=1)
# When to read back, as fractions of the grace period. Only the last is conclusive; the others find
# most of the messages that have arrived earlier.
_READS: Final = (0.0, 0.25, 1.0)


def with_key(metadata: Metadata | None, key: object) -> dict[str, Any]:
    """Add an idempotency key to metadata.

    Raises:
        ConfigurationError: The key is not a str or is empty, the metadata is not a mapping or has
            the reserved entry, or the result is too large.
    """
    if not isinstance(key, str) or not key.strip():
        raise ConfigurationError(f"key must be a str that is not empty, not {key!r}.")
    if metadata is not None and not isinstance(cast("object", metadata), Mapping):
        raise ConfigurationError(f"metadata must be a mapping, not {type(metadata).__name__}.")
    if metadata is not None and METADATA_KEY in metadata:
        raise ConfigurationError(
            f"metadata must not have {METADATA_KEY!r}: post_once keeps the key there. Use another "
            "name."
        )
    whole = {**(metadata or {}), METADATA_KEY: key}
    size = len(_json.dump(whole))
    if size > _METADATA_BYTES:
        raise ConfigurationError(
            f"metadata has {size} bytes with the key, and the API accepts {_METADATA_BYTES}. "
            "Shorten it, or the key."
        )
    return whole


@attrs.frozen(kw_only=True)
class IdempotentPost:
    """A message that is to be posted exactly once.

    Attributes:
        session: The session whose retry policy applies.
        post: Posts the message, with the key in its metadata.
        pages: Reads the conversation from its newest message.
        key: The idempotency key.
        grace_period: Seconds after an attempt with an unknown outcome after which a message that
            cannot be read has not been accepted.
        author_type: The type of the message's author.
    """

    session: Session
    post: Callable[[], Awaitable[list[Message]]]
    pages: Callable[[], AsyncIterator[Page[Message]]]
    key: str
    grace_period: float
    author_type: str

    def __attrs_post_init__(self) -> None:
        seconds = self.grace_period
        if not is_number(seconds) or not 0 <= seconds < math.inf:
            raise ConfigurationError(f"grace_period must be 0 seconds or more, not {seconds!r}.")

    async def send(self, *, maybe_sent: bool, since: datetime | None) -> list[Message]:
        """Post the message unless it exists; see `Messages.post_once`."""
        if not isinstance(cast("object", maybe_sent), bool):
            raise ConfigurationError(f"maybe_sent must be a bool, not {maybe_sent!r}.")
        if since is not None and getattr(since, "tzinfo", None) is None:
            raise ConfigurationError(f"since must be an aware datetime, not {since!r}.")
        if maybe_sent and (found := await self._find(since)):
            return found
        started, since = anyio.current_time(), datetime.now(UTC)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self.post()
            except SuncoError as error:
                if not error.outcome_unknown:
                    raise
                failure = error
            failure.attempts = attempt
            if found := await self._find_within_grace_period(failure, since):
                return found
            # A 2xx that cannot be read says that the message was accepted, even if it is not found.
            certain = isinstance(failure, DecodeError)
            delay = None if certain else self._delay(attempt, anyio.current_time() - started)
            if delay is None:
                raise failure
            await anyio.sleep(delay)

    def _delay(self, attempt: int, elapsed: float) -> float | None:
        session = self.session
        delay = session.retry.delay(
            attempt=attempt, elapsed=elapsed, retry_after=None, jitter=session.jitter()
        )
        return delay if delay is not None and session.budget.spend() else None

    async def _find_within_grace_period(
        self, failure: SuncoError, since: datetime
    ) -> list[Message]:
        failed_at = anyio.current_time()
        read_failure: SuncoError | None = None
        for fraction in _READS if self.grace_period else _READS[-1:]:
            await pause_until(failed_at + fraction * self.grace_period)
            try:
                found = await self._find(since)
            except SuncoError as error:
                read_failure = error
                continue
            if found:
                return found
            read_failure = None
        if read_failure is not None:
            raise failure from read_failure
        return []

    async def _find(self, since: datetime | None) -> list[Message]:
        """Find the messages with the key, oldest first; read no further back than needed."""
        found: list[Message] = []
        async for page in self.pages():
            messages = page.newest_first()[::-1]
            found[:0] = [message for message in messages if self._is_found(message)]
            # The parts of a message that was split can be on two pages.
            if found and found[0] is not messages[0]:
                break
            if since is not None and any(_is_before(message, since) for message in messages):
                break
        return found

    def _is_found(self, message: Message) -> bool:
        # End users can set metadata, too: their messages must not suppress one of the business.
        author = "business" if message.author is None else message.author.type
        metadata = message.metadata
        key = metadata.get(METADATA_KEY) if isinstance(metadata, Mapping) else None
        return author == self.author_type and key == self.key


def _is_before(message: Message, moment: datetime) -> bool:
    return message.received is not None and message.received + _CLOCK_SKEW < moment
