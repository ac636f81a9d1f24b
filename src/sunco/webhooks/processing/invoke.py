"""Calling a handler, and turning whatever it raises into a result."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, cast

import anyio
import attrs

from sunco.models.events.base import current_replies
from sunco.webhooks.context import Call, Context, DeadLetter, RetryLater
from sunco.webhooks.handlers import ErrorHandler, Handler

__all__ = [
    "CallResult",
    "contains",
    "describe",
    "find_error",
    "find_failure",
    "invoke",
    "logger",
    "reported_errors",
]

logger: Final = logging.getLogger("sunco.webhooks")

reported_errors: Final[ContextVar[list[BaseException] | None]] = ContextVar(
    "reported_errors", default=None
)
"""Where to add the errors of handlers, besides logging them; for tests."""

_MAX_DESCRIPTION: Final = 2_000
_CANCELLATION_GRACE: Final = 5.0
"""Seconds that a cancelled handler has to end before it is abandoned."""


@attrs.frozen(kw_only=True)
class CallResult:
    """The result of calling a handler.

    Attributes:
        error: What it raised; None if it succeeded.
        state: The new state of the ordering key; None if it has not changed.
    """

    error: BaseException | None = None
    state: dict[str, Any] | None = None

    @property
    def is_dead_letter(self) -> bool:
        """Whether the event is to be dead-lettered at once."""
        return isinstance(_cause(self.error), DeadLetter)

    @property
    def retry_later(self) -> float | None:
        """Seconds after which the handler asked to be called again, without counting."""
        cause = _cause(self.error)
        return cause.seconds if isinstance(cause, RetryLater) else None


def _cause(error: BaseException | None) -> BaseException | None:
    """The error itself, or the only one in a group of errors."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast("Sequence[BaseException]", error.exceptions)
        if len(inner) > 1:
            return None
        error = inner[0]
    return error


async def invoke(
    handler: Handler,
    call: Call,
    *,
    timeout: float | None,  # noqa: ASYNC109 - it becomes part of the result
    is_cancelled: Callable[[], bool],
) -> CallResult:
    """Call a handler with its middleware, and its error handlers if it fails.

    Args:
        handler: The handler.
        call: Its events and context.
        timeout: Seconds that the call may take; None if the caller limits it.
        is_cancelled: Whether the caller has been cancelled. A handler that goes on regardless is
            abandoned after a grace period.

    Returns:
        The result. A cancellation from outside, `KeyboardInterrupt` and `SystemExit` propagate;
        anything else that the handler raises is its failure.
    """
    single = handler.debounce is None
    argument = call.events[0].event if single else [each.event for each in call.events]
    error = await _run(
        partial(_call, handler, call, argument), handler, call, timeout, is_cancelled
    )
    if error is None:
        try:
            return CallResult(state=call.new_state())
        except Exception as invalid:  # noqa: BLE001 - comparing values runs their own code
            error = invalid
    if isinstance(_cause(error), RetryLater):
        return CallResult(error=error)
    for function in handler.error_handlers:
        nested = call.derived("error")
        start = partial(_call_error_handler, function, error, argument, Context(nested))
        raised = await _run(start, handler, nested, timeout, is_cancelled)
        call.outcome_unknown |= nested.outcome_unknown
        if raised is None:
            continue
        if isinstance(_cause(raised), DeadLetter | RetryLater):
            error = raised
            break
        logger.error("An error handler of %s failed.", handler.name, exc_info=raised)
    errors = reported_errors.get()
    if errors is not None:
        errors.append(error)
    return CallResult(error=error)


def find_failure(function: Callable[[], Any]) -> BaseException | None:
    """Call a function of the user's that is not async, such as a filter; returns its error."""
    try:
        function()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - the user's code can raise anything
        return error
    return None


async def _call(handler: Handler, call: Call, argument: Any) -> None:
    if not (handler.middleware or handler.takes_context):
        await handler.call(argument)
        return

    async def innermost(event: Any, ctx: Context) -> Any:
        return await (handler.call(event, ctx) if handler.takes_context else handler.call(event))

    chain: Callable[[Any, Context], Awaitable[Any]] = innermost
    for function in reversed(handler.middleware):
        chain = _link(function, chain)
    await chain(argument, Context(call))


async def _call_error_handler(
    function: ErrorHandler, error: BaseException, argument: Any, ctx: Context
) -> None:
    await function(error, argument, ctx)


