"""How a job processes its items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from bulk.items import by_id, by_text, echo, outcomes_of
from sunco import (
    ConfigurationError,
)
from sunco.bulk import (
    DuplicateKeyError,
    InvalidKeyError,
    MemoryJournal,
    Report,
    run,
    stream,
)
from sunco.bulk.outcome import Outcome

pytestmark = pytest.mark.anyio


async def test_each_item_is_done_once() -> None:
    done: list[int] = []

    async def note(item: int) -> None:
        done.append(await echo(item))

    report = await run(note, range(500), key=by_text, concurrency=7)
    assert sorted(done) == list(range(500))
    assert (report.done, report.finished, report.total, report.ok) == (500, 500, 500, True)
    assert report.rate > 0


async def test_a_job_without_items_is_done() -> None:
    report = await run(echo, [], key=by_text)
    assert (report.finished, report.ok) == (0, True)
    assert Report().rate == 0


async def test_the_number_of_items_in_flight_is_bounded_and_none_is_read_ahead() -> None:
    in_flight, most, read = 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(50):
            read += 1
            assert read <= number - in_flight + 5
            yield number

    async def count(_: int) -> None:
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        in_flight -= 1

    report = await run(count, items(), key=by_text, concurrency=4)
    assert (most, report.done, report.total) == (4, 50, None)


async def test_a_slow_item_does_not_delay_the_others() -> None:
    others = anyio.Event()
    left = 99

    async def work(item: int) -> None:
        nonlocal left
        if item == 0:
            await others.wait()
        else:
            left -= 1
            if not left:
                others.set()

    with anyio.fail_after(60):
        report = await run(work, range(100), key=by_text, concurrency=2)
    assert report.done == 100


async def test_async_items_are_read_and_closed_in_one_task() -> None:
    closed = False

    async def items() -> AsyncIterator[int]:
        nonlocal closed
        try:
            with anyio.CancelScope():
                for number in range(20):
                    await anyio.lowlevel.checkpoint()
                    yield number
        finally:
            closed = True

    report = await run(echo, items(), key=by_text, concurrency=3)
    assert (report.done, closed) == (20, True)


async def test_async_items_are_closed_when_the_job_stops_early() -> None:
    closed = False

    async def items() -> AsyncIterator[int]:
        nonlocal closed
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed = True

    async def fail(_: int) -> None:
        raise ValueError

    report = await run(fail, items(), key=by_text, stop_after_failures=3, concurrency=1)
    assert (report.failed, report.stopped, closed) == (3, True, True)


async def test_async_items_need_no_aclose_method() -> None:
    class Three:
        def __init__(self) -> None:
            self.numbers = iter(range(3))

        def __aiter__(self) -> Three:
            return self

        async def __anext__(self) -> int:
            for number in self.numbers:
                return number
            raise StopAsyncIteration

    assert (await run(echo, Three(), key=by_text)).done == 3


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_error_of_the_items_is_raised_after_the_items_before_it_are_done(
    asynchronous: bool,  # noqa: FBT001 - a parameter
) -> None:
    done: list[int] = []

    async def note(item: int) -> None:
        done.append(await echo(item))

    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("the file is gone")

    async def async_items() -> AsyncIterator[int]:
        for number in items():
            yield number

    with pytest.raises(OSError, match="the file is gone"):
        await run(note, async_items() if asynchronous else items(), key=by_text)
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_duplicate_key_is_reported(journalled: bool) -> None:  # noqa: FBT001 - a parameter
    journal = MemoryJournal() if journalled else None
    seen: list[Outcome[Any, Any]] = []
    async with stream(echo, ["a", "b", "a"], key=by_text, journal=journal) as outcomes:
        seen.extend([outcome async for outcome in outcomes])
    assert outcomes.report.done == 2
    (rejected,) = [outcome for outcome in seen if outcome.error]
    assert isinstance(rejected.error, DuplicateKeyError)
    assert (rejected.key, rejected.attempts) == ("a", 0)


def giving(key: Any) -> Callable[[Any], Any]:
    return lambda _: key


def counting() -> Callable[[Any], str]:
    numbers = count()
    return lambda _: str(next(numbers))


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (by_id, "key\\(\\) failed with TypeError"),
        (giving(1), "must return a str"),
        (giving(" "), "must return a str"),
        (giving("k" * 2000), "must return a str"),
        (giving("\ud800"), "not Unicode"),
        (giving("a\0b"), "NUL"),
        (counting(), "two keys for one item"),
    ],
)
async def test_an_item_with_an_unusable_key_is_reported(key: Any, complaint: str) -> None:
    (outcome,) = (await outcomes_of([1], key=key)).values()
    assert isinstance(outcome.error, InvalidKeyError)
    assert outcome.item == 1
    with pytest.raises(InvalidKeyError, match=complaint):
        raise outcome.error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"concurrency": 0}, "concurrency must be"),
        ({"stop_after_failures": 0}, "stop_after_failures must be"),
        ({"grace_period": -1.0}, "grace_period must be"),
        ({"on_uncertain": "maybe"}, "on_uncertain must be"),
        ({"items": 7}, "items must be iterable"),
    ],
)
async def test_invalid_arguments_are_rejected(arguments: dict[str, Any], complaint: str) -> None:
    settings: dict[str, Any] = {"fn": echo, "items": [1], "key": by_text, **arguments}
    with pytest.raises(ConfigurationError, match=complaint):
        await run(**settings)
