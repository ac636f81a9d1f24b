"""The observer that logs."""

from __future__ import annotations

import logging
from functools import singledispatch
from typing import Final

from sunco.observe._events import (
    Observation,
    RequestFailed,
    ResponseReceived,
    RetryScheduled,
    Throttled,
)

__all__ = ["log", "logger"]

logger: Final = logging.getLogger("sunco")


@singledispatch
def log(event: Observation) -> None:
    """Log an event to the logger `sunco`: retries at INFO, all else at DEBUG."""
    del event


@log.register
def _(event: ResponseReceived) -> None:
    logger.debug(
        "%s %s responded %d in %.3f s (%s, attempt %d)",
        event.method,
        event.path,
        event.status,
        event.duration,
        event.operation,
        event.attempt,
    )


@log.register
def _(event: RetryScheduled) -> None:
    logger.info(
        "%s %s failed with %s, retrying in %.3f s (%s, attempt %d)",
        event.method,
        event.path,
        event.error if event.status is None else event.status,
        event.delay,
        event.operation,
        event.attempt,
    )


@log.register
def _(event: Throttled) -> None:
    logger.debug(
        "%s %s waited %.3f s for the rate limiter (%s)",
        event.method,
        event.path,
        event.duration,
        event.operation,
    )


@log.register
def _(event: RequestFailed) -> None:
    # An error response has been logged when it was received.
    if event.status is None:
        logger.debug(
            "%s %s failed with %s after %.3f s (%s, attempt %d)",
            event.method,
            event.path,
            event.error,
            event.duration,
            event.operation,
            event.attempt,
        )
