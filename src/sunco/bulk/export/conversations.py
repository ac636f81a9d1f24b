"""Conversations written to disk, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
)
from contextlib import aclosing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import attrs

from sunco import ConfigurationError, StorageError, Sunco
from sunco._storage.file_lock import FileLock
from sunco.bulk._key_set import KeySet
from sunco.bulk.errors import ExportError
from sunco.bulk.export.writers import Writer, writer_of
from sunco.bulk.jobs import run
from sunco.bulk.outcome import Report
from sunco.bulk.progress import ProgressCallback

__all__ = ["ExportReport", "export_conversations"]

T = TypeVar("T")

_LOCK = ".sunco-export"
_LONGEST_NAME = 200


@attrs.frozen(kw_only=True)
class ExportReport:
    """What became of an export.

    Attributes:
        exported: How many conversations were written.
        skipped: How many were there already.
        messages: How many messages were written.
        job: The report of the job behind it, with its failures.
    """

    exported: int
    skipped: int
    messages: int
    job: Report

    @property
    def ok(self) -> bool:
        """Whether all conversations are there."""
        return self.job.ok


async def export_conversations(
    sunco: Sunco,
    *,
    users: Iterable[str] | AsyncIterable[str] | None = None,
    conversations: Iterable[str] | AsyncIterable[str] | None = None,
    to: str | os.PathLike[str],
    format: Literal["jsonl", "parquet"] = "jsonl",  # noqa: A002 - the word for it
    concurrency: int = 8,
    progress: ProgressCallback | bool | None = None,
    stop_after_failures: int | None = None,
) -> ExportReport:
    """Write conversations to a folder: a file each, with participants and all messages.

    A file appears when it is complete and on the disk; until then it has `.part` at the end of its
    name. Conversations whose file is there are skipped, so an export that was stopped is gone on
    with by running it again, and one that is to be exported again is deleted first. A page of each
    conversation under way is held in memory, and no more.

    `"jsonl"`: one JSON object a line, first the conversation, then its participants, then its
    messages, the newest first: `{"kind": "message", "message": {...}}`. Nothing that the API gives
    is lost.

    `"parquet"` (`sunco[parquet]`): the same order, one row each, in the columns `kind`,
    `conversation_id`, `id`, `received` (UTC; of a conversation, when it was created),
    `author_type`, `author_user_id` (of a participant, the user), `author_name`, `content_type`,
    `text`, `source_type`, `integration_id`, `metadata` (JSON) and `json`, which holds all of it.

    Args:
        sunco: The client.
        users: Ids of users whose conversations are written.
        conversations: Instead of `users`: ids of conversations.
        to: The folder; it is made if there is none. One process at a time can export to it.
        format: `"jsonl"` or `"parquet"`.
        concurrency: How many conversations are read at a time.
        progress: As in `run`; items are conversations.
        stop_after_failures: As in `run`.

    Raises:
        ConfigurationError: An argument cannot work. Nothing was sent.
        ExportError: The folder is exported to by another process, or cannot be written.
    """
    if (users is None) == (conversations is None):
        raise ConfigurationError("Pass users or conversations: one of the two.")
    make_writer = writer_of(format)
    folder = await _in_thread(_made, Path(to))
    exporter = _Exporter(sunco, folder, format, make_writer)
    ids = _of_users(sunco, users) if users is not None else _each(conversations or ())
    with _exclusive(folder):
        report = await run(
            exporter.export,
            exporter.missing(ids),
            key=str,
            concurrency=concurrency,
            progress=progress,
            stop_after_failures=stop_after_failures,
            job="export",
        )
    return ExportReport(
        exported=report.done, skipped=exporter.skipped, messages=exporter.messages, job=report
    )


@contextmanager
def _exclusive(folder: Path) -> Generator[None]:
    lock = FileLock(folder / _LOCK, name=str(folder))
    try:
        lock.acquire()
    except StorageError as error:
        raise ExportError(str(error)) from error
    try:
        yield
    finally:
        lock.release()


class _Exporter:
    def __init__(
        self, sunco: Sunco, folder: Path, suffix: str, make_writer: Callable[[Path, str], Writer]
    ) -> None:
        self._sunco = sunco
        self._folder = folder
        self._suffix = suffix
        self._make_writer = make_writer
        self.skipped = 0
        self.messages = 0

    async def missing(self, ids: AsyncGenerator[str]) -> AsyncIterator[str]:
        """The conversations that have no file, each once: users can share one."""
        seen = KeySet()
        async with aclosing(ids):
            async for identity in ids:
                if not seen.add(identity):
                    continue
                if self._path(identity).exists():
                    self.skipped += 1
                else:
                    yield identity

    async def export(self, identity: str) -> None:
        """Write a conversation's file."""
        path = self._path(identity)
        part = path.with_name(f"{path.name}.part")
        conversation = await self._sunco.conversations.get(identity)
        writer = await _in_thread(self._make_writer, part, identity)
        messages = 0
        try:
            await _in_thread(writer.write, [conversation])
            async for some in self._sunco.participants.list(identity, page_size=100).pages():
                await _in_thread(writer.write, list(some))
            async for page in self._sunco.messages.list(identity).pages():
                messages += len(page)
                await _in_thread(writer.write, list(page.newest_first()))
        finally:
            with anyio.CancelScope(shield=True):
                await _in_thread(writer.close)
        await _in_thread(_put_in_place, part, path)
        self.messages += messages

    def _path(self, identity: str) -> Path:
        """A conversation's file; no id, whatever it is, leads out of the folder."""
        name = quote(identity, safe="")
        if len(name) > _LONGEST_NAME:
            name = blake2b(name.encode()).hexdigest()
        return self._folder / f"{name}.{self._suffix}"


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    return await anyio.to_thread.run_sync(lambda: function(*args))


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"{folder} cannot be exported to: {error}.") from error
    return folder


def _put_in_place(part: Path, path: Path) -> None:
    """Give a file its name once its content is on the disk, and the name, too."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    # Windows opens no folders.
    with suppress(PermissionError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


async def _each(items: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str]:
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _of_users(sunco: Sunco, users: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[str]:
    async with aclosing(_each(users)) as each:
        async for user in each:
            async for conversation in sunco.conversations.list(user_id=user, page_size=100):
                yield conversation.id
