"""What every inbox does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

import anyio
import pytest

from sunco.webhooks import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    Inbox,
    InboxStats,
    MemoryInbox,
    NewEvent,
)
from sunco.webhooks.delivery import read_event
from webhooks.support import FakeClock, bounded

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def opened(inbox: Inbox, anyio_backend: str) -> AsyncGenerator[None]:  # noqa: ARG001 - on each
    await inbox.open()
    yield
    await inbox.close()


def new(key: str, ordering_key: str = "c1") -> NewEvent:
    content = b'{"type":"user:update","id":"%b","payload":{}}' % key.encode()
    return NewEvent(key=key, ordering_key=ordering_key, content=content)


def result(
    key: str, status: Literal["pending", "handled", "failed"] = "handled", **fields: Any
) -> EventResult:
    return EventResult(key=key, status=status, **fields)


async def claimed(inbox: Inbox, limit: int = 10, events: int = 100) -> dict[str, list[str]]:
    """Claim, and give back; says which events each claim had."""
    claims = await inbox.claim(limit, events=events)
    for claim in claims:
        await inbox.release(claim, drained=False)
    return {claim.ordering_key: keys(claim) for claim in claims}


def keys(claim: Claim) -> list[str]:
    return [event.key for event in claim.events]


async def one(inbox: Inbox) -> Claim:
    (claim,) = await inbox.claim(10)
    return claim


async def finish(inbox: Inbox, results: Sequence[EventResult], **options: Any) -> None:
    claim = await one(inbox)
    await inbox.record(claim, results)
    await inbox.release(claim, **options)


async def test_an_empty_inbox(inbox: Inbox) -> None:
    assert await inbox.claim(10) == []
    assert await inbox.next_due() is None
    assert await inbox.failed() == []
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=0, oldest=None)
    assert not await inbox.retry("e1")
    assert not await inbox.discard("e1")
    assert await inbox.purge(older_than=0) == 0
    await inbox.heartbeat()


async def test_events_are_kept_in_order(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.add([new("e2"), new("e1"), new("f1", "c2")])
    clock.time += 3
    await inbox.add([new("e0")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    assert {key: keys(claim) for key, claim in claims.items()} == {
        "c1": ["e2", "e1", "e0"],
        "c2": ["f1"],
    }
    events = claims["c1"].events
    assert [event.age for event in events] == [3.0, 3.0, 0.0]
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert events[0].read().id == "e2"


async def test_claims_are_limited_in_number_and_events(inbox: Inbox) -> None:
    await inbox.add([new("e1"), new("e2"), new("f1", "c2")])
    assert len(await inbox.claim(1)) == 1
    (claim,) = await inbox.claim(10, events=1)
    assert len(claim.events) == 1
    assert await inbox.claim(10) == []


async def test_events_are_stored_once(inbox: Inbox) -> None:
    await inbox.add([new("e1"), new("e1")])
    await inbox.add([new("e1")])
    await finish(inbox, [result("e1")], drained=True)
    await inbox.add([new("e1")])
    assert await claimed(inbox) == {}
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=1, oldest=None)


async def test_a_claim_records_the_attempt_of_its_first_event(inbox: Inbox) -> None:
    await inbox.add([new("e1"), new("e2")])
    claim = await one(inbox)
    assert [event.attempts for event in claim.events] == [1, 0]
    await inbox.record(claim, [result("e1")], starting=["e2"])
    await inbox.release(claim, drained=False)
    claim = await one(inbox)
    assert [(event.key, event.attempts) for event in claim.events] == [("e2", 2)]


async def test_results_of_a_lost_claim_are_rejected(inbox: Inbox) -> None:
    await inbox.add([new("e1")])
    old = await one(inbox)
    await inbox.release(old, drained=False)
    claim = await one(inbox)
    assert claim.fence > old.fence
    with pytest.raises(ClaimLostError):
        await inbox.record(old, [result("e1")], state={"a": 1})
    await inbox.release(old, drained=True)
    assert await inbox.claim(10) == []
    await inbox.record(claim, [result("e1")])
    assert (await inbox.stats()).handled == 1


async def test_memory_knows_whether_a_claim_is_held(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    await inbox.add([new("e1")])
    claim = await one(inbox)
    assert await inbox.holds(claim) == claim.until == float("inf")
    await inbox.release(claim, drained=False)
    with pytest.raises(ClaimLostError):
        await inbox.holds(claim)


async def test_closing_releases_claims(inbox: Inbox) -> None:
    await inbox.add([new("e1")])
    await one(inbox)
    await inbox.close()
    await inbox.open()
    claim = await one(inbox)
    assert claim.events[0].attempts == 2


async def test_state_is_kept_with_its_ordering_key(inbox: Inbox) -> None:
    await inbox.add([new("e1")])
    claim = await one(inbox)
    assert claim.state == {}
    await inbox.record(claim, [result("e1")], state={"a": [1]})
    await inbox.release(claim, drained=True)
    await inbox.add([new("e2"), new("f1", "c2")])
    states = {claim.ordering_key: claim.state for claim in await inbox.claim(10)}
    assert states == {"c1": {"a": [1]}, "c2": {}}


async def test_handled_events_are_forgotten_after_an_hour(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.add([new("e1")])
    await finish(inbox, [result("e1")], drained=True)
    clock.time += 3600
    await inbox.add([new("e1")])
    assert await claimed(inbox) == {}
    clock.time += 1
    await inbox.add([new("e2", "c2")])
    await finish(inbox, [result("e2")], drained=True)
    await inbox.add([new("e1")])
    assert await claimed(inbox) == {"c1": ["e1"]}


async def test_a_drained_key_is_ready_if_events_were_added(inbox: Inbox) -> None:
    await inbox.add([new("e1")])
    claim = await one(inbox)
    await inbox.add([new("e2")])
    await inbox.record(claim, [result("e1")])
    await inbox.release(claim, drained=True)
    assert await inbox.next_due() == 0
    assert await claimed(inbox) == {"c1": ["e2"]}


async def test_a_delayed_key_is_made_ready_by_new_events(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.add([new("e1")])
    claim = await one(inbox)
    await inbox.release(claim, delay=50, drained=False)
    assert await inbox.next_due() == 50
    assert await claimed(inbox) == {}
    clock.time += 1
    await inbox.add([new("e2")])
    claim = await one(inbox)
    await inbox.add([new("e3")])
    await inbox.release(claim, delay=50, drained=False)
    assert await inbox.next_due() == 0


async def test_a_blocked_key_is_not(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.add([new("e1")])
    claim = await one(inbox)
    failing = result("e1", "pending", attempts=1, repeated=True, succeeded=("a", "b"), error="E")
    await inbox.record(claim, [failing])
    await inbox.add([new("e2")])
    await inbox.release(claim, delay=50, blocked=True, drained=False)
    await inbox.add([new("e3")])
    assert await claimed(inbox) == {}
    clock.time += 50
    claim = await one(inbox)
    event = claim.events[0]
    assert keys(claim) == ["e1", "e2", "e3"]
    assert (event.attempts, event.repeated, list(event.succeeded)) == (2, True, ["a", "b"])


async def test_a_clock_that_is_set_back_does_not_prolong_a_delay(
    inbox: Inbox, clock: FakeClock
) -> None:
    await inbox.add([new("e1"), new("f1", "c2")])
    first, second = await inbox.claim(10)
    await inbox.release(first, delay=10, blocked=True, drained=False)
    await inbox.release(second, drained=False)
    clock.time -= 3600
    assert len(await inbox.claim(10)) == 2


async def test_failed_events_can_be_retried_and_discarded(inbox: Inbox, clock: FakeClock) -> None:
    received = clock.time
    await inbox.add([new("e0"), new("e1"), new("e2")])
    clock.time += 1
    failed = result("e1", "failed", attempts=3, succeeded=("a",), error="E: no")
    await finish(inbox, [failed], drained=False)
    (listed,) = await inbox.failed()
    event = read_event({"type": "user:update", "id": "e1", "payload": {}})
    assert listed == FailedEvent(
        key="e1",
        event=event,
        attempts=3,
        error="E: no",
        received=received,
        failed=received + 1,
    )
    assert await inbox.stats() == InboxStats(pending=2, failed=1, handled=0, oldest=1.0)
    await inbox.add([new("e1")])
    assert await inbox.retry("e1")
    assert not await inbox.retry("e1")
    assert not await inbox.discard("e1")
    claim = await one(inbox)
    assert keys(claim) == ["e0", "e1", "e2"]
    retried = claim.events[1]
    assert (retried.attempts, retried.repeated, list(retried.succeeded)) == (0, True, ["a"])
    await inbox.record(claim, [result(key, "failed") for key in ("e0", "e1", "e2")])
    await inbox.release(claim, drained=True)
    assert [each.key for each in await inbox.failed(limit=2)] == ["e0", "e1"]
    assert await inbox.discard("e0")
    await inbox.add([new("e0")])
    assert await claimed(inbox) == {}
    assert [each.key for each in await inbox.failed()] == ["e1", "e2"]
    assert await inbox.retry("e2")
    assert await claimed(inbox) == {"c1": ["e2"]}


async def test_purging_spares_what_is_pending_or_new(inbox: Inbox, clock: FakeClock) -> None:
    await inbox.add([new("e1"), new("e2"), new("e3")])
    claim = await one(inbox)
    await inbox.record(claim, [result("e1"), result("e2", "failed")], state={"a": 1})
    await inbox.release(claim, drained=False)
    assert await inbox.purge(older_than=1) == 0
    clock.time += 1
    assert await inbox.purge(older_than=1) == 2
    assert await inbox.stats() == InboxStats(pending=1, failed=0, handled=0, oldest=1.0)
    claim = await one(inbox)
    assert claim.state == {"a": 1}


async def test_purging_deletes_state_that_is_not_used(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    await inbox.add([new("e1")])
    claim = await one(inbox)
    await inbox.record(claim, [result("e1")], state={"a": 1})
    await inbox.release(claim, drained=True)
    assert await inbox.purge(older_than=0) == 1
    await inbox.add([new("e2")])
    assert (await one(inbox)).state == {}


@pytest.mark.parametrize("before", [False, True])
async def test_waiting_ends_when_events_are_added(
    inbox: Inbox,
    before: bool,  # noqa: FBT001 - when they are
) -> None:
    async def add() -> None:
        await inbox.add([new("e1")])

    with bounded():
        async with anyio.create_task_group() as tasks:
            if before:
                await add()
            else:
                tasks.start_soon(add)
            await inbox.wait()
    assert await claimed(inbox) == {"c1": ["e1"]}


async def test_many_at_once(inbox: Inbox) -> None:
    async def add(number: int) -> None:
        await inbox.add([new(f"e{number}", f"c{number % 5}")])

    with bounded():
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(add, number)
        for claim in await inbox.claim(10):
            await inbox.record(claim, [result(key) for key in keys(claim)])
            await inbox.release(claim, drained=True)
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=100, oldest=None)


async def test_no_repr_contains_content(inbox: Inbox) -> None:
    await inbox.add([new("e1")])
    shown: list[Any] = [inbox, new("e1"), *await inbox.claim(10)]
    assert "user:update" not in repr(shown)
