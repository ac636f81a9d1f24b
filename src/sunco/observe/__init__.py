"""Events of the client, for logs, metrics and traces.

An observer is any callable that takes an event. It is called synchronously, in the task that makes
the request, so it must be fast. An observer that raises is logged, and the request continues.
Events carry no credential, no query and no content.
"""

from __future__ import annotations

from sunco.observe._events import (
    Observation,
    Observer,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    Throttled,
)
from sunco.observe._logging import log
from sunco.observe._reporter import Reporter, checked_observers, reporter_for

__all__ = [
    "Observation",
    "Observer",
    "Reporter",
    "RequestFailed",
    "RequestSent",
    "ResponseReceived",
    "RetryScheduled",
    "Throttled",
    "checked_observers",
    "log",
    "reporter_for",
]
