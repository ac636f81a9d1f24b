from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any

import anyio
import h11
import httpx
import pytest

from sunco.emulator import Emulator, EndUsers
from sunco.emulator.controls import Controls
from sunco.emulator.delivery import dispatcher
from sunco.emulator.end_users.agents import actions
from sunco.emulator.http.control import feed
from sunco.emulator.http.control.table import CONTROLS
from sunco.emulator.http.request_journal import MASK, MAX_BODY_BYTES

from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from .api import JSON, Api
    from .conftest import Clock

pytestmark = pytest.mark.anyio
ROOT = "http://emulator/_emulator"


async def control(api: Api, name: str, /, **arguments: Any) -> JSON:
    return await api.call("POST", f"{ROOT}/{name}", arguments)


async def test_every_control_is_listed_with_its_arguments(api: Api) -> None:
    listed = (await api.get(f"{ROOT}/"))["controls"]
    assert {(one["method"], one["name"]) for one in listed} == set(CONTROLS)
    assert all(one["summary"] and one["path"].startswith("/_emulator/") for one in listed)


def test_the_arguments_are_the_same_in_http_and_in_python() -> None:
    differing: list[str] = []
    for (method, name), one in CONTROLS.items():
        if name in actions.all and method == "POST":
            continue
        owner: type = Controls
        known_as = f"{method.lower()}_{name.replace('.', '_')}"
        if name in ("fail", "limit_rate", "requests"):
            owner, known_as = Emulator, name
        signature = inspect.signature(getattr(owner, known_as))
        if set(signature.parameters) - {"self"} != set(one.schema.properties):
            differing.append(name)
    assert not differing


def test_end_users_act_with_the_same_arguments_in_http_and_in_python() -> None:
    differing: list[str] = []
    for name, action in actions.all.items():
        if "." in name or name == "conversation":
            continue
        parameters = inspect.signature(getattr(EndUsers, name)).parameters
        known = {re.sub(r"_(.)", lambda found: found[1].upper(), one) for one in parameters}
        # A text is content, too, and users are found in every app.
        arguments = set(action.schema.properties) - {"app", "text"}
        variable = {one.name for one in parameters.values() if one.kind is one.VAR_KEYWORD}
        if known - {"self"} - variable - arguments or (arguments - known and not variable):
            differing.append(name)
    assert not differing


async def test_errors_are_the_same_in_http_and_in_python(api: Api) -> None:
    cases: list[tuple[str, JSON]] = [
        ("fail", {}),
        ("fail", {"status": 503, "speed": 1}),
        ("agent.say", {"conversation": "gone", "text": "a"}),
        ("state", {"state": {"clock": 1}}),
        ("deliveries.redeliver", {"delivery": 0}),
    ]
    for name, arguments in cases:
        response = await api.http.post(f"{ROOT}/{name}", json=arguments)
        titles = [error["title"] for error in response.json()["errors"]]
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
            api.emulator.control(name, **arguments)
        assert "; ".join(titles) == str(caught.value)
    methods: list[tuple[str, JSON]] = [
        ("fail", {}),
        ("fail", {"status": 99}),
        ("limit_rate", {"rate": 0}),
    ]
    for name, arguments in methods:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared
            getattr(api.emulator, name)(**arguments)
        response = await api.http.post(f"{ROOT}/{name}", json=arguments)
        assert response.json()["errors"][0]["title"] == str(caught.value)
    with pytest.raises(ValueError, match="There is no control 'dance'"):
        api.emulator.control("dance")


async def test_a_visitor_arrives_on_a_channel(api: Api) -> None:
    [whatsapp] = [
        one for one in api.emulator.control("overview")["channels"] if one["type"] == "whatsapp"
    ]
    profile = {"givenName": "Grace"}
    arrived = await control(
        api, "arrive", text="Hi", integration=whatsapp["id"], profile=profile, externalId="grace"
    )
    assert arrived["user"]["externalId"] == "grace"
    assert arrived["message"]["source"]["type"] == "whatsapp"
    overview = await api.get(f"{ROOT}/overview")
    [conversation] = overview["conversations"]
    assert conversation["id"] == arrived["conversation"]["id"]
    assert (conversation["title"], conversation["preview"]) == ("Grace", "Hi")
    assert conversation["channels"] == ["whatsapp"]


