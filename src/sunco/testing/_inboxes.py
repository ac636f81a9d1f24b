"""A conformance suite for inboxes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import product
from typing import Final, TypeAlias

import anyio
import anyio.lowlevel
import attrs

from sunco.webhooks.inbox.base import (
    Claim,
    ClaimLostError,
    EventResult,
    Inbox,
    InboxStats,
    NewEvent,
)

__all__ = ["InboxCheck", "InboxSubject", "inbox_suite"]

_SECONDS: Final = 30.0


@attrs.frozen(kw_only=True)
class InboxSubject:
    """An inbox to check, and what the checks need to do with it.

    Attributes:
        make: Returns an inbox on a store that is empty at first. Each call returns another inbox on
            the same store, as another process would open it; an inbox that cannot be shared
            returns itself each time.
        advance: Lets the store's clock advance by a number of seconds, or sets it back if that is
            negative.
        expire: Makes the claims of an inbox expire, as if its process were stopped for longer than
            its lease. None if claims never expire.
    """

    make: Callable[[], Inbox]
    advance: Callable[[float], Awaitable[None]]
    expire: Callable[[Inbox], Awaitable[None]] | None = None


InboxCheck: TypeAlias = Callable[[InboxSubject], Awaitable[None]]
"""One check; its `__name__` says what it checks. It fails with an `AssertionError`."""


def inbox_suite() -> Sequence[InboxCheck]:
    """The checks that every inbox for `WebhookRouter` must pass.

    Run each of them on an empty store, for instance with pytest and AnyIO's plugin:

    ```python
    @pytest.mark.anyio
    @pytest.mark.parametrize("check", inbox_suite(), ids=lambda check: check.__name__)
    async def test_conformance(check: InboxCheck) -> None:
        clock = MyClock()
        inbox = MyInbox(clock=clock)
        await check(InboxSubject(make=lambda: inbox, advance=clock.advance))
    ```
    """
    return _CHECKS


def _new(key: str, ordering_key: str = "c1") -> NewEvent:
    content = b'{"type":"user:update","id":"%b","payload":{}}' % key.encode()
    return NewEvent(key=key, ordering_key=ordering_key, content=content)


def _handled(key: str, attempts: int = 1) -> EventResult:
    return EventResult(key=key, status="handled", attempts=attempts)


def _failed(key: str, attempts: int = 1, error: str = "E: no") -> EventResult:
    return EventResult(key=key, status="failed", attempts=attempts, error=error)


async def _opened(subject: InboxSubject) -> Inbox:
    inbox = subject.make()
    await inbox.open()
    return inbox


async def _claim_one(inbox: Inbox, ordering_key: str = "c1") -> Claim:
    """Claim what is ready, which is one ordering key."""
    claims = await inbox.claim(10)
    assert [claim.ordering_key for claim in claims] == [ordering_key]
    return claims[0]


def _keys(claim: Claim) -> list[str]:
    return [event.key for event in claim.events]


async def _assert_lost(inbox: Inbox, claim: Claim) -> None:
    """Nothing can be done with a claim that is lost."""
    try:
        await inbox.record(claim, [_handled(_keys(claim)[0])], state={"lost": True})
    except ClaimLostError:
        pass
    else:
        raise AssertionError("A result was recorded with a claim that is lost.")
    await inbox.release(claim, drained=True)
    try:
        await inbox.holds(claim)
    except ClaimLostError:
        return
    raise AssertionError("A claim that is lost is reported as held.")


async def an_empty_inbox_has_nothing(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([])
    assert list(await inbox.claim(10)) == []
    assert list(await inbox.failed()) == []
    assert await inbox.next_due() is None
    assert await inbox.stats() == InboxStats(pending=0, failed=0, handled=0, oldest=None)
    assert not await inbox.retry("e1")
    assert not await inbox.discard("e1")
    assert await inbox.purge(older_than=0) == 0
    await inbox.close()
    await inbox.close()


async def events_are_claimed_in_the_order_of_storing(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e2"), _new("f1", "c2"), _new("e1")])
    await subject.advance(3)
    await inbox.add([_new("e0")])
    await subject.advance(2)
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    assert {key: _keys(claim) for key, claim in claims.items()} == {
        "c1": ["e2", "e1", "e0"],
        "c2": ["f1"],
    }
    events = claims["c1"].events
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert [round(event.age) for event in events] == [5, 5, 2]
    assert events[0].read().id == "e2"
    assert [event.attempts for event in events] == [1, 0, 0]
    assert not any(event.repeated or event.succeeded for event in events)
    assert claims["c1"].state == {}
    await inbox.close()


async def claims_and_their_events_are_limited(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new(f"e{number}-{key}", key) for number in range(3) for key in "ab"])
    (first,) = await inbox.claim(1, events=2)
    (second,) = await inbox.claim(1, events=2)
    assert {first.ordering_key, second.ordering_key} == {"a", "b"}
    assert len(first.events) == len(second.events) == 2
    assert list(await inbox.claim(1)) == []
    await inbox.close()


async def the_longest_ready_is_claimed_first(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    for key in ("c", "a", "b"):
        await inbox.add([_new(key, key)])
        await subject.advance(1)
    claims = [claim for _ in range(3) for claim in await inbox.claim(1)]
    assert [claim.ordering_key for claim in claims] == ["c", "a", "b"]
    await inbox.close()


async def known_events_are_stored_once(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e1"), _new("e2"), _new("e3")])
    await inbox.add([_new("e2")])
    claim = await _claim_one(inbox)
    assert _keys(claim) == ["e1", "e2", "e3"]
    await inbox.record(claim, [_handled("e1"), _failed("e2"), _failed("e3")])
    await inbox.release(claim, drained=True)
    assert await inbox.discard("e3")
    await inbox.add([_new("e1"), _new("e2"), _new("e3")])
    assert list(await inbox.claim(10)) == []
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (0, 1, 2)
    await inbox.close()


async def an_ordering_key_has_one_claim_at_a_time(subject: InboxSubject) -> None:
    first, second = await _opened(subject), await _opened(subject)
    await first.add([_new("e1"), _new("f1", "c2")])
    claims = [*await first.claim(1), *await second.claim(10)]
    assert sorted(claim.ordering_key for claim in claims) == ["c1", "c2"]
    await second.add([_new("e2")])
    for inbox in (first, second):
        assert list(await inbox.claim(10)) == []
        assert await inbox.next_due() is None
    await first.close()
    await second.close()


async def claiming_records_an_attempt(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e2")])
    for attempt in (1, 2, 3):
        claim = await _claim_one(inbox)
        assert [event.attempts for event in claim.events] == [attempt, 0]
        await inbox.release(claim, drained=False)
    await inbox.close()


async def starting_records_an_attempt(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e2"), _new("e3")])
    claim = await _claim_one(inbox)
    await inbox.record(claim, [_handled("e1")], starting=["e2", "e3"])
    await inbox.record(claim, [EventResult(key="e3", status="pending", attempts=4)])
    await inbox.record(claim, [], starting=["e3"])
    await inbox.release(claim, drained=False)
    claim = await _claim_one(inbox)
    assert [(event.key, event.attempts) for event in claim.events] == [("e2", 2), ("e3", 5)]
    await inbox.close()


async def results_of_pending_events_are_kept(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    claim = await _claim_one(inbox)
    result = EventResult(
        key="e1", status="pending", attempts=3, repeated=True, succeeded=["a", "b"], error="E"
    )
    await inbox.record(claim, [result])
    await inbox.record(claim, [result])
    await inbox.release(claim, drained=False)
    (event,) = (await _claim_one(inbox)).events
    assert (event.attempts, event.repeated, list(event.succeeded)) == (4, True, ["a", "b"])
    await inbox.close()


async def recording_the_same_results_again_changes_nothing(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e2"), _new("e3")])
    claim = await _claim_one(inbox)
    for _ in range(2):
        await inbox.record(claim, [_handled("e1"), _failed("e2")], state={"n": 1})
    await inbox.release(claim, drained=False)
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (1, 1, 1)
    claim = await _claim_one(inbox)
    assert _keys(claim) == ["e3"]
    assert claim.state == {"n": 1}
    await inbox.close()


async def a_released_claim_is_lost(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    first = await _claim_one(inbox)
    await inbox.holds(first)
    await inbox.release(first, drained=False)
    await _assert_lost(inbox, first)
    second = await _claim_one(inbox)
    assert second.fence > first.fence
    await _assert_lost(inbox, first)
    assert _keys(second) == ["e1"]
    assert second.state == {}
    await inbox.holds(second)
    await inbox.record(second, [_handled("e1")])
    await inbox.release(second, drained=True)
    await _assert_lost(inbox, second)
    assert (await inbox.stats()).handled == 1
    await inbox.close()


async def fences_grow_after_an_ordering_key_was_parked(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    fences: list[int] = []
    for number in range(3):
        await inbox.add([_new(f"e{number}")])
        claim = await _claim_one(inbox)
        await inbox.record(claim, [_handled(f"e{number}")])
        await inbox.release(claim, drained=True)
        fences.append(claim.fence)
    assert fences == sorted(set(fences))
    await inbox.close()


async def a_drained_ordering_key_waits_for_events(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    claim = await _claim_one(inbox)
    await inbox.record(claim, [_handled("e1")])
    await inbox.release(claim, drained=True)
    assert list(await inbox.claim(10)) == []
    assert await inbox.next_due() is None
    await inbox.add([_new("e2")])
    assert await inbox.next_due() == 0
    claim = await _claim_one(inbox)
    # Added while the claim is held.
    await inbox.add([_new("e3")])
    await inbox.record(claim, [_handled("e2")])
    await inbox.release(claim, drained=True)
    assert _keys(await _claim_one(inbox)) == ["e3"]
    await inbox.close()


async def a_delay_ends_with_time_or_new_events(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    await inbox.release(await _claim_one(inbox), delay=60, drained=False)
    assert list(await inbox.claim(10)) == []
    await subject.advance(20)
    due = await inbox.next_due()
    assert due is not None
    assert 35 < due <= 40
    await subject.advance(40)
    assert await inbox.next_due() == 0
    await inbox.release(await _claim_one(inbox), delay=60, drained=False)
    await inbox.add([_new("e1")])
    assert list(await inbox.claim(10)) == []
    await inbox.add([_new("e2")])
    claim = await _claim_one(inbox)
    # Added while the claim is held.
    await inbox.add([_new("e3")])
    await inbox.release(claim, delay=60, drained=False)
    assert _keys(await _claim_one(inbox)) == ["e1", "e2", "e3"]
    await inbox.close()


async def new_events_do_not_end_a_delay_that_blocks(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    claim = await _claim_one(inbox)
    await inbox.add([_new("e2")])
    await inbox.release(claim, delay=60, blocked=True, drained=False)
    await inbox.add([_new("e3")])
    assert list(await inbox.claim(10)) == []
    await subject.advance(60)
    claim = await _claim_one(inbox)
    assert _keys(claim) == ["e1", "e2", "e3"]
    # It blocked once.
    await inbox.release(claim, delay=60, drained=False)
    await inbox.add([_new("e4")])
    assert len((await _claim_one(inbox)).events) == 4
    await inbox.close()


async def a_clock_set_back_prolongs_no_delay(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("f1", "c2")])
    blocked, delayed = await inbox.claim(2)
    await inbox.release(blocked, delay=60, blocked=True, drained=False)
    await inbox.release(delayed, delay=60, drained=False)
    await subject.advance(-3600)
    due = await inbox.next_due()
    assert due is not None
    assert due <= 60
    await subject.advance(60)
    assert len(await inbox.claim(10)) == 2
    await inbox.add([_new("g1", "c3")])
    await subject.advance(-3600)
    (claim,) = await inbox.claim(10)
    assert claim.events[0].age >= 0
    await inbox.close()


async def state_is_stored_with_results(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("f1", "c2")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    await inbox.record(claims["c1"], [_handled("e1")], state={"step": 1, "names": ["ä", "🙂"]})
    await inbox.record(claims["c2"], [_handled("f1")])
    for claim in claims.values():
        await inbox.release(claim, drained=True)
    await inbox.add([_new("e2"), _new("f2", "c2")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    assert claims["c1"].state == {"step": 1, "names": ["ä", "🙂"]}
    assert claims["c2"].state == {}
    await inbox.record(claims["c1"], [_handled("e2")], state={"step": 2})
    await inbox.release(claims["c1"], drained=True)
    await subject.advance(10)
    await inbox.purge(older_than=5)
    await inbox.add([_new("e3")])
    assert (await _claim_one(inbox)).state == {}
    await inbox.close()


async def failed_events_are_listed_retried_and_discarded(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e0"), _new("e1"), _new("e2"), _new("e3")])
    await subject.advance(5)
    claim = await _claim_one(inbox)
    failed = EventResult(key="e1", status="failed", attempts=3, succeeded=["a"], error="E: no")
    await inbox.record(claim, [failed, _failed("e3")])
    await inbox.release(claim, drained=False)
    first, second = await inbox.failed()
    assert (first.key, first.attempts, first.error) == ("e1", 3, "E: no")
    assert first.event.id == "e1"
    assert round(first.failed - first.received) == 5
    assert second.key == "e3"
    assert [each.key for each in await inbox.failed(limit=1)] == ["e1"]
    assert await inbox.retry("e1")
    for unknown in ("e0", "e1", "e9"):
        assert not await inbox.retry(unknown)
        assert not await inbox.discard(unknown)
    assert await inbox.discard("e3")
    assert list(await inbox.failed()) == []
    claim = await _claim_one(inbox)
    assert _keys(claim) == ["e0", "e1", "e2"]
    retried = claim.events[1]
    assert (retried.attempts, retried.repeated, list(retried.succeeded)) == (0, True, ["a"])
    await inbox.close()


async def retrying_wakes_a_parked_ordering_key(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    claim = await _claim_one(inbox)
    await inbox.record(claim, [_failed("e1")])
    await inbox.release(claim, drained=True)
    assert list(await inbox.claim(10)) == []
    assert await inbox.retry("e1")
    claim = await _claim_one(inbox)
    assert claim.events[0].attempts == 1
    await inbox.close()


async def purging_deletes_what_is_old_and_not_pending(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e2"), _new("e3"), _new("e4")])
    claim = await _claim_one(inbox)
    await inbox.record(claim, [_handled("e1"), _failed("e2")])
    await subject.advance(100)
    await inbox.record(claim, [_failed("e3")])
    await inbox.release(claim, drained=False)
    assert await inbox.purge(older_than=50) == 2
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (1, 1, 0)
    await subject.advance(1)
    assert await inbox.purge(older_than=0) == 1
    assert _keys(await _claim_one(inbox)) == ["e4"]
    await inbox.close()


async def statistics_count_events(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("e2"), _new("e3")])
    await subject.advance(30)
    await inbox.add([_new("f1", "c2")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    await inbox.record(claims["c1"], [_handled("e1"), _failed("e2")])
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (2, 1, 1)
    assert stats.oldest is not None
    assert 30 <= stats.oldest < 35
    await inbox.close()


async def any_text_can_be_an_error(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("f1", "c2")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    await inbox.record(claims["c1"], [_failed("e1", error="half \ud83d, a NUL \0, and ä")])
    await inbox.record(claims["c2"], [_handled("f1")])
    (failed,) = await inbox.failed()
    assert failed.error.startswith("half ")
    assert failed.error.endswith("and ä")
    assert (await inbox.stats()).handled == 1
    await inbox.close()


async def adding_and_retrying_end_a_wait(subject: InboxSubject) -> None:
    inbox = await _opened(subject)

    async def fail_later() -> None:
        claim = await _claim_one(inbox)
        await inbox.record(claim, [_failed("e1")])
        await inbox.release(claim, drained=True)

    async def add() -> None:
        await inbox.add([_new("e1")])

    async def retry() -> None:
        assert await inbox.retry("e1")

    with anyio.fail_after(_SECONDS):
        for change, after in ((add, fail_later), (retry, None)):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(change)
                await inbox.wait()
            if after is not None:
                await after()
        # What happens before somebody waits is not missed.
        await inbox.add([_new("e2")])
        await inbox.wait()
    await inbox.close()


async def closing_releases_claims(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    lost = await _claim_one(inbox)
    await inbox.close()
    inbox = await _opened(subject)
    claim = await _claim_one(inbox)
    assert claim.events[0].attempts == 2
    await _assert_lost(inbox, lost)
    await inbox.close()


async def an_inbox_that_only_stores_shares_its_events(subject: InboxSubject) -> None:
    storing = subject.make()
    await storing.open(handles=False)
    processing = await _opened(subject)
    await storing.add([_new("e1")])
    claim = await _claim_one(processing)
    await processing.record(claim, [_failed("e1")])
    await processing.release(claim, drained=True)
    assert [each.key for each in await storing.failed()] == ["e1"]
    assert await storing.retry("e1")
    assert _keys(await _claim_one(processing)) == ["e1"]
    await storing.close()
    await processing.close()


async def a_cancelled_claim_is_not_kept(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1"), _new("f1", "c2")])
    claims: list[Claim] = []

    async def claim() -> None:
        claims.extend(await inbox.claim(1))

    for first, second in product(range(4), repeat=2):
        for steps in (first, second):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(claim)
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
        claims.extend(await inbox.claim(10))
        assert sorted(each.ordering_key for each in claims) == ["c1", "c2"]
        for each in claims:
            await inbox.release(each, drained=False)
        claims.clear()
    await inbox.close()


async def many_tasks_can_use_it_at_the_same_time(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    processed: list[str] = []

    async def process(claim: Claim) -> None:
        results = [_handled(key) for key in _keys(claim)]
        await inbox.record(claim, results)
        processed.extend(_keys(claim))
        await inbox.release(claim, drained=True)

    async def add(number: int) -> None:
        await inbox.add([_new(f"e{number}", f"c{number % 5}")])
        for claim in await inbox.claim(2):
            await process(claim)

    with anyio.fail_after(_SECONDS):
        async with anyio.create_task_group() as tasks:
            for number in range(100):
                tasks.start_soon(add, number)
        await inbox.add([_new("last")])
        while claims := await inbox.claim(10):
            for claim in claims:
                await process(claim)
    assert sorted(processed) == sorted(["last", *(f"e{number}" for number in range(100))])
    stats = await inbox.stats()
    assert (stats.pending, stats.handled) == (0, 101)
    await inbox.close()


async def an_expired_claim_is_taken_over_and_fenced_off(subject: InboxSubject) -> None:
    if subject.expire is None:
        return
    frozen, other = await _opened(subject), await _opened(subject)
    await frozen.add([_new("e1"), _new("e2")])
    lost = await _claim_one(frozen)
    assert list(await other.claim(10)) == []
    await subject.expire(frozen)
    taken = await _claim_one(other)
    assert taken.fence > lost.fence
    assert taken.events[0].attempts == 2
    await _assert_lost(frozen, lost)
    await other.record(taken, [_handled("e1"), _handled("e2")])
    await other.release(taken, drained=True)
    assert (await other.stats()).handled == 2
    # The process that was frozen resumes with a new lease.
    await frozen.add([_new("e3")])
    claim = await _claim_one(frozen)
    assert claim.owner != lost.owner
    await frozen.record(claim, [_handled("e3")])
    await frozen.release(claim, drained=True)
    await frozen.close()
    await other.close()


async def no_repr_shows_content(subject: InboxSubject) -> None:
    inbox = await _opened(subject)
    await inbox.add([_new("e1")])
    claim = await _claim_one(inbox)
    await inbox.record(claim, [], state={"secret": "user:update"})
    await inbox.release(claim, drained=False)
    claim = await _claim_one(inbox)
    await inbox.record(claim, [_failed("e1")])
    shown = repr([inbox, _new("e1"), claim, *claim.events, *await inbox.failed()])
    assert "user:update" not in shown
    with suppress(ClaimLostError):
        await inbox.release(claim, drained=True)
    await inbox.close()


_CHECKS: Final[Sequence[InboxCheck]] = (
    an_empty_inbox_has_nothing,
    events_are_claimed_in_the_order_of_storing,
    claims_and_their_events_are_limited,
    the_longest_ready_is_claimed_first,
    known_events_are_stored_once,
    an_ordering_key_has_one_claim_at_a_time,
    claiming_records_an_attempt,
    starting_records_an_attempt,
    results_of_pending_events_are_kept,
    recording_the_same_results_again_changes_nothing,
    a_released_claim_is_lost,
    fences_grow_after_an_ordering_key_was_parked,
    a_drained_ordering_key_waits_for_events,
    a_delay_ends_with_time_or_new_events,
    new_events_do_not_end_a_delay_that_blocks,
    a_clock_set_back_prolongs_no_delay,
    state_is_stored_with_results,
    failed_events_are_listed_retried_and_discarded,
    retrying_wakes_a_parked_ordering_key,
    purging_deletes_what_is_old_and_not_pending,
    statistics_count_events,
    any_text_can_be_an_error,
    adding_and_retrying_end_a_wait,
    closing_releases_claims,
    an_inbox_that_only_stores_shares_its_events,
    a_cancelled_claim_is_not_kept,
    many_tasks_can_use_it_at_the_same_time,
    an_expired_claim_is_taken_over_and_fenced_off,
    no_repr_shows_content,
)
