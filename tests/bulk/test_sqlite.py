"""What only a journal in a file can meet."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from sunco import ConfigurationError, StorageError
from sunco.bulk import SQLiteJournal

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


async def test_two_processes_and_what_a_killed_one_leaves(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
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


async def test_the_file_is_for_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = SQLiteJournal(path)
    await journal.open("job")
    await journal.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert repr(journal) == f"SQLiteJournal({str(path)!r})"


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_a_journal_needs_a_file(path: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a file"):
        SQLiteJournal(path)


def test_synchronous_is_one_of_two() -> None:
    unknown: Any = "off"
    with pytest.raises(ConfigurationError, match="synchronous"):
        SQLiteJournal("x", synchronous=unknown)


async def test_other_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no database, but text of some length\n" * 50, encoding="ascii")
    before = text.read_bytes()
    with pytest.raises(StorageError, match="cannot be used: file is not a database"):
        await SQLiteJournal(text).open("job")
    assert text.read_bytes() == before
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StorageError, match="no journal"):
        await SQLiteJournal(other).open("job")
    with pytest.raises(StorageError, match="cannot be used"):
        await SQLiteJournal(tmp_path).open("job")
    with pytest.raises(StorageError, match="cannot be used"):
        await SQLiteJournal(tmp_path / "no" / "j.sqlite").open("job")


async def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    journal = SQLiteJournal(path)
    await journal.open("job")
    await journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="another version"):
        await journal.open("job")


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite")
    await journal.open("job")
    connection = cast("Any", journal)._connection
    ((pages,),) = connection.execute("PRAGMA page_count")
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="cannot be written: database or disk is full"):
        await journal.claim("k" * 100_000, None, retry_uncertain=True)
    connection.execute("PRAGMA max_page_count = 100000")
    assert (await journal.claim("later", None, retry_uncertain=True)).decision == "new"
    await journal.close()


async def test_a_read_only_file_is_told(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite")
    await journal.open("job")
    connection = cast("Any", journal)._connection
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError, match="cannot be written: attempt to write a readonly"):
        await journal.claim("a", None, retry_uncertain=True)
    await journal.close()


@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_what_cannot_be_written_takes_nothing_with_it(
    tmp_path: Path, synchronous: Any
) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite", synchronous=synchronous)
    await journal.open("job")
    with pytest.raises(StorageError, match="cannot be written"):
        await journal.claim("\ud800", None, retry_uncertain=True)
    assert (await journal.claim("a", None, retry_uncertain=True)).decision == "new"
    await journal.close()


async def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite")
    with pytest.raises(StorageError, match="not open"):
        await journal.claim("a", None, retry_uncertain=True)
    with pytest.raises(StorageError, match="not open"):
        await journal.counts()


async def test_keys_that_come_together_and_are_the_same_are_duplicates(tmp_path: Path) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite")
    for _ in range(2):
        await journal.open("job")
        decisions: list[str] = []

        async def claim(key: str, decisions: list[str] = decisions) -> None:
            decisions.append((await journal.claim(key, None, retry_uncertain=True)).decision)

        async with anyio.create_task_group() as tasks:
            for key in ("a", "b", "a", "a"):
                tasks.start_soon(claim, key)
        assert decisions.count("duplicate") == 2
        await journal.close()


async def test_a_thread_that_fails_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SQLiteJournal(tmp_path / "j.sqlite")
    await journal.open("job")
    errors: list[type[BaseException]] = []

    async def claim(key: str) -> None:
        try:
            await journal.claim(key, None, retry_uncertain=True)
        except (OSError, StorageError) as error:
            errors.append(type(error))

    async def fail(_: Any) -> None:
        raise OSError("no thread")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_in_thread", fail)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(claim, "a")
            tasks.start_soon(claim, "b")
    assert set(errors) == {OSError, StorageError}
    assert (await journal.claim("a", None, retry_uncertain=True)).decision == "new"
    await journal.close()


async def test_a_database_that_cannot_be_made_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> int:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match="Read-only file system"):
        await SQLiteJournal(tmp_path / "j.sqlite").open("job")