async def test_an_agent_joins_writes_takes_over_and_closes(api: Api) -> None:
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api)
    arrived = await control(api, "arrive", text="Help!")
    where = {"conversation": arrived["conversation"]["id"]}

    async def active() -> str | None:
        board = await api.get(f"{ROOT}/switchboard", **where)
        names = {one["id"]: one["name"] for one in board["integrations"]}
        return names.get(board["active"])

    assert await active() == "bot"
    await control(api, "agent.join", **where)
    assert await active() == "agent"
    said = (await control(api, "agent.say", **where, text="How can I help?"))["message"]
    assert said["author"]["displayName"] == "Agent"
    assert said["author"]["subtypes"] == ["agent"]
    await control(api, "agent.close", **where, next="bot")
    assert await active() == "bot"
    await control(api, "agent.take_over", **where)
    await control(api, "agent.close", **where, reason="transferToEmail")
    assert await active() is None
    await api.emulator.drain()
    passed = [one for one in target.events if one["type"] == "switchboard:passControl"]
    assert passed[0]["payload"]["metadata"] == {"reason": "ticketClosed"}
    [released] = [one for one in target.events if one["type"] == "switchboard:releaseControl"]
    assert released["payload"]["metadata"] == {"reason": "transferToEmail"}


async def test_there_is_no_agent_without_agent_workspace() -> None:
    emulator = Emulator(switchboard=())
    arrived = emulator.control("arrive", text="Hi")
    with pytest.raises(ValueError, match="no integration of Agent Workspace"):
        emulator.control("agent.join", conversation=arrived["conversation"]["id"])


async def test_control_is_moved_by_hand(api: Api) -> None:
    arrived = await control(api, "arrive", text="Hi")
    where = {"conversation": arrived["conversation"]["id"]}
    await control(api, "switchboard.offer", **where, switchboardIntegration="agent")
    await control(api, "switchboard.accept", **where)
    await control(api, "switchboard.pass", **where, switchboardIntegration="bot")
    conversation = (await api.get(f"conversations/{where['conversation']}"))["conversation"]
    assert conversation["activeSwitchboardIntegration"]["name"] == "bot"
    await control(api, "switchboard.release", **where)
    conversation = (await api.get(f"conversations/{where['conversation']}"))["conversation"]
    assert "activeSwitchboardIntegration" not in conversation
    rejected = await api.rejected(400, "POST", f"{ROOT}/switchboard.accept", where)
    assert rejected == ("bad_request", "There is no pendingSwitchboardIntegration")


async def test_the_business_writes_until_the_conversation_is_full() -> None:
    emulator = Emulator(message_limit=2)
    arrived = emulator.control("arrive", content={"type": "text", "text": "Hi"})
    where = {"app": emulator.app_id, "conversation": arrived["conversation"]["id"]}
    content = {"type": "text", "text": "Hello"}
    said = emulator.control("business.say", **where, content=content, name="Shop")["message"]
    assert said["author"] == {"type": "business", "displayName": "Shop"}
    with pytest.raises(ValueError, match="Message limit of 2"):
        emulator.control("business.say", **where, text="Still there?")


async def test_any_event_can_be_triggered(api: Api) -> None:
    received: list[JSON] = []

    async def take(_url: str, _headers: Any, body: bytes) -> int:
        received.extend(json.loads(body)["events"])
        return 200

    api.emulator.deliver_with(take)
    await subscribe(api)
    api.emulator.trigger("passthrough:messaging", {"any": ["thing"]})
    with pytest.raises(ValueError, match="type must be one of"):
        api.emulator.trigger("passthrough", {})
    await api.emulator.drain()
    [event] = received
    assert (event["type"], event["payload"]) == ("passthrough:messaging", {"any": ["thing"]})


