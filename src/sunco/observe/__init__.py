"""What happens while a client works, as small events; logging is the first who listens.

An observer is any callable that takes an event. It is called at once, in the task that makes the
request, so it must be quick. An observer that raises is logged and disturbs no request. Events
carry no credential, no query and no content.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from functools import singledispatch
from inspect import iscoroutinefunction
from time import perf_counter
from typing import Final, cast

import attrs

from sunco.errors import ConfigurationError

__all__ = [
    "AnswerReceived",
    "GaveUp",
    "Limited",
    "Observation",
    "Observer",
    "Report",
    "RequestSent",
    "RetryPlanned",
    "checked_observers",
    "log",
    "report_on",
]

_logger: Final = logging.getLogger("sunco")


@attrs.frozen(kw_only=True)
class Observation:
    """What all events tell.

    Attributes:
        call: A number that is the same for all events of one call.
        operation: The API's name for what is carried out (`operationId`); None for what has none.
        method: The HTTP method.
        origin: Where the request goes, `https://acme.zendesk.com`.
        path: The path, without its query.
        attempt: Which try this is, from 1; 0 before the first.
    """

    call: int
    operation: str | None
    method: str
    origin: str
    path: str
    attempt: int


@attrs.frozen(kw_only=True)
class RequestSent(Observation):
    """A try begins. An `AnswerReceived`, `RetryPlanned` or `GaveUp` follows in any case."""


@attrs.frozen(kw_only=True)
class AnswerReceived(Observation):
    """There is an answer, whatever it says.

    Attributes:
        status: The HTTP status.
        duration: Seconds that this try took.
    """

    status: int
    duration: float


@attrs.frozen(kw_only=True)
class RetryPlanned(Observation):
    """There will be another try.

    Attributes:
        status: The status of the answer, if there was one.
        error: The kind of the failure, `"APITimeoutError"`.
        duration: Seconds that this try took.
        delay: Seconds until the next.
    """

    status: int | None
    error: str
    duration: float
    delay: float


@attrs.frozen(kw_only=True)
class Limited(Observation):
    """The rate limiter made the next try wait for its turn.

    Attributes:
        duration: Seconds that it waited.
    """

    duration: float


@attrs.frozen(kw_only=True)
class GaveUp(Observation):
    """The call has failed, or was cancelled.

    Attributes:
        status: The status of the last answer, if there was one.
        error: The kind of the failure, `"NotFoundError"`.
        duration: Seconds that the call took, all tries and waits together.
    """

    status: int | None
    error: str
    duration: float


Observer = Callable[[Observation], object]


def checked_observers(observers: Sequence[Observer]) -> tuple[Observer, ...]:
    """Observers that can be called.

    Raises:
        ConfigurationError: One of them cannot, or would have to be awaited.
    """
    for observer in cast("Sequence[object]", observers):
        if not callable(observer) or iscoroutinefunction(observer):
            raise ConfigurationError(f"An observer must be a plain callable, not {observer!r}.")
    return tuple(observers)


class Report:
    """Tells observers of one call.

    Args:
        observers: Who listens.
        operation: What is carried out.
        method: The HTTP method.
        origin: Where the request goes.
        path: The path.
    """

    __slots__ = ("_attempt", "_attempt_began", "_began", "_call", "_observers", "_subject")

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
        self._began = self._attempt_began = perf_counter()

    def _tell(self, kind: Callable[..., Observation], **facts: object) -> None:
        event = kind(call=self._call, attempt=self._attempt, **self._subject, **facts)
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                _logger.exception("An observer failed: %r", observer)

    def limited(self, seconds: float) -> None:
        """The next try has waited for its turn."""
        self._tell(Limited, duration=seconds)

    def sent(self) -> None:
        """The next try begins."""
        self._attempt += 1
        self._attempt_began = perf_counter()
        self._tell(RequestSent)

    def answered(self, status: int) -> None:
        """There is an answer."""
        self._tell(AnswerReceived, status=status, duration=perf_counter() - self._attempt_began)

    def retrying(self, failure: Exception, delay: float) -> None:
        """There will be another try."""
        self._tell(
            RetryPlanned,
            status=getattr(failure, "status", None),
            error=type(failure).__name__,
            duration=perf_counter() - self._attempt_began,
            delay=delay,
        )

    def gave_up(self, failure: BaseException) -> None:
        """The call has failed."""
        self._tell(
            GaveUp,
            status=getattr(failure, "status", None),
            error=type(failure).__name__,
            duration=perf_counter() - self._began,
        )


class _Silence(Report):
    """A report that nobody listens to, and that costs nothing."""

    __slots__ = ()

    def __init__(self) -> None: ...

    def limited(self, seconds: float) -> None: ...

    def sent(self) -> None: ...

    def answered(self, status: int) -> None: ...

    def retrying(self, failure: Exception, delay: float) -> None: ...

    def gave_up(self, failure: BaseException) -> None: ...


_calls: Final = itertools.count(1)
_SILENCE: Final = _Silence()


def report_on(
    observers: Sequence[Observer], operation: str | None, method: str, url: str
) -> Report:
    """A report on one call; one that does nothing where nobody listens."""
    if _logger.isEnabledFor(logging.INFO):
        observers = (log, *observers)
    if not observers:
        return _SILENCE
    scheme, _, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return Report(observers, operation, method, f"{scheme}://{host}", slash + path)


@singledispatch
def log(event: Observation) -> None:
    """Log an event to the logger `sunco`: requests at DEBUG, retries at INFO."""
    del event


@log.register
def _(event: AnswerReceived) -> None:
    _logger.debug(
        "%s %s answered %d in %.3f s (%s, try %d)",
        event.method,
        event.path,
        event.status,
        event.duration,
        event.operation,
        event.attempt,
    )


@log.register
def _(event: RetryPlanned) -> None:
    _logger.info(
        "%s %s failed with %s, again in %.3f s (%s, try %d)",
        event.method,
        event.path,
        event.error if event.status is None else event.status,
        event.delay,
        event.operation,
        event.attempt,
    )


@log.register
def _(event: Limited) -> None:
    _logger.debug(
        "%s %s waited %.3f s for its turn (%s)",
        event.method,
        event.path,
        event.duration,
        event.operation,
    )


@log.register
def _(event: GaveUp) -> None:
    # An answer that says no has had its line.
    if event.status is None:
        _logger.debug(
            "%s %s ended with %s after %.3f s (%s, try %d)",
            event.method,
            event.path,
            event.error,
            event.duration,
            event.operation,
            event.attempt,
        )
