"""By what an event is known again, and what it must not overtake."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sunco.models.events import Event

__all__ = ["identify", "lane_of"]


def identify(event: Event, content: Any) -> str:
    """The event's id; for an event without one, a digest of all that it says.

    Args:
        event: The event.
        content: The JSON it was read from.

    Raises:
        RecursionError: The content is nested too deeply.
    """
    if event.id:
        return _storable(event.id)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    return f"sha256:{digest.hexdigest()}"


def lane_of(event: Event, identity: str) -> str:
    """What events are handled in order: those of a conversation, else of a user, else none."""
    if conversation_id := event.conversation_id:
        return f"conversation:{_storable(conversation_id)}"
    if user_id := event.user_id:
        return f"user:{_storable(user_id)}"
    return f"event:{identity}"


def _storable(text: str) -> str:
    # JSON can hold half a surrogate pair, and UTF-8 cannot.
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
