"""Delivering the events in the outbox, with the retries of the platform."""

from __future__ import annotations

import json
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from logging import getLogger
from time import perf_counter
from typing import TYPE_CHECKING, Any

from anyio import (
    BrokenResourceError,
    Event,
    create_task_group,
    fail_after,
    get_cancelled_exc_class,
    sleep,
)
from h11 import RemoteProtocolError

from sunco.emulator.delivery.plan import DeliveryPlan
from sunco.emulator.delivery.senders import Response, send_over_http

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from anyio.abc import TaskGroup

    from sunco.emulator.delivery.senders import Send
    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App
    from sunco.emulator.state.webhooks import Webhook

TIMEOUT_SECONDS = 20.0
# The delays between five attempts, about 15 minutes in all.
RETRY_DELAYS_SECONDS = (15.0, 60.0, 180.0, 600.0)
FINAL_STATUSES = frozenset({400, 401, 403, 404, 406})
MAX_EVENTS = 100
MAX_RETRYING = 100
MAX_LOGGED = 1000

_log = getLogger("sunco.emulator")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An attempt to call a webhook.

    Args:
        webhook_id: The webhook.
        url: Its target.
        attempt: The number of the attempt, from 1.
        status: The status of the response, None without a response.
        error: Why there was no response.
        body: The request body.
        id: Its number, from 1.
        at: When it started, in the format of the API.
        duration: The seconds until the response.
        response: The start of the body of the response.
    """

    webhook_id: str
    url: str
    attempt: int
    status: int | None
    error: str | None
    body: dict[str, Any]
    id: int = 0
    at: str = ""
    duration: float = 0.0
    response: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the response has a 2xx status."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def is_final(self) -> bool:
        """Whether it is not retried."""
        return (
            self.succeeded
            or self.status in FINAL_STATUSES
            or self.attempt > len(RETRY_DELAYS_SECONDS)
        )


class WebhookDispatcher:
    """Delivers events in background tasks while it is running.

    The first attempts for a webhook are in order, several events at a time if they wait. A failed
    delivery is retried independently and does not block later events.

    Args:
        account: The account.
        retry_scale: The factor for the delays between attempts.
        delivered: Called after each attempt.
    """

    def __init__(
        self,
        account: Account,
        *,
        retry_scale: float,
        delivered: Callable[[Delivery], None] = lambda _delivery: None,
    ) -> None:
        self.errors: list[BaseException] = []
        self.log: deque[Delivery] = deque(maxlen=MAX_LOGGED)
        self.plan: DeliveryPlan = DeliveryPlan()
        self._delivered = delivered
        self._number = 0
        self._account = account
        self._retry_scale = retry_scale
        self._senders: list[tuple[str, Send]] = []
        self._tasks: TaskGroup | None = None
        self._busy: set[str] = set()
        self._retrying = 0
        self._delayed = 0
        self._watchers: set[Event] = set()

    def send_by(self, send: Send, prefix: str) -> None:
        """Use another sender than HTTP for targets that start with `prefix`."""
        self._senders.insert(0, (prefix, send))

    @property
    def waiting(self) -> bool:
        """Whether deliveries are waiting or in flight."""
        outbox, sending = self._account.outbox, self._busy or self._retrying or self._delayed
        return bool(sending or outbox.webhook_ids() or outbox.delayed)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Deliver within the block. Events that are not delivered by then stay in the outbox."""
        if self._tasks is not None:
            yield
            return
        async with create_task_group() as tasks:
            self._tasks = tasks
            try:
                self.wake()
                yield
            finally:
                self._tasks = None
                tasks.cancel_scope.cancel()
                # A drain that waits for these tasks has to take over.
                self._notify()

    def wake(self) -> None:
        """Start delivering new events in the outbox."""
        if self._tasks is None:
            return
        for webhook_id, seconds, events in self._account.outbox.take_delayed():
            self._delayed += 1
            self._tasks.start_soon(self._delay, webhook_id, seconds, events, self._tasks)
        for webhook_id in self._account.outbox.webhook_ids():
            if webhook_id not in self._busy:
                self._busy.add(webhook_id)
                self._tasks.start_soon(self._work, webhook_id, self._tasks)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - the caller sets it
        """Deliver until nothing is waiting or in flight, retries included.

        Raises:
            TimeoutError: It takes longer than `timeout` seconds.
            BaseException: The first one of `errors`, which are cleared.
        """
        with fail_after(timeout):
            while self.waiting:
                async with self.running():
                    await self._change()
        if self.errors:
            error = self.errors[0]
            self.errors.clear()
            raise error

    async def _change(self) -> None:
        watcher = Event()
        self._watchers.add(watcher)
        try:
            await watcher.wait()
        finally:
            self._watchers.discard(watcher)

    def _notify(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    def _finish(self, tasks: TaskGroup) -> None:
        if self._tasks is not tasks:
            # Events that a cancelled task has put back are for the tasks of the next run.
            self.wake()
        if not self.waiting:
            self._notify()

    def _find(self, webhook_id: str) -> tuple[App, Webhook] | None:
        for app in self._account.apps.values():
            webhook = app.webhooks.get(webhook_id)
            if webhook is not None:
                return app, webhook
        return None

    async def _work(self, webhook_id: str, tasks: TaskGroup) -> None:
        outbox = self._account.outbox
        try:
            while taken := outbox.take(webhook_id, MAX_EVENTS):
                events = self.plan.apply(taken)
                if not events:
                    continue
                try:
                    if delay := self.plan.take_delay():
                        await sleep(delay)
                    done = await self._attempt(webhook_id, events, 1)
                except get_cancelled_exc_class():
                    outbox.put_back(webhook_id, events)
                    raise
                if not done and self._retrying < MAX_RETRYING:
                    self._retrying += 1
                    tasks.start_soon(self._retry, webhook_id, events, tasks)
        finally:
            self._busy.discard(webhook_id)
            self._finish(tasks)

    async def _delay(
        self, webhook_id: str, seconds: float, events: list[dict[str, Any]], tasks: TaskGroup
    ) -> None:
        outbox, rest = self._account.outbox, seconds
        try:
            await sleep(seconds)
            rest = 0.0
        finally:
            self._delayed -= 1
            for event in events:
                outbox.put(webhook_id, event, rest)
            if self._tasks is tasks:
                self.wake()
            self._finish(tasks)

    async def _retry(self, webhook_id: str, events: list[dict[str, Any]], tasks: TaskGroup) -> None:
        try:
            attempt, done = 1, False
            while not done:
                await sleep(RETRY_DELAYS_SECONDS[attempt - 1] * self._retry_scale)
                attempt += 1
                done = await self._attempt(webhook_id, events, attempt)
        except get_cancelled_exc_class():
            self._account.outbox.put_back(webhook_id, events)
            raise
        finally:
            self._retrying -= 1
            self._finish(tasks)

    async def _attempt(self, webhook_id: str, events: list[dict[str, Any]], number: int) -> bool:
        found = self._find(webhook_id)
        if found is None:
            return True
        app, webhook = found
        body = {
            "app": {"id": app.id},
            "webhook": {"id": webhook.id, "version": "v2"},
            "events": events,
        }
        # A test that fails needs no retries.
        return (await self._deliver(webhook, body, number)).is_final or bool(self.errors)

    async def redeliver(self, number: int) -> Delivery:
        """Deliver what a logged delivery contained once more, now.

        Args:
            number: The number of the delivery.

        Raises:
            LookupError: There is no such delivery, or its webhook was deleted.
        """
        logged = next((one for one in self.log if one.id == number), None)
        found = self._find(logged.webhook_id) if logged is not None else None
        if logged is None or found is None:
            raise LookupError("Delivery not found")
        return await self._deliver(found[1], logged.body, logged.attempt + 1)

    async def _deliver(self, webhook: Webhook, body: dict[str, Any], attempt: int) -> Delivery:
        at, began = self._account.clock.timestamp(), perf_counter()
        response, error = await self._call(webhook, body)
        duration = perf_counter() - began
        self._number += 1
        delivery = Delivery(
            webhook.id,
            webhook.target,
            attempt,
            response.status if response else None,
            error,
            body,
            self._number,
            at,
            duration,
            response.body if response else "",
        )
        self.log.append(delivery)
        self._delivered(delivery)
        return delivery

    async def _call(
        self, webhook: Webhook, body: dict[str, Any]
    ) -> tuple[Response | None, str | None]:
        headers = {
            "content-type": "application/json",
            "user-agent": "sunco-emulator",
            "x-api-key": webhook.secret,
        }
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        url = webhook.target
        send = next((one for prefix, one in self._senders if url.startswith(prefix)), None)
        try:
            with fail_after(TIMEOUT_SECONDS):
                found = await (send or send_over_http)(url, headers, content)
                return Response(found) if isinstance(found, int) else found, None
        except TimeoutError:
            return None, f"no response within {TIMEOUT_SECONDS:g} s"
        except (BrokenResourceError, OSError, RemoteProtocolError) as error:
            _log.warning("Webhook %s could not be called at %s: %s", webhook.id, url, error)
            return None, f"{type(error).__name__}: {error}"
        except Exception as error:  # noqa: BLE001
            # A target that fails in any way must not stop the other deliveries.
            _log.exception("Webhook %s could not be called at %s", webhook.id, url)
            return None, f"{type(error).__name__}: {error}"
