"""Items that wait to learn whether their message was accepted hold no slot."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bulk.items import by_text
from bulk.platform import Platform, after_taking, before_taking, client
from sunco import Request, Response, Sunco
from sunco.bulk import MemoryJournal, Report, attempt, run

pytestmark = pytest.mark.anyio

HOUR = 3600.0
CONCURRENCY = 2


class Counted(Platform):
    """Counts the requests in flight."""

    def __init__(self) -> None:
        super().__init__()
        self.in_flight = self.most = 0

    async def send(self, request: Request) -> Response:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            return await super().send(request)
        finally:
            self.in_flight -= 1


async def post_all(platform: Platform, items: int, grace_period: float, **options: Any) -> Report:
    sunco = client(platform)

    async def post(item: int) -> None:
        this = attempt()
        await sunco.messages.post_once(
            f"c{item}",
            "Hi",
            key=this.key,
            grace_period=grace_period,
            maybe_sent=this.maybe_done,
            since=this.since,
        )

    settings: dict[str, Any] = {"journal": MemoryJournal(), "concurrency": CONCURRENCY}
    settings |= {"key": by_text, "grace_period": grace_period, **options}
    return await run(post, range(items), **settings)


async def test_other_items_proceed_while_more_items_wait_than_there_are_slots() -> None:
    platform, seen = Counted(), list[Report]()
    platform.post_faults = [before_taking] * 5
    with anyio.move_on_after(60) as scope:
        async with anyio.create_task_group() as tasks:

            def watch(report: Report) -> None:
                seen.append(report)
                if report.done == 15:
                    tasks.start_soon(leave)

            async def leave() -> None:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()

            await post_all(platform, 20, HOUR, progress=watch)
    assert (seen[-1].done, seen[-1].waiting, seen[-1].in_flight) == (15, 5, 0)
    assert platform.posts == 20
    assert platform.most == CONCURRENCY


async def test_items_that_have_waited_are_done_and_the_slots_are_as_before() -> None:
    platform, seen = Counted(), list[Report]()
    platform.post_faults = [before_taking, after_taking] * 4
    report = await post_all(platform, 40, 0.2, progress=seen.append)
    assert (report.done, report.waiting, report.in_flight) == (40, 0, 0)
    assert all(platform.texts(f"c{item}") == ["Hi"] for item in range(40))
    assert max(each.waiting for each in seen) > 0
    assert platform.most == CONCURRENCY


async def test_an_item_of_an_earlier_run_can_wait_again() -> None:
    platform, journal = Counted(), MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    await run(doubt, range(3), key=by_text, journal=journal, job="j")
    platform.post_faults = [before_taking] * 3
    report = await post_all(platform, 9, 0.01, journal=journal, job="j")
    assert (report.done, report.waiting, report.in_flight) == (9, 0, 0)
    assert platform.most == CONCURRENCY


async def test_a_limited_number_of_items_waits_without_a_slot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sunco.bulk.runner._MAX_WAITING", 1)
    platform, seen = Counted(), list[Report]()
    platform.post_faults = [before_taking] * 5
    report = await post_all(platform, 9, 0.2, progress=seen.append)
    assert (report.done, max(each.waiting for each in seen)) == (9, 1)


async def test_an_item_whose_other_tasks_proceed_keeps_its_slot() -> None:
    platform, seen = Counted(), list[Report]()
    platform.post_faults = [before_taking]
    sunco = client(platform)

    async def post_two(item: int) -> None:
        async with anyio.create_task_group() as tasks:
            for part in "ab":
                tasks.start_soon(post, f"{item}{part}")

    async def post(key: str) -> None:
        await sunco.messages.post_once(key, "Hi", key=key, grace_period=0.01)

    report = await run(post_two, range(3), key=by_text, concurrency=1, progress=seen.append)
    assert report.done == 3
    assert {each.waiting for each in seen} == {0}


async def post_until_it_waits(sunco: Sunco, conversation: str, key: str) -> None:
    """Post with an unknown outcome, and give up when nothing but waiting is left to do."""

    async def give_up(scope: anyio.CancelScope) -> None:
        await anyio.wait_all_tasks_blocked()
        scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(give_up, tasks.cancel_scope)
        await sunco.messages.post_once(conversation, "Hi", key=key, grace_period=HOUR)


async def test_an_item_that_ends_its_wait_early_gives_no_slot_away_twice() -> None:
    platform, running, most = Counted(), 0, 0
    platform.post_faults = [before_taking] * 2
    sunco = client(platform)

    async def post(item: int) -> None:
        nonlocal running, most
        if item < CONCURRENCY:
            await post_until_it_waits(sunco, f"c{item}", str(item))
            return
        running += 1
        most = max(most, running)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        running -= 1

    report = await run(post, range(20), key=by_text, concurrency=CONCURRENCY)
    assert (report.done, report.in_flight, report.waiting) == (20, 0, 0)
    assert most == CONCURRENCY


async def test_a_second_wait_without_a_slot_is_a_plain_sleep() -> None:
    platform, seen = Counted(), list[Report]()
    platform.post_faults = [before_taking] * 2
    sunco = client(platform)

    async def post(item: int) -> None:
        for part in ("a", "b"):
            await post_until_it_waits(sunco, "c", f"{item}{part}")

    report = await run(post, range(1), key=by_text, concurrency=1, progress=seen.append)
    assert (report.done, report.in_flight, report.waiting) == (1, 0, 0)
    assert max(each.waiting for each in seen) == 1
    assert platform.posts == 2
