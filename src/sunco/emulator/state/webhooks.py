"""Webhooks, and the events that wait to be delivered to them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.rendering import Detail

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WAITING = 10_000


@dataclass(slots=True)
class Webhook:
    """A target for events of some triggers."""

    id: str
    integration_id: str
    target: str
    triggers: list[str]
    secret: str
    include_full_user: bool = False
    include_full_source: bool = False

    def to_json(self) -> dict[str, Any]:
        """The webhook in API responses."""
        return {
            "id": self.id,
            "version": "v2",
            "target": self.target,
            "triggers": self.triggers,
            "secret": self.secret,
            "includeFullUser": self.include_full_user,
            "includeFullSource": self.include_full_source,
        }

    @property
    def detail(self) -> Detail:
        """How much its events include."""
        return Detail(full_user=self.include_full_user, full_source=self.include_full_source)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given."""
        self.target = changes.get("target", self.target)
        self.triggers = changes.get("triggers", self.triggers)
        self.include_full_user = changes.get("includeFullUser", self.include_full_user)
        self.include_full_source = changes.get("includeFullSource", self.include_full_source)


class Outbox:
    """The events that wait, by webhook. At most 10,000 each: the oldest are dropped.

    They are not part of the stored state.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[dict[str, Any]]] = {}
        self.delayed: dict[tuple[str, float], list[dict[str, Any]]] = {}

    def put(self, webhook_id: str, event: dict[str, Any], delay: float = 0.0) -> None:
        """Add an event for a webhook, with a delay in seconds that starts when it is delivered."""
        if delay:
            self.delayed.setdefault((webhook_id, delay), []).append(event)
            return
        self._waiting.setdefault(webhook_id, deque(maxlen=MAX_WAITING)).append(event)

    def put_back(self, webhook_id: str, events: list[dict[str, Any]]) -> None:
        """Return events that were taken and not sent."""
        waiting = self._waiting.setdefault(webhook_id, deque(maxlen=MAX_WAITING))
        waiting.extendleft(reversed(events))

    def take(self, webhook_id: str, limit: int) -> list[dict[str, Any]]:
        """Remove and return the oldest events of a webhook, at most `limit`."""
        waiting = self._waiting.get(webhook_id, deque())
        taken = [waiting.popleft() for _ in range(min(limit, len(waiting)))]
        if not waiting:
            self._waiting.pop(webhook_id, None)
        return taken

    def take_delayed(self) -> list[tuple[str, float, list[dict[str, Any]]]]:
        """Remove and return the delayed events: the webhook, the seconds, and the events."""
        taken = [(*key, events) for key, events in self.delayed.items()]
        self.delayed.clear()
        return taken

    def webhook_ids(self) -> list[str]:
        """The webhooks that have waiting events."""
        return list(self._waiting)

    def clear(self) -> None:
        """Drop all events."""
        self._waiting.clear()
        self.delayed.clear()
