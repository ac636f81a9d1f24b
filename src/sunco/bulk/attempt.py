"""What a job's function can ask about the item it is called for."""

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
        number: Which call this is for the item, from 1; earlier runs count.
        maybe_done: False if the journal knows that no earlier call can have done it. Without a
            journal nothing is known of earlier runs.
        since: When the first call began, as far as the journal knows.
    """

    key: str
    number: int
    maybe_done: bool
    since: datetime | None


CURRENT: Final[ContextVar[Attempt]] = ContextVar("sunco.bulk.attempt")


def attempt() -> Attempt:
    """The call that is under way; for a job's function to ask.

    Raises:
        ConfigurationError: None is: this is not inside a job's function.
    """
    try:
        return CURRENT.get()
    except LookupError:
        raise ConfigurationError(
            "attempt() is for functions that a bulk job calls, while it does."
        ) from None
