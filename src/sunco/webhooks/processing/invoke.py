"""Calling a handler, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any, Final

import anyio

from sunco.webhooks.handlers import Handler

__all__ = ["call", "call_within", "describe", "logger"]

logger: Final = logging.getLogger("sunco.webhooks")

_LONGEST_REASON: Final = 2_000


async def call(handler: Handler, argument: Any, what: str) -> Exception | None:
    """Call a handler.

    Args:
        handler: The handler.
        argument: Its event or events.
        what: Their ids, for the log.

    Returns:
        What went wrong, or None. A cancellation from outside goes on its way; one that a handler
        makes up itself is a failure like any other.
    """
    try:
        await handler.call(argument)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the handler's failure
        failure = error
    except anyio.get_cancelled_exc_class():
        if _is_being_cancelled():
            raise
        failure = RuntimeError("The handler was cancelled from within.")
    else:
        return None
    logger.error("Handler %s failed for event %s.", handler.name, what, exc_info=failure)
    return failure


async def call_within(
    seconds: float, handler: Handler, argument: Any, what: str
) -> Exception | None:
    """As `call`, but a handler that takes longer is cancelled, and has failed."""
    failure: Exception | None = None
    with anyio.move_on_after(seconds) as scope:
        failure = await call(handler, argument, what)
    if scope.cancelled_caught:
        logger.error("Handler %s took too long for event %s.", handler.name, what)
        return TimeoutError(f"The handler took longer than {seconds:g} s.")
    return failure


def describe(failure: Exception) -> str:
    """A failure in words, to be kept."""
    return f"{type(failure).__name__}: {failure}"[:_LONGEST_REASON]


def _is_being_cancelled() -> bool:
    if anyio.current_effective_deadline() == -math.inf:
        return True
    # Trio's cancellations come from scopes only, so this is asyncio: its tasks can be cancelled as
    # such.
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
