"""Delivering what waits in the outbox, with the platform's retries."""

from __future__ import annotations

import json
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from logging import getLogger
from typing import TYPE_CHECKING, Any

from anyio import Event, create_task_group, fail_after, get_cancelled_exc_class, sleep

from sunco.emulator.delivery.senders import send_over_http

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import TaskGroup

    from sunco.emulator.delivery.senders import Send
    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App
    from sunco.emulator.state.webhooks import Webhook

TIMEOUT_SECONDS = 20.0
# The gaps between five tries: 14 minutes and a bit in all.
GAPS_SECONDS = (15.0, 60.0, 180.0, 600.0)
FINAL = frozenset({400, 401, 403, 404, 406})
MOST_EVENTS = 100
MOST_RETRYING = 100
MOST_LOGGED = 1000

_log = getLogger("sunco.emulator")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One try to call a webhook.

    Args:
        webhook_id: The webhook.
        url: Where it was called.
        attempt: Which try it was, from 1.
        status: The status of the answer, if there was one.
        error: Why there was none.
        body: What was sent.
    """

    webhook_id: str
    url: str
    attempt: int
    status: int | None
    error: str | None
    body: dict[str, Any]

    @property
    def succeeded(self) -> bool:
        """Whether the target has taken it."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004

    @property
    def is_final(self) -> bool:
        """Whether it is not tried again."""
        return self.succeeded or self.status in FINAL or self.attempt > len(GAPS_SECONDS)


class Deliveries:
    """Delivers while it is running, in tasks of its own; never otherwise.

    The events of a webhook are first tried in order, several at a time if they wait. A call that
    failed waits aside for its next try, and does not hold up what comes after it.

    Args:
        account: All that there is.
        retry_scale: By what to multiply the gaps between tries.
    """

    def __init__(self, account: Account, *, retry_scale: float) -> None:
        self.log: deque[Delivery] = deque(maxlen=MOST_LOGGED)
        self._account = account
        self._retry_scale = retry_scale
        self._senders: list[tuple[str, Send]] = []
        self._tasks: TaskGroup | None = None
        self._busy: set[str] = set()
        self._retrying = 0
        self._watchers: set[Event] = set()

    def send_by(self, send: Send, prefix: str) -> None:
        """Call targets that begin with `prefix` in another way than over HTTP."""
        self._senders.insert(0, (prefix, send))

    @property
    def waiting(self) -> bool:
        """Whether anything is still to be delivered."""
        return bool(self._busy or self._retrying or self._account.outbox.webhook_ids())

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Deliver until the block is left; what is not delivered by then stays in the outbox."""
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
                # Whoever waits for these tasks in vain has to take over.
                self._tell()

    def wake(self) -> None:
        """Begin with whatever has come into the outbox."""
        if self._tasks is None:
            return
        for webhook_id in self._account.outbox.webhook_ids():
            if webhook_id not in self._busy:
                self._busy.add(webhook_id)
                self._tasks.start_soon(self._work, webhook_id, self._tasks)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - it is the caller's to set
        """Deliver until nothing is left to do, retries included.

        Raises:
            TimeoutError: It takes longer than `timeout` seconds.
        """
        with fail_after(timeout):
            while self.waiting:
                async with self.running():
                    await self._change()

    async def _change(self) -> None:
        watcher = Event()
        self._watchers.add(watcher)
        try:
            await watcher.wait()
        finally:
            self._watchers.discard(watcher)

    def _tell(self) -> None:
        for watcher in self._watchers:
            watcher.set()

    def _settle(self, tasks: TaskGroup) -> None:
        if self._tasks is not tasks:
            # What a stopped task has put back is for the tasks that others run by now.
            self.wake()
        if not self.waiting:
            self._tell()

    def _find(self, webhook_id: str) -> tuple[App, Webhook] | None:
        for app in self._account.apps.values():
            webhook = app.webhooks.get(webhook_id)
            if webhook is not None:
                return app, webhook
        return None

    async def _work(self, webhook_id: str, tasks: TaskGroup) -> None:
        outbox = self._account.outbox
        try:
            while events := outbox.take(webhook_id, MOST_EVENTS):
                try:
                    done = await self._attempt(webhook_id, events, 1)
                except get_cancelled_exc_class():
                    outbox.put_back(webhook_id, events)
                    raise
                if not done and self._retrying < MOST_RETRYING:
                    self._retrying += 1
                    tasks.start_soon(self._retry, webhook_id, events, tasks)
        finally:
            self._busy.discard(webhook_id)
            self._settle(tasks)

    async def _retry(self, webhook_id: str, events: list[dict[str, Any]], tasks: TaskGroup) -> None:
        try:
            attempt, done = 1, False
            while not done:
                await sleep(GAPS_SECONDS[attempt - 1] * self._retry_scale)
                attempt += 1
                done = await self._attempt(webhook_id, events, attempt)
        except get_cancelled_exc_class():
            self._account.outbox.put_back(webhook_id, events)
            raise
        finally:
            self._retrying -= 1
            self._settle(tasks)

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
        status, error = await self._call(webhook, body)
        delivery = Delivery(webhook.id, webhook.target, number, status, error, body)
        self.log.append(delivery)
        return delivery.is_final

    async def _call(self, webhook: Webhook, body: dict[str, Any]) -> tuple[int | None, str | None]:
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
                return await (send or send_over_http)(url, headers, content), None
        except TimeoutError:
            return None, f"no answer within {TIMEOUT_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with a target must not stop the other deliveries.
            _log.exception("Webhook %s could not be called at %s", webhook.id, url)
            return None, f"{type(error).__name__}: {error}"
