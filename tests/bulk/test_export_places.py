"""Exports to URLs of fsspec, and exports that several processes share."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from support import postgres

from sunco import ConfigurationError, RetryPolicy, Sunco
from sunco.bulk import ExportError, PostgresJournal, export_conversations, write_table
from sunco.bulk.export.conversations import _Exporter
from sunco.bulk.export.files import is_url, place_at
from sunco.bulk.export.writers import JsonLines
from sunco.emulator import Emulator
from sunco.models import Conversation, ImageMessage, ParticipantUser
from sunco.testing import connect

fsspec: Any = pytest.importorskip("fsspec", reason="needs the extra sunco[fsspec]")

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_polls")]


@pytest.fixture
async def sunco(anyio_backend: str) -> AsyncIterator[Sunco]:  # noqa: ARG001 - runs on each
    async with connect(Emulator(), retry=RetryPolicy(max_attempts=1)) as client:
        yield client


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's file system in memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


@pytest.fixture
def register(memory: Any) -> Iterator[Callable[[str, type[Any]], None]]:
    """Registers file systems for a test."""
    names: list[str] = []

    def add(name: str, kind: type[Any]) -> None:
        fsspec.register_implementation(name, kind, clobber=True)
        names.append(name)

    yield add
    for name in names:
        import_module("fsspec.registry")._registry.pop(name)
    memory.store.clear()


_Memory: Any = fsspec.get_filesystem_class("memory")


class Broken(_Memory):  # type: ignore[misc]
    """Loses the connection in the middle of an upload, or of a renaming."""

    protocol: Any = "broken"
    cachable = False
    failing: str | None = "put_file"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.rpartition("://")[2].strip("/")

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        if self.failing == "put_file":
            cast("Any", self).pipe_file(rpath, Path(lpath).read_bytes()[:10])
            raise RuntimeError("connection lost")
        super().put_file(lpath, rpath, **options)

    def mv(self, path1: str, path2: str, **options: Any) -> None:
        if self.failing == "mv":
            raise RuntimeError("connection lost")
        super().mv(path1, path2, **options)

    def isfile(self, path: str) -> bool:
        if self.failing == "isfile":
            raise RuntimeError("access denied")
        return cast("bool", super().isfile(path))


async def talk(sunco: Sunco, messages: int = 3) -> Conversation:
    user = await sunco.users.create()
    conversation = await sunco.conversations.create(
        "personal", participants=[ParticipantUser(user_id=user.id)]
    )
    for number in range(messages):
        await sunco.messages.post(conversation.id, str(number))
    return conversation


def texts(content: bytes) -> list[str]:
    records = [json.loads(line) for line in content.splitlines()]
    return [each["message"]["content"]["text"] for each in records if each["kind"] == "message"]


async def test_an_export_to_a_url_is_resumed_and_updated(sunco: Sunco, memory: Any) -> None:
    first, second = await talk(sunco), await talk(sunco)
    url = "memory://bucket/export"
    report = await export_conversations(sunco, conversations=[first.id], to=url)
    assert (report.exported, report.messages, report.ok) == (1, 3, True)
    report = await export_conversations(sunco, conversations=[first.id, second.id], to=url)
    assert (report.exported, report.skipped) == (1, 1)
    await sunco.messages.post(first.id, "new")
    report = await export_conversations(
        sunco, conversations=[first.id, second.id], to=url, update=True
    )
    assert (report.updated, report.unchanged, report.messages) == (1, 1, 1)
    names = sorted(f"/bucket/export/{each.id}.jsonl" for each in (first, second))
    assert sorted(memory.store) == names
    assert texts(memory.cat_file(f"/bucket/export/{first.id}.jsonl")) == ["2", "1", "0", "new"]


async def test_parquet_and_attachments_go_to_a_url_as_well(sunco: Sunco, memory: Any) -> None:
    conversation = await talk(sunco)
    uploaded = await sunco.attachments.upload(b"picture", filename="a.png")
    posted = await sunco.messages.post(conversation.id, ImageMessage(media_url=uploaded.media_url))
    for _ in range(2):
        report = await export_conversations(
            sunco,
            conversations=[conversation.id],
            to="memory://bucket/export",
            format="parquet",
            update=True,
            attachments=True,
        )
        assert report.ok
        await sunco.messages.post(conversation.id, "new")
    folder = "/bucket/export"
    picture = f"{folder}/attachments/{conversation.id}/{posted[0].id}.png"
    tables = [f"{folder}/{conversation.id}{part}.parquet" for part in ("", "+2")]
    assert sorted(memory.store) == sorted([picture, *tables])
    assert memory.cat_file(picture) == b"picture"


async def test_a_url_of_files_is_a_folder(sunco: Sunco, tmp_path: Path) -> None:
    conversation = await talk(sunco)
    to = tmp_path / "a folder"
    report = await export_conversations(sunco, conversations=[conversation.id], to=f"file://{to}")
    assert report.exported == 1
    assert texts((to / f"{conversation.id}.jsonl").read_bytes()) == ["2", "1", "0"]
    assert (to / ".sunco-export").exists()


@pytest.mark.parametrize("failing", ["put_file", "mv"])
async def test_a_file_is_whole_or_absent_when_the_upload_fails(
    sunco: Sunco, register: Any, memory: Any, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    register("broken", Broken)
    monkeypatch.setattr(Broken, "failing", failing)
    conversation = await talk(sunco)
    url = "broken://bucket/export"
    report = await export_conversations(sunco, conversations=[conversation.id], to=url)
    assert (report.exported, report.job.failed) == (0, 1)
    (problem,) = report.job.problems
    assert isinstance(problem.error, ExportError)
    assert "cannot be used: RuntimeError: connection lost" in str(problem.error)
    assert list(memory.store) == []
    monkeypatch.setattr(Broken, "failing", None)
    report = await export_conversations(sunco, conversations=[conversation.id], to=url)
    assert (report.exported, report.job.failed) == (1, 0)
    assert list(memory.store) == [f"/bucket/export/{conversation.id}.jsonl"]


async def test_what_cannot_be_looked_up_is_reported_for_its_conversation(
    sunco: Sunco, register: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("broken", Broken)
    monkeypatch.setattr(Broken, "failing", "isfile")
    report = await export_conversations(sunco, conversations=["c1"], to="broken://bucket")
    (problem,) = report.job.problems
    assert "RuntimeError: access denied" in str(problem.error)


async def test_an_error_of_the_system_is_raised_as_it_is(memory: Any, tmp_path: Path) -> None:
    del memory
    with pytest.raises(FileNotFoundError):
        (place_at("memory://bucket", tmp_path) / "missing").open("rb")


async def test_an_object_store_is_written_without_a_renaming(
    sunco: Sunco, register: Any, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Store(Broken):
        protocol = ("s3", "s3a")

    register("s3", Store)
    monkeypatch.setattr(Broken, "failing", "mv")
    conversation = await talk(sunco)
    report = await export_conversations(
        sunco, conversations=[conversation.id], to="s3://bucket/export"
    )
    assert report.exported == 1
    (name,) = memory.store
    assert name.endswith(f"bucket/export/{conversation.id}.jsonl")


@pytest.mark.parametrize("url", ["nonsense://bucket", "hdfs3://bucket/a"])
async def test_a_url_that_nothing_can_read_is_rejected(sunco: Sunco, url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        await export_conversations(sunco, conversations=["c1"], to=url)


async def test_without_fsspec_the_extra_is_named(
    sunco: Sunco, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sunco\[fsspec\]'"):
        await export_conversations(sunco, conversations=["c1"], to="memory://bucket")


async def test_a_table_is_made_of_local_files(tmp_path: Path) -> None:
    for folder, to in (("memory://a", tmp_path / "t"), (tmp_path, "memory://t")):
        with pytest.raises(ConfigurationError, match="local paths"):
            await write_table(folder, to)


def test_a_drive_is_no_url() -> None:
    locations = ["memory://a", "s3://a/b", "C:\\a", "C://a", "a/b", "./a://b", Path("a"), 5]
    assert [each for each in locations if is_url(each)] == ["memory://a", "s3://a/b"]


@pytest.mark.parametrize("place", ["folder", "url"])
async def test_processes_with_one_journal_share_the_conversations_of_an_export(
    sunco: Sunco, schema: str, memory: Any, tmp_path: Path, place: str
) -> None:
    ids = [(await talk(sunco, 1)).id for _ in range(6)]
    to = str(tmp_path / "shared") if place == "folder" else "memory://bucket/shared"
    exported: list[int] = []

    async def export() -> None:
        journal = PostgresJournal(postgres.dsn(), schema=schema, part_size=1)
        report = await export_conversations(
            sunco, conversations=ids, to=to, journal=journal, job="night", concurrency=2
        )
        assert report.job.ok
        exported.append(report.exported)

    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(export)
            tasks.start_soon(export)
    assert sum(exported) == 6
    files = (
        sorted([each.name async for each in anyio.Path(to).iterdir()])
        if place == "folder"
        else sorted(name.rpartition("/")[2] for name in memory.store)
    )
    assert files == sorted(f"{each}.jsonl" for each in ids)


async def test_a_user_of_a_shared_export_that_is_unknown_is_reported(
    sunco: Sunco, schema: str, tmp_path: Path
) -> None:
    for _ in range(2):
        report = await export_conversations(
            sunco,
            users=["nobody"],
            to=tmp_path,
            journal=PostgresJournal(postgres.dsn(), schema=schema),
        )
        assert report.job.failed == 1
        assert "NotFoundError" in str(report.job.problems[0].error)


async def test_the_problem_of_another_process_has_no_details(sunco: Sunco, tmp_path: Path) -> None:
    exporter = _Exporter(
        sunco, tmp_path, JsonLines(), update=False, since=None, attachments=None, token="t"
    )
    with pytest.raises(ExportError, match="could not be listed"):
        await exporter.export(["user nobody", "Its conversations could not be listed."])


@pytest.mark.parametrize("journal", ["journal.sqlite", object()], ids=["path", "object"])
async def test_a_shared_export_needs_a_journal_in_postgresql(
    sunco: Sunco, tmp_path: Path, journal: Any
) -> None:
    with pytest.raises(ConfigurationError, match="must be a PostgresJournal"):
        await export_conversations(sunco, conversations=["c1"], to=tmp_path, journal=journal)
