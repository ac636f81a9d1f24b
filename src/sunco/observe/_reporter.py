"""Dispatching the events of a call to its observers."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Final, cast

from sunco.errors import ConfigurationError
from sunco.observe._events import (
    Observation,
    Observer,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    Throttled,
)
from sunco.observe._logging import log, logger

__all__ = ["Reporter", "checked_observers", "reporter_for"]


def checked_observers(observers: Sequence[Observer]) -> tuple[Observer, ...]:
    """Check that observers can be called.

    Raises:
        ConfigurationError: One is not callable or is a coroutine function, or there is no sequence.
    """
    if not isinstance(cast("object", observers), Sequence):
        raise ConfigurationError(f"observers must be a sequence of callables, not {observers!r}.")
    for observer in cast("Sequence[object]", observers):
        if not callable(observer) or iscoroutinefunction(observer):
            raise ConfigurationError(f"An observer must be a plain callable, not {observer!r}.")
    return tuple(observers)


class Reporter:
    """Emits the events of one call.

    Args:
        observers: The observers.
        operation: The API's name of the operation, if it has one.
        method: The HTTP method.
        origin: Scheme and host.
        path: The path.
    """

    __slots__ = ("_attempt", "_attempt_started", "_call", "_observers", "_started", "_subject")

    def __init__(
        self,
        observers: Sequence[Observer],
        operation: str | None,
        method: str,
        origin: str,
        path: str,
    ) -> None:
        self._observers = observers
        self._subject = {
            "operation": operation,
            "method": method,
            "origin": origin,
            "path": path,
        }
        self._call = next(_calls)
        self._attempt = 0
        self._started = self._attempt_started = perf_counter()

    def _emit(self, kind: Callable[..., Observation], **values: object) -> None:
        event = kind(call=self._call, attempt=self._attempt, **self._subject, **values)
        for observer in self._observers:
            try:
                observer(event)
            except Exception:  # noqa: BLE001 - whatever it raises is logged
                logger.exception("An observer failed: %r", observer)

    def throttled(self, seconds: float) -> None:
        """Emit `Throttled`."""
        self._emit(Throttled, duration=seconds)

    def request_sent(self) -> None:
        """Start the next attempt and emit `RequestSent`."""
        self._attempt += 1
        self._attempt_started = perf_counter()
        self._emit(RequestSent)

    def response_received(self, status: int) -> None:
        """Emit `ResponseReceived`."""
        self._emit(ResponseReceived, status=status, duration=perf_counter() - self._attempt_started)

    def retry_scheduled(self, failure: Exception, delay: float) -> None:
        """Emit `RetryScheduled`."""
        self._emit(
            RetryScheduled,
            status=getattr(failure, "status", None),
            error=type(failure).__name__,
            duration=perf_counter() - self._attempt_started,
            delay=delay,
        )

    def request_failed(self, failure: BaseException) -> None:
        """Emit `RequestFailed`."""
        self._emit(
            RequestFailed,
            status=getattr(failure, "status", None),
            error=type(failure).__name__,
            duration=perf_counter() - self._started,
        )


class _NullReporter(Reporter):
    """A reporter without observers, which costs nothing."""

    __slots__ = ()

    def __init__(self) -> None: ...

    def throttled(self, seconds: float) -> None: ...

    def request_sent(self) -> None: ...

    def response_received(self, status: int) -> None: ...

    def retry_scheduled(self, failure: Exception, delay: float) -> None: ...

    def request_failed(self, failure: BaseException) -> None: ...


_calls: Final = itertools.count(1)
_NULL: Final = _NullReporter()


def reporter_for(
    observers: Sequence[Observer], operation: str | None, method: str, url: str
) -> Reporter:
    """Make a reporter for a call. Logging is an observer where the level is INFO or lower."""
    if logger.isEnabledFor(logging.INFO):
        observers = (log, *observers)
    if not observers:
        return _NULL
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return Reporter(observers, operation, method, f"{scheme}://{host}", slash + path)