async def test_deliveries_are_disturbed_and_repeated(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("sunco.emulator.delivery.dispatcher.sleep", sleep)
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api, ["conversation:message"])
    user = await api.user()

    async def deliver(*texts: str) -> list[str]:
        for text in texts:
            api.emulator.say(user, text)
        await api.emulator.drain()
        return [one["payload"]["message"]["content"]["text"] for one in target.take()]

    await control(api, "deliveries.reorder")
    assert await deliver("a", "b") == ["b", "a"]
    await control(api, "deliveries.duplicate", next=2)
    assert await deliver("c") == ["c", "c"]
    await control(api, "deliveries.recover")
    await control(api, "deliveries.drop")
    assert await deliver("d") == []
    await control(api, "deliveries.delay", seconds=3)
    plan = (await api.get(f"{ROOT}/faults"))["deliveries"]
    assert plan == [{"kind": "delay", "remaining": 1, "seconds": 3}]
    assert await deliver("e") == ["e"]
    assert slept == [3]
    last = (await api.get(f"{ROOT}/deliveries", limit=1))["deliveries"][0]
    assert (last["status"], last["response"], last["attempt"]) == (200, "ok", 1)
    again = (await control(api, "deliveries.redeliver", delivery=last["id"]))["delivery"]
    assert (again["attempt"], again["body"]) == (2, last["body"])
    rejected = await api.rejected(
        404, "POST", f"{ROOT}/deliveries.redeliver", {"delivery": 1_000_000}
    )
    assert rejected[1] == "Delivery not found"


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError("nobody is there"),
        h11.RemoteProtocolError("nobody is there"),
        anyio.BrokenResourceError("nobody is there"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_an_unreachable_target_is_reported_in_one_line(
    api: Api,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    monkeypatch.setattr(dispatcher, "RETRY_DELAYS_SECONDS", (0.0,))

    async def fail(_url: str, _headers: Any, _body: bytes) -> int:
        raise failure

    api.emulator.deliver_with(fail)
    await subscribe(api, ["conversation:message"])
    api.emulator.say(await api.user(), "hi")
    await api.emulator.drain()
    assert {record.exc_info for record in caplog.records} == {None}
    assert caplog.records[0].getMessage().endswith("nobody is there")
    assert api.emulator.deliveries[0].error == f"{type(failure).__name__}: nobody is there"


async def test_requests_are_recorded_without_secrets(api: Api) -> None:
    user = await api.user(externalId="ada")
    conversation = await api.personal(user)
    await api.post(conversation)
    await api.http.get("nothing/here")
    await api.http.post("users", content=b"{", headers={"content-type": "application/json"})
    await api.http.post("users", content=b"x" * (MAX_BODY_BYTES + 1))
    await api.call(
        "POST",
        "integrations",
        {"type": "twilio", "accountSid": "AC1", "authToken": "hush", "phoneNumberSid": "PN1"},
        status=201,
    )
    [posted] = api.emulator.requests(operation="PostMessage")
    assert (posted.method, posted.status) == ("POST", 201)
    assert posted.body["content"]["text"] == "Hello!"
    assert posted.response["messages"][0]["content"] == posted.body["content"]
    [unmatched] = api.emulator.requests(unmatched=True)
    assert (unmatched.operation, unmatched.status) == (None, 404)
    created = api.emulator.requests(operation="CreateUser")
    assert [one.body for one in created] == [
        {"externalId": "ada"},
        "1 bytes of application/json",
        f"{MAX_BODY_BYTES + 1} bytes of unknown type",
    ]
    [twilio] = (await api.get(f"{ROOT}/requests", operation="CreateIntegration"))["requests"]
    assert twilio["body"]["authToken"] == MASK
    assert "hush" not in json.dumps(twilio)
    assert len(api.emulator.requests(limit=2)) == 2


async def test_a_broken_connection_is_recorded_without_a_status(api: Api) -> None:
    api.emulator.fail(reset=True)
    with pytest.raises(ConnectionResetError):
        await api.http.get("users/ada")
    [broken] = api.emulator.requests()
    assert (broken.status, broken.response) == (None, None)


async def test_the_clock_is_set_and_advanced(api: Api) -> None:
    moved = await control(api, "clock", advance=60)
    assert moved == {"now": "2025-02-03T16:22:12.308Z", "offset": 60}
    moved = await control(api, "clock", set="2026-01-01T00:00:00.000Z")
    assert moved["now"] == "2026-01-01T00:00:00.000Z"
    said = api.emulator.say(await api.user(), "hi")
    assert said["received"] == "2026-01-01T00:00:00.000Z"
    assert (await api.get(f"{ROOT}/clock")) == moved
    for arguments, problem in (
        ({"set": "1969-12-31T23:59:59.999Z"}, "set must be a time from 1970 to 2900"),
        ({"set": "9999-12-31T23:59:59.999Z"}, "set must be a time from 1970 to 2900"),
    ):
        assert await api.problems("POST", f"{ROOT}/clock", arguments) == [problem]
    await control(api, "clock", set="2899-12-31T00:00:00.000Z")
    assert await api.problems("POST", f"{ROOT}/clock", {"advance": 2 * 86400}) == [
        "advance must not go beyond the year 2900"
    ]


async def test_the_state_is_exported_imported_and_reset(api: Api) -> None:
    user = await api.user(externalId="ada")
    api.emulator.say(user, "hi")
    state = (await api.get(f"{ROOT}/state"))["state"]
    other = Emulator()
    other.control("state", state=state)
    assert other.texts(other.conversation("ada")) == ["hi"]
    await control(api, "reset")
    assert (await api.get(f"{ROOT}/overview"))["conversations"] == []
    assert await api.user(externalId="ada")
    problem = await api.problems("POST", f"{ROOT}/state", {"state": {"apps": []}})
    assert problem == ["state is not an exported state: KeyError"]


async def test_a_reset_is_kept(tmp_path: Any) -> None:
    path = tmp_path / "state.db"
    emulator = Emulator(state=path)
    emulator.control("arrive", text="Hi")
    emulator.control("reset")
    emulator.close()
    emulator = Emulator(state=path)
    assert emulator.control("overview")["conversations"] == []
    emulator.close()


async def test_messages_come_in_parts(api: Api) -> None:
    user = await api.user()
    for text in "abcd":
        api.emulator.say(user, text)
    where = {"conversation": api.emulator.conversation(user)["id"]}
    part = await api.get(f"{ROOT}/messages", **where, limit=2)
    assert [one["content"]["text"] for one in part["messages"]] == ["c", "d"]
    assert part["total"] == 4
    before = part["messages"][0]["id"]
    part = await api.get(f"{ROOT}/messages", **where, limit=9, before=before)
    assert [one["content"]["text"] for one in part["messages"]] == ["a", "b"]
    # The id of a message that was deleted is a place, too.
    await api.call("DELETE", f"conversations/{where['conversation']}/messages/{before}")
    part = await api.get(f"{ROOT}/messages", **where, limit=1, before=before)
    assert [one["content"]["text"] for one in part["messages"]] == ["b"]


async def test_expired_messages_are_not_listed(api: Api, clock: Clock) -> None:
    await api.call("PATCH", "../app_demo", {"settings": {"conversationRetentionSeconds": 60}})
    conversation = api.emulator.arrive("Hi")["conversation"]
    clock.advance(61)
    assert api.emulator.control("messages", conversation=conversation["id"])["messages"] == []
    assert api.emulator.messages(conversation) == []


async def test_the_overview_is_searched_and_limited(api: Api) -> None:
    control = api.emulator.control
    arrived = [
        api.emulator.arrive(text, external_id=name, profile={"givenName": name.title()})
        for name, text in (("ada", "Soup?"), ("bob", "Salad?"), ("eve", "Soup!"))
    ]
    await api.user(externalId="zoe")

    def found(**arguments: Any) -> tuple[list[str], list[str]]:
        overview = control("overview", **arguments)
        conversations, users = overview["conversations"], overview["users"]
        return [one["title"] for one in conversations], [one["title"] for one in users]

    assert found() == (["Eve", "Bob", "Ada"], ["zoe", "Eve", "Bob", "Ada"])
    assert found(search=" SOUP") == (["Eve", "Ada"], [])
    assert found(search="bob") == (["Bob"], ["Bob"])
    first = arrived[0]["conversation"]["id"]
    assert found(limit=1) == (["Eve"], ["zoe"])
    assert found(limit=1, conversation=first) == (["Eve", "Ada"], ["zoe"])
    assert found(conversation=first)[0] == ["Eve", "Bob", "Ada"]
    overview = control("overview", limit=1)
    assert overview["total"] == {"conversations": 3, "users": 4}
    assert overview["users"][0]["conversation"] is None
    assert control("overview")["users"][1]["conversation"] == arrived[2]["conversation"]["id"]


async def test_the_overview_shows_who_types(api: Api, clock: Clock) -> None:
    arrived = api.emulator.arrive("Hi", profile={"givenName": "Ada"})
    conversation, user = arrived["conversation"], arrived["user"]

    def typing() -> list[str]:
        [shown] = api.emulator.control("overview")["conversations"]
        names: list[str] = shown["typing"]
        return names

    async def type_as_business(kind: str) -> None:
        body = {"author": {"type": "business"}, "type": kind}
        await api.call("POST", f"conversations/{conversation['id']}/activity", body)

    assert typing() == []
    await type_as_business("typing:start")
    clock.advance(1)
    api.emulator.type(user)
    assert typing() == ["The business", "Ada"]
    await type_as_business("typing:stop")
    assert typing() == ["Ada"]
    api.emulator.say(user, "Hi")
    await api.post(conversation)
    assert typing() == []
    clock.advance(1)
    await type_as_business("typing:start")
    assert typing() == ["The business"]
    clock.advance(11)
    assert typing() == []
    await type_as_business("typing:start")
    await api.call("DELETE", f"users/{user['id']}")
    assert api.emulator.control("overview")["conversations"] == []


async def test_queries_are_typed(api: Api) -> None:
    assert await api.get(f"{ROOT}/requests", unmatched="true") == {"requests": []}
    assert await api.problems("GET", f"{ROOT}/requests?unmatched=perhaps", None) == [
        "unmatched must be true or false"
    ]
    assert await api.problems("GET", f"{ROOT}/deliveries?limit=-1", None) == [
        "limit must be an integer"
    ]
    assert (await api.rejected(404, "GET", f"{ROOT}/overview?app=gone"))[1] == "App not found"
    assert (await api.rejected(404, "GET", f"{ROOT}/switchboard?conversation=gone"))[1] == (
        "Conversation not found"
    )
    assert await api.get(f"{ROOT}/health") == {"status": "ok"}
    assert await api.get(f"{ROOT}/activities") == {"activities": []}


async def test_changes_are_followed_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "KEEP_ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(feed, "MAX_WAITING", 1)
    changes = feed.ChangeFeed()
    following = changes.follow()
    assert await anext(following) == b": connected\n\n"
    assert await anext(following) == b": \n\n"
    changes.emit("state")
    changes.emit("state", number=2)
    assert await anext(following) == b'data: {"kind": "state"}\n\n'
    await following.aclose()
    changes.emit("state")


async def test_the_page_is_served_with_a_strict_policy(api: Api) -> None:
    page = await api.http.get(f"{ROOT}/console")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    script = await api.http.get(f"{ROOT}/console/main.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    moved = await api.http.get(f"{ROOT}/console/")
    assert (moved.status_code, moved.headers["location"]) == (307, "../console")
    assert (await api.http.get(f"{ROOT}/console/__init__.py")).status_code == 404


async def test_other_sites_and_rebound_names_are_rejected(api: Api) -> None:
    arguments = {"text": "Hi"}
    page = (await api.http.get(f"{ROOT}/console")).text
    token = page.partition('name="sunco-token" content="')[2].partition('"')[0]
    cases = {
        (("origin", "http://evil.test"),): 403,
        (("origin", "http://evil.test"), ("x-emulator-token", "guess")): 403,
        (("origin", "http://emulator"), ("x-emulator-token", token)): 200,
        (("host", "evil.test"),): 403,
        (("host", ""),): 403,
        (("host", "[::1"),): 403,
        (("host", "localhost@evil.test"),): 403,
        (("host", "127.0.0.1:8000"),): 200,
        (("host", "LOCALHOST"),): 200,
        (("host", "[::1]:8000"),): 200,
        (("host", "shop.localhost"),): 200,
    }
    for headers, status in cases.items():
        response = await api.http.post(f"{ROOT}/arrive", json=arguments, headers=dict(headers))
        assert response.status_code == status, headers
    rebound = await api.http.get(f"{ROOT}/console", headers={"host": "evil.test"})
    assert rebound.status_code == 403
    named = Emulator(hosts=["shop.test"])
    transport = httpx.ASGITransport(named.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
        assert (await client.get("/_emulator/health")).status_code == 200


async def test_a_text_of_five_megabytes_is_rejected(api: Api) -> None:
    text = "x" * 5_000_000
    user = await api.user()
    for name, arguments in (
        ("say", {"user": user["id"], "text": text}),
        ("arrive", {"content": {"type": "text", "text": text}}),
    ):
        (problem,) = await api.problems("POST", f"{ROOT}/{name}", arguments)
        assert problem.endswith("text must be at most 4096 characters long")
    conversation = await api.personal(user)
    for path in (
        f"{ROOT}/business.say",
        f"conversations/{conversation['id']}/messages",
    ):
        error = await api.rejected(413, "POST", path, {"text": text})
        assert error == ("payload_too_large", "The request body must not exceed 100kb")
    assert api.emulator.messages(conversation) == []


async def test_the_feed_is_served_as_server_sent_events(api: Api) -> None:
    messages: list[Any] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/_emulator/events",
        "raw_path": b"/_emulator/events",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
        "server": ("localhost", 80),
    }
    gone = anyio.Event()

    async def receive() -> JSON:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)
        if message.get("body", b"").startswith(b"data:"):
            gone.set()
        elif message.get("body") == b": connected\n\n":
            api.emulator.control("arrive", text="Hi")

    with anyio.fail_after(60):
        await api.emulator.app(scope, receive, send)
    assert dict(messages[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert messages[2]["body"] == b'data: {"kind": "state"}\n\n'
