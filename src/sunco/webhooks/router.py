"""The ASGI app that receives deliveries and calls handlers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from sunco._clock import Clock, SystemClock
from sunco.errors import ConfigurationError, PayloadError
from sunco.models.events import Event, UnknownEvent
from sunco.webhooks.asgi import Receive, Scope, Send
from sunco.webhooks.delivery import read
from sunco.webhooks.handlers import EventHandlers, Handler
from sunco.webhooks.inbox._lanes import Inbox, NewEvent
from sunco.webhooks.keys import identify, lane_of
from sunco.webhooks.processing.backoff import Retries
from sunco.webhooks.processing.dedup import Ledger
from sunco.webhooks.processing.inline import InlineHandling
from sunco.webhooks.processing.invoke import logger
from sunco.webhooks.processing.worker import Worker
from sunco.webhooks.request import OK, Answer, DisconnectedError, Reception, RefusedError
from sunco.webhooks.signature import Secrets

__all__ = ["WebhookRouter"]

_PLATFORM_WAITS: Final = 20.0
_FAILED: Final = Answer(500, "Not all events could be handled; deliver them again.")


class WebhookRouter(EventHandlers):
    """An ASGI app that verifies deliveries and calls the handlers of their events.

    ```python
    router = WebhookRouter(secret)

    @router.on(ConversationMessageEvent, where=is_from_user)
    async def answer(event: ConversationMessageEvent) -> None:
        await event.reply(sunco, "Hello!")

    app.mount("/sunco", router)  # FastAPI or Starlette; or serve the router itself
    ```

    Mounted like that, the webhook's target is `https://your.host/sunco/`, with the slash: Starlette
    redirects where it is missing, and the platform does not follow.

    It answers at whatever path it is reached: 200 (handled, or stored), 400 (not a delivery), 401
    (key missing or wrong), 405 (not POST), 413 (too long), 415 (not JSON), 500 (a handler failed;
    the platform delivers again). No event reaches a handler before its delivery was verified.

    Without an inbox, events are handled before the answer. Those that were handled are remembered
    by id, and not handled again when their delivery comes again. In a conversation (for events
    without one: of a user) one event is handled at a time, over all deliveries, in the order of
    arrival; one that fails does not keep back those behind it.

    With an inbox, events are stored, answered at once, and handled by a worker that runs while
    the router is served (its lifespan) or `running`: in order within a conversation, else within a
    user, and in parallel across them. An event that fails is tried again with growing delays, and
    meanwhile holds its conversation, and no other; after too many failures it is set aside
    (`inbox.failed()`, `inbox.retry(id)`), and its conversation goes on. Events that no handler is
    for are acknowledged and not stored.

    Args:
        secret: The webhook's secret, or several of which one is enough.
        inbox: Where events are kept until they are handled.
        time_limit: Seconds that handlers may take: without an inbox, all handlers of a delivery
            together, less than the 20 s after which the platform delivers again; with one, each
            handler each time. A handler that takes longer is cancelled, and has failed.
        concurrency: How many conversations are handled at once: without an inbox, of each
            delivery; with one, in all.
        attempts: With an inbox: how often an event is tried before it is set aside.
        retry_delay: With an inbox: seconds before the second try; they double each time.
        longest_retry_delay: With an inbox: seconds between two tries at most.
        remember: Without an inbox: for how many seconds handled events are remembered, 100,000 at
            most. The platform delivers again for 15 minutes.
        max_body_bytes: How long a delivery may be; 5 MiB by default.
        shutdown_timeout: With an inbox: seconds that handlers have to finish when it ends; those
            that do not are cancelled, which counts as no failure: their events stay in the inbox.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: The secret is empty, or a setting cannot work.
    """

    def __init__(
        self,
        secret: str | Iterable[str],
        *,
        inbox: Inbox | None = None,
        time_limit: float = 15.0,
        concurrency: int = 32,
        attempts: int = 10,
        retry_delay: float = 1.0,
        longest_retry_delay: float = 300.0,
        remember: float = 3600.0,
        max_body_bytes: int = 5 * 1024 * 1024,
        shutdown_timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        secrets = Secrets(secret)
        # An error's frames can be shown with their variables.
        del secret
        if min(time_limit, concurrency, attempts, max_body_bytes) <= 0:
            raise ConfigurationError("Limits and numbers of attempts are more than 0.")
        if min(retry_delay, longest_retry_delay, remember, shutdown_timeout) < 0:
            raise ConfigurationError("Delays are not less than 0.")
        if inbox is None and time_limit >= _PLATFORM_WAITS:
            raise ConfigurationError(
                f"Without an inbox, time_limit is less than the {_PLATFORM_WAITS:g} s that the "
                "platform waits for an answer."
            )
        self._time_limit = time_limit
        self._concurrency = concurrency
        self._shutdown_timeout = shutdown_timeout
        self._clock = clock or SystemClock()
        self._reception = Reception(secrets, max_body_bytes=max_body_bytes)
        self._retries = Retries(
            attempts=attempts, delay=retry_delay, longest_delay=longest_retry_delay
        )
        self._inbox = inbox
        self._is_running = False
        self._inline = InlineHandling(
            self.select,
            ledger=Ledger(self._clock, seconds=remember),
            clock=self._clock,
            time_limit=time_limit,
            concurrency=concurrency,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self.handlers)} handlers, inbox={self._inbox!r}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI app."""
        match scope["type"]:
            case "http":
                try:
                    answer = await self._answer(scope, receive)
                except DisconnectedError:
                    return
                await answer.send(send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case _:
                pass

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Handle what is in the inbox for as long as the block lasts.

        For the lifespan of an app that the router is mounted in. Served on its own, the router does
        it itself. Without an inbox there is nothing to do.

        Raises:
            ConfigurationError: It is running already, or the inbox cannot be opened.
        """
        if self._inbox is None:
            yield
            return
        if self._is_running:
            raise ConfigurationError("The router is running already.")
        worker = Worker(
            self._inbox,
            self.select,
            clock=self._clock,
            retries=self._retries,
            time_limit=self._time_limit,
            concurrency=self._concurrency,
        )
        self._is_running = True
        failure: Exception | None = None
        try:
            await self._inbox.open()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(worker.run)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised below, without the group
                    failure = error
                worker.stop()
                tasks.cancel_scope.deadline = anyio.current_time() + self._shutdown_timeout
        finally:
            self._is_running = False
            with anyio.CancelScope(shield=True):
                await self._inbox.close()
        if failure is not None:
            raise failure

    def _check_all(self, handlers: Sequence[Handler]) -> None:
        longest = self._time_limit / 2
        if self._inbox is None and any((each.debounce or 0.0) > longest for each in handlers):
            raise ConfigurationError(
                f"Without an inbox, debounce is at most half the time limit, {longest:g} s: "
                "the platform waits for the answer."
            )

    async def _live(self, receive: Receive, send: Send) -> None:
        phase = "startup"
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:  # noqa: BLE001 - the server is told, in ASGI's way
            logger.exception("The %s failed.", phase)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        try:
            body = await self._reception.admit(scope, receive)
            return await self._take_in(body)
        except DisconnectedError:
            raise
        except RefusedError as refused:
            logger.warning("A delivery was answered %d: %s", refused.answer.status, refused)
            return refused.answer
        except (PayloadError, RecursionError) as error:
            logger.warning("A delivery was answered 400: %s", error)
            return Answer(400, str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the platform gets its answer
            logger.exception("A delivery was answered 500.")
            return _FAILED

    async def _take_in(self, body: bytes) -> Answer:
        delivery, contents = read(body)
        events: list[tuple[str, str, Event, Any]] = []
        for event, content in zip(delivery.events, contents, strict=True):
            identity = identify(event, content)
            events.append((identity, lane_of(event, identity), event, content))
            if isinstance(event, UnknownEvent) and event.error is not None:
                logger.warning("Event %s cannot be read: %s", identity, event.error)
        if self._inbox is not None:
            return await self._store(self._inbox, events)
        complete = await self._inline.handle(events)
        return OK if complete else _FAILED

    async def _store(self, inbox: Inbox, events: Sequence[tuple[str, str, Event, Any]]) -> Answer:
        if not self._is_running:
            raise ConfigurationError(
                "The router has an inbox and is not running: serve it with lifespan, or enter "
                "`async with router.running():` in the lifespan of the app around it."
            )
        new = [
            NewEvent(identity=identity, lane=lane, content=json.dumps(content).encode())
            for identity, lane, event, content in events
            if self.for_kind(event)
        ]
        if new:
            await inbox.store(new, self._clock.now())
        return OK
