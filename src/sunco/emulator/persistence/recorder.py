"""Executing the commands that change the state, and recording them for replay."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sunco.emulator.errors import ApiError
from sunco.emulator.persistence.journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sunco.emulator.persistence.journal import Journal
    from sunco.emulator.state.account import Account

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)

MAX_ENTRIES = 20_000


class Command(Protocol[Result_co]):
    """A call of an operation or an action."""

    @property
    def mutates(self) -> bool:
        """Whether it changes the state."""
        ...

    @property
    def erases(self) -> bool:
        """Whether the data that it deletes must not stay in the journal."""
        ...

    @property
    def file(self) -> bytes:
        """The uploaded file."""
        ...

    def run(self) -> Result_co:
        """Execute it."""
        ...

    def to_entry(self) -> dict[str, Any]:
        """The command as JSON values, without the file."""
        ...


class Recorder:
    """The only way in which an account changes.

    Args:
        account: The account.
        journal: Where to record commands, None to keep them nowhere.
        changed: Called after each command.
    """

    def __init__(
        self, account: Account, journal: Journal | None, *, changed: Callable[[], None]
    ) -> None:
        self._account = account
        self._journal = journal
        self._changed = changed
        self._entries = 0

    def replay(self, execute: Callable[[dict[str, Any], bytes], object]) -> None:
        """Execute the commands since the last snapshot.

        Args:
            execute: Executes an entry with its file.

        Raises:
            JournalError: A command fails.
        """
        if self._journal is None:
            return
        for entry, file in self._journal.entries():
            try:
                self._account.clock.number = entry["number"]
                with self._account.clock.frozen(datetime.fromisoformat(entry["at"])):
                    execute(entry, file)
            except (ApiError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise JournalError(f"an entry cannot be replayed: {error!r}") from error
        # The events were delivered before.
        self._account.outbox.clear()

    def execute(self, command: Command[Result]) -> Result:
        """Execute a command, and record it unless it fails.

        Args:
            command: The command.
        """
        if not command.mutates:
            return command.run()
        clock = self._account.clock
        moment, number = clock.now(), clock.number
        try:
            with clock.frozen(moment):
                result = command.run()
        finally:
            self._changed()
        if self._journal is not None:
            entry = {"at": moment.isoformat(), "number": number, **command.to_entry()}
            self._journal.append(entry, command.file)
            self._entries += 1
            if command.erases or self._entries >= MAX_ENTRIES:
                self.checkpoint()
        return result

    def checkpoint(self) -> None:
        """Store a snapshot in place of the recorded commands."""
        if self._journal is not None:
            self._journal.checkpoint(self._account)
            self._entries = 0
