from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs
import pytest

from sunco import ConfigurationError, StorageError, SuncoError
from sunco._storage import database as module
from sunco._storage.database import Database, Schema, storable

pytestmark = pytest.mark.anyio

SCHEMA = Schema(
    name="notebook",
    application_id=0x4E4F5445,
    migrations=["CREATE TABLE note (text TEXT NOT NULL)"],
)


def database_at(
    path: Path, schema: Schema = SCHEMA, synchronous: Literal["full", "normal"] = "normal"
) -> Database:
    return Database(path, schema=schema, synchronous=synchronous)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    opened = database_at(path)
    await opened.open()
    yield opened
    await opened.close()


def write(text: str) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO note VALUES (?)", (text,)).rowcount

    return work


def read(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY rowid")]


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return read(connection)


def files_beside(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


class Gate:
    """A job that keeps the writer thread busy until it is opened."""

    def __init__(self) -> None:
        self._begun, self._opened = threading.Event(), threading.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        self._begun.set()
        assert self._opened.wait(10)
        write("gate")(connection)

    async def reached(self) -> None:
        assert await anyio.to_thread.run_sync(self._begun.wait, 10)

    def open(self) -> None:
        self._opened.set()


async def run_all(database: Database, *works: Callable[[sqlite3.Connection], Any]) -> list[Any]:
    """Run jobs in one transaction; returns the results and errors."""
    results: list[Any] = [None] * len(works)

    async def run(index: int) -> None:
        try:
            results[index] = await database.run(works[index])
        except SuncoError as error:
            results[index] = error

    gate = Gate()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.run, gate)
        await gate.reached()
        async with anyio.create_task_group() as jobs:
            for index in range(len(works)):
                jobs.start_soon(run, index)
            await anyio.wait_all_tasks_blocked()
            gate.open()
    return results


# Opening


async def test_a_database_is_created_for_its_owner_alone_and_opened_again(path: Path) -> None:
    for _ in range(2):
        database = database_at(path)
        await database.open()
        await database.open()
        await database.run(write("hello"))
        for each in path.parent.iterdir():
            assert stat.S_IMODE(each.stat().st_mode) == 0o600, each
        await database.close()
        await database.close()
    assert notes(path) == ["hello", "hello"]
    assert files_beside(path) == [path.name]


async def test_a_relative_path_with_special_characters_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = database_at(Path("a%20?mode=memory#b.db"))
    await database.open()
    await database.run(write("hello"))
    await database.close()
    assert notes(tmp_path / "a%20?mode=memory#b.db") == ["hello"]


@pytest.mark.parametrize("wrong", ["", ":memory:"])
def test_a_database_needs_a_file(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="The notebook needs the path of a file"):
        Database(wrong, schema=SCHEMA, synchronous="full")


def test_synchronous_is_one_of_two() -> None:
    unknown: Any = "off"
    with pytest.raises(ConfigurationError, match='"full" or "normal"'):
        Database("a", schema=SCHEMA, synchronous=unknown)


def write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def create(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def rejected(path: Path, reason: str) -> Generator[None]:
    """What is done inside fails for that reason, and leaves the file and its folder as they are."""
    content, files = path.read_bytes(), files_beside(path)
    with pytest.raises(StorageError, match=reason):
        yield
    assert path.read_bytes() == content
    assert files_beside(path) == files


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE theirs (x)"],
        ["CREATE TABLE theirs (x)", "PRAGMA journal_mode = WAL"],
        ["CREATE TABLE note (x)"],
        ["PRAGMA user_version = 1"],
        ["PRAGMA application_id = 7"],
        ["CREATE TABLE theirs (x)", "PRAGMA user_version = 1"],
        ["CREATE TABLE note (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"],
    ],
)
async def test_a_database_of_another_kind_is_rejected_and_not_touched(
    path: Path, statements: list[str]
) -> None:
    create(path, *statements)
    with rejected(path, "is a database, but no sunco notebook: use another path"):
        await database_at(path).open()


async def test_a_file_that_is_no_database_is_rejected_and_not_touched(path: Path) -> None:
    write_text(path, "no database, but a text of some length\n" * 50)
    with rejected(path, r"file is not a database\. Use another path"):
        await database_at(path).open()


MIGRATIONS = [
    *SCHEMA.migrations,
    "ALTER TABLE note ADD COLUMN author TEXT; UPDATE note SET author = 'unknown'",
    "CREATE TABLE tag (text TEXT); INSERT INTO tag SELECT author FROM note",
]


