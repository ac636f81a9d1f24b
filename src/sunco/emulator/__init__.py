"""A stateful emulator of Sunshine Conversations, for tests and local development.

It implements the specification of the API in plain JSON, and imports nothing of the client: an
error in one cannot hide behind the same error in the other.
"""

from __future__ import annotations

try:
    import starlette as _  # noqa: F401 - to report the missing extra first
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "The emulator needs Starlette: install it with pip install 'sunco[emulator]'",
        name=_error.name,
    ) from _error

from sunco.emulator.delivery.dispatcher import Delivery
from sunco.emulator.delivery.senders import DeliveryError
from sunco.emulator.emulator import Emulator
from sunco.emulator.end_users.facade import EndUsers
from sunco.emulator.persistence.journal import JournalError

__all__ = ["Delivery", "DeliveryError", "Emulator", "EndUsers", "JournalError"]
