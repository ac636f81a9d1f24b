from __future__ import annotations

import json
import os
import pickle
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from sunco.emulator import Emulator, JournalError
from sunco.emulator.persistence import recorder
from sunco.emulator.persistence.journal import Journal
from sunco.emulator.services.users import create_user

from .api import Api
from .test_events import linked
from .webhooks import Target, subscribe

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


def is_in(path: Path, text: bytes) -> bool:
    """Whether a text is in a file, or in one that SQLite keeps beside it."""
    files = list(path.parent.glob(f"{path.name}*"))
    assert path in files
    return any(text in file.read_bytes() for file in files)


async def everything(api: Api) -> dict[str, Any]:
    """All that the API returns of what there is."""
    users = (await api.get("users", **{"filter[identities.email]": "ann@example.org"}))["users"]
    found: dict[str, Any] = {
        "users": users,
        "apps": await api.account.get("http://emulator/v2/apps"),
        "keys": await api.account.get("keys"),
        "integrations": await api.get("integrations"),
        "switchboards": await api.get("switchboards"),
    }
    for user in users:
        mine = await api.get(f"conversations?filter[userId]={user['id']}")
        found[user["id"]] = [
            mine,
            await api.get(f"users/{user['id']}/clients"),
            await api.get(f"users/{user['id']}/devices"),
        ]
        for conversation in mine["conversations"]:
            of = f"conversations/{conversation['id']}"
            found[of] = [await api.get(f"{of}/messages"), await api.get(f"{of}/participants")]
    return found


async def live(api: Api) -> str:
    """Do some of everything, and return the address of a file."""
    ann, bob = await api.user(externalId="ann"), await api.user()
    api.emulator.authenticate(ann, email="ann@example.org", zendesk_id="1")
    conversation = await api.personal(ann)
    # A lone surrogate is legal JSON, and nothing that a file can hold as it is.
    surrogate = b'{"metadata": {"a": "\\ud800"}}'
    await api.http.patch(
        f"conversations/{conversation['id']}",
        content=surrogate,
        headers={"content-type": "application/json"},
    )
    await api.group(ann, bob, subscribe=True)
    api.emulator.say(ann, "hi")
    await api.post(conversation)
    await subscribe(api)
    client = await linked(api, ann, conversation)
    api.emulator.confirm(ann, client)
    await api.account.call("POST", "keys", {"displayName": "k"}, status=201)
    await api.account.call("POST", "http://emulator/v2/apps", {"displayName": "Other"}, status=201)
    control = f"conversations/{conversation['id']}/passControl"
    await api.call("POST", control, {"switchboardIntegration": "agent"})
    await api.call("POST", control, {"switchboardIntegration": "nobody"}, status=400)
    uploaded = await api.http.post(
        "attachments", params={"access": "public"}, files={"source": ("a.txt", b"a file")}
    )
    await api.post(conversation)
    url: str = uploaded.json()["attachment"]["mediaUrl"]
    return url


async def default(api: Api) -> dict[str, Any]:
    conversations = (await api.get("conversations?filter[userExternalId]=ann"))["conversations"]
    found: dict[str, Any] = next(one for one in conversations if one["isDefault"])
    return found


@pytest.mark.parametrize("closed", [True, False])
async def test_the_state_outlives_the_process(path: Path, *, closed: bool) -> None:
    emulator = Emulator(state=path)
    async with Api(emulator) as api:
        url = await live(api)
        before = await everything(api)
    if closed:
        emulator.close()
    else:
        # As if the process had been killed: nothing is written any more.
        emulator._journal.close()  # type: ignore[union-attr]
    later = Emulator(state=path)
    async with Api(later) as api:
        assert await everything(api) == before
        assert (await api.http.get(url)).content == b"a file"
        target = Target()
        later.deliver_to(target)
        await later.drain()
        assert target.bodies == []
        said = later.say("ann", "again")
        ids = [one["id"] for one in later.messages(await default(api))]
        assert ids == sorted(ids)
        assert ids[-1] == said["id"]
        await later.drain()
        assert target.kinds == ["conversation:message"]
    later.close()


async def test_what_was_restored_is_still_one_thing(path: Path) -> None:
    emulator = Emulator(state=path)
    async with Api(emulator) as api:
        await live(api)
    emulator.close()
    later = Emulator(state=path)
    async with Api(later) as api:
        await api.call("DELETE", "users/ann")
        code, _ = await api.rejected(404, "GET", "conversations?filter[userExternalId]=ann")
        assert code == "user_not_found"
    later.close()


