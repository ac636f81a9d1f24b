"""What channels do: delivery results, WhatsApp's window, blocked users, files, buttons."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sunco.emulator import Emulator
from sunco.emulator.end_users import files
from sunco.emulator.state.defaults import TWILIO_ID, WHATSAPP_ID

from .api import Api
from .test_events import linked
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from pathlib import Path

    from .api import JSON
    from .conftest import Clock

pytestmark = pytest.mark.anyio
ROOT = "http://emulator/_emulator"
PICTURE = b"\x89PNG"
TEMPLATE: JSON = {"type": "template", "template": {"name": "welcome"}}


class Phone:
    """A user who wrote on WhatsApp, and the delivery events of what the business writes."""

    def __init__(self, api: Api, target: Target) -> None:
        self.api = api
        self._target = target
        self.arrived: JSON = api.emulator.control("arrive", text="Hi", integration=WHATSAPP_ID)

    async def receives(self, content: JSON | None = None, **body: Any) -> list[JSON]:
        await self.api.emulator.drain()
        self._target.take()
        posted = await self.api.post(self.arrived["conversation"], content, **body)
        await self.api.emulator.drain()
        payloads = [event["payload"] | {"kind": event["type"]} for event in self._target.take()]
        assert {one["message"]["id"] for one in payloads} <= {posted["id"]}
        return payloads

    async def stages(self, content: JSON | None = None, **body: Any) -> list[str]:
        kinds = [payload["kind"] for payload in await self.receives(content, **body)]
        return [kind.rpartition(":")[2] for kind in kinds]


@pytest.fixture
async def phone(api: Api) -> Phone:
    target = Target()
    api.emulator.deliver_to(target)
    stages = ("channel", "failure", "user")
    await subscribe(api, [f"conversation:message:delivery:{stage}" for stage in stages])
    return Phone(api, target)


async def test_the_next_message_fails_with_the_error_of_the_channel(phone: Phone) -> None:
    underlying = {"errors": [{"code": 1013, "title": "User is not valid"}]}
    await phone.api.call(
        "POST",
        f"{ROOT}/channels.fail",
        {"channel": "whatsapp", "code": "bad_request", "underlyingError": underlying},
    )
    assert (await phone.api.get(f"{ROOT}/channels"))["rules"] == [
        {
            "result": "fail",
            "next": 1,
            "channel": "whatsapp",
            "integration": None,
            "seconds": 0.0,
            "error": {
                "code": "bad_request",
                "message": "The channel rejected the message",
                "underlyingError": underlying,
            },
        }
    ]
    (failure,) = await phone.receives()
    assert failure["kind"] == "conversation:message:delivery:failure"
    assert failure["isFinalEvent"] is True
    assert failure["error"]["underlyingError"] == underlying
    assert await phone.stages() == ["channel", "user"]


async def test_rules_are_for_a_channel_or_an_integration(phone: Phone) -> None:
    control = phone.api.emulator.control
    control("channels.fail", channel="twilio")
    control("channels.fail", integration=TWILIO_ID)
    assert await phone.stages() == ["channel", "user"]
    control("channels.fail", integration=WHATSAPP_ID, next=None)
    assert await phone.stages() == ["failure"]
    assert await phone.stages() == ["failure"]
    control("channels.recover")
    control("channels.silence", next=2)
    assert [await phone.stages() for _ in range(3)] == [[], [], ["channel", "user"]]


async def test_a_slow_channel_confirms_late(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("sunco.emulator.delivery.dispatcher.sleep", sleep)
    phone.api.emulator.control("channels.delay", seconds=7)
    assert await phone.stages() == ["channel", "user"]
    assert slept == [7]


async def test_an_event_whose_wait_is_cut_short_is_kept(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = phone.api.emulator
    emulator.control("channels.delay", seconds=60)
    await phone.api.post(phone.arrived["conversation"])
    async with emulator.running():
        pass
    with pytest.raises(TimeoutError):
        await emulator.drain(0.01)

    async def sleep(_seconds: float) -> None:
        return

    monkeypatch.setattr("sunco.emulator.delivery.dispatcher.sleep", sleep)
    await emulator.drain()
    kinds = [event["type"].rpartition(":")[2] for event in emulator.delivered]
    assert sorted(kinds) == ["channel", "user"]


async def test_whatsapp_delivers_for_24_hours(phone: Phone, clock: Clock) -> None:
    clock.advance(24 * 3600 - 1)
    assert await phone.stages() == ["channel", "user"]
    clock.advance(1)
    (failure,) = await phone.receives()
    assert failure["error"]["underlyingError"]["errors"][0]["code"] == 131047
    assert await phone.stages(TEMPLATE, schema="whatsapp") == ["channel", "user"]
    phone.api.emulator.say(phone.arrived["user"], "Still here", integration=WHATSAPP_ID)
    assert await phone.stages() == ["channel", "user"]


async def test_the_window_survives_a_restart(tmp_path: Path) -> None:
    emulator = Emulator(state=tmp_path / "state.db")
    emulator.control("arrive", text="Hi", integration=WHATSAPP_ID)
    state = emulator.control("state")["state"]
    emulator.close()
    restarted = Emulator(state=tmp_path / "state.db")
    assert restarted.control("state")["state"] == state
    (client,) = state["apps"][0]["users"][0]["clients"]
    assert client["last_inbound"] is not None
    restarted.close()


async def test_a_user_who_blocks_a_channel_gets_nothing(api: Api, phone: Phone) -> None:
    user = phone.arrived["user"]
    (client,) = (await api.get(f"users/{user['id']}/clients"))["clients"]
    heard = Target()
    api.emulator.deliver_to(heard, prefix="http://other.test")
    await subscribe(api, ["client:update"], target="http://other.test/")
    assert api.emulator.block(user, client)["status"] == "blocked"
    (failure,) = await phone.receives()
    assert failure["error"]["code"] == "forbidden"
    with pytest.raises(ValueError, match="The client is not active"):
        api.emulator.block(user, client["id"])
    assert api.emulator.unblock(user, client)["status"] == "active"
    assert await phone.stages() == ["channel", "user"]
    with pytest.raises(ValueError, match="The client is not blocked"):
        api.emulator.unblock(user, client)
    with pytest.raises(ValueError, match="Client not found"):
        api.emulator.unblock(user, "none")
    assert [one["payload"]["reason"] for one in heard.take()] == ["blocked", "unblocked"]


async def test_confirming_and_tapping_open_the_window(api: Api, clock: Clock) -> None:
    ann = await api.user(externalId="ann")
    conversation = await api.personal(ann)
    client = await linked(api, ann, conversation)
    api.emulator.confirm(ann, client)

    def opened() -> str:
        (shown,) = api.emulator.control("state")["state"]["apps"][0]["users"][0]["clients"]
        return str(shown["last_inbound"])

    confirmed = opened()
    clock.advance(60)
    button = {"type": "postback", "text": "Go", "payload": "GO"}
    message = await api.post(conversation, {"type": "text", "text": "?", "actions": [button]})
    api.emulator.tap(ann, message, integration=TWILIO_ID)
    assert confirmed < opened()


async def test_a_location_request_is_tapped_and_a_link_followed(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    actions = [
        {"type": "link", "text": "Shop", "uri": "https://example.org/"},
        {"type": "locationRequest", "text": "Where are you?"},
    ]
    message = await api.post(conversation, {"type": "text", "text": "?", "actions": actions})
    places: list[tuple[dict[str, float] | None, float]] = [
        (None, 45.5017),
        ({"lat": 1, "long": 2}, 1),
    ]
    for coordinates, expected in places:
        said = api.emulator.tap(ann, message, coordinates=coordinates)["message"]
        assert (said["content"]["type"], said["content"]["coordinates"]["lat"]) == (
            "location",
            expected,
        )
        assert said["author"]["type"] == "user"
    assert api.emulator.tap(ann, message, "Shop") == {"link": "https://example.org/"}
    assert api.emulator.tap(ann, message, "https://example.org/") == {
        "link": "https://example.org/"
    }


async def test_files_are_sent_as_bytes_and_by_path(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PICTURE)
    ann = await api.user()
    image = {
        "type": "image",
        "altText": "cat.png",
        "mediaType": "image/png",
        "mediaSize": len(PICTURE),
    }
    encoded = b64encode(PICTURE).decode()
    for file in (
        path,
        {"path": str(path)},
        {"content": PICTURE, "name": "cat.png"},
        {"content": encoded, "name": "cat.png"},
    ):
        content = api.emulator.say(ann, file=file)["content"]
        url = content.pop("mediaUrl")
        assert content == image
        assert url.startswith("http://localhost/attachments/v2/")
        assert (await api.http.get(url)).content == PICTURE
    content = api.emulator.say(ann, file=PICTURE)["content"]
    assert (content["type"], content["mediaType"]) == ("file", "application/octet-stream")
    for given in ({"path": str(path)}, {"content": encoded, "name": "cat.png"}):
        said = await api.call("POST", f"{ROOT}/say", {"user": ann["id"], "file": given})
        assert said["message"]["content"]["mediaUrl"].startswith("http://emulator/attachments/")
    arrived = api.emulator.arrive(file=path, external_id="bob", profile={"givenName": "Bob"})
    assert arrived["user"]["externalId"] == "bob"
    assert arrived["message"]["content"]["type"] == "image"


async def test_files_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PICTURE)
    emulator = Emulator(state=tmp_path / "state.db")
    emulator.control("arrive", file={"path": str(path)}, externalId="ada")
    state = emulator.control("state")["state"]
    # Without a checkpoint, so that the command is replayed; the file is not read again.
    emulator._journal.close()  # type: ignore[union-attr]
    path.unlink()
    restarted = Emulator(state=tmp_path / "state.db")
    assert restarted.control("state")["state"]["attachments"] == state["attachments"] != []
    restarted.close()


async def test_files_that_cannot_be_sent(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 4)
    large = tmp_path / "large.txt"
    large.write_bytes(b"words")
    ann = await api.user()
    cases: list[tuple[JSON, str]] = [
        ({"path": str(tmp_path / "none")}, "file.path must be a file of at most 50 MB"),
        ({"path": str(tmp_path)}, "file.path must be a file of at most 50 MB"),
        ({"path": str(large)}, "file.path must be a file of at most 50 MB"),
        ({"path": "x" * 5000}, "file.path cannot be read"),
        ({"content": "?"}, "file.content must be in Base64"),
        ({"content": ""}, "file.content must have 1 byte to 50 MB"),
        ({"content": b"words"}, "file.content must have 1 byte to 50 MB"),
        ({"content": b"MZ", "name": "a.exe"}, "Files of this type are not supported: a.exe"),
        ({}, "file: exactly one of content, path is required"),
    ]
    for file, problem in cases:
        with pytest.raises(ValueError, match=problem.replace(".", "[.]")):
            api.emulator.say(ann, file=file)
    assert api.emulator.control("overview")["conversations"] == []


@pytest.mark.parametrize(
    ("client", "status"),
    [(("192.0.2.1", 1), 403), (None, 403), (("gate", 1), 403), (("::1", 1), 200)],
    ids=["other", "unknown", "named", "loopback"],
)
async def test_only_programs_of_this_machine_name_its_files(
    tmp_path: Path, client: Any, status: int
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PICTURE)
    emulator = Emulator()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await emulator.app({**scope, "client": client}, receive, send)

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ROOT) as http:
        response = await http.post("arrive", json={"file": {"path": str(path)}})
        assert response.status_code == status
        file = {"content": b64encode(PICTURE).decode()}
        assert (await http.post("arrive", json={"file": file})).status_code == 200
