"""The dedupe key of an event, and the key within which events are processed in order."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from sunco.models.events import Event

__all__ = ["event_key", "ordering_key"]


def event_key(app_id: str | None, webhook_id: str | None, event: Event, content: Any) -> str:
    """The dedupe key: app id, webhook id and event id, as `app/webhook/event`.

    Ids are percent-encoded. An event without an id is identified by a digest of its JSON.

    Args:
        app_id: The app of the delivery.
        webhook_id: The webhook of the delivery.
        event: The event.
        content: The JSON it was read from.

    Raises:
        RecursionError: The content is nested too deeply.
    """
    source = f"{_quoted(app_id)}/{_quoted(webhook_id)}"
    if event.id:
        return f"{source}/{_quoted(event.id)}"
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    return f"{source}/sha256:{digest.hexdigest()}"


def ordering_key(app_id: str | None, event: Event, key: str) -> str:
    """The events of a conversation are processed in order, else those of a user, else none.

    Args:
        app_id: The app of the delivery.
        event: The event.
        key: The event's dedupe key.
    """
    if conversation_id := event.conversation_id:
        return f"{_quoted(app_id)}/conversation/{_quoted(conversation_id)}"
    if user_id := event.user_id:
        return f"{_quoted(app_id)}/user/{_quoted(user_id)}"
    return f"event/{key}"


def is_shared(ordering_key: str) -> bool:
    """Whether several events can have this ordering key."""
    return not ordering_key.startswith("event/")


def _quoted(text: str | None) -> str:
    if not text:
        return ""
    # JSON can hold half of a surrogate pair, UTF-8 cannot.
    return text if text.isalnum() and text.isascii() else quote(text, "", errors="surrogatepass")
