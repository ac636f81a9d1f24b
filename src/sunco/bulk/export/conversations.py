"""Exporting conversations to a folder: each file is complete or absent."""

from __future__ import annotations

import os
import uuid
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Generator,
    Iterable,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager, contextmanager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import anyio
import attrs

from sunco import ConfigurationError, StorageError, Sunco, SuncoError
from sunco._storage.file_lock import FileLock
from sunco._storage.postgres import is_postgres
from sunco._sync import in_thread
from sunco.bulk._key_set import KeySet
from sunco.bulk.errors import ExportError
from sunco.bulk.export.attachments import AttachmentFiles
from sunco.bulk.export.files import (
    Place,
    file_name,
    make_folder,
    part_of,
    place_at,
    replace_durably,
)
from sunco.bulk.export.raw import RawItem, RawPage, parse_object, parse_time, raw_pages
from sunco.bulk.export.writers import Format, Kind, Known, Writer, format_named
from sunco.bulk.jobs import run
from sunco.bulk.journal.postgres import PostgresJournal
from sunco.bulk.outcome import Report
from sunco.bulk.progress import ProgressCallback
from sunco.wire import expand_path

__all__ = ["ExportReport", "export_conversations"]


_LOCK = ".sunco-export"
_CONVERSATION = "/v2/apps/{app_id}/conversations/{conversation_id}"
_PAGE_SIZE = 100
_MAX_HELD = 200


@attrs.frozen(kw_only=True)
class ExportReport:
    """The result of an export.

    Attributes:
        exported: Conversations that were written for the first time.
        updated: Conversations to which new records were added.
        unchanged: Conversations in which nothing was new.
        skipped: Conversations whose file was there and was kept as it is (without `update`).
        messages: Messages that were written.
        attachments: Attachments that were downloaded.
        missing_attachments: Attachments that could not be downloaded.
        job: The report of the job, with the conversations and users that failed.
    """

    exported: int
    updated: int
    unchanged: int
    skipped: int
    messages: int
    attachments: int
    missing_attachments: int
    job: Report

    @property
    def ok(self) -> bool:
        """Whether everything was exported."""
        return self.job.ok and not self.missing_attachments


@attrs.frozen
class _Unlisted:
    """A user whose conversations could not be listed."""

    key: str
    error: SuncoError


async def export_conversations(
    sunco: Sunco,
    *,
    users: Iterable[str] | AsyncIterable[str] | None = None,
    conversations: Iterable[str] | AsyncIterable[str] | None = None,
    to: str | os.PathLike[str],
    format: Literal["jsonl", "parquet"] = "jsonl",  # noqa: A002 - the word for it
    update: bool = False,
    since: datetime | None = None,
    attachments: bool = False,
    concurrency: int = 8,
    progress: ProgressCallback | bool | None = None,
    stop_after_failures: int | None = None,
    journal: PostgresJournal | str | None = None,
    job: str = "export",
) -> ExportReport:
    """Export conversations to a folder: a file each, with participants and all messages.

    A file gets its name when it is complete and on the disk. Conversations that have a file are
    skipped, so that an export that was stopped is resumed by running it again. With `update`, what
    is new is added to them: new messages, and the conversation and participants where they have
    changed. Messages that were deleted stay in the file. An unknown user or conversation is
    reported as failed, and the others are exported. Only this user can read the files.

    `"jsonl"`: one JSON object per line, `{"kind": "message", "message": {...}}`, exactly as the API
    sent it: the conversation, its participants, its messages (newest first). An update appends
    records, its messages oldest first; of several records with the same id, the last one counts.

    `"parquet"` (`sunco[parquet]`): the same order, one row per record, in the columns `kind`,
    `conversation_id`, `id`, `received` (UTC; for a conversation, its creation), `author_type`,
    `author_user_id` (for a participant, its user), `author_name`, `content_type`, `text`,
    `source_type`, `integration_id`, `metadata` (JSON) and `json` (all of it). An update adds a file
    `ID+2.parquet`, `ID+3.parquet`, ...; the whole folder can be read as one table.

    Memory: two pages of each conversation in flight; with `update`, its new messages.

    Args:
        sunco: The client. It must have an `app_id`.
        users: Export the conversations of these users (ids or external ids).
        conversations: Export these conversations (ids), instead of `users`.
        to: The folder, which is created if necessary, or a URL such as `s3://bucket/folder`
            (`sunco[fsspec]`). Without a journal, one process at a time can export to it: a folder
            is locked, an object store is not.
        format: `"jsonl"` or `"parquet"`.
        update: Add what is new to conversations that have a file.
        since: Export only messages received at this moment or later, and no conversation without.
        attachments: Also download the files of the messages that are exported, to
            `attachments/CONVERSATION/MESSAGE.png` in the folder.
        concurrency: The maximum number of conversations in flight.
        progress: As in `run`; the items are conversations.
        stop_after_failures: As in `run`.
        journal: A `PostgresJournal` or a `postgresql://` address: several processes that export to
            the same place share the conversations of a job. Conversations that are done stay done:
            give a later update a job of its own.
        job: The name of the job in the journal.

    Raises:
        ConfigurationError: An argument is invalid. Nothing was sent.
        ExportError: The folder is in use by another process, or cannot be written.
    """
    if (users is None) == (conversations is None):
        raise ConfigurationError("Pass either users or conversations.")
    if since is not None and since.tzinfo is None:
        raise ConfigurationError(f"since must be an aware datetime, not {since!r}.")
    if journal is not None and not (isinstance(journal, PostgresJournal) or is_postgres(journal)):
        raise ConfigurationError("journal must be a PostgresJournal or a postgresql:// address.")
    with TemporaryDirectory(prefix="sunco-export-") as staging:
        folder = place_at(to, Path(staging))
        # A process that lost its claim may still be writing.
        token = "" if journal is None else uuid.uuid4().hex
        exporter = _Exporter(
            sunco,
            folder,
            format_named(format),
            update=update,
            since=since,
            attachments=AttachmentFiles(sunco, folder, token) if attachments else None,
            token=token,
        )
        await in_thread(_make_folder, folder)
        ids = _of_users(sunco, users) if users is not None else _each(conversations or ())
        # Where a claim takes the place of the lock, and object stores have no lock.
        lock = _exclusive(folder) if isinstance(folder, Path) and journal is None else nullcontext()
        with lock:
            report = await run(
                exporter.export,
                exporter.items(ids),
                key=_key,
                concurrency=concurrency,
                progress=progress,
                stop_after_failures=stop_after_failures,
                job=job,
                journal=journal,
            )
    files = exporter.attachments
    return ExportReport(
        exported=exporter.exported,
        updated=exporter.updated,
        unchanged=exporter.unchanged,
        skipped=exporter.skipped,
        messages=exporter.messages,
        attachments=files.downloaded if files else 0,
        missing_attachments=files.missing if files else 0,
        job=report,
    )


