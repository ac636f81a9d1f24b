from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from sunco import ConfigurationError, StorageError
from sunco.bulk import Completion, SQLiteJournal

pytestmark = pytest.mark.anyio

HOLD = """
import sys, anyio
from sunco.bulk import Completion, SQLiteJournal

async def main():
    journal = SQLiteJournal(sys.argv[1])
    await journal.open("job")
    await journal.claim("started", None, retry_uncertain=True)
    await journal.claim("done", None, retry_uncertain=True)
    await journal.record([Completion("done", "done")])
    print("ready", flush=True)
    await anyio.sleep(60)

anyio.run(main)
"""
TRY_TO_OPEN = """
import sys, anyio
from sunco import StorageError
from sunco.bulk import SQLiteJournal

async def main():
    try:
        await SQLiteJournal(sys.argv[1]).open("job")
    except StorageError as error:
        print(error)

anyio.run(main)
"""
# As version 0.1 of the schema was written.
VERSION_1 = """
PRAGMA application_id = 0x53554E43;
PRAGMA user_version = 1;
CREATE TABLE job (name TEXT NOT NULL, run INTEGER NOT NULL);
CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    run INTEGER NOT NULL,
    first REAL NOT NULL,
    changed REAL NOT NULL,
    fingerprint TEXT,
    error TEXT,
    result TEXT
) WITHOUT ROWID;
INSERT INTO job VALUES ('job', 3);
INSERT INTO keys VALUES ('a', 'done', 1, 1, 10.0, 11.0, '0123456789abcdef', NULL, '["m1"]');
INSERT INTO keys VALUES ('b', 'failed', 2, 3, 12.0, 13.0, NULL, 'NotFoundError: gone', NULL);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.sqlite"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[SQLiteJournal]:
    opened = SQLiteJournal(path)
    await opened.open("job")
    yield opened
    await opened.close()


async def claim(journal: SQLiteJournal, key: str) -> str:
    return (await journal.claim(key, None, retry_uncertain=True)).decision


async def run_python(program: str, path: Path) -> str:
    process = await anyio.run_process([sys.executable, "-c", program, str(path)])
    return process.stdout.decode()


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_killed_process_leaves_what_it_recorded_and_no_lock(path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: ASYNC220 - waited for
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StorageError, match="in use by another process"):
            await SQLiteJournal(path).open("job")
        process.kill()
    journal = SQLiteJournal(path)
    await journal.open("job")
    assert await journal.counts() == {"started": 1, "done": 1, "failed": 0, "uncertain": 0}
    await journal.close()


async def test_a_second_run_that_is_rejected_does_not_let_a_third_one_in(
    journal: SQLiteJournal, path: Path
) -> None:
    """Issue 12, row 1: rejecting the second run dropped the locks of the first."""
    assert await claim(journal, "a") == "new"
    with pytest.raises(StorageError, match="in use by another"):
        await SQLiteJournal(path).open("job")
    assert "in use by another process" in await run_python(TRY_TO_OPEN, path)
    assert await claim(journal, "b") == "new"


async def test_a_run_that_has_lost_its_lock_starts_no_item(
    journal: SQLiteJournal, path: Path
) -> None:
    assert await claim(journal, "a") == "new"
    path.with_name(f"{path.name}-lock").unlink()
    second = SQLiteJournal(path)
    await second.open("job")
    with pytest.raises(StorageError, match="in use by another process, which began run 2"):
        await journal.claim("b", None, retry_uncertain=True)
    assert await claim(second, "b") == "new"
    await second.close()


async def test_a_lock_that_cannot_be_written_is_reported(path: Path) -> None:
    path.with_name(f"{path.name}-lock").mkdir()
    journal = SQLiteJournal(path)
    with pytest.raises(StorageError, match=r"cannot be locked: .* writable for this user"):
        await journal.open("job")
    path.with_name(f"{path.name}-lock").rmdir()
    await journal.open("job")
    await journal.close()


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_journal_needs_a_file(path: str) -> None:
    with pytest.raises(ConfigurationError, match="The journal needs the path of a file"):
        SQLiteJournal(path)


def test_synchronous_is_one_of_two() -> None:
    unknown: Any = "off"
    with pytest.raises(ConfigurationError, match="synchronous"):
        SQLiteJournal("x", synchronous=unknown)


def test_its_repr_is_how_it_is_made(path: Path) -> None:
    assert repr(SQLiteJournal(str(path))) == f"SQLiteJournal({str(path)!r})"


async def test_a_journal_of_version_1_is_migrated(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
    journal = SQLiteJournal(path)
    await journal.open("job")
    done, failed = await journal.entry("a"), await journal.entry("b")
    assert done is not None
    assert failed is not None
    assert (done.state, done.attempts, done.run, done.result) == ("done", 1, 1, '["m1"]')
    assert (done.first_started, done.changed) == (10.0, 11.0)
    assert done.fingerprint == bytes.fromhex("0123456789abcdef")
    assert (failed.state, failed.error) == ("failed", "NotFoundError: gone")
    assert await claim(journal, "a") == "done"
    assert await claim(journal, "b") == "retry"
    await journal.close()


async def test_a_database_of_another_kind_is_rejected(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE keys (x)")
    with pytest.raises(StorageError, match="no sunco journal"):
        await SQLiteJournal(path).open("job")


@pytest.mark.parametrize("key", ["\ud800", "a\0b"])
async def test_a_key_that_cannot_be_stored_costs_only_itself(
    journal: SQLiteJournal, key: str
) -> None:
    decisions: list[str] = []

    async def claim_and_note(key: str) -> None:
        decisions.append(await claim(journal, key))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(claim_and_note, "a")
        with pytest.raises(StorageError, match="cannot store the key"):
            await claim(journal, key)
        tasks.start_soon(claim_and_note, "b")
    assert decisions == ["new", "new"]


async def test_errors_and_results_that_cannot_be_stored_are_escaped(
    journal: SQLiteJournal,
) -> None:
    await claim(journal, "a")
    await journal.record([Completion("a", "failed", error="half \ud83d", result="a\0b")])
    entry = await journal.entry("a")
    assert entry is not None
    assert (entry.error, entry.result) == ("half \\ud83d", "a\\0b")


async def test_a_batch_that_cannot_be_written_does_not_stop_the_next_one(
    journal: SQLiteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("sunco._storage.database._BUSY_TIMEOUT", 0.0)
        second = SQLiteJournal(path)
        await journal.close()
        await second.open("job")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="database is locked"):
            await claim(second, "a")
    assert await claim(second, "a") == "new"
    await second.close()


async def test_a_closed_journal_cannot_be_used(path: Path) -> None:
    journal = SQLiteJournal(path)
    with pytest.raises(StorageError, match="is not open"):
        await claim(journal, "a")
    with pytest.raises(StorageError, match="is not open"):
        await journal.counts()


async def test_equal_keys_of_one_transaction_are_duplicates(path: Path) -> None:
    journal = SQLiteJournal(path)
    for _ in range(2):
        await journal.open("job")
        decisions: list[str] = []

        async def claim_and_note(key: str, decisions: list[str] = decisions) -> None:
            decisions.append(await claim(journal, key))

        async with anyio.create_task_group() as tasks:
            for key in ("a", "b", "a", "a"):
                tasks.start_soon(claim_and_note, key)
        assert decisions.count("duplicate") == 2
        await journal.close()