def _link(
    function: Callable[..., Awaitable[Any]], call_next: Callable[[Any, Context], Awaitable[Any]]
) -> Callable[[Any, Context], Awaitable[Any]]:
    async def run(event: Any, ctx: Context) -> Any:
        return await function(event, ctx, call_next)

    return run


async def _run(
    start: Callable[[], Coroutine[Any, Any, None]],
    handler: Handler,
    call: Call,
    timeout: float | None,  # noqa: ASYNC109 - as above
    is_cancelled: Callable[[], bool],
) -> BaseException | None:
    token = current_replies.set(call)
    try:
        if timeout is None:
            return await find_error(start, handler, is_cancelled)
        error: BaseException | None = None
        with anyio.move_on_after(timeout) as scope:
            error = await find_error(start, handler, lambda: scope.cancel_called or is_cancelled())
        if scope.cancelled_caught:
            return TimeoutError(f"The handler took longer than {timeout:g} s.")
        return error
    finally:
        current_replies.reset(token)


async def find_error(
    start: Callable[[], Coroutine[Any, Any, None]],
    handler: Handler,
    is_cancelled: Callable[[], bool],
) -> BaseException | None:
    """Await a call; returns its error. What ends the process or the task is raised."""
    supervised = _Supervised(start(), handler, is_cancelled)
    try:
        await supervised
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if supervised.is_closed or contains(error, KeyboardInterrupt, SystemExit):
            raise
        cancelled = _leaf(error, anyio.get_cancelled_exc_class())
        if cancelled is None:
            return error
        if is_cancelled() or _is_being_cancelled():
            # What else is in the group is lost: the call does not count.
            raise cancelled from None
        if isinstance(error, BaseExceptionGroup):
            return error  # pyright: ignore[reportUnknownVariableType]
        return RuntimeError("The handler was cancelled from within.")
    return None


class _Supervised:
    """Runs a coroutine, and abandons it if it goes on after its caller was cancelled."""

    def __init__(
        self, body: Coroutine[Any, Any, None], handler: Handler, is_cancelled: Callable[[], bool]
    ) -> None:
        self._body = body
        self._handler = handler
        self._is_cancelled = is_cancelled
        self.is_closed: bool = False

    def __await__(self) -> Generator[Any, Any, None]:
        value: Any = None
        thrown: BaseException | None = None
        abandon_at = math.inf
        while True:
            try:
                step = self._body.send(value) if thrown is None else self._body.throw(thrown)
            except StopIteration:
                return
            value, thrown = None, None
            try:
                value = yield step
            except GeneratorExit:
                self.is_closed = True
                self._body.close()
                raise
            except BaseException as raised:  # noqa: BLE001 - it is thrown into the coroutine
                thrown = raised
            # asyncio throws a cancellation; trio sends it as the outcome of waiting.
            error = getattr(value, "error", None) if thrown is None else thrown
            if error is not None and self._is_cancelled():
                now = time.monotonic()
                abandon_at = min(abandon_at, now + _CANCELLATION_GRACE)
                if now >= abandon_at:
                    self._abandon()
                    raise error

    def _abandon(self) -> None:
        logger.critical(
            "Handler %s ignored its cancellation and was abandoned. Let cancellation errors "
            "propagate: catch Exception, not BaseException.",
            self._handler.name,
        )
        with suppress(BaseException):
            self._body.throw(_AbandonedError())
            # It ignored that, too. Deleting a suspended coroutine would close it, and fail.
            _abandoned.append(self._body)


class _AbandonedError(BaseException):
    """Ends a handler that ignored its cancellation."""


_abandoned: Final[list[Any]] = []


def describe(failure: BaseException) -> str:
    """A failure as text that can be logged and stored."""
    name = type(failure).__name__
    try:
        text = f"{name}: {failure}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # noqa: BLE001 - an error class can be wrong, too
        text = f"{name} (its text cannot be shown)"
    text = text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return text[:_MAX_DESCRIPTION]


def _leaf(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first error of a kind in an error or group of errors."""
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        found = (_leaf(each, kind) for each in group.exceptions)
        return next((each for each in found if each is not None), None)
    return error if isinstance(error, kind) else None


def contains(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether an error, or one in a group of errors, is of one of these kinds."""
    return any(_leaf(error, kind) is not None for kind in kinds)


def _is_being_cancelled() -> bool:
    if anyio.current_effective_deadline() == -math.inf:
        return True
    # Trio cancels through scopes only, so this is asyncio, where a task can be cancelled directly.
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