def _key(item: Sequence[str]) -> str:
    return item[0]


@contextmanager
def _exclusive(folder: Path) -> Generator[None]:
    lock = FileLock(folder / _LOCK, name=f"The folder {folder}")
    try:
        lock.acquire()
    except StorageError as error:
        raise ExportError(error.message) from error
    try:
        yield
    finally:
        lock.release()


class _Exporter:
    def __init__(
        self,
        sunco: Sunco,
        folder: Place,
        format: Format,  # noqa: A002 - the word for it
        *,
        update: bool,
        since: datetime | None,
        attachments: AttachmentFiles | None,
        token: str,
    ) -> None:
        if sunco.app_id is None:
            raise ConfigurationError("The export needs an app: pass app_id=... to Sunco.")
        self._sunco = sunco
        self._folder = folder
        self._format = format
        self._update = update
        self._since = since
        self._token = token
        self.attachments = attachments
        self.errors: dict[str, SuncoError] = {}
        self.exported = self.updated = self.unchanged = self.skipped = self.messages = 0

    async def items(self, ids: AsyncGenerator[str | _Unlisted]) -> AsyncIterator[Sequence[str]]:
        """What there is to do, each conversation once: users can share one.

        Plain values, the same in each run: a journal stores them.
        """
        known = KeySet()
        async with aclosing(ids):
            async for each in ids:
                if isinstance(each, _Unlisted):
                    self.errors[each.key] = each.error
                    yield [each.key, "Its conversations could not be listed."]
                elif known.add(each):
                    yield [each, ""]

    async def export(self, item: Sequence[str]) -> None:
        """Export one conversation: its id, and why it cannot be exported."""
        identity, problem = item
        if problem:
            raise self.errors.get(identity) or ExportError(problem)
        try:
            await self._export(identity)
        except OSError as error:
            raise ExportError(f"The conversation cannot be written: {error}.") from error

    async def _export(self, identity: str) -> None:
        name = file_name(identity)
        before = await in_thread(self._format.paths, self._folder, name)
        if before and not self._update:
            self.skipped += 1
            return
        if before:
            await self._add_what_is_new(identity, name, before)
            return
        written = 0
        async with aclosing(self._message_pages(identity)) as pages:
            messages = await anext(pages, None)
            if messages is None and self._since is not None:
                self.unchanged += 1
                return
            conversation = await self._conversation(identity)
            path = self._format.next_path(self._folder, name)
            async with _writing(self._format, path, identity, None, self._token) as writer:
                await writer.write("conversation", [conversation])
                async with aclosing(self._participants(identity)) as participants:
                    async for page in participants:
                        await writer.write("participant", page.items)
                while messages is not None:
                    await self._write(writer, identity, messages)
                    written += len(messages)
                    messages = await anext(pages, None)
        self.messages += written
        self.exported += 1

    async def _write(self, writer: _File, identity: str, messages: Sequence[RawItem]) -> None:
        await writer.write("message", messages)
        if self.attachments is not None:
            await self.attachments.download(identity, messages)

    async def _add_what_is_new(self, identity: str, name: str, before: Sequence[Place]) -> None:
        known = await in_thread(_read_known, self._format, before)
        messages: list[RawItem] = []
        async with aclosing(self._message_pages(identity)) as pages:
            async for recent in pages:
                new = [item for item in recent if known.is_new("message", item)]
                messages += new
                if len(new) < len(recent):
                    break
        conversation = await self._conversation(identity)
        changed = [conversation] if known.is_new("conversation", conversation) else []
        participants: list[RawItem] = []
        async with aclosing(self._participants(identity)) as participant_pages:
            async for page in participant_pages:
                participants += [item for item in page.items if known.is_new("participant", item)]
        if not (messages or changed or participants):
            self.unchanged += 1
            return
        path = self._format.next_path(self._folder, name)
        async with _writing(self._format, path, identity, before[-1], self._token) as writer:
            await writer.write("conversation", changed)
            await writer.write("participant", participants)
            await self._write(writer, identity, messages[::-1])
        self.messages += len(messages)
        self.updated += 1

    async def _conversation(self, identity: str) -> RawItem:
        response = await self._sunco.request("GET", self._path(identity))
        return parse_object(response.content, "conversation")

    def _participants(self, identity: str) -> AsyncGenerator[RawPage]:
        path = f"{self._path(identity)}/participants"
        return raw_pages(self._sunco, path, {"page": {"size": _PAGE_SIZE}})

    async def _message_pages(self, identity: str) -> AsyncGenerator[list[RawItem]]:
        """The messages since the moment that was asked for, a page at a time, newest first."""
        async with aclosing(raw_pages(self._sunco, f"{self._path(identity)}/messages")) as pages:
            async for page in pages:
                items = [item for item in page.items if self._is_recent(item)]
                if items:
                    yield items
                if len(items) < len(page.items):
                    return

    def _is_recent(self, item: RawItem) -> bool:
        if self._since is None:
            return True
        received = parse_time(item.get("received"))
        return received is None or received >= self._since

    def _path(self, identity: str) -> str:
        parts = {"app_id": self._sunco.app_id, "conversation_id": identity}
        return expand_path(_CONVERSATION, parts)


