"""Time, ids and secrets: all that would otherwise differ from one run to the next."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from datetime import UTC, datetime
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Clock:
    """Tells the time in the API's format, and makes ids that sort by creation.

    Args:
        now: Returns the current time, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._held: datetime | None = None
        self._prefix = f"{int(now().timestamp() * 1000):012x}"
        self._seed = token_bytes(32)
        self.number: int = 0

    def __getstate__(self) -> dict[str, Any]:
        return {"_prefix": self._prefix, "_seed": self._seed, "number": self.number}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _held=None, _now=lambda: datetime.now(UTC))

    def follow(self, now: Callable[[], datetime]) -> None:
        """Tell the time of another source from now on."""
        self._now = now

    def now(self) -> datetime:
        """The current time, aware."""
        return self._held or self._now()

    @contextmanager
    def held(self, moment: datetime) -> Generator[None, None, None]:
        """Stand still at this moment."""
        self._held = moment
        try:
            yield
        finally:
            self._held = None

    def new_id(self) -> str:
        """An id greater than all before it: the start of the clock, then a number."""
        self.number += 1
        return f"{self._prefix}{self.number:012x}"

    def new_secret(self) -> str:
        """A secret that nobody can guess, and that a clock restored to this point makes again."""
        digest = hmac.digest(self._seed, self.new_id().encode(), "sha512")
        return urlsafe_b64encode(digest).decode().rstrip("=")

    def timestamp(self) -> str:
        """The current time as `YYYY-MM-DDThh:mm:ss.SSSZ`."""
        now = self.now().astimezone(UTC)
        return f"{now.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
