"""The ASGI app that receives deliveries and calls handlers."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import anyio

from sunco._clock import Clock, SystemClock
from sunco.errors import ConfigurationError, PayloadError
from sunco.models.events import UnknownEvent
from sunco.webhooks.asgi import Receive, Scope, Send
from sunco.webhooks.delivery import ReceivedEvent, read
from sunco.webhooks.handlers import EventHandlers, Handler
from sunco.webhooks.inbox.base import Inbox, NewEvent
from sunco.webhooks.keys import event_key, ordering_key
from sunco.webhooks.processing.backoff import Backoff
from sunco.webhooks.processing.dedup import DedupCache
from sunco.webhooks.processing.inline import InlineProcessor
from sunco.webhooks.processing.invoke import logger, reported_errors
from sunco.webhooks.processing.ordered import ProcessingOptions
from sunco.webhooks.processing.worker import Worker
from sunco.webhooks.request import ClientDisconnectedError, RejectedRequestError, RequestReader
from sunco.webhooks.response import FAILED, OK, HTTPResponse
from sunco.webhooks.signature import Secrets
from sunco.webhooks.time_limit import TimeLimit

if TYPE_CHECKING:
    from sunco.client import Sunco

__all__ = ["WebhookRouter"]

_PLATFORM_TIMEOUT: Final = 20.0
_POLL_INTERVAL: Final = 1.0


class WebhookRouter(EventHandlers):
    """An ASGI app that verifies deliveries and calls the handlers of their events.

    ```python
    router = WebhookRouter(secret, client=sunco)

    @router.on(ConversationMessageEvent, where=is_from_user)
    async def greet(event: ConversationMessageEvent, ctx: Context) -> None:
        await ctx.reply("Hello!")

    app.mount("/sunco", router)  # FastAPI or Starlette; or serve the router itself
    ```

    Mounted like that, the webhook's target is `https://your.host/sunco/`, with the slash: without
    it, Starlette redirects, and the platform does not follow redirects.

    The path does not matter. Responses are 200 (handled, or stored), 400 (not a delivery), 401
    (missing or wrong key), 405 (not POST), 408 (body too slow), 413 (too large), 415 (not JSON) and
    500 (a handler failed: the platform delivers again). Handlers are called for verified
    deliveries only.

    Without an inbox, events are handled before the response. Handled events are remembered by
    their dedupe key (app, webhook and event id), so that a repeated delivery does not handle them
    again. Events of a conversation (or of a user, for events without one) are handled one at a
    time, across deliveries, in the order of arrival; an event that fails does not delay later ones.

    With an inbox, events are stored, acknowledged, and then processed by a worker that runs while
    the router is served (ASGI lifespan) or `running`: at least once, in order within an ordering
    key (conversation, else user), in parallel across ordering keys. A failed event is retried with
    exponential backoff and blocks its ordering key only; after `max_attempts` it is dead-lettered
    (`inbox.failed()`, `inbox.retry(key)`) and later events are processed. Each attempt is recorded
    before the handler is called, so that an event that ends its process is dead-lettered, too.
    Events without a handler are acknowledged and not stored.

    Args:
        secret: The webhook's secret, or several of which one has to match.
        client: The client for `ctx.reply` and `ctx.client`.
        inbox: Where events are stored until they are processed.
        max_attempts: How often an event is attempted before it is dead-lettered.
        retry_delay: With an inbox: seconds before the second attempt; doubled for each later one.
        max_retry_delay: With an inbox: the maximum delay between attempts, in seconds.
        handler_timeout: Seconds after which handlers are cancelled and have failed: with an inbox,
            for each call; without one, for all handlers of a delivery, and less than the 20 s
            after which the platform delivers again.
        concurrency: How many ordering keys are processed at once: with an inbox, in all; without
            one, for each delivery.
        dedup_ttl: Without an inbox: seconds for which handled events are remembered, 100,000 at
            most. The platform delivers again for 15 minutes.
        max_body_bytes: The maximum size of a delivery; 5 MiB by default.
        body_timeout: Seconds within which the body of a delivery has to arrive.
        max_event_age: Seconds after which an event that was never attempted is not handled any
            more: with an inbox it is dead-lettered, without one it is logged and acknowledged.
        shutdown_timeout: With an inbox: seconds that handlers in flight have to finish at shutdown.
            Those that do not are cancelled; the attempt is not counted. A handler that ignores its
            cancellation is abandoned 5 s later, and named in the log.
        clock: The clock.

    Raises:
        ConfigurationError: The secret is empty, or a setting is out of range.
    """

    def __init__(
        self,
        secret: str | Iterable[str],
        *,
        client: Sunco | None = None,
        inbox: Inbox | None = None,
        max_attempts: int = 10,
        retry_delay: float = 1.0,
        max_retry_delay: float = 300.0,
        handler_timeout: float = 15.0,
        concurrency: int = 32,
        dedup_ttl: float = 3600.0,
        max_body_bytes: int = 5 * 1024 * 1024,
        body_timeout: float = 10.0,
        max_event_age: float | None = None,
        shutdown_timeout: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        secrets = Secrets(secret)
        # Tracebacks can show local variables.
        del secret
        if min(handler_timeout, concurrency, max_attempts, max_body_bytes, body_timeout) <= 0:
            raise ConfigurationError("Timeouts, sizes and numbers must be greater than 0.")
        if min(retry_delay, max_retry_delay, dedup_ttl, shutdown_timeout, max_event_age or 0) < 0:
            raise ConfigurationError("Delays must not be negative.")
        if inbox is None and handler_timeout >= _PLATFORM_TIMEOUT:
            raise ConfigurationError(
                "Without an inbox, handler_timeout must be less than the "
                f"{_PLATFORM_TIMEOUT:g} s that the platform waits for the response."
            )
        self._options = ProcessingOptions(
            clock=clock or SystemClock(),
            backoff=Backoff(
                max_attempts=max_attempts, delay=retry_delay, max_delay=max_retry_delay
            ),
            handler_timeout=handler_timeout,
            max_event_age=max_event_age,
            client=client,
        )
        self._concurrency = concurrency
        self._shutdown_timeout = shutdown_timeout
        self._reader = RequestReader(
            secrets, max_body_bytes=max_body_bytes, body_timeout=body_timeout
        )
        self._inbox = inbox
        self._is_running = False
        self._worker: Worker | None = None
        self._inline = InlineProcessor(
            self,
            dedup=DedupCache(self._options.clock, ttl=dedup_ttl),
            options=self._options,
            concurrency=concurrency,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self.handlers)} handlers, inbox={self._inbox!r}>"

    @property
    def inbox(self) -> Inbox | None:
        """Where events are stored until they are processed."""
        return self._inbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI app."""
        match scope["type"]:
            case "http":
                # An extension of the emulator, by which tests see the errors of handlers.
                extensions: dict[str, Any] = scope.get("extensions") or {}
                reported_errors.set(extensions.get("sunco.errors"))
                try:
                    response = await self._respond(scope, receive)
                except ClientDisconnectedError:
                    return
                await response.send(send)
            case "lifespan":
                await self._serve_lifespan(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})
            case _:
                pass

    @asynccontextmanager
    async def running(self, *, handle: bool = True) -> AsyncGenerator[None]:
        """Process the inbox while the block runs.

        For the lifespan of an app in which the router is mounted. A router that is served itself
        does this on its own. Without an inbox it does nothing.

        Args:
            handle: False to store events only, and leave processing to other processes.

        Raises:
            ConfigurationError: The router is running already.
            SuncoError: The inbox cannot be opened.
        """
        if self._inbox is None:
            yield
            return
        if self._is_running:
            raise ConfigurationError("The router is running already.")
        self._is_running = True
        failure: Exception | None = None
        try:
            await self._inbox.open(handles=handle)
            async with anyio.create_task_group() as tasks:
                if handle:
                    self._worker = self._new_worker(self._inbox)
                    tasks.start_soon(self._worker.run)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised below, without the group
                    failure = error
                if self._worker is not None:
                    self._worker.stop()
                tasks.cancel_scope.deadline = anyio.current_time() + self._shutdown_timeout
        finally:
            self._is_running, self._worker = False, None
            with anyio.CancelScope(shield=True):
                await self._inbox.close()
        if failure is not None:
            raise failure

    async def drain(self) -> None:
        """Wait until no event of the inbox is pending, for tests. Without an inbox, return at once.

        Events that fail are pending until they are handled or dead-lettered.

        Raises:
            ConfigurationError: The router is not running.
        """
        inbox = self._inbox
        while inbox is not None:
            self._check_running()
            worker = self._worker
            progress = worker.progress if worker is not None else anyio.Event()
            if not (await inbox.stats()).pending:
                return
            with anyio.move_on_after(_POLL_INTERVAL):
                await progress.wait()

    def _new_worker(self, inbox: Inbox) -> Worker:
        return Worker(inbox, self, options=self._options, concurrency=self._concurrency)

    def _check_all(self, handlers: Sequence[Handler]) -> None:
        limit = self._options.handler_timeout / 2
        if self._inbox is None and any((each.debounce or 0.0) > limit for each in handlers):
            raise ConfigurationError(
                f"Without an inbox, debounce must be at most half of handler_timeout, {limit:g} s: "
                "the platform waits for the response."
            )

    def _check_running(self) -> None:
        if not self._is_running:
            raise ConfigurationError(
                "The router has an inbox and is not running: serve it with lifespan, or enter "
                "`async with router.running():` in the lifespan of the app around it."
            )

    async def _serve_lifespan(self, receive: Receive, send: Send) -> None:
        phase = "startup"
        await receive()
        try:
            async with self.running():
                await send({"type": "lifespan.startup.complete"})
                phase = "shutdown"
                await receive()
        except Exception as error:  # noqa: BLE001 - the server is notified as ASGI requires
            logger.exception("The %s failed.", phase)
            await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive) -> HTTPResponse:
        limit = TimeLimit()
        response = await limit.run(self._process(scope, receive, limit))
        if response is None:
            response = limit.response
            level = logging.WARNING if response.status < FAILED.status else logging.ERROR
            logger.log(level, "Responded %d to a delivery: %s", response.status, response.reason)
        return response

    async def _process(self, scope: Scope, receive: Receive, limit: TimeLimit) -> HTTPResponse:
        try:
            body = await self._reader.read(scope, receive, limit)
            return await self._accept(body, limit)
        except ClientDisconnectedError:
            raise
        except RejectedRequestError as error:
            logger.warning("Responded %d to a delivery: %s", error.response.status, error)
            return error.response
        except (PayloadError, RecursionError) as error:
            logger.warning("Responded 400 to a delivery: %s", error)
            return HTTPResponse(400, str(error))
        except Exception:  # noqa: BLE001 - the client gets a response
            logger.exception("Responded 500 to a delivery.")
            return FAILED

    async def _accept(self, body: bytes, limit: TimeLimit) -> HTTPResponse:
        delivery, contents = read(body)
        events: list[ReceivedEvent] = []
        for event, raw in zip(delivery.events, contents, strict=True):
            key = event_key(delivery.app_id, delivery.webhook_id, event, raw)
            order = ordering_key(delivery.app_id, event, key)
            events.append(ReceivedEvent(key, order, event, raw))
            if isinstance(event, UnknownEvent) and event.error is not None:
                logger.warning("Event %s cannot be read: %s", key, event.error)
        if self._inbox is not None:
            return await self._store(self._inbox, events)
        complete = await self._inline.handle(events, limit)
        return OK if complete else FAILED

    async def _store(self, inbox: Inbox, events: Sequence[ReceivedEvent]) -> HTTPResponse:
        self._check_running()
        new = [
            NewEvent(
                key=each.key,
                ordering_key=each.ordering_key,
                content=json.dumps(each.raw).encode(),
            )
            for each in events
            if self.for_kind(each.event)
        ]
        if new:
            await inbox.add(new)
        return OK
