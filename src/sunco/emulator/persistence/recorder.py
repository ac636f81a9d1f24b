"""Performing operations and acts, and remembering them where there is a journal."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sunco.emulator.api.lookup import ANY_APP, USER
from sunco.emulator.api.operation import Call, Operation, OperationTable, Upload
from sunco.emulator.end_users.actions import ACTS
from sunco.emulator.errors import ApiError, refuse
from sunco.emulator.http.authentication import Principal
from sunco.emulator.persistence.journal import JournalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sunco.emulator.api.operation import Answer
    from sunco.emulator.persistence.journal import Journal
    from sunco.emulator.state.account import Account

Result = TypeVar("Result")

MOST_ENTRIES = 20_000
# After these nothing of what they delete may be left in the file.
_ERASING = {ANY_APP, USER, f"{USER}/personalinformation"}


class History:
    """The one way by which an account changes.

    Args:
        account: The account.
        table: The operations, to repeat what a journal says.
        app_id: The app whose end users act.
        journal: Where to write down what was done.
        changed: Called when something was done.
    """

    def __init__(
        self,
        account: Account,
        table: OperationTable,
        *,
        app_id: str,
        journal: Journal | None,
        changed: Callable[[], None],
    ) -> None:
        self.account = account
        self._table = table
        self._app_id = app_id
        self._journal = journal
        self._changed = changed
        self._entries = 0

    def repeat(self) -> None:
        """Do again what was done since the snapshot.

        Raises:
            JournalError: It cannot be done again.
        """
        if self._journal is None:
            return
        for entry, file in self._journal.entries():
            self.account.clock.number = entry["number"]
            try:
                with self.account.clock.held(datetime.fromisoformat(entry["at"])):
                    self._repeat(entry, file)
            except (ApiError, LookupError, TypeError, ValueError) as error:
                raise JournalError(f"an entry cannot be repeated: {error!r}") from error
        self.account.outbox.clear()

    def _repeat(self, entry: dict[str, Any], file: bytes) -> None:
        if "act" in entry:
            self._perform(entry["act"], entry["body"])
        else:
            self._repeat_call(entry, file)

    def _repeat_call(self, entry: dict[str, Any], file: bytes) -> None:
        operation, ids = self._table.find(entry["method"], entry["path"])
        upload = Upload(**entry["upload"], content=file) if entry["upload"] else None
        principal = Principal(**entry["principal"])
        operation.run(
            Call(
                self.account,
                principal,
                {**ids, **entry["ids"]},
                entry["query"],
                entry["body"],
                entry["origin"],
                entry["path"],
                upload,
            )
        )

    def run(self, operation: Operation, call: Call) -> Answer:
        """Perform an operation."""
        if not operation.changes:
            return operation.run(call)
        if self._journal is None:
            try:
                return operation.run(call)
            finally:
                self._changed()
        entry: dict[str, Any] = {
            "method": operation.method,
            "path": call.path,
            "ids": call.ids,
            "query": call.query,
            "body": call.body,
            "origin": call.origin,
            "principal": asdict(call.principal),
            "upload": None,
        }
        file = b""
        if call.upload is not None:
            file = call.upload.content
            entry["upload"] = {"name": call.upload.name, "media_type": call.upload.media_type}
        answer = self._remembered(self._journal, entry, file, lambda: operation.run(call))
        if operation.method == "DELETE" and operation.path in _ERASING:
            self.keep()
        return answer

    def act(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Perform an act of an end user.

        Raises:
            ApiError: It cannot be done.
        """
        act = ACTS[name]
        refuse(act.shape.problems(body, ""))
        if not act.changes:
            return self._perform(name, body)
        if self._journal is None:
            try:
                return self._perform(name, body)
            finally:
                self._changed()
        entry = {"act": name, "body": body}
        return self._remembered(self._journal, entry, b"", lambda: self._perform(name, body))

    def keep(self) -> None:
        """Write everything down anew, without what is gone."""
        if self._journal is not None:
            self._journal.snapshot(self.account)
            self._entries = 0

    def _perform(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        app = self.account.apps.get(self._app_id)
        if app is None:
            raise ApiError(404, "app_not_found", "App not found")
        return ACTS[name].run(app, body)

    def _remembered(
        self, journal: Journal, entry: dict[str, Any], file: bytes, perform: Callable[[], Result]
    ) -> Result:
        clock = self.account.clock
        moment = clock.now()
        made = {"at": moment.isoformat(), "number": clock.number, **entry}
        try:
            with clock.held(moment):
                answer = perform()
        finally:
            self._changed()
        journal.append(made, file)
        self._entries += 1
        if self._entries >= MOST_ENTRIES:
            self.keep()
        return answer