def schema_with(migrations: list[str]) -> Schema:
    return attrs.evolve(SCHEMA, migrations=migrations, unmarked=frozenset({"note"}))


async def test_a_database_of_a_newer_version_is_rejected_with_advice(path: Path) -> None:
    database = database_at(path, schema_with(MIGRATIONS))
    await database.open()
    await database.close()
    with rejected(path, r"newer version of sunco \(schema 3, .* 1\): upgrade sunco, or use"):
        await database_at(path).open()


def make_old(path: Path, version: int, application_id: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        connection.execute("INSERT INTO note (text) VALUES ('old')")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute(f"PRAGMA application_id = {application_id}")
        connection.commit()


@pytest.mark.parametrize(
    ("version", "application_id", "author", "tags"),
    [
        (1, 0, "unknown", ["unknown"]),
        (1, SCHEMA.application_id, "unknown", ["unknown"]),
        (2, SCHEMA.application_id, None, [None]),
        (3, SCHEMA.application_id, None, []),
    ],
)
async def test_every_earlier_version_is_migrated(
    path: Path, version: int, application_id: int, author: str | None, tags: list[str | None]
) -> None:
    make_old(path, version, application_id)

    def everything(connection: sqlite3.Connection) -> list[Any]:
        queries = (
            "SELECT text, author FROM note",
            "SELECT text FROM tag",
            "PRAGMA application_id",
            "PRAGMA user_version",
        )
        return [connection.execute(query).fetchall() for query in queries]

    for _ in range(2):
        database = database_at(path, schema_with(MIGRATIONS))
        await database.open()
        assert await database.run(everything) == [
            [("old", author)],
            [(tag,) for tag in tags],
            [(SCHEMA.application_id,)],
            [(3,)],
        ]
        await database.close()


async def test_an_unmarked_file_of_another_version_is_not_ours(path: Path) -> None:
    make_old(path, 2, 0)
    with pytest.raises(StorageError, match="no sunco notebook"):
        await database_at(path, schema_with(MIGRATIONS)).open()


async def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    old = database_at(path)
    await old.open()
    await old.run(write("old"))
    await old.close()
    broken = [*SCHEMA.migrations, "CREATE TABLE tag (text TEXT); CREATE TABLE note (text TEXT)"]
    with pytest.raises(StorageError, match="table note already exists"):
        await database_at(path, schema_with(broken)).open()
    assert notes(path) == ["old"]
    await old.open()
    assert await old.run(read) == ["old"]
    await old.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", r"unable to open database file\. Make the file and its folder writable"),
        ("nowhere/notes.db", "No such file or directory"),
        ("a\0b", "embedded null (byte|character)"),
    ],
)
async def test_a_path_that_cannot_be_opened_is_a_storage_error(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(StorageError, match=reason) as caught:
        await database_at(tmp_path / name).open()
    assert str(caught.value).startswith("The notebook ")


async def test_a_thread_that_cannot_be_started_is_a_storage_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    database = database_at(path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(StorageError, match="needs a thread: can't start new thread"):
            await database.open()
    await database.open()
    await database.close()


async def test_opening_that_is_cancelled_leaves_no_thread(path: Path) -> None:
    database = database_at(path)
    before = threading.active_count()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await database.open()
    with pytest.raises(StorageError, match="is not open"):
        await database.run(read)
    with anyio.fail_after(60):
        while threading.active_count() > before:  # noqa: ASYNC110 - a thread sends no event
            await anyio.sleep(0.001)
    await database.open()
    await database.close()


async def test_it_can_be_closed_while_it_is_opened(tmp_path: Path) -> None:
    database = database_at(tmp_path)

    async def fail_to_open() -> None:
        with pytest.raises(StorageError, match="cannot be opened"):
            await database.open()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail_to_open)
        await anyio.lowlevel.checkpoint()
        await database.close()


async def test_opening_waits_for_another_process_that_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(path, *SCHEMA.migrations, f"PRAGMA application_id = {SCHEMA.application_id}")
    create(path, "PRAGMA user_version = 1")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM note").fetchall()

        def commit(_: float) -> None:
            other.execute("COMMIT")

        monkeypatch.setattr(module, "_BUSY_TIMEOUT", 0.5)
        # It ends its transaction while the other one waits for its turn.
        monkeypatch.setattr(module, "sleep", commit)
        database = database_at(path)
        await database.open()
    assert await database.run(write("a")) == 1
    await database.close()


async def test_nothing_runs_in_a_closed_database(database: Database) -> None:
    await database.close()
    with pytest.raises(StorageError, match=r"The notebook .* is not open\."):
        await database.run(read)


OPEN_AT_ONCE = """
import sys, anyio
from sunco._storage.database import Database, Schema

async def main():
    script = "CREATE TABLE note (text TEXT NOT NULL)"
    schema = Schema(name="notebook", application_id=0x4E4F5445, migrations=[script])
    database = Database(sys.argv[1], schema=schema, synchronous="normal")
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(10):
        await database.open()
        await database.run(lambda c: c.execute("INSERT INTO note VALUES ('x')"))
        await database.close()

anyio.run(main)
"""


def test_processes_that_create_it_at_the_same_time_share_it(path: Path) -> None:
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(path)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 3
    assert len(notes(path)) == 30


# Locks


LOCKED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
"""


async def test_opening_it_a_second_time_in_a_process_drops_no_lock(
    database: Database, path: Path
) -> None:
    """Issue 12, rows 1 and 2: closing a descriptor of the file dropped all locks of the process."""
    await database.run(write("first"))
    second = database_at(path)
    await second.open()
    await second.close()
    with pytest.raises(StorageError):
        await database_at(path, Schema(name="x", application_id=1, migrations=["SELECT 1"])).open()

    def lock_elsewhere(connection: sqlite3.Connection) -> int:
        write("second")(connection)
        return subprocess.run([sys.executable, "-c", LOCKED, str(path)], check=False).returncode

    assert await database.run(lock_elsewhere) != 0


CLOSE_AS_LAST = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT count(*) FROM note").fetchone()
connection.close()
"""


async def test_a_second_one_in_the_process_and_another_process_lose_nothing(
    database: Database, path: Path
) -> None:
    """Issue 12, row 2: the other process deleted the write-ahead log, as if it were the last."""
    await database.run(write("first"))
    second = database_at(path)
    await second.open()
    assert await second.run(read) == ["first"]
    await second.close()
    await anyio.run_process([sys.executable, "-c", CLOSE_AS_LAST, str(path)])
    for number in range(5):
        await database.run(write(str(number)), flush=True)
    await database.close()
    assert notes(path) == ["first", "0", "1", "2", "3", "4"]


# Jobs


@pytest.mark.parametrize(
    ("synchronous", "flush", "level"),
    [("normal", True, 1), ("full", True, 2), ("full", False, 1)],
)
async def test_only_jobs_with_flush_are_flushed_and_only_if_it_is_full(
    path: Path,
    synchronous: Literal["full", "normal"],
    flush: bool,  # noqa: FBT001 - a parameter
    level: int,
) -> None:
    def ask(connection: sqlite3.Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "secure_delete")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    database = database_at(path, synchronous=synchronous)
    await database.open()
    assert await database.run(ask, flush=flush) == ["wal", level, 1]
    await database.close()


def break_down(connection: sqlite3.Connection) -> None:
    write("half of it")(connection)
    raise ZeroDivisionError


def violate(connection: sqlite3.Connection) -> None:
    write("half of it")(connection)
    connection.execute("INSERT INTO note VALUES (NULL)")


def reject(connection: sqlite3.Connection) -> None:
    write("half of it")(connection)
    raise ConfigurationError("rejected")


def exit_process(connection: sqlite3.Connection) -> None:
    write("half of it")(connection)
    raise SystemExit(1)


def lose_the_transaction(connection: sqlite3.Connection) -> None:
    write("half of it")(connection)
    connection.execute("INSERT OR ROLLBACK INTO note VALUES (NULL)")


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        (write("half \ud83d"), "surrogates not allowed"),
        (break_down, "cannot be used: ZeroDivisionError"),
        (violate, "NOT NULL constraint failed"),
        (reject, "^rejected$"),
        (exit_process, "cannot be used: 1"),
        (lose_the_transaction, "NOT NULL constraint failed"),
    ],
)
async def test_a_job_that_fails_costs_only_itself(
    database: Database, path: Path, failing: Callable[[sqlite3.Connection], Any], message: str
) -> None:
    """Issue 12, row 5: what shared the transaction of a failing job failed, too."""
    first, failed, third = await run_all(database, write("first"), failing, write("third"))
    assert (first, third) == (1, 1)
    with pytest.raises(SuncoError, match=message):
        raise failed
    with pytest.raises(SuncoError, match=message):
        await database.run(failing)
    assert await database.run(write("last")) == 1
    assert sorted(notes(path)) == ["first", "gate", "last", "third"]


