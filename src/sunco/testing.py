"""Clients for tests: bound to an emulator, without a socket."""

from __future__ import annotations

from typing import Any

import httpx

from sunco.client import Sunco
from sunco.emulator import Emulator
from sunco.transport import HttpxTransport

__all__ = ["connect"]


def connect(emulator: Emulator, **options: Any) -> Sunco:
    """A client bound to an emulator in the same process.

    Args:
        emulator: The emulator to talk to.
        options: What `Sunco` takes, in place of the emulator's own app and key.
    """
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=emulator.app))
    settings: dict[str, Any] = {
        "app_id": emulator.app_id,
        "key_id": emulator.key_id,
        "key_secret": emulator.key_secret,
        "base_url": "http://localhost",
        "transport": HttpxTransport(client),
    }
    return Sunco(**(settings | options))
