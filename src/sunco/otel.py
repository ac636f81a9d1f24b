"""Spans and metrics for OpenTelemetry (`sunco[otel]`)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from sunco._version import __version__
from sunco.errors import ConfigurationError
from sunco.webhooks import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    Inbox,
    InboxStats,
    NewEvent,
)

try:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter

    from sunco.observe.otel import OpenTelemetryObserver
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "sunco.otel needs OpenTelemetry: install it with pip install 'sunco[otel]'",
        name=_error.name,
    ) from _error

if TYPE_CHECKING:
    from sunco.bulk import Report
    from sunco.bulk.progress import ProgressCallback

__all__ = ["OpenTelemetryMetrics", "OpenTelemetryObserver"]

_logger: Final = logging.getLogger("sunco.otel")

_COUNTERS: Final = {
    "stored": ("{event}", "Events stored; a repeated delivery counts again."),
    "processed": ("{event}", "Events whose handlers have all succeeded."),
    "retried": ("{event}", "Failed attempts of events that are attempted again."),
    "dead_lettered": ("{event}", "Events moved to the dead-letter list."),
    "claims_lost": ("{claim}", "Claims whose lease ended while they were processed."),
}
_OUTCOMES: Final = {"handled": "processed", "failed": "dead_lettered"}
_GAUGES: Final[Mapping[str, tuple[str, str, Callable[[InboxStats], float]]]] = {
    "lag": ("s", "Age of the oldest pending event; 0 if there is none.", lambda s: s.oldest or 0.0),
    "pending": ("{event}", "Events that are not processed yet.", lambda s: s.pending),
    "dead_letters": ("{event}", "Events on the dead-letter list.", lambda s: s.failed),
}


class OpenTelemetryMetrics:
    """Metrics of inboxes and bulk jobs; make one for a process.

    ```python
    from sunco import bulk

    metrics = OpenTelemetryMetrics()
    router = WebhookRouter(secret, inbox=metrics.inbox(SQLiteInbox("inbox.db")))
    report = await bulk.run(send, rows, key=row_id, progress=metrics.job("spring"))
    ```

    Args:
        meter_provider: The provider of the metrics; the global one by default.
        interval: Seconds between two queries of an inbox for its lag and its counts.

    Raises:
        ConfigurationError: `interval` is not greater than 0.
    """

    def __init__(
        self, meter_provider: MeterProvider | None = None, *, interval: float = 15.0
    ) -> None:
        if not interval > 0:
            raise ConfigurationError(f"interval must be more than 0 seconds, not {interval!r}.")
        self._interval = interval
        self._inboxes: list[_MeteredInbox] = []
        self._jobs: dict[str, Report] = {}
        meter = get_meter("sunco", __version__, meter_provider)
        self._counters = {
            name: meter.create_counter(f"sunco.inbox.{name}", unit=unit, description=description)
            for name, (unit, description) in _COUNTERS.items()
        }
        for name, (unit, description, read) in _GAUGES.items():
            callback = partial(self._observe_inboxes, read)
            meter.create_observable_gauge(f"sunco.inbox.{name}", [callback], unit, description)
        meter.create_observable_gauge(
            "sunco.job.items", [self._observe_jobs], "{item}", "Items of a bulk job by state."
        )

    def inbox(self, inbox: Inbox, *, name: str = "default") -> Inbox:
        """Wrap an inbox so that what happens in it is counted.

        Events are counted by the process that stores or processes them. The lag and the counts of
        the whole inbox are reported by each process that processes events.

        Args:
            inbox: The inbox.
            name: The attribute `sunco.inbox.name` of its metrics.
        """
        metered = _MeteredInbox(inbox, self, name, self._interval)
        self._inboxes.append(metered)
        return metered

    def job(self, name: str, *, callback: ProgressCallback | None = None) -> ProgressCallback:
        """A progress callback that reports how many items of a bulk job are in which state.

        Args:
            name: The attribute `sunco.job.name` of its metrics.
            callback: Another callback to call as well.
        """

        def update(report: Report) -> None:
            self._jobs[name] = report
            if callback is not None:
                callback(report)

        return update

    def count(self, counter: str, amount: int, inbox: str) -> None:
        """Add to a counter of an inbox."""
        if amount:
            self._counters[counter].add(amount, {"sunco.inbox.name": inbox})

    def _observe_inboxes(
        self, read: Callable[[InboxStats], float], _: CallbackOptions
    ) -> Iterable[Observation]:
        for each in self._inboxes:
            if (stats := each.latest) is not None:
                yield Observation(read(stats), {"sunco.inbox.name": each.name})

    def _observe_jobs(self, _: CallbackOptions) -> Iterable[Observation]:
        # In the exporter's thread: jobs may be added meanwhile.
        for name, report in list(self._jobs.items()):
            counts = {
                "done": report.done + report.skipped,
                "failed": report.failed,
                "uncertain": report.uncertain,
            }
            if report.total is not None:
                counts["left"] = max(0, report.total - report.finished)
            for state, count in counts.items():
                yield Observation(count, {"sunco.job.name": name, "sunco.job.item.state": state})


class _MeteredInbox:
    """An inbox, with counters.

    Attributes:
        name: Its name in the metrics.
        latest: Its counts; None while they are not known.
    """

    def __init__(
        self, inbox: Inbox, metrics: OpenTelemetryMetrics, name: str, interval: float
    ) -> None:
        self.name = name
        self.latest: InboxStats | None = None
        self._inbox = inbox
        self._metrics = metrics
        self._interval = interval
        # The fence of each claim whose loss has not been counted.
        self._held: dict[str, int] = {}

    def __repr__(self) -> str:
        return repr(self._inbox)

    async def open(self, *, handles: bool = True) -> None:
        await self._inbox.open(handles=handles)

    async def close(self) -> None:
        self._held.clear()
        await self._inbox.close()

    async def heartbeat(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._refresh)
                await self._inbox.heartbeat()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            # No counts are better than old ones.
            self.latest = None

    async def _refresh(self) -> None:
        available = True
        while True:
            try:
                self.latest = await self._inbox.stats()
            except Exception as error:  # noqa: BLE001 - an inbox can raise anything
                if available:
                    _logger.warning("The metrics of %r are not up to date: %s", self, error)
                self.latest, available = None, False
            else:
                available = True
            await anyio.sleep(self._interval)

    async def add(self, events: Sequence[NewEvent]) -> None:
        await self._inbox.add(events)
        self._metrics.count("stored", len(events), self.name)

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        claims = await self._inbox.claim(limit, events=events)
        self._held.update({claim.ordering_key: claim.fence for claim in claims})
        return claims

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        with self._counting_loss(claim):
            await self._inbox.record(claim, results, starting=starting, state=state)
        outcomes = Counter(
            _OUTCOMES.get(result.status, "retried")
            for result in results
            # A pending event without an error has not failed.
            if result.status != "pending" or result.error is not None
        )
        for counter, amount in outcomes.items():
            self._metrics.count(counter, amount, self.name)

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        await self._inbox.release(claim, delay=delay, blocked=blocked, drained=drained)
        self._forget(claim)

    async def holds(self, claim: Claim) -> float:
        with self._counting_loss(claim):
            return await self._inbox.holds(claim)

    @contextmanager
    def _counting_loss(self, claim: Claim) -> Generator[None]:
        try:
            yield
        except ClaimLostError:
            # Several calls may find it lost.
            self._metrics.count("claims_lost", self._forget(claim), self.name)
            raise

    def _forget(self, claim: Claim) -> bool:
        """Forget a claim; returns whether it was held."""
        held = self._held.get(claim.ordering_key) == claim.fence
        if held:
            del self._held[claim.ordering_key]
        return held

    async def next_due(self) -> float | None:
        return await self._inbox.next_due()

    async def wait(self) -> None:
        await self._inbox.wait()

    async def stats(self) -> InboxStats:
        return await self._inbox.stats()

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        return await self._inbox.failed(limit)

    async def retry(self, key: str) -> bool:
        return await self._inbox.retry(key)

    async def discard(self, key: str) -> bool:
        return await self._inbox.discard(key)

    async def purge(self, *, older_than: float) -> int:
        return await self._inbox.purge(older_than=older_than)
