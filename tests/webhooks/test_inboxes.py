"""What every inbox does, asked the way the router asks."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from sunco.webhooks import FailedEvent, Inbox, InboxStats, NewEvent, Outcome
from sunco.webhooks.delivery import read_event
from webhooks.support import FakeClock, bounded

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def opened(inbox: Inbox, anyio_backend: str) -> AsyncGenerator[None]:  # noqa: ARG001 - on each
    await inbox.open()
    yield
    await inbox.close()


def new(identity: str, lane: str = "c1") -> NewEvent:
    content = b'{"type":"user:update","id":"%b","payload":{}}' % identity.encode()
    return NewEvent(identity=identity, lane=lane, content=content)


def handled(identity: str) -> Outcome:
    return Outcome(identity=identity, state="handled")


async def lanes(inbox: Inbox) -> list[tuple[str, float]]:
    return [(lane.name, lane.ready) for lane in await inbox.lanes(10)]


async def pending(inbox: Inbox, lane: str = "c1", limit: int = 10) -> list[str]:
    return [event.identity for event in await inbox.pending(lane, limit)]


async def test_an_empty_inbox(inbox: Inbox) -> None:
    assert await inbox.lead()
    assert await lanes(inbox) == []
    assert await pending(inbox) == []
    assert await inbox.failed() == []
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=0, oldest=None)
    assert not await inbox.retry("e1")


async def test_events_are_kept_in_order(inbox: Inbox) -> None:
    await inbox.store([new("e2"), new("e1"), new("f1", "c2")], 10.0)
    await inbox.store([new("e0")], 11.0)
    assert await pending(inbox) == ["e2", "e1", "e0"]
    assert await pending(inbox, limit=2) == ["e2", "e1"]
    assert await pending(inbox, "c2") == ["f1"]
    stored = await inbox.pending("c1", 10)
    assert [event.received for event in stored] == [10.0, 10.0, 11.0]
    assert [event.sequence for event in stored] == sorted(event.sequence for event in stored)
    assert stored[0].read().id == "e2"
    assert sorted(await lanes(inbox)) == [("c1", 10.0), ("c2", 10.0)]
    assert len(await inbox.lanes(1)) == 1


async def test_events_are_stored_once(inbox: Inbox) -> None:
    await inbox.store([new("e1"), new("e1")], 10.0)
    await inbox.store([new("e1")], 11.0)
    assert await pending(inbox) == ["e1"]
    await inbox.settle("c1", [handled("e1")], now=12.0, ready=12.0)
    await inbox.store([new("e1")], 13.0)
    assert await pending(inbox) == []
    assert await lanes(inbox) == []
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=1, oldest=None)


async def test_handled_events_are_forgotten_after_an_hour(inbox: Inbox) -> None:
    await inbox.store([new("e1"), new("e2"), new("e3")], 10.0)
    await inbox.settle("c1", [handled("e1")], now=20.0, ready=20.0)
    await inbox.settle("c1", [handled("e2")], now=3620.0, ready=3620.0)
    assert (await inbox.stats()).handled == 2
    await inbox.settle("c1", [handled("e3")], now=3620.1, ready=3620.1)
    assert (await inbox.stats()).handled == 2
    await inbox.store([new("e1"), new("e2")], 3621.0)
    assert await pending(inbox) == ["e1"]


async def test_a_lane_ends_with_its_last_event_and_is_ready_when_told(inbox: Inbox) -> None:
    await inbox.store([new("e1"), new("e2"), new("f1", "c2")], 10.0)
    await inbox.settle("c1", [handled("e1")], now=11.0, ready=12.0)
    assert await lanes(inbox) == [("c2", 10.0), ("c1", 12.0)]
    await inbox.settle("c2", [handled("f1")], now=11.0, ready=11.0)
    assert await lanes(inbox) == [("c1", 12.0)]
    stats = await inbox.stats()
    assert (stats.pending, stats.handled, stats.oldest) == (1, 2, 10.0)


async def test_a_lane_that_waits_is_woken_by_what_comes(inbox: Inbox) -> None:
    await inbox.store([new("e1")], 10.0)
    await inbox.settle("c1", [], now=10.0, ready=50.0, seen=1)
    await inbox.store([new("e2")], 20.0)
    assert await lanes(inbox) == [("c1", 20.0)]


async def test_a_lane_that_is_held_is_not(inbox: Inbox) -> None:
    await inbox.store([new("e1")], 10.0)
    failing = Outcome(identity="e1", state="pending", attempts=1, succeeded=("a", "b"), error="E")
    await inbox.settle("c1", [failing], now=10.0, ready=50.0, held=True, seen=0)
    await inbox.store([new("e2")], 20.0)
    assert await lanes(inbox) == [("c1", 50.0)]
    event, _ = await inbox.pending("c1", 10)
    assert (event.attempts, list(event.succeeded)) == (1, ["a", "b"])
    await inbox.settle("c1", [handled("e1")], now=50.0, ready=50.0)
    await inbox.settle("c1", [], now=50.0, ready=90.0, seen=2)
    await inbox.store([new("e3")], 60.0)
    assert await lanes(inbox) == [("c1", 60.0)]


async def test_a_lane_is_not_made_to_wait_for_what_it_has_seen(inbox: Inbox) -> None:
    await inbox.store([new("e1"), new("e2")], 10.0)
    (first, _) = await inbox.pending("c1", 10)
    await inbox.settle("c1", [], now=10.0, ready=50.0, seen=first.sequence)
    assert await lanes(inbox) == [("c1", 10.0)]


async def test_failed_events_are_set_aside_and_can_be_retried(inbox: Inbox) -> None:
    await inbox.store([new("e0", "c1"), new("e1"), new("e2")], 10.0)
    outcome = Outcome(identity="e1", state="failed", attempts=3, succeeded=("a",), error="E: no")
    await inbox.settle("c1", [outcome], now=11.0, ready=11.0)
    assert await pending(inbox) == ["e0", "e2"]
    (failed,) = await inbox.failed()
    event = read_event({"type": "user:update", "id": "e1", "payload": {}})
    assert failed == FailedEvent(
        id="e1", event=event, attempts=3, error="E: no", received=10.0, failed=11.0
    )
    stats = await inbox.stats()
    assert (stats.pending, stats.failed) == (2, 1)
    await inbox.store([new("e1")], 12.0)
    assert await pending(inbox) == ["e0", "e2"]
    assert await inbox.retry("e1")
    assert not await inbox.retry("e1")
    assert not await inbox.retry("e0")
    assert await pending(inbox) == ["e0", "e1", "e2"]
    retried = (await inbox.pending("c1", 10))[1]
    assert (retried.attempts, list(retried.succeeded)) == (0, ["a"])
    assert await inbox.failed() == []


async def test_retrying_makes_a_lane_that_had_ended(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.store([new("e1"), new("f1", "c2")], 10.0)
    for identity, lane in (("e1", "c1"), ("f1", "c2")):
        outcome = Outcome(identity=identity, state="failed", attempts=1, error="E")
        await inbox.settle(lane, [outcome], now=11.0, ready=11.0)
    assert await lanes(inbox) == []
    assert [each.id for each in await inbox.failed()] == ["e1", "f1"]
    assert [each.id for each in await inbox.failed(limit=1)] == ["e1"]
    assert await inbox.retry("f1")
    assert await lanes(inbox) == [("c2", clock.now())]


@pytest.mark.parametrize("before", [False, True])
async def test_whoever_waits_is_told_of_what_comes(
    inbox: Inbox,
    before: bool,  # noqa: FBT001 - when it comes
) -> None:
    async def store() -> None:
        await inbox.store([new("e1")], 10.0)

    with bounded():
        async with anyio.create_task_group() as tasks:
            if before:
                await store()
            else:
                tasks.start_soon(store)
            await inbox.wait()
    assert await pending(inbox) == ["e1"]


async def test_many_at_once(inbox: Inbox) -> None:
    async def store(number: int) -> None:
        await inbox.store([new(f"e{number}", f"c{number % 5}")], 10.0)
        await inbox.settle(f"c{number % 5}", [handled(f"e{number}")], now=11.0, ready=11.0)

    with bounded():
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(store, number)
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=100, oldest=None)


async def test_no_repr_shows_what_people_wrote(inbox: Inbox) -> None:
    await inbox.store([new("e1")], 10.0)
    shown: list[Any] = [inbox, new("e1"), *await inbox.pending("c1", 10)]
    assert "user:update" not in repr(shown)
