"""Receiving: deliveries that are verified, events that are typed, handled once and in order.

`WebhookRouter` is an ASGI app for bots. `verify` and `parse` are for those who receive deliveries
themselves.
"""

from __future__ import annotations

from sunco._clock import (
    Clock,
    SystemClock,
)
from sunco.webhooks.delivery import (
    WebhookDelivery,
    parse,
)
from sunco.webhooks.handlers import (
    EventHandlers,
    is_from_user,
)
from sunco.webhooks.inbox._lanes import (
    FailedEvent,
    Inbox,
    InboxStats,
    Lane,
    NewEvent,
    Outcome,
    StoredEvent,
)
from sunco.webhooks.inbox.memory import (
    MemoryInbox,
)
from sunco.webhooks.inbox.postgres import (
    PostgresInbox,
)
from sunco.webhooks.inbox.sqlite import (
    SQLiteInbox,
)
from sunco.webhooks.router import (
    WebhookRouter,
)
from sunco.webhooks.signature import (
    verify,
)

__all__ = [
    "Clock",
    "EventHandlers",
    "FailedEvent",
    "Inbox",
    "InboxStats",
    "Lane",
    "MemoryInbox",
    "NewEvent",
    "Outcome",
    "PostgresInbox",
    "SQLiteInbox",
    "StoredEvent",
    "SystemClock",
    "WebhookDelivery",
    "WebhookRouter",
    "is_from_user",
    "parse",
    "verify",
]
