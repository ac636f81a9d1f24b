"""The events that observers get."""

from __future__ import annotations

from collections.abc import Callable

import attrs

__all__ = [
    "Observation",
    "Observer",
    "RequestFailed",
    "RequestSent",
    "ResponseReceived",
    "RetryScheduled",
    "Throttled",
]


@attrs.frozen(kw_only=True)
class Observation:
    """The base of all events.

    Attributes:
        call: A number shared by all events of one call.
        operation: The API's name of the operation (`operationId`); None for `Sunco.request`.
        method: The HTTP method.
        origin: Scheme and host, `https://acme.zendesk.com`.
        path: The path, without its query.
        attempt: The number of the attempt, from 1; 0 before the first.
    """

    call: int
    operation: str | None
    method: str
    origin: str
    path: str
    attempt: int


@attrs.frozen(kw_only=True)
class RequestSent(Observation):
    """An attempt starts. `ResponseReceived`, `RetryScheduled` or `RequestFailed` always follows."""


@attrs.frozen(kw_only=True)
class ResponseReceived(Observation):
    """A response arrived, whatever its status.

    Attributes:
        status: The HTTP status.
        duration: Seconds that the attempt took.
    """

    status: int
    duration: float


@attrs.frozen(kw_only=True)
class RetryScheduled(Observation):
    """The attempt failed, and another one follows.

    Attributes:
        status: The status of the response, if there was one.
        error: The name of the error's class, `"APITimeoutError"`.
        duration: Seconds that the attempt took.
        delay: Seconds until the next attempt.
    """

    status: int | None
    error: str
    duration: float
    delay: float


@attrs.frozen(kw_only=True)
class Throttled(Observation):
    """The next attempt waited for the rate limiter.

    Attributes:
        duration: Seconds that it waited.
    """

    duration: float


@attrs.frozen(kw_only=True)
class RequestFailed(Observation):
    """The call failed or was cancelled.

    Attributes:
        status: The status of the last response, if there was one.
        error: The name of the error's class, `"NotFoundError"`.
        duration: Seconds that the call took, with all attempts and waits.
    """

    status: int | None
    error: str
    duration: float


Observer = Callable[[Observation], object]
"""A function that gets each event. Its return value is ignored."""
