"""A Sunshine Conversations of one's own, for tests and local work.

It is an independent reading of the API's specification in plain JSON, and uses nothing of the
client, so that a mistake in one cannot hide behind the same mistake in the other.
"""

from __future__ import annotations

try:
    import starlette as _  # noqa: F401 - to say what is missing before anything else does
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "The emulator needs Starlette: install it with pip install 'sunco[emulator]'",
        name=_error.name,
    ) from _error

from sunco.emulator.delivery.dispatcher import Delivery
from sunco.emulator.emulator import Emulator
from sunco.emulator.end_users.facade import EndUsers
from sunco.emulator.persistence.journal import JournalError

__all__ = ["Delivery", "Emulator", "EndUsers", "JournalError"]
