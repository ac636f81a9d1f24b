"""What a job's function can learn about the item it is called for."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime
from typing import Final

import attrs

from sunco import ConfigurationError

__all__ = ["CURRENT", "Attempt", "attempt"]


@attrs.frozen(kw_only=True)
class Attempt:
    """One call of a job's function.

    Attributes:
        key: The item's key.
        number: The number of this call for the item, from 1; earlier runs count.
        maybe_done: False if the journal shows that no earlier call can have taken effect. Always
            True without a journal.
        since: When the first call began; None without a journal.
    """

    key: str
    number: int
    maybe_done: bool
    since: datetime | None


CURRENT: Final[ContextVar[Attempt]] = ContextVar("sunco.bulk.attempt")


def attempt() -> Attempt:
    """The current call; to be used inside a job's function.

    Raises:
        ConfigurationError: The caller is not inside a job's function.
    """
    try:
        return CURRENT.get()
    except LookupError:
        raise ConfigurationError(
            "attempt() can only be called inside a function that a bulk job calls."
        ) from None