async def test_jobs_that_wait_share_a_transaction(database: Database) -> None:
    commits: list[str] = []
    await database.run(lambda c: c.set_trace_callback(commits.append))
    assert await run_all(database, write("a"), write("b"), write("c")) == [1, 1, 1]
    await database.run(lambda c: c.set_trace_callback(None))
    # Of the job that sets the callback, the gate, and the three that waited for it.
    assert commits.count("COMMIT") == 3


async def test_a_job_that_is_cancelled_while_it_waits_is_not_done(
    database: Database, path: Path
) -> None:
    gate = Gate()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.run, gate)
        await gate.reached()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as jobs:
                jobs.start_soon(database.run, write("cancelled"))
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
        gate.open()
    await database.run(read)
    assert notes(path) == ["gate"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_job_that_is_cancelled_while_it_runs_is_done_and_disturbs_no_other(
    database: Database, path: Path
) -> None:
    gate = Gate()
    running = asyncio.create_task(database.run(gate))
    await gate.reached()
    waiting = asyncio.create_task(database.run(write("other")))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    gate.open()
    assert await waiting == 1
    assert notes(path) == ["gate", "other"]


async def test_jobs_submitted_before_closing_are_done(database: Database, path: Path) -> None:
    gate = Gate()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(database.run, gate)
        await gate.reached()
        tasks.start_soon(database.run, write("before"))
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(database.close)
        await anyio.wait_all_tasks_blocked()
        gate.open()
    assert notes(path) == ["gate", "before"]


async def test_a_locked_database_fails_all_that_waits_after_one_timeout(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BUSY_TIMEOUT", 0.0)
    database = database_at(path)
    await database.open()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            for text in "ab":
                tasks.start_soon(expect_busy, database, text)
        other.execute("ROLLBACK")
    assert await database.run(write("c")) == 1
    await database.close()
    assert notes(path) == ["c"]


async def expect_busy(database: Database, text: str) -> None:
    with pytest.raises(StorageError, match=r"database is locked\. Another process holds it"):
        await database.run(write(text))


async def test_a_full_disk_is_reported_with_advice(database: Database, path: Path) -> None:
    def limit(connection: sqlite3.Connection) -> None:
        ((pages,),) = connection.execute("PRAGMA page_count")
        connection.execute(f"PRAGMA max_page_count = {pages + 4}")

    await database.run(limit)
    first, failed, third = await run_all(
        database, write("first"), write("x" * 100_000), write("third")
    )
    assert (first, third) == (1, 1)
    assert isinstance(failed, StorageError)
    assert "database or disk is full. Make room on the disk" in str(failed)
    assert sorted(notes(path)) == ["first", "gate", "third"]


async def test_a_read_only_database_is_reported_with_advice(database: Database) -> None:
    await database.run(lambda c: c.execute("PRAGMA query_only = ON"))
    with pytest.raises(StorageError, match=r"readonly database\. Make the file and its folder"):
        await database.run(write("a"))


async def test_what_was_deleted_is_in_no_file_after_a_checkpoint(
    database: Database, path: Path
) -> None:
    def found() -> bool:
        return any(b"secret" in each.read_bytes() for each in path.parent.iterdir())

    await database.run(write("secret"))
    assert found()
    await database.run(lambda c: c.execute("DELETE FROM note"))
    await database.checkpoint()
    await database.close()
    assert not found()


def test_a_thread_whose_event_loop_has_ended_goes_on(path: Path) -> None:
    database = database_at(path)
    gate = Gate()

    async def abandon() -> None:
        await database.open()
        database.submit(gate)
        await gate.reached()

    anyio.run(abandon)
    gate.open()

    async def resume() -> list[str]:
        notes = await database.run(read)
        await database.close()
        return notes

    assert anyio.run(resume, backend="trio") == ["gate"]


@pytest.mark.parametrize(
    ("text", "stored"),
    [("plain ä 🙂", "plain ä 🙂"), ("half \ud83d", "half \\ud83d"), ("a\0b", "a\\0b")],
)
def test_texts_that_cannot_be_stored_are_escaped(text: str, stored: str) -> None:
    assert storable(text) == stored
