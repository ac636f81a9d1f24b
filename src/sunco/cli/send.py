"""`sunco send`: the messages of a file, each exactly once."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs

from sunco import StorageError, Sunco, SuncoError
from sunco._storage.postgres import is_postgres
from sunco.bulk import PostgresJournal, attempt, run, work
from sunco.bulk._key_set import KeySet
from sunco.cli.exit_codes import ExitCode
from sunco.cli.input import AnyRow, BadRow, InputError, Row, key_of, opened, read_rows
from sunco.cli.output import complain, write
from sunco.cli.report import progress_of, summarize
from sunco.cli.runtime import client
from sunco.cli.template import Template
from sunco.ratelimit import Limiter, PostgresRateLimiter

__all__ = ["SendCommand"]

_MAX_SHOWN: Final = 20


@attrs.define
class _Sender:
    """Sends rows.

    Attributes:
        grace_period: Seconds after which a message that was sent can no longer arrive.
        lines: The line numbers of the first rows that were not sent, by key.
        started: Whether anything may have been sent.
        sunco: The client.
    """

    grace_period: float
    lines: dict[str, int] = attrs.field(factory=dict[str, int])
    started: bool = False
    sunco: Sunco = attrs.field(init=False)

    async def send(self, row: AnyRow) -> Any:
        self.started = True
        assert isinstance(row, Row)  # noqa: S101 - other rows have no key
        this = attempt()
        try:
            return await self.sunco.messages.post_once(
                row.conversation,
                row.message,
                key=row.key,
                metadata=row.metadata,
                schema=row.schema,
                grace_period=self.grace_period,
                maybe_sent=this.maybe_done,
                since=this.since,
            )
        except SuncoError:
            if len(self.lines) < _MAX_SHOWN:
                self.lines[row.key] = row.line
            raise


def _encode_row(row: AnyRow) -> str:
    assert isinstance(row, Row)  # noqa: S101 - other rows have no key
    return json.dumps([row.conversation, row.message, row.key, row.metadata, row.schema])


def _decode_row(text: str) -> Row:
    conversation, message, key, metadata, schema = json.loads(text)
    return Row(0, conversation, message, key, metadata, schema)


@attrs.frozen(kw_only=True)
class SendCommand:
    """The arguments of `sunco send`; see its help."""

    file: str
    format: str | None
    template: Path | None
    ignore_columns: bool
    journal: str | None
    job: str | None
    join: str | None
    rate: float | None
    burst: int
    concurrency: int
    grace_period: float
    stop_after_failures: int | None
    dry_run: bool
    preview: int | None

    async def run(self) -> int:
        """Send the messages, and return the exit code."""
        if self.join is not None:
            return await self._join(self.join)
        try:
            template = None if self.template is None else Template.read(self.template)
            if self.preview is not None:
                return self._show_first(template, self.preview)
            checked = self.dry_run or self.file != "-"
            total = self._check(template) if checked else None
        except InputError as error:
            complain(f"sunco: {error}")
            return ExitCode.USAGE
        if self.dry_run:
            write(f"{total:,} messages could be sent. Nothing was sent.\n")
            return ExitCode.DONE
        return await self._send(template, total)

    async def _send(self, template: Template | None, total: int | None) -> int:
        app_id = os.environ.get("SUNCO_APP_ID")
        job = self.job or f"send {Path(self.file).name} to app {app_id}"
        resume = (
            "Run the same command again to resume."
            if self.journal
            else "Run the same command again: messages that were sent are not sent twice."
        )
        sender = _Sender(self.grace_period)
        async with self._client(job, sender):
            try:
                with opened(self.file) as file, progress_of(job, resume) as progress:
                    report = await run(
                        sender.send,
                        self._rows(read_rows(file, self._format, template)),
                        key=key_of,
                        concurrency=self.concurrency,
                        journal=self._journal,
                        progress=progress,
                        stop_after_failures=self.stop_after_failures,
                        job=job,
                        grace_period=self.grace_period,
                        total=total,
                    )
            except StorageError as error:
                if sender.started:
                    complain(f"sunco: {error}")
                    return ExitCode.INCOMPLETE
                if "another job" in error.message:
                    raise StorageError(
                        f"{error.message} Pass the name with --job, if it is the same job."
                    ) from error
                raise
        return summarize(report, "sent", counts={}, lines=sender.lines)

    async def _join(self, job: str) -> int:
        sender = _Sender(self.grace_period)
        resume = "Run the same command again to join again."
        async with self._client(job, sender):
            with progress_of(job, resume) as progress:
                report = await work(
                    sender.send,
                    job=job,
                    journal=self._journal or "",
                    concurrency=self.concurrency,
                    progress=progress,
                    stop_after_failures=self.stop_after_failures,
                    grace_period=self.grace_period,
                )
        return summarize(report, "sent", counts={}, lines=sender.lines)

    @property
    def _journal(self) -> PostgresJournal | str | None:
        if self.journal is None or not is_postgres(self.journal):
            return self.journal
        return PostgresJournal(self.journal, encode=_encode_row, decode=_decode_row)

    @asynccontextmanager
    async def _client(self, job: str, sender: _Sender) -> AsyncGenerator[None]:
        """Give the sender a client; with a database, its rate is that of the whole job."""
        async with AsyncExitStack() as stack:
            limiter: Limiter | None = None
            if self.rate is not None and self.journal is not None and is_postgres(self.journal):
                limiter = await stack.enter_async_context(
                    PostgresRateLimiter(
                        self.journal, rate=self.rate, burst=self.burst, name=f"job {job}"
                    )
                )
            sender.sunco = await stack.enter_async_context(
                client(
                    rate=self.rate,
                    burst=self.burst,
                    concurrency=self.concurrency,
                    limiter=limiter,
                )
            )
            yield

    @property
    def _format(self) -> str:
        return self.format or ("csv" if self.file.lower().endswith(".csv") else "jsonl")

    def _rows(self, rows: Iterable[AnyRow]) -> Iterator[AnyRow]:
        """The rows; from standard input, which is not checked first, without unused columns."""
        for row in rows:
            if self.file == "-" and isinstance(row, Row) and row.unused and not self.ignore_columns:
                yield BadRow(row.line, _unused(row.unused))
            else:
                yield row

    def _check(self, template: Template | None) -> int:
        """Check all rows, and return their number.

        Raises:
            InputError: Some cannot be sent. The message shows which.
        """
        total, problems = 0, 0
        shown: list[BadRow] = []
        repeated: dict[str, list[int]] = {}
        used, unused = set[str](), set[str]()
        keys = KeySet()
        with opened(self.file) as file:
            for row in read_rows(file, self._format, template):
                total += 1
                if isinstance(row, Row):
                    used |= row.used
                    unused |= row.unused
                    if keys.add(row.key):
                        continue
                    repeated.setdefault(row.key, []).append(row.line)
                    row = BadRow(row.line, "it repeats an earlier line")  # noqa: PLW2901 - a problem
                problems += 1
                if len(shown) < _MAX_SHOWN:
                    shown.append(row)
        if problems:
            first = self._first_lines(template, repeated)
            lines = [f"\n  line {row.line}: {first.get(row.line, row.reason)}" for row in shown]
            more = f"\n  and {problems - len(shown):,} more" if problems > len(shown) else ""
            raise InputError(
                f"{problems:,} of {total:,} rows cannot be sent, so nothing was sent:"
                f"{''.join(lines)}{more}"
            )
        if unused - used and not self.ignore_columns:
            raise InputError(f"{_unused(unused - used)}. Nothing was sent.")
        return total

    def _first_lines(
        self, template: Template | None, repeated: dict[str, list[int]]
    ) -> dict[int, str]:
        """What to say about each line that repeats another."""
        found: dict[int, str] = {}
        if repeated and self.file != "-":
            with opened(self.file) as file:
                for row in read_rows(file, self._format, template):
                    if isinstance(row, Row):
                        for line in repeated.pop(row.key, []):
                            found[line] = f"it repeats line {row.line}"
        return found

    def _show_first(self, template: Template | None, count: int) -> int:
        with opened(self.file) as file:
            rows = self._rows(read_rows(file, self._format, template))
            for row, _ in zip(rows, range(count), strict=False):
                if isinstance(row, BadRow):
                    write(f"line {row.line}: cannot be sent: {row.reason}\n")
                    continue
                message = row.message
                text = message if isinstance(message, str) else json.dumps(message, indent=2)
                indented = text.replace("\n", "\n  ")
                write(f"line {row.line} to {row.conversation}:\n  {indented}\n")
        write("Nothing was sent.\n")
        return ExitCode.DONE


def _unused(columns: Iterable[str]) -> str:
    names = ", ".join(map(ascii, sorted(columns)))
    return (
        f"nothing uses {names}: correct the name, use it as a {{placeholder}}, or pass "
        "--ignore-columns"
    )
