"""Conversations on disk: whole or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sunco import ConfigurationError, NotFoundError, Request, Response, RetryPolicy, Sunco
from sunco.bulk import ExportError, export_conversations
from sunco.bulk.export.writers import writer_of
from sunco.emulator import Emulator
from sunco.models import Author, Conversation, ImageMessage, ParticipantUser
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


async def test_a_conversation_is_written_with_all_that_is_in_it(
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


async def test_conversations_of_users_are_written_once(sunco: Sunco, tmp_path: Path) -> None:
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


async def test_what_failed_has_no_file_and_is_done_by_the_next_run(
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


def always(method: Any, identity: str) -> Any:
    def call(_: str, **options: Any) -> Any:
        return method(identity, **options)

    return call


@pytest.mark.parametrize("identity", ["..", "../up", "a/b", "x" * 300, "é"])
async def test_no_id_leads_out_of_the_folder(
    sunco: Sunco, tmp_path: Path, identity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 1)
    real = conversation.id
    # The client refuses some of these ids itself; here it is the file that counts.
    for namespace in (sunco.conversations, sunco.participants, sunco.messages):
        name = "get" if namespace is sunco.conversations else "list"
        method = getattr(namespace, name)
        monkeypatch.setattr(namespace, name, always(method, real))
    folder = tmp_path / "in" / "folder"
    report = await export_conversations(sunco, conversations=[identity], to=folder)
    assert report.exported == 1
    assert len(files(folder)) == len(files(tmp_path)) == 1


class Cut:
    """A transport that answers no more after so many pages of messages."""

    def __init__(self, within: Any, pages: int) -> None:
        self._within = within
        self.left = pages

    async def send(self, request: Request) -> Response:
        if request.path.endswith("/messages") and request.method == "GET":
            self.left -= 1
            if self.left < 0:
                return Response(500)
        answer: Response = await self._within.send(request)
        return answer

    async def aclose(self) -> None:
        await self._within.aclose()


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
async def test_gone_on_with_it_is_the_same_to_the_byte(
    sunco: Sunco,
    tmp_path: Path,
    format: Any,  # noqa: A002 - a parameter
) -> None:
    user = await sunco.users.create(external_id="ada")
    ids = [(await talk(sunco, user.id, 150)).id for _ in range(2)]
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
    writer_of("parquet")(tmp_path / "none.parquet", "c1").close()
    assert rows_of(tmp_path / "none.parquet") == []


async def test_parquet_has_columns_for_what_is_asked_most(sunco: Sunco, tmp_path: Path) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 1200)
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
    assert (text["text"], text["author_type"]) == ("1199", "business")
    assert json.loads(text["json"])["content"] == {"type": "text", "text": "1199"}
    assert image["received"] >= text["received"]
    assert image["received"].tzinfo is not None
    assert len(rows) == 1203


@pytest.mark.parametrize(
    "arguments",
    [{}, {"users": ["a"], "conversations": ["b"]}, {"users": ["a"], "format": "xml"}],
)
async def test_what_cannot_work_is_refused(
    sunco: Sunco, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        await export_conversations(sunco, to=tmp_path / "x", **arguments)
    assert not (tmp_path / "x").exists()


async def test_a_folder_is_exported_to_by_one_at_a_time(sunco: Sunco, tmp_path: Path) -> None:
    async def ids() -> AsyncIterator[str]:
        with pytest.raises(ExportError, match="in use by another process"):
            await export_conversations(sunco, conversations=[], to=tmp_path)
        yield "gone"

    assert (await export_conversations(sunco, conversations=ids(), to=tmp_path)).exported == 0


async def test_a_folder_that_cannot_be_is_told(sunco: Sunco, tmp_path: Path) -> None:
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


async def test_pages_that_are_newest_first_stay_so(
    sunco: Sunco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await sunco.users.create(external_id="ada")
    conversation = await talk(sunco, user.id, 0)
    moments = ["2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z"]
    stored = [{"id": moment, "received": moment} for moment in moments]
    session: Any = vars(sunco)["_session"]
    send = session.transport.send

    async def answer(request: Request) -> Response:
        if request.path.endswith("/messages"):
            return Response(200, {}, json.dumps({"messages": stored}).encode())
        response: Response = await send(request)
        return response

    monkeypatch.setattr(session.transport, "send", answer)
    await export_conversations(sunco, conversations=[conversation.id], to=tmp_path)
    rest = lines(tmp_path / f"{conversation.id}.jsonl")[2:]
    assert [line["message"]["id"] for line in rest] == moments