@pytest.mark.parametrize("end", ["", "/personalinformation"])
async def test_what_is_to_be_forgotten_is_not_in_the_file(path: Path, end: str) -> None:
    emulator = Emulator(state=path)
    async with Api(emulator) as api:
        await api.user(externalId="ann", profile={"givenName": "Unmistakable"})
        api.emulator.say("ann", "hi")
        assert is_in(path, b"Unmistakable")
        await api.call("DELETE", f"users/ann{end}")
        assert not is_in(path, b"Unmistakable")
    emulator.close()


async def test_the_journal_does_not_grow_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_ENTRIES", 3)
    emulator = Emulator(state=path)
    async with Api(emulator) as api:
        for _ in range(5):
            await api.user()
    emulator._journal.close()  # type: ignore[union-attr]
    journal = Journal(path)
    assert len(list(journal.entries())) == 2
    journal.close()


async def test_the_key_may_be_another_the_next_time(path: Path) -> None:
    Emulator(state=path).close()
    emulator = Emulator(state=path, key_id="app_other", key_secret="other", app_id="app_other")
    async with Api(emulator) as api:
        assert await api.user()
        apps = (await api.account.get("http://emulator/v2/apps"))["apps"]
        assert [app["id"] for app in apps] == ["app_demo", "app_other"]
    emulator.close()


def test_without_a_file_there_is_nothing_to_close() -> None:
    Emulator().close()


def test_what_cannot_be_repeated_is_rejected(path: Path) -> None:
    Emulator(state=path).close()
    journal = Journal(path)
    body = {"user": "nobody", "text": "hi"}
    journal.append(
        {"number": 0, "at": "2025-02-03T16:21:12+00:00", "action": "say", "arguments": body}
    )
    journal.close()
    for _ in range(2):
        with pytest.raises(JournalError, match=r"an entry cannot be replayed: .*User not found"):
            Emulator(state=path)


def test_a_file_in_use_is_rejected(path: Path) -> None:
    emulator = Emulator(state=path)
    with pytest.raises(JournalError, match="database is locked"):
        Emulator(state=path)
    emulator.close()


def test_another_kind_of_file_is_rejected(path: Path) -> None:
    path.write_text("A letter to Ann, which must not be lost." * 100)
    with pytest.raises(JournalError, match="file is not a database"):
        Emulator(state=path)
    assert path.read_text().startswith("A letter")


@pytest.mark.parametrize("version", [1, 99])
def test_a_state_file_of_another_version_is_rejected(path: Path, version: int) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    database.close()
    with pytest.raises(JournalError, match=f"its version is {version}, not 2"):
        Emulator(state=path)


@pytest.mark.parametrize("application", [0, 7])
def test_a_database_of_another_program_is_rejected_and_unchanged(
    path: Path, application: int
) -> None:
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA application_id = {application}")
        database.execute("CREATE TABLE letters (text TEXT)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="it is not a state file of the emulator"):
        Emulator(state=path)
    assert path.read_bytes() == before


class Runs:
    """Its pickle calls a function when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    "state",
    [
        pickle.dumps(Runs()),
        b"csunco.emulator.persistence.journal\nJournal\n(S'ran'\ntR.",
        b"csunco.emulator.state.defaults\nBOT_ID\n.",
        b"",
        b"[]",
        b'{"clock": 1}',
        b"[" * 100_000,
    ],
    ids=["pickle", "class", "constant", "empty", "array", "incomplete", "deep"],
)
def test_a_malformed_state_is_rejected_and_nothing_runs(
    path: Path, state: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Emulator(state=path).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE snapshot SET state = ?", (state,))
    database.close()
    monkeypatch.chdir(path.parent)
    with pytest.raises(JournalError, match="its state cannot be read"):
        Emulator(state=path)
    assert not Path("ran").exists()


@pytest.mark.parametrize("part", ["users", "clients"])
def test_a_state_with_missing_records_is_rejected(path: Path, part: str) -> None:
    emulator = Emulator(state=path)
    account = emulator._account  # pyright: ignore[reportPrivateUsage]
    user = create_user(account.apps["app_demo"], {})
    emulator.say(user, "hi")
    emulator.close()
    with sqlite3.connect(path) as database:
        ((text,),) = database.execute("SELECT state FROM snapshot").fetchall()
        app = json.loads(text)["apps"][0]
        if part == "users":
            app["users"].clear()
        else:
            app["conversations"][0]["participants"][0]["clients"] = ["gone"]
        state = {**json.loads(text), "apps": [app]}
        database.execute("UPDATE snapshot SET state = ?", (json.dumps(state),))
    database.close()
    with pytest.raises(JournalError, match="a record is missing"):
        Emulator(state=path)


def test_a_python_without_sqlite_keeps_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    with pytest.raises(JournalError, match="this Python has no SQLite"):
        Emulator(state=tmp_path / "state.db")
