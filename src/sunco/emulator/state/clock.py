"""Time, ids and secrets: everything that would otherwise differ between runs."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from secrets import token_bytes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def format_time(moment: datetime) -> str:
    """A moment in the API's format, `YYYY-MM-DDThh:mm:ss.SSSZ`."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{text}Z"


class Clock:
    """The current time, and ids that sort by creation.

    A clock with the same `prefix`, `seed` and `number` makes the same ids and secrets.

    Args:
        now: Returns the current time, aware.
        prefix: The start of every id; by default the time in milliseconds, in hexadecimal.
        seed: The key of the secrets; random by default.
        number: How many ids were made before.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        prefix: str | None = None,
        seed: bytes | None = None,
        number: int = 0,
    ) -> None:
        self._now = now
        self._frozen: datetime | None = None
        self.offset: timedelta = timedelta()
        self.prefix: str = prefix or f"{int(now().timestamp() * 1000):012x}"
        self.seed: bytes = seed or token_bytes(32)
        self.number: int = number

    @property
    def source(self) -> Callable[[], datetime]:
        """Returns the machine's current time, aware."""
        return self._now

    def now(self) -> datetime:
        """The current time, aware."""
        return self._frozen or self._now() + self.offset

    @contextmanager
    def frozen(self, moment: datetime) -> Generator[None, None, None]:
        """Return this moment as the current time within the block."""
        self._frozen = moment
        try:
            yield
        finally:
            self._frozen = None

    def new_id(self) -> str:
        """An id greater than all before it: the prefix, then a number."""
        self.number += 1
        return f"{self.prefix}{self.number:012x}"

    def new_secret(self) -> str:
        """A secret that cannot be guessed, and that replay makes again."""
        digest = hmac.digest(self.seed, self.new_id().encode(), "sha512")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def timestamp(self) -> str:
        """The current time in the API's format."""
        return format_time(self.now())
