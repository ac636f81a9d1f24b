"""Random sequences of inbox operations against a model. `nox -s stateful` runs the long form."""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from unittest import mock

import anyio
import anyio.from_thread
import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sunco.webhooks import Claim, ClaimLostError, EventResult, MemoryInbox, NewEvent, SQLiteInbox
from sunco.webhooks.inbox import sqlite
from webhooks.support import FakeClock

T = TypeVar("T")

STEPS: Final = int(os.environ.get("SUNCO_STATEFUL_STEPS", "500"))
STEPS_OF_AN_EXAMPLE: Final = 50
LEASE: Final = 15.0
ORDERING_KEYS: Final = ("c1", "c2", "c3")


@attrs.define
class ModelEvent:
    key: str
    ordering_key: str
    sequence: int
    status: str = "pending"
    attempts: int = 0
    succeeded: tuple[str, ...] = ()


@attrs.define
class ModelClaim:
    claim: Claim
    worker: int


@attrs.define
class Queue:
    """The model of an ordering key."""

    ready: float = 0.0
    blocked: bool = False
    stored: int = 0
    held: ModelClaim | None = None
    state: dict[str, Any] = attrs.field(factory=dict[str, Any])


class InboxMachine(RuleBasedStateMachine):
    """Two workers on one store; a shared memory inbox is one worker."""

    workers = 2
    can_expire = True

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.call_in_loop = self.stack.enter_context(anyio.from_thread.start_blocking_portal()).call
        self.clock = FakeClock()
        self.numbers = itertools.count(1)
        self.events: dict[str, ModelEvent] = {}
        self.queues: dict[str, Queue] = {}
        self.lost: list[ModelClaim] = []
        self.released: list[ModelClaim] = []
        self.inboxes: list[Any] = []
        self.monotonic = 1000.0
        self.newest_fence: dict[str, int] = {}
        self.stack.enter_context(mock.patch.object(sqlite, "monotonic", self.read_monotonic))

    def read_monotonic(self) -> float:
        return self.monotonic

    def call(self, function: Callable[[], Awaitable[T]]) -> T:
        return self.call_in_loop(function)

    def make(self) -> Any:
        raise NotImplementedError

    @initialize()
    def open(self) -> None:
        for _ in range(self.workers):
            self.inboxes.append(self.make())
            self.call(self.inboxes[-1].open)
            # Each has a lease from the start, and sees those of the others.
            self.call(lambda: self.inboxes[-1].claim(0))

    def teardown(self) -> None:
        for inbox in self.inboxes:
            self.call(inbox.close)
        self.stack.close()

    def held(self) -> list[ModelClaim]:
        return [queue.held for queue in self.queues.values() if queue.held is not None]

    def pending(self, ordering_key: str) -> list[ModelEvent]:
        found = [
            event
            for event in self.events.values()
            if event.ordering_key == ordering_key and event.status == "pending"
        ]
        return sorted(found, key=lambda event: event.sequence)

    def store(self, event: ModelEvent) -> None:
        queue = self.queues.setdefault(event.ordering_key, Queue(ready=self.clock.time))
        queue.stored += 1
        if not queue.blocked:
            queue.ready = min(queue.ready, self.clock.time)

    @rule(
        worker=st.integers(0, 1),
        ordering_keys=st.lists(st.sampled_from(ORDERING_KEYS), min_size=1, max_size=3),
    )
    def add(self, worker: int, ordering_keys: list[str]) -> None:
        new = [
            NewEvent(key=f"e{next(self.numbers)}", ordering_key=each, content=b"{}")
            for each in ordering_keys
        ]
        for each in new:
            event = ModelEvent(each.key, each.ordering_key, int(each.key[1:]))
            self.events[each.key] = event
            self.store(event)
        self.call(lambda: self.inbox(worker).add(new))

    @precondition(lambda self: self.events)
    @rule(data=st.data())
    def add_known(self, data: st.DataObject) -> None:
        event = self.events[data.draw(st.sampled_from(sorted(self.events)))]
        known = NewEvent(key=event.key, ordering_key=event.ordering_key, content=b"{}")
        self.call(lambda: self.inbox(0).add([known]))

    def inbox(self, worker: int) -> Any:
        return self.inboxes[worker % self.workers]

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 3), events=st.integers(1, 3))
    def claim(self, worker: int, limit: int, events: int) -> None:
        claims = self.call(lambda: self.inbox(worker).claim(limit, events=events))
        ready = {
            key
            for key, queue in self.queues.items()
            if queue.held is None and queue.ready <= self.clock.time and self.pending(key)
        }
        assert len(claims) == min(limit, len(ready))
        for claim in claims:
            assert claim.ordering_key in ready
            expected = self.pending(claim.ordering_key)[:events]
            expected[0].attempts += 1
            assert [(event.key, event.attempts) for event in claim.events] == [
                (event.key, event.attempts) for event in expected
            ]
            assert [tuple(event.succeeded) for event in claim.events] == [
                event.succeeded for event in expected
            ]
            assert claim.fence > self.newest_fence.get(claim.ordering_key, 0)
            self.newest_fence[claim.ordering_key] = claim.fence
            queue = self.queues[claim.ordering_key]
            assert claim.state == queue.state
            queue.held, queue.blocked = ModelClaim(claim, worker % self.workers), False

    @precondition(lambda self: self.held())
    @rule(
        data=st.data(),
        status=st.sampled_from(["handled", "handled", "failed", "pending"]),
        starts_next=st.booleans(),
        sets_state=st.booleans(),
    )
    def record(
        self,
        data: st.DataObject,
        status: Any,
        starts_next: bool,  # noqa: FBT001 - hypothesis passes them by name
        sets_state: bool,  # noqa: FBT001
    ) -> None:
        held = data.draw(st.sampled_from(self.held()))
        of_claim = [self.events[event.key] for event in held.claim.events]
        pending = [event for event in of_claim if event.status == "pending"]
        results: list[EventResult] = []
        for event in pending[:1]:
            event.status, event.succeeded = status, ("one",)
            results.append(
                EventResult(
                    key=event.key, status=status, attempts=event.attempts, succeeded=["one"]
                )
            )
        starting = [event.key for event in pending[1:2] if starts_next]
        for key in starting:
            self.events[key].attempts += 1
        state = {"n": next(self.numbers)} if sets_state else None
        if state is not None:
            self.queues[held.claim.ordering_key].state = state
        inbox = self.inbox(held.worker)
        self.call(lambda: inbox.record(held.claim, results, starting=starting, state=state))
        self.call(lambda: inbox.holds(held.claim))

    @precondition(lambda self: self.held())
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0, 60.0]), blocked=st.booleans())
    def release(
        self,
        data: st.DataObject,
        delay: float,
        blocked: bool,  # noqa: FBT001 - as above
    ) -> None:
        held = data.draw(st.sampled_from(self.held()))
        key = held.claim.ordering_key
        queue = self.queues[key]
        is_new = queue.stored != held.claim.stored
        left = self.pending(key)
        known = {event.key for event in held.claim.events}
        drained = not [event for event in left if event.key in known] and not [
            event for event in left if event.key not in known and not is_new
        ]
        self.call(
            lambda: self.inbox(held.worker).release(
                held.claim, delay=delay, blocked=blocked, drained=drained
            )
        )
        waits = not drained and (blocked or not is_new)
        queue.held = None
        queue.ready = self.clock.time + (delay if waits else 0.0)
        queue.blocked = waits and blocked
        if drained and not is_new:
            queue.ready, queue.stored = self.clock.time, 0
        self.released.append(held)

    @precondition(lambda self: self.lost or self.released)
    @rule(data=st.data())
    def use_what_is_lost(self, data: st.DataObject) -> None:
        stale = data.draw(st.sampled_from([*self.lost, *self.released]))
        inbox = self.inbox(stale.worker)
        result = EventResult(key=stale.claim.events[0].key, status="handled", attempts=99)
        for use in (
            lambda: inbox.record(stale.claim, [result], state={"lost": True}),
            lambda: inbox.holds(stale.claim),
        ):
            try:
                self.call(use)
            except ClaimLostError:
                continue
            raise AssertionError("A claim that is lost was used.")
        self.call(lambda: inbox.release(stale.claim, drained=True))

    def lose_claims_of(self, worker: int) -> None:
        for queue in self.queues.values():
            if queue.held is not None and queue.held.worker == worker:
                self.lost.append(queue.held)
                queue.held, queue.ready, queue.blocked = None, self.clock.time, False

    @precondition(lambda self: self.can_expire)
    @rule(worker=st.integers(0, 1))
    def expire(self, worker: int) -> None:
        """A process is frozen for longer than its lease, while the other one claims."""
        other = self.inbox(1 - worker)
        for _ in range(3):
            self.monotonic += LEASE * 0.6
            self.call(lambda: other.claim(0))
        self.lose_claims_of(worker)
        # When it wakes up, it claims again, with a new lease.
        self.call(lambda: self.inbox(worker).claim(0))
        self.call(lambda: other.claim(0))

    @rule(worker=st.integers(0, 1))
    def close(self, worker: int) -> None:
        worker %= self.workers
        self.call(self.inbox(worker).close)
        self.lose_claims_of(worker)
        self.call(self.inbox(worker).open)
        self.call(lambda: self.inbox(worker).claim(0))

    @precondition(lambda self: any(e.status == "failed" for e in self.events.values()))
    @rule(data=st.data(), discards=st.booleans())
    def retry_or_discard(
        self,
        data: st.DataObject,
        discards: bool,  # noqa: FBT001 - as above
    ) -> None:
        failed = sorted(key for key, event in self.events.items() if event.status == "failed")
        event = self.events[data.draw(st.sampled_from(failed))]
        inbox = self.inbox(0)
        if discards:
            assert self.call(lambda: inbox.discard(event.key))
            event.status = "handled"
        else:
            assert self.call(lambda: inbox.retry(event.key))
            event.status, event.attempts = "pending", 0
            self.store(event)

    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0]))
    def advance(self, seconds: float) -> None:
        self.clock.time += seconds

    @invariant()
    def counts_agree(self) -> None:
        if self.inboxes:
            stats = self.call(self.inbox(0).stats)
            statuses = [event.status for event in self.events.values()]
            assert (stats.pending, stats.failed, stats.handled) == tuple(
                statuses.count(status) for status in ("pending", "failed", "handled")
            )


class MemoryMachine(InboxMachine):
    workers = 1
    can_expire = False

    def make(self) -> Any:
        return MemoryInbox(clock=self.clock, dedup_ttl=1e9)


class SQLiteMachine(InboxMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory())

    def make(self) -> Any:
        path = Path(self.folder) / "inbox.db"
        return SQLiteInbox(path, clock=self.clock, dedup_ttl=1e9, lease=LEASE, synchronous="normal")


def run_machine(machine: type[InboxMachine]) -> None:
    examples = max(STEPS // STEPS_OF_AN_EXAMPLE, 1)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS_OF_AN_EXAMPLE,
            deadline=None,
            suppress_health_check=(
                HealthCheck.data_too_large,
                HealthCheck.filter_too_much,
                HealthCheck.large_base_example,
                HealthCheck.too_slow,
            ),
            derandomize="SUNCO_STATEFUL_STEPS" not in os.environ,
            database=None,
        ),
    )


def test_the_memory_inbox_agrees_with_a_model() -> None:
    run_machine(MemoryMachine)


def test_the_sqlite_inbox_agrees_with_a_model() -> None:
    run_machine(SQLiteMachine)
