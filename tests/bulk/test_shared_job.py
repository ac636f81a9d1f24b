"""The edges of a process's share of a job: loading, outages and what is kept of items."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import anyio
import pytest
from support import postgres

from sunco._storage import UnavailableError
from sunco.bulk import PostgresJournal, Report, run
from sunco.bulk.shared import _Parts

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_polls")]


@pytest.fixture
async def journal(schema: str) -> AsyncIterator[PostgresJournal]:
    opened = PostgresJournal(postgres.dsn(), schema=schema)
    yield opened
    await opened.close()


async def send(item: int) -> int:
    return item


async def test_a_job_of_no_items_is_finished_at_once(journal: PostgresJournal) -> None:
    report = await run(send, [], key=str, journal=journal, job="j")
    assert (report.done, report.total) == (0, 0)


async def test_items_are_loaded_in_chunks(
    journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco.bulk.shared._CHUNK", 2)
    report = await run(send, range(5), key=str, journal=journal, job="j")
    assert (report.done, report.total) == (5, 5)


async def test_a_partial_is_named_by_its_function(journal: PostgresJournal) -> None:
    report = await run(partial(send), [1], key=str, journal=journal)
    assert report.done == 1


async def test_loading_ends_with_the_lease_while_the_database_is_away(
    journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: Any) -> Any:
        journal._until = 0.0
        raise UnavailableError("The connection failed.")

    monkeypatch.setattr(journal, "load", away)
    with pytest.raises(UnavailableError):
        await run(send, [1], key=str, journal=journal, job="j")


async def test_progress_goes_on_after_an_outage(
    journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco.bulk.shared._PROGRESS_SECONDS", 0.0)
    summary, failures, seen = journal.summary, [UnavailableError("away")], list[int]()

    async def flaky() -> Any:
        if failures:
            raise failures.pop()
        return await summary()

    async def slow(item: int) -> int:
        # Set here, since the job reads the summary once when it starts.
        monkeypatch.setattr(journal, "summary", flaky)
        while failures or not seen:  # noqa: ASYNC110 - the callback sends no event
            await anyio.sleep(0.001)
        return item

    report = await run(
        slow, [1], key=str, journal=journal, job="j", progress=lambda each: seen.append(each.done)
    )
    assert report.done == 1
    assert failures == []


async def test_results_that_cannot_be_recorded_before_the_lease_ends_are_an_error(
    journal: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journal.open("j", "send")

    async def away(*_: Any, **__: Any) -> Any:
        raise UnavailableError("The connection failed.")

    with monkeypatch.context() as patch:
        patch.setattr(journal._database, "run", away)
        journal._until = 0.0
        with pytest.raises(UnavailableError):
            await journal.record([])


async def test_entries_and_counts_are_those_of_the_whole_job(journal: PostgresJournal) -> None:
    await run(send, [1, 2], key=str, journal=journal, job="j")
    await journal.open("j", "send")
    parts = _Parts(journal)
    entry = await parts.entry("1")
    assert entry is not None
    assert entry.state == "done"
    assert (await parts.counts())["done"] == 2


async def test_the_last_progress_is_that_of_the_finished_job(journal: PostgresJournal) -> None:
    seen: list[Report] = []
    report = await run(send, [1, 2], key=str, journal=journal, job="j", progress=seen.append)
    assert seen[-1] == report
    assert (report.done, report.total) == (2, 2)


async def test_a_callback_that_raises_does_not_end_a_shared_job(
    journal: PostgresJournal, caplog: pytest.LogCaptureFixture
) -> None:
    def watch(_: Report) -> None:
        raise ValueError("a broken display")

    report = await run(send, [1, 2], key=str, journal=journal, job="j", progress=watch)
    assert report.done == 2
    assert len(caplog.records) == 1
