"""Exported conversations: each file is complete or absent."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import anyio.lowlevel
import pytest

from sunco import (
    ConfigurationError,
    DecodeError,
    NotFoundError,
    PaginationError,
    Request,
    Response,
    RetryPolicy,
    Sunco,
)
from sunco.bulk import ExportError, export_conversations, write_table
from sunco.bulk.export.writers import Parquet
from sunco.emulator import Emulator
from sunco.models import (
    Author,
    CarouselMessage,
    Conversation,
    ImageMessage,
    Item,
    ParticipantUser,
    Postback,
)
from sunco.testing import connect

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sunco(anyio_backend: str) -> AsyncIterator[Sunco]:  # noqa: ARG001 - runs on each
    async with connect(Emulator(), retry=RetryPolicy(max_attempts=1)) as client:
        yield client


async def talk(sunco: Sunco, user: str, messages: int) -> Conversation:
    conversation = await sunco.conversations.create(
        "personal", participants=[ParticipantUser(user_id=user)], metadata={"topic": "é"}
    )
    for number in range(messages):
        await sunco.messages.post(conversation.id, f"{number}", metadata={"n": number})
    return conversation


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jsonl"))


async def test_a_conversation_is_exported_with_participants_and_messages(
    sunco: Sunco, tmp_path: Path
) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 120)
    report = await export_conversations(sunco, conversations=[conversation.id], to=tmp_path / "a")
    assert (report.exported, report.skipped, report.messages, report.ok) == (1, 0, 120, True)
    first, second, *rest = lines(tmp_path / "a" / f"{conversation.id}.jsonl")
    assert (first["kind"], first["conversation"]["metadata"]) == ("conversation", {"topic": "é"})
    assert (second["kind"], second["participant"]["userId"]) == ("participant", user.id)
    assert [line["message"]["metadata"]["n"] for line in rest] == list(reversed(range(120)))
    assert {line["kind"] for line in rest} == {"message"}


async def test_a_conversation_that_users_share_is_exported_once(
    sunco: Sunco, tmp_path: Path
) -> None:
    users = [await sunco.users.create(external_id=name) for name in ("ada", "grace")]
    shared = await sunco.conversations.create(
        "sdkGroup",
        participants=[ParticipantUser(user_id=u.id, subscribe_sdk_client=False) for u in users],
    )
    own = await talk(sunco, users[0].id, 3)
    report = await export_conversations(sunco, users=[u.id for u in users], to=tmp_path)
    assert report.exported == 2
    assert files(tmp_path) == sorted([f"{shared.id}.jsonl", f"{own.id}.jsonl"])
    again = await export_conversations(sunco, users=[u.id for u in users], to=tmp_path)
    assert (again.exported, again.skipped, again.messages) == (0, 2, 0)


async def test_an_unknown_conversation_is_reported_and_has_no_file(
    sunco: Sunco, tmp_path: Path
) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 3)

    async def ids() -> AsyncIterator[str]:
        yield "gone"
        yield conversation.id

    report = await export_conversations(sunco, conversations=ids(), to=tmp_path)
    assert (report.exported, report.ok) == (1, False)
    (problem,) = report.job.problems
    assert problem.key == "gone"
    assert isinstance(problem.error, NotFoundError)
    assert not (tmp_path / "gone.jsonl").exists()


@pytest.mark.parametrize("identity", ["../up", "a/b", "x" * 300, "é", "Abc", "con", "a+2", "."])
async def test_no_id_leads_out_of_the_folder(
    tmp_path: Path, identity: str, anyio_backend: str
) -> None:
    assert anyio_backend
    folder = tmp_path / "in" / "folder"
    async with scripted(Stored({identity: []})) as sunco:
        report = await export_conversations(sunco, conversations=[identity], to=folder)
    if identity == ".":
        assert (report.exported, report.job.failed) == (0, 1)
    else:
        assert report.exported == 1
        assert len(files(folder)) == len(files(tmp_path)) == 1


class Cut:
    """A transport that fails after a number of pages of messages."""

    def __init__(self, within: Any, pages: int) -> None:
        self._within = within
        self.left = pages

    async def send(self, request: Request) -> Response:
        if request.path.endswith("/messages") and request.method == "GET":
            self.left -= 1
            if self.left < 0:
                return Response(500)
        response: Response = await self._within.send(request)
        return response

    async def aclose(self) -> None:
        await self._within.aclose()


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
async def test_a_resumed_export_writes_the_same_bytes(
    sunco: Sunco,
    tmp_path: Path,
    format: Any,  # noqa: A002 - a parameter
) -> None:
    user = await sunco.users.create(external_id="ada")
    ids = [(await talk(sunco, user.id, 101)).id for _ in range(2)]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    await export_conversations(sunco, conversations=ids, to=whole, format=format)
    session: Any = vars(sunco)["_session"]
    cut = Cut(session.transport, 3)
    broken = Sunco(
        app_id=session.app_id,
        auth=session.auth,
        base_url="http://localhost",
        transport=cut,
        retry=RetryPolicy(max_attempts=1),
    )
    first = await export_conversations(
        broken, conversations=ids, to=parts, format=format, concurrency=1
    )
    assert (first.exported, first.job.uncertain) == (1, 1)
    assert len(list(parts.glob(f"*.{format}"))) == 1
    second = await export_conversations(sunco, conversations=ids, to=parts, format=format)
    assert (second.exported, second.skipped) == (1, 1)
    for identity in ids:
        name = f"{identity}.{format}"
        assert (whole / name).read_bytes() == (parts / name).read_bytes()


def rows_of(path: Path) -> list[dict[str, Any]]:
    parquet: Any = import_module("pyarrow.parquet")
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


def test_a_parquet_file_without_rows_can_be_read(tmp_path: Path) -> None:
    Parquet().writer(tmp_path / "none.parquet", "c1").close()
    assert rows_of(tmp_path / "none.parquet") == []


async def test_parquet_has_columns_for_common_fields(
    sunco: Sunco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that it is written in several parts.
    monkeypatch.setattr("sunco.bulk.export.conversations._MAX_HELD", 50)
    monkeypatch.setattr("sunco.bulk.export.writers._ROWS_PER_GROUP", 50)
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 120)
    await sunco.messages.post(
        conversation.id,
        ImageMessage("https://example.test/i.png"),
        author=Author("user", user_id=user.id),
    )
    await export_conversations(
        sunco, conversations=[conversation.id], to=tmp_path, format="parquet"
    )
    rows = rows_of(tmp_path / f"{conversation.id}.parquet")
    assert [row["kind"] for row in rows[:3]] == ["conversation", "participant", "message"]
    assert {row["conversation_id"] for row in rows} == {conversation.id}
    about, participant, image, text = rows[:4]
    assert json.loads(about["metadata"]) == {"topic": "é"}
    assert participant["author_user_id"] == image["author_user_id"] == user.id
    assert (image["content_type"], image["text"], image["author_type"]) == ("image", None, "user")
    assert (text["text"], text["author_type"]) == ("119", "business")
    assert json.loads(text["json"])["content"] == {"type": "text", "text": "119"}
    assert image["received"] >= text["received"]
    assert image["received"].tzinfo is not None
    assert len(rows) == 123


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"users": ["a"], "conversations": ["b"]},
        {"users": ["a"], "format": "xml"},
        {"users": ["a"], "since": datetime(2026, 1, 1)},  # noqa: DTZ001 - the point
    ],
)
async def test_invalid_arguments_are_rejected(
    sunco: Sunco, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await export_conversations(sunco, to=tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()


async def test_one_process_at_a_time_exports_to_a_folder(sunco: Sunco, tmp_path: Path) -> None:
    async def ids() -> AsyncIterator[str]:
        with pytest.raises(ExportError, match="in use by another process"):
            await export_conversations(sunco, conversations=[], to=tmp_path)
        yield "gone"

    assert (await export_conversations(sunco, conversations=ids(), to=tmp_path)).exported == 0


async def test_a_folder_that_cannot_be_created_is_reported(sunco: Sunco, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ExportError, match="cannot be exported to"):
        await export_conversations(sunco, conversations=[], to=tmp_path / "file")
    (tmp_path / ".sunco-export").mkdir()
    with pytest.raises(ExportError, match="unable to open"):
        await export_conversations(sunco, conversations=[], to=tmp_path)


async def test_without_pyarrow_it_says_what_to_install(
    sunco: Sunco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("pyarrow")]:
        monkeypatch.delitem(sys.modules, name)

    class Missing:
        def find_spec(self, name: str, *_: Any) -> None:
            if name.startswith("pyarrow"):
                raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(ModuleNotFoundError, match=r"sunco\[parquet\]"):
        await export_conversations(sunco, conversations=[], to=tmp_path, format="parquet")


class Stored:
    """A transport that serves conversations as JSON text, with messages of increasing time."""

    def __init__(self, conversations: dict[str, list[str]]) -> None:
        self.conversations = conversations
        self.descending = False
        self.requests: list[str] = []

    async def send(self, request: Request) -> Response:
        await anyio.lowlevel.checkpoint()
        url = urlsplit(request.url)
        _, _, _, _, kind, identity, *rest = url.path.split("/")
        assert kind == "conversations"
        self.requests.append("/".join(rest))
        messages = self.conversations.get(unquote(identity))
        if messages is None:
            return Response(404)
        if not rest:
            return Response(200, {}, b'{"conversation": {"id": "c1", "type": "personal"}}')
        if rest == ["participants"]:
            return Response(200, {}, b'{ "participants" : [ ], "meta": {} }')
        end = int(parse_qs(url.query).get("page[before]", [str(len(messages))])[0])
        start = max(0, end - 2)
        page = messages[start:end]
        body = f'{{"messages":[{",".join(page[::-1] if self.descending else page)}],"meta":'
        body += f'{{"hasMore":{"true" if start else "false"},"beforeCursor":"{start}"}}}}'
        return Response(200, {}, body.encode())

    async def aclose(self) -> None:
        """Nothing is open."""


def scripted(transport: Any) -> Sunco:
    return Sunco(
        app_id="a",
        key_id="k",
        key_secret="s",
        base_url="http://localhost",
        transport=transport,
        retry=RetryPolicy(max_attempts=1),
    )


def message(number: int, **fields: Any) -> str:
    received = f"2026-01-01T00:{number:02}:00.000Z"
    return json.dumps({"id": f"m{number}", "received": received, **fields})


def ids_in(path: Path) -> list[str]:
    return [line["message"]["id"] for line in lines(path) if line["kind"] == "message"]


async def test_pages_that_are_newest_first_keep_their_order(tmp_path: Path) -> None:
    stored = Stored({"c1": [message(number) for number in range(5)]})
    stored.descending = True
    async with scripted(stored) as sunco:
        await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert ids_in(tmp_path / "c1.jsonl") == ["m4", "m3", "m2", "m1", "m0"]


async def test_json_lines_hold_the_json_as_it_came(tmp_path: Path) -> None:
    texts = [
        '{"id":"m1", "n": 1.0e2, "text":"\\ud83d \\u00e9 é", "big":123456789012345678901234567890}',
        '{"id":"m2",\n "nested":{"a":[1,\r\n2]}}',
    ]
    async with scripted(Stored({"c1": texts})) as sunco:
        await export_conversations(sunco, conversations=["c1"], to=tmp_path)
        await export_conversations(sunco, conversations=["c1"], to=tmp_path / "p", format="parquet")
    written = (tmp_path / "c1.jsonl").read_text(encoding="utf-8").splitlines()
    assert written == [
        '{"kind":"conversation","conversation":{"id": "c1", "type": "personal"}}',
        '{"kind":"message","message":{"id":"m2","nested":{"a":[1,2]}}}',
        f'{{"kind":"message","message":{texts[0]}}}',
    ]
    assert [row["json"] for row in rows_of(tmp_path / "p" / "c1.parquet")][2] == texts[0]


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"{}",
        b"\xff",
        b'{"messages": [1',
        b'{"messages": [1 2]}',
        b'{"a": [], "b": []}',
        b'{"messages": []',
        b'{"messages" []}',
        b'{"messages": NaN}',
        b'{"messages": {}} ',
    ],
)
async def test_a_response_that_is_not_a_list_is_reported(tmp_path: Path, body: bytes) -> None:
    class Broken(Stored):
        async def send(self, request: Request) -> Response:
            if request.path.endswith("/messages"):
                return Response(200, {}, body)
            return await super().send(request)

    async with scripted(Broken({"c1": []})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert isinstance(report.job.problems[0].error, DecodeError)


async def test_a_response_without_the_conversation_is_reported(tmp_path: Path) -> None:
    class Broken(Stored):
        async def send(self, request: Request) -> Response:
            assert request.method == "GET"
            return Response(200, {}, b'{"messages": [], "meta": {"hasMore": false}}')

    async with scripted(Broken({})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert str(report.job.problems[0].error) == "the response has no 'conversation'"


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
async def test_an_update_adds_what_is_new(tmp_path: Path, format: Any) -> None:  # noqa: A002 - a parameter
    stored = Stored({"c1": [message(number) for number in range(3)]})
    async with scripted(stored) as sunco:

        async def export(*, update: bool) -> tuple[int, int, int, int, int]:
            report = await export_conversations(
                sunco, conversations=["c1"], to=tmp_path, format=format, update=update
            )
            assert report.ok
            return (
                report.exported,
                report.updated,
                report.unchanged,
                report.skipped,
                report.messages,
            )

        assert await export(update=True) == (1, 0, 0, 0, 3)
        stored.conversations["c1"] += [message(number) for number in range(3, 8)]
        assert await export(update=False) == (0, 0, 0, 1, 0)
        assert await export(update=True) == (0, 1, 0, 0, 5)
        assert await export(update=True) == (0, 0, 1, 0, 0)
        stored.conversations["c1"] = [message(8)]
        assert await export(update=True) == (0, 1, 0, 0, 1)
    order = ["m2", "m1", "m0", "m3", "m4", "m5", "m6", "m7", "m8"]
    if format == "jsonl":
        assert ids_in(tmp_path / "c1.jsonl") == order
    else:
        names = ["c1.parquet", "c1+2.parquet", "c1+3.parquet"]
        rows = [row for name in names for row in rows_of(tmp_path / name)]
        assert [row["id"] for row in rows if row["kind"] == "message"] == order
    assert await write_table(tmp_path, tmp_path / "all.parquet") == 10
    assert len(rows_of(tmp_path / "all.parquet")) == 10


async def test_an_update_reads_no_further_back_than_what_is_known(tmp_path: Path) -> None:
    stored = Stored({"c1": [message(number) for number in range(20)]})
    async with scripted(stored) as sunco:
        await export_conversations(sunco, conversations=["c1"], to=tmp_path)
        stored.conversations["c1"].append(message(20))
        stored.requests.clear()
        await export_conversations(sunco, conversations=["c1"], to=tmp_path, update=True)
    assert stored.requests.count("messages") == 1


async def test_an_update_adds_a_conversation_and_participants_that_have_changed(
    sunco: Sunco, tmp_path: Path
) -> None:
    users = [await sunco.users.create(external_id=name) for name in ("ada", "grace")]
    conversation = await sunco.conversations.create(
        "sdkGroup", participants=[ParticipantUser(user_id=users[0].id, subscribe_sdk_client=False)]
    )
    options: dict[str, Any] = {"conversations": [conversation.id], "to": tmp_path}
    await export_conversations(sunco, **options)
    await sunco.conversations.update(conversation.id, display_name="Renamed")
    await sunco.participants.join(conversation.id, user_id=users[1].id, subscribe_sdk_client=False)
    report = await export_conversations(sunco, **options, update=True)
    assert (report.updated, report.messages) == (1, 0)
    records = lines(tmp_path / f"{conversation.id}.jsonl")
    kinds = [record["kind"] for record in records]
    assert kinds == ["conversation", "participant", "conversation", "participant"]
    assert records[2]["conversation"]["displayName"] == "Renamed"
    assert await write_table(tmp_path, tmp_path / "all.parquet") == 3
    (about,) = [row for row in rows_of(tmp_path / "all.parquet") if row["kind"] == "conversation"]
    assert "Renamed" in about["json"]


async def test_only_messages_since_a_moment_are_exported(tmp_path: Path) -> None:
    stored = Stored({"old": [message(1)], "new": [message(number) for number in range(9)]})
    since = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
    async with scripted(stored) as sunco:
        report = await export_conversations(
            sunco, conversations=["old", "new"], to=tmp_path, since=since
        )
    assert (report.exported, report.unchanged, report.messages) == (1, 1, 4)
    assert ids_in(tmp_path / "new.jsonl") == ["m8", "m7", "m6", "m5"]
    assert not (tmp_path / "old.jsonl").exists()


async def test_messages_without_a_time_or_id_are_exported_once(tmp_path: Path) -> None:
    texts = ['{"a":1}', '{"received":"soon"}', '{"received":"2026-01-01T00:00:00"}', "7"]
    stored = Stored({"c1": texts})
    since = datetime(2026, 1, 1, tzinfo=UTC)
    async with scripted(stored) as sunco:
        for _ in range(2):
            await export_conversations(
                sunco, conversations=["c1"], to=tmp_path, since=since, update=True
            )
        report = await export_conversations(
            sunco, conversations=["c1"], to=tmp_path / "p", format="parquet"
        )
    assert len(lines(tmp_path / "c1.jsonl")) == 5
    assert report.messages == 4


async def test_users_are_named_by_id_or_external_id_and_unknown_ones_are_reported(
    sunco: Sunco, tmp_path: Path
) -> None:
    ada = await sunco.users.create(external_id="ada")
    grace = await sunco.users.create(external_id="grace")
    for user in (ada, grace):
        await talk(sunco, user.id, 1)
    report = await export_conversations(
        sunco, users=["ada", "nobody", grace.id, "a\ud800"], to=tmp_path
    )
    assert (report.exported, report.job.failed, report.ok) == (2, 2, False)
    unknown, unusable = report.job.problems
    assert unknown.key == "user nobody"
    assert isinstance(unknown.error, NotFoundError)
    assert unusable.key == ""


async def test_an_id_with_half_a_surrogate_pair_does_not_end_the_export(tmp_path: Path) -> None:
    async with scripted(Stored({"c1": []})) as sunco:
        report = await export_conversations(sunco, conversations=["\ud800", "c1"], to=tmp_path)
    assert (report.exported, report.job.failed) == (1, 1)


async def test_a_part_file_that_is_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "c1.jsonl.part").symlink_to(target)
    async with scripted(Stored({"c1": [message(1)]})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=folder)
    assert report.exported == 1
    assert target.read_text() == "precious"


async def test_ids_that_differ_in_case_only_have_names_that_differ_in_more(tmp_path: Path) -> None:
    stored = Stored({"abc": [message(1)], "ABC": [message(2)], "aBC": [message(3)]})
    async with scripted(stored) as sunco:
        await export_conversations(sunco, conversations=["abc", "ABC", "aBC"], to=tmp_path)
    names = [name.lower() for name in files(tmp_path)]
    assert len({*names}) == 3


@pytest.mark.parametrize("update", [False, True])
async def test_a_folder_with_the_name_of_a_file_is_reported(tmp_path: Path, update: bool) -> None:  # noqa: FBT001 - a parameter
    (tmp_path / "c1.jsonl").mkdir()
    async with scripted(Stored({"c1": [message(1)], "c2": []})) as sunco:
        report = await export_conversations(
            sunco, conversations=["c1", "c2"], to=tmp_path, update=update
        )
    assert (report.exported, report.skipped, report.job.failed) == (1, 0, 1)
    assert isinstance(report.job.problems[0].error, ExportError)


async def test_a_part_file_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "c1.jsonl.part").mkdir()
    async with scripted(Stored({"c1": []})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert isinstance(report.job.problems[0].error, ExportError)


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
async def test_exported_files_are_readable_by_this_user_only(tmp_path: Path, format: Any) -> None:  # noqa: A002 - a parameter
    async with scripted(Stored({"c1": []})) as sunco:
        await export_conversations(sunco, conversations=["c1"], to=tmp_path, format=format)
    assert stat.S_IMODE((tmp_path / f"c1.{format}").stat().st_mode) == 0o600


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize("content", [b"hello", b"[1]", b'{"kind": "x"}'])
async def test_a_file_that_no_export_has_written_is_not_touched(
    tmp_path: Path,
    format: Any,  # noqa: A002 - a parameter
    content: bytes,
) -> None:
    path = tmp_path / f"c1.{format}"
    path.write_bytes(content)
    async with scripted(Stored({"c1": [message(1)]})) as sunco:
        report = await export_conversations(
            sunco, conversations=["c1"], to=tmp_path, format=format, update=True
        )
    assert "was not written by an export" in str(report.job.problems[0].error)
    assert path.read_bytes() == content


async def test_a_table_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="cannot be written"):
        await write_table(tmp_path, tmp_path / "none" / "all.parquet")


async def test_a_client_without_an_app_cannot_export(tmp_path: Path) -> None:
    async with Sunco(key_id="k", key_secret="s", base_url="http://localhost") as sunco:
        with pytest.raises(ConfigurationError, match="app_id"):
            await export_conversations(sunco, conversations=[], to=tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "meta",
    [
        '{"hasMore":true}',
        '{"hasMore":true,"afterCursor":"a"}',
        '{"hasMore":true,"beforeCursor":"b"}',
    ],
)
async def test_cursors_that_lead_nowhere_are_reported(tmp_path: Path, meta: str) -> None:
    class Circle(Stored):
        async def send(self, request: Request) -> Response:
            if request.path.endswith("/messages"):
                return Response(200, {}, f'{{"messages":[],"meta":{meta}}}'.encode())
            return await super().send(request)

    async with scripted(Circle({"c1": []})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert isinstance(report.job.problems[0].error, PaginationError)


async def test_empty_pages_without_end_are_reported(tmp_path: Path) -> None:
    cursor = count()

    class Empty(Stored):
        async def send(self, request: Request) -> Response:
            if request.path.endswith("/messages"):
                links = f'{{"prev":"https://x.test/?page[before]={next(cursor)}"}}'
                return Response(200, {}, f'{{"messages":[],"links":{links}}}'.encode())
            return await super().send(request)

    async with scripted(Empty({"c1": []})) as sunco:
        report = await export_conversations(sunco, conversations=["c1"], to=tmp_path)
    assert isinstance(report.job.problems[0].error, PaginationError)


async def test_attachments_are_downloaded_once_and_missing_ones_are_counted(
    sunco: Sunco, tmp_path: Path
) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 1)
    uploaded = await sunco.attachments.upload(b"picture", filename="a.PNG")
    gone = "http://localhost/no/such/file.bin.too-long-for-a-suffix"
    actions = [Postback("Buy", payload="buy")]
    items = [
        Item("a", media_url=uploaded.media_url, actions=actions),
        Item("b", media_url=gone, actions=actions),
    ]
    await sunco.messages.post(conversation.id, CarouselMessage(items))
    options: dict[str, Any] = {"conversations": [conversation.id], "attachments": True}
    report = await export_conversations(sunco, to=tmp_path, **options)
    assert (report.exported, report.attachments, report.missing_attachments) == (1, 1, 1)
    assert not report.ok
    folder = tmp_path / "attachments" / conversation.id
    (path,) = folder.iterdir()
    assert (path.suffix, path.read_bytes()) == (".png", b"picture")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (tmp_path / f"{conversation.id}.jsonl").unlink()
    again = await export_conversations(sunco, to=tmp_path, **options)
    assert (again.exported, again.attachments, again.missing_attachments) == (1, 0, 1)
