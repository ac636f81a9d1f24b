"""Receiving webhooks: verified deliveries, typed events, processed once and in order.

`WebhookRouter` is an ASGI app for bots. `verify` and `parse` are for programs that receive
deliveries themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco._clock import (
    Clock,
    SystemClock,
)
from sunco._lazy import (
    lazy_getattr,
)
from sunco.webhooks.context import (
    Context,
    DeadLetter,
    RetryLater,
)
from sunco.webhooks.delivery import (
    WebhookDelivery,
    parse,
)
from sunco.webhooks.handlers import (
    EventHandlers,
    content_is,
    is_from_user,
    payload_is,
    text_matches,
)
from sunco.webhooks.inbox.base import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    Inbox,
    InboxStats,
    NewEvent,
    StoredEvent,
)
from sunco.webhooks.inbox.memory import (
    MemoryInbox,
)
from sunco.webhooks.router import (
    WebhookRouter,
)
from sunco.webhooks.signature import (
    verify,
)

if TYPE_CHECKING:
    from sunco.webhooks.inbox.postgres import PostgresInbox
    from sunco.webhooks.inbox.sqlite import SQLiteInbox

__all__ = [
    "Claim",
    "ClaimLostError",
    "Clock",
    "Context",
    "DeadLetter",
    "EventHandlers",
    "EventResult",
    "FailedEvent",
    "Inbox",
    "InboxStats",
    "MemoryInbox",
    "NewEvent",
    "PostgresInbox",
    "RetryLater",
    "SQLiteInbox",
    "StoredEvent",
    "SystemClock",
    "WebhookDelivery",
    "WebhookRouter",
    "content_is",
    "is_from_user",
    "parse",
    "payload_is",
    "text_matches",
    "verify",
]

# They need threads and modules that not every Python has.
if not TYPE_CHECKING:  # pragma: no branch
    __getattr__ = lazy_getattr(
        __name__, {"PostgresInbox": "inbox.postgres", "SQLiteInbox": "inbox.sqlite"}
    )
