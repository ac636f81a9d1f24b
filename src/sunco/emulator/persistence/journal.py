"""The file that an emulator keeps its state in."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sunco.emulator.persistence.snapshot import dump, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import Limits

VERSION = 2
# "SCEm" in ASCII.
APPLICATION_ID = 0x5343456D

_TABLES = """
CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY, entry TEXT NOT NULL, file BLOB NOT NULL
);
"""


class JournalError(ValueError):
    """The file cannot be used as a journal; the message says why."""


class Journal:
    """A snapshot of the state, and the commands since.

    Appending a command takes constant time; a snapshot takes time proportional to the state. What
    was deleted before a snapshot is not in the file any more.

    Args:
        path: The SQLite file, created if it does not exist.

    Raises:
        JournalError: It cannot be opened, is another kind of file, has another version, or is in
            use.
    """

    def __init__(self, path: str | Path) -> None:
        try:
            import sqlite3  # noqa: PLC0415 - not every Python has it
        except ModuleNotFoundError as error:
            raise JournalError(f"this Python has no SQLite: {error}") from None
        # An emulator can be created in one thread and served in another.
        try:
            self._database = sqlite3.connect(
                path, timeout=0.5, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise JournalError(str(error)) from None
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise JournalError(str(error)) from None
        except JournalError:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
        (found,) = self._database.execute("PRAGMA user_version").fetchone()
        if found not in (0, VERSION):
            raise JournalError(f"its version is {found}, not {VERSION}")
        (owner,) = self._database.execute("PRAGMA application_id").fetchone()
        (tables,) = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner != APPLICATION_ID and (owner or tables):
            raise JournalError("it is not a state file of the emulator")
        self._database.execute("PRAGMA secure_delete = ON")
        # Without it, deleted data would stay in SQLite's rollback journal.
        self._database.execute("PRAGMA journal_mode = TRUNCATE")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(f"BEGIN EXCLUSIVE; {_TABLES} COMMIT")
        self._database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def restore(self, now: Callable[[], datetime], limits: Limits) -> Account | None:
        """The last snapshot, None if there is none.

        Args:
            now: Returns the current time, aware.
            limits: The limits of the account.

        Raises:
            JournalError: It cannot be read.
        """
        row = self._database.execute("SELECT state FROM snapshot").fetchone()
        if row is None:
            return None
        try:
            return load(json.loads(row[0]), now, limits)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise JournalError(f"its state cannot be read: {error!r}") from None

    def entries(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """The commands since the last snapshot, in order, each with its uploaded file."""
        rows = self._database.execute("SELECT entry, file FROM entries ORDER BY id")
        with closing(rows):
            for entry, file in rows:
                yield json.loads(entry), file

    def append(self, entry: dict[str, Any], file: bytes = b"") -> None:
        """Append a command.

        Args:
            entry: The command as JSON values.
            file: The file that was uploaded with it.
        """
        # SQLite cannot store lone surrogates, so everything is written in ASCII.
        self._database.execute(
            "INSERT INTO entries (entry, file) VALUES (?, ?)", (json.dumps(entry), file)
        )

    def checkpoint(self, account: Account) -> None:
        """Store a snapshot, and remove the commands before it."""
        state = json.dumps(dump(account), separators=(",", ":"))
        self._database.execute("BEGIN EXCLUSIVE")
        self._database.execute("REPLACE INTO snapshot (id, state) VALUES (1, ?)", (state,))
        self._database.execute("DELETE FROM entries")
        self._database.execute("COMMIT")
