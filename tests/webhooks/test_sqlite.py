"""What is special about the inbox in a file."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from sunco import ConfigurationError
from sunco._storage.database import Journal
from sunco.webhooks import NewEvent, SQLiteInbox
from webhooks.support import bounded, quiet

pytestmark = pytest.mark.anyio

EVENT = NewEvent(key="e1", ordering_key="c1", content=b"{}")


def journal(path: Path) -> Journal:
    schema = "CREATE TABLE notes (note TEXT)"
    return Journal(path, schema=schema, version=1, synchronous="normal")


def write(note: str) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO notes VALUES (?)", (note,)).rowcount

    return work


def break_down(_: sqlite3.Connection) -> int:
    raise ZeroDivisionError


def notes(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [note for (note,) in connection.execute("SELECT note FROM notes ORDER BY rowid")]
    finally:
        connection.close()


@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_what_is_stored_is_there_for_the_next_process(
    tmp_path: Path, synchronous: Any
) -> None:
    path = tmp_path / "inbox.db"
    for _ in range(2):
        inbox = SQLiteInbox(str(path), synchronous=synchronous)
        await inbox.open()
        await inbox.open()
        await inbox.add([EVENT])
        (claim,) = await inbox.claim(10)
        assert [event.key for event in claim.events] == ["e1"]
        assert repr(inbox) == f"SQLiteInbox({str(path)!r})"
        await inbox.close()
        await inbox.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("synchronous", "flushed", "number"),
    [("normal", True, 1), ("full", True, 2), ("full", False, 1)],
)
async def test_how_safely_it_is_stored(
    tmp_path: Path,
    synchronous: Any,
    flushed: bool,  # noqa: FBT001 - what is asked for
    number: int,
) -> None:
    def ask(connection: sqlite3.Connection) -> list[Any]:
        return [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        ]

    database = Journal(tmp_path / "notes.db", schema="", version=1, synchronous=synchronous)
    await database.open()
    assert await database.run(ask, flushed=flushed) == ["wal", number]
    await database.close()


@pytest.mark.parametrize(
    "arguments", [{"path": ":memory:"}, {"path": ""}, {"path": "a", "synchronous": "off"}]
)
def test_what_would_lose_events_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SQLiteInbox(**arguments)


async def test_files_that_are_no_inboxes(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("This is no database, and long enough to show it." * 50)
    newer = tmp_path / "newer"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    for path, reason in (
        (text, "cannot be opened: file is not a database"),
        (tmp_path / "nowhere" / "inbox.db", "cannot be opened: .*No such file"),
        (newer, "is of another version of sunco: 2, not 1"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            await SQLiteInbox(path).open()


async def test_nothing_is_stored_in_a_closed_inbox(tmp_path: Path) -> None:
    inbox = SQLiteInbox(tmp_path / "inbox.db")
    with pytest.raises(ConfigurationError, match="The inbox is not open"):
        await inbox.add([EVENT])


async def test_one_process_claims_and_another_takes_over(tmp_path: Path) -> None:
    first, second = (SQLiteInbox(tmp_path / "inbox.db", synchronous="normal") for _ in range(2))
    for inbox in (first, second):
        await inbox.open()
    await second.add([EVENT])
    assert await second.next_due() is None
    assert len(await first.claim(10)) == 1
    assert await second.claim(10) == []
    await first.close()
    assert len(await second.claim(10)) == 1
    await second.close()


async def test_what_waits_shares_a_transaction_and_its_fate(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    database = journal(path)
    await database.open()
    begun, held = threading.Event(), threading.Event()
    outcomes: list[Any] = []

    def hold(connection: sqlite3.Connection) -> None:
        begun.set()
        held.wait(10)
        write("first")(connection)

    async def run(work: Any) -> None:
        try:
            outcomes.append(await database.run(work))
        except ZeroDivisionError as error:
            outcomes.append(error)

    async def give_up() -> None:
        with anyio.move_on_after(0.01):
            await database.run(write("given up"))

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run, hold)
            await anyio.to_thread.run_sync(begun.wait, 10)
            for work in (write("second"), break_down, write("third")):
                tasks.start_soon(run, work)
            await give_up()
            held.set()
    assert notes(path) == ["first"]
    assert outcomes[0] is None
    assert [type(outcome) for outcome in outcomes[1:]] == [ZeroDivisionError] * 3
    await run(write("fourth"))
    assert outcomes[-1] == 1
    assert notes(path) == ["first", "fourth"]
    await database.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_task_cancelled_by_its_server_leaves_the_database_whole(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    database = journal(path)
    await database.open()
    begun, held = threading.Event(), threading.Event()

    def hold(connection: sqlite3.Connection) -> None:
        begun.set()
        held.wait(10)
        write("first")(connection)

    with bounded():
        tasks = [asyncio.create_task(database.run(work)) for work in (hold, write("second"))]
        await anyio.to_thread.run_sync(begun.wait, 10)
        # The thread goes on all the same.
        tasks[0].cancel()
        await quiet()
        held.set()
        await asyncio.wait(tasks)
    assert tasks[0].cancelled()
    assert tasks[1].result() == 1
    assert notes(path) == ["first", "second"]
    await database.close()


async def test_a_database_that_is_locked_fails_what_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco._storage.database._BUSY_SECONDS", 0.0)
    path = tmp_path / "notes.db"
    database = journal(path)
    await database.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await database.run(write("first"))
    other.execute("ROLLBACK")
    other.close()
    assert await database.run(write("second")) == 1
    await database.close()
    assert notes(path) == ["second"]
