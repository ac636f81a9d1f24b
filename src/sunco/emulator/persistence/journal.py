"""Keeping an emulator's state in a file, so that it outlives the process."""

from __future__ import annotations

import io
import json
import pickle
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.account import Account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), state BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    id INTEGER PRIMARY KEY, entry TEXT NOT NULL, file BLOB NOT NULL
);
"""


class JournalError(ValueError):
    """The file is not a journal that can be used; the message says why."""


class Journal:
    """A snapshot of everything, and what was done since.

    To write down what is done costs the same however much there is; to take a snapshot does not.
    What a snapshot does not have is in the file no more.

    Args:
        path: The file, which is made if there is none.

    Raises:
        JournalError: It is another kind of file, of another version, or in use.
    """

    def __init__(self, path: str | Path) -> None:
        # Whoever makes an emulator may serve it in another thread.
        self._database = sqlite3.connect(
            path, timeout=0.5, isolation_level=None, check_same_thread=False
        )
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
        self._database.execute("PRAGMA secure_delete = ON")
        # Otherwise what was overwritten would stay in SQLite's own journal.
        self._database.execute("PRAGMA journal_mode = TRUNCATE")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(f"BEGIN EXCLUSIVE; {_TABLES} COMMIT")
        self._database.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def restore(self) -> Account | None:
        """The last snapshot, if there is one.

        Raises:
            JournalError: It cannot be read.
        """
        row = self._database.execute("SELECT state FROM snapshot").fetchone()
        if row is None:
            return None
        try:
            account = _Unpickler(io.BytesIO(row[0])).load()
        except (pickle.UnpicklingError, AttributeError, EOFError, ImportError) as error:
            raise JournalError(f"its state cannot be read: {error}") from None
        if not isinstance(account, Account):
            raise JournalError("its state is of another kind")
        return account

    def entries(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """What was done since the last snapshot, in order."""
        rows = self._database.execute("SELECT entry, file FROM entries ORDER BY id")
        with closing(rows):
            for entry, file in rows:
                yield json.loads(entry), file

    def append(self, entry: dict[str, Any], file: bytes = b"") -> None:
        """Write down what was done."""
        # Lone surrogates cannot be stored as they are, so everything is written in ASCII.
        self._database.execute(
            "INSERT INTO entries (entry, file) VALUES (?, ?)", (json.dumps(entry), file)
        )

    def snapshot(self, account: Account) -> None:
        """Write down everything, in place of all that was written before."""
        state = pickle.dumps(account, protocol=4)
        self._database.execute("BEGIN EXCLUSIVE")
        self._database.execute("REPLACE INTO snapshot (id, state) VALUES (1, ?)", (state,))
        self._database.execute("DELETE FROM entries")
        self._database.execute("COMMIT")


class _Unpickler(pickle.Unpickler):
    """Makes the emulator's own records only, so that a file can do no harm."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith("sunco.emulator.") else None
        if not isinstance(found, type):
            raise pickle.UnpicklingError(f"{module}.{name} is not a record")
        return found
