"""The metrics of an inbox, as OpenTelemetry's reader finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from support.metrics import Metrics

from sunco import ConfigurationError, StorageError
from sunco.models import ConversationMessageEvent
from sunco.otel import OpenTelemetryMetrics
from sunco.webhooks import (
    Claim,
    ClaimLostError,
    EventResult,
    InboxStats,
    MemoryInbox,
    NewEvent,
    WebhookRouter,
)
from webhooks.support import SECRET, FakeClock, Platform, eventually, message

pytestmark = pytest.mark.anyio


def new(*keys: str) -> Sequence[NewEvent]:
    return [NewEvent(key=key, ordering_key="c1", content=b"{}") for key in keys]


async def test_events_are_counted_as_stored_processed_retried_and_dead_lettered() -> None:
    metrics = Metrics()
    router = WebhookRouter(
        SECRET,
        inbox=metrics.switch.inbox(MemoryInbox(), name="bot"),
        max_attempts=3,
        retry_delay=0.0,
    )

    @router.on(ConversationMessageEvent)
    async def handle(event: ConversationMessageEvent) -> None:
        if event.text == "bad":
            raise ValueError("bad")

    async with router.running():
        platform = Platform(router)
        assert await platform.post(message("e1"), message("e2")) == 200
        assert await platform.post(message("e3", text="bad")) == 200
        await router.drain()
    found = metrics.read()
    assert {name: values for name, values in found.items() if name != "sunco.inbox.lag"} == {
        "sunco.inbox.stored": {("bot",): 3},
        "sunco.inbox.processed": {("bot",): 2},
        "sunco.inbox.retried": {("bot",): 2},
        "sunco.inbox.dead_lettered": {("bot",): 1},
    }


async def test_the_lag_and_the_counts_of_each_inbox_are_reported_while_it_is_processed() -> None:
    metrics, clock = Metrics(), FakeClock()
    first = metrics.switch.inbox(MemoryInbox(clock=clock), name="first")
    second = metrics.switch.inbox(MemoryInbox(clock=clock), name="second")
    await first.add(new("e1", "e2"))
    clock.time += 5

    async def known() -> bool:
        return len(metrics.read().get("sunco.inbox.lag", {})) == 2

    found: dict[str, Any] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first.heartbeat)
        tasks.start_soon(second.heartbeat)
        await eventually(known)
        found.update(metrics.read())
        tasks.cancel_scope.cancel()
    assert found["sunco.inbox.lag"] == {("first",): 5.0, ("second",): 0.0}
    assert found["sunco.inbox.pending"] == {("first",): 2, ("second",): 0}
    assert found["sunco.inbox.dead_letters"] == {("first",): 0, ("second",): 0}
    # What is not known any more is not reported.
    assert set(metrics.read()) == {"sunco.inbox.stored"}


async def test_counts_that_cannot_be_read_are_not_reported_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Flaky(MemoryInbox):
        reads = 0

        async def stats(self) -> InboxStats:
            self.reads += 1
            if self.reads in {2, 3}:
                raise StorageError("The database is away.")
            if self.reads == 5:
                gone.set()
                await anyio.sleep_forever()
            return await super().stats()

    gone = anyio.Event()
    metrics = Metrics(interval=0.001)
    inbox = metrics.switch.inbox(Flaky())
    found: dict[str, Any] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.heartbeat)
        with anyio.fail_after(60):
            await gone.wait()
        found.update(metrics.read())
        tasks.cancel_scope.cancel()
    assert found["sunco.inbox.pending"] == {("default",): 0}
    assert [(each.levelname, each.name) for each in caplog.records] == [("WARNING", "sunco.otel")]
    assert "The database is away" in caplog.text


async def test_the_counts_of_an_outage_are_not_those_of_before() -> None:
    class Away(MemoryInbox):
        reads = 0

        async def stats(self) -> InboxStats:
            self.reads += 1
            if self.reads == 2:
                raise StorageError("The database is away.")
            if self.reads == 3:
                gone.set()
                await anyio.sleep_forever()
            return await super().stats()

    gone = anyio.Event()
    metrics = Metrics(interval=0.001)
    found: dict[str, Any] = {}
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(metrics.switch.inbox(Away()).heartbeat)
        with anyio.fail_after(60):
            await gone.wait()
        found.update(metrics.read())
        tasks.cancel_scope.cancel()
    assert found == {}


async def test_an_error_of_the_heartbeat_is_raised_as_it_is() -> None:
    class Broken(MemoryInbox):
        async def heartbeat(self) -> None:
            raise StorageError("The database is away.")

    with pytest.raises(StorageError, match="away"):
        await Metrics().switch.inbox(Broken()).heartbeat()


async def test_an_event_that_is_postponed_is_not_counted_as_retried() -> None:
    metrics = Metrics()
    inbox = metrics.switch.inbox(MemoryInbox())
    await inbox.add(new("e1"))
    (claim,) = await inbox.claim(1)
    await inbox.record(claim, [EventResult(key="e1", status="pending")])
    assert "sunco.inbox.retried" not in metrics.read()
    await inbox.record(claim, [EventResult(key="e1", status="pending", error="bad")])
    assert metrics.read()["sunco.inbox.retried"] == {("default",): 1}


async def test_a_lost_claim_is_counted_once() -> None:
    class Losing(MemoryInbox):
        async def record(self, *_: Any, **__: Any) -> None:
            raise ClaimLostError("It is lost.")

        async def holds(self, claim: Claim) -> float:
            raise ClaimLostError(f"{claim.ordering_key} is lost.")

    metrics = Metrics()
    inbox = metrics.switch.inbox(Losing())
    await inbox.add(new("e1"))
    (claim,) = await inbox.claim(1)
    with pytest.raises(ClaimLostError):
        await inbox.holds(claim)
    with pytest.raises(ClaimLostError):
        await inbox.record(claim, [EventResult(key="e1", status="handled")])
    await inbox.release(claim, drained=False)
    found = metrics.read()
    assert found["sunco.inbox.claims_lost"] == {("default",): 1}
    assert "sunco.inbox.processed" not in found


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan")])
def test_the_interval_is_more_than_nothing(interval: float) -> None:
    with pytest.raises(ConfigurationError, match="interval"):
        OpenTelemetryMetrics(interval=interval)


def test_a_metered_inbox_is_shown_as_the_inbox() -> None:
    inbox = MemoryInbox()
    assert repr(OpenTelemetryMetrics().inbox(inbox)) == repr(inbox)