@asynccontextmanager
async def _writing(
    format: Format,  # noqa: A002 - the word for it
    path: Place,
    identity: str,
    before: Place | None,
    token: str,
) -> AsyncGenerator[_File]:
    """Write a file under another name, and give it its own when it is complete."""
    file = _File(format, path, identity, before, token)
    try:
        yield file
    except BaseException:
        with anyio.CancelScope(shield=True):
            await in_thread(file.close)
        raise
    with anyio.CancelScope(shield=True):
        await in_thread(file.complete)


class _File:
    """A file that gets its name when it is complete.

    Records are held until there is a number of them, because each hop to a thread costs more than
    writing a page: a small file is written in one hop.
    """

    def __init__(
        self,
        format: Format,  # noqa: A002 - the word for it
        path: Place,
        identity: str,
        before: Place | None,
        token: str,
    ) -> None:
        self._path = path
        self._part = part_of(path, token)
        self._open = partial(format.writer, self._part, identity, before)
        self._writer: Writer | None = None
        self._held: list[tuple[Kind, Sequence[RawItem]]] = []
        self._count = 0

    async def write(self, kind: Kind, items: Sequence[RawItem]) -> None:
        """Append records."""
        self._held.append((kind, items))
        self._count += len(items)
        if self._count >= _MAX_HELD:
            await in_thread(self._flush)

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = self._open()
        for kind, items in self._held:
            self._writer.write(kind, items)
        self._held.clear()
        self._count = 0

    def close(self) -> None:
        """Close the file, complete or not."""
        if self._writer is not None:
            self._writer.close()

    def complete(self) -> None:
        """Write what is held, close the file, and give it its name."""
        try:
            self._flush()
        finally:
            self.close()
        replace_durably(self._part, self._path)


def _make_folder(folder: Place) -> None:
    try:
        make_folder(folder)
    except OSError as error:
        raise ExportError(f"{folder} cannot be exported to: {error}.") from error


def _read_known(format: Format, paths: Sequence[Place]) -> Known:  # noqa: A002 - the word for it
    known = Known()
    for path in paths:
        for kind, value in format.read(path):
            known.add(kind, value)
    return known


async def _each(items: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _of_users(
    sunco: Sunco, users: Iterable[str] | AsyncIterable[str]
) -> AsyncGenerator[str | _Unlisted]:
    async with aclosing(_each(users)) as each:
        async for name in each:
            try:
                user = await sunco.users.get(name)
                async for conversation in sunco.conversations.list(
                    user_id=user.id, page_size=_PAGE_SIZE
                ):
                    yield conversation.id
            except SuncoError as error:
                yield _Unlisted(f"user {name}", error)
