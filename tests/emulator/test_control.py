from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from sunco.emulator.delivery.dispatcher import WebhookDispatcher

from .api import BUSINESS, HELLO
from .test_end_users import BUTTONS
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .api import JSON, Api

pytestmark = pytest.mark.anyio

ROOT = "http://emulator/_emulator"


async def test_a_bot_is_driven_over_http(api: Api) -> None:
    api.emulator.deliver_to(Target())
    await subscribe(api, ["conversation:message", "conversation:postback"])
    await api.user(externalId="ann")
    said = (await api.call("POST", f"{ROOT}/say", {"user": "ann", "text": "hi"}))["message"]
    conversation = (await api.get("conversations?filter[userExternalId]=ann"))["conversations"][0]
    message = await api.post(conversation, BUTTONS)
    tap = {"user": "ann", "message": message["id"], "action": "SOUP"}
    document = await api.call("POST", f"{ROOT}/tap", tap)
    assert document == {"postback": {"payload": "SOUP"}}
    await api.call("POST", f"{ROOT}/drain", {})
    found = (await api.get(f"{ROOT}/messages?conversation={conversation['id']}"))["messages"]
    assert found == [said, message]
    deliveries = (await api.get(f"{ROOT}/deliveries"))["deliveries"]
    kinds = [event["type"] for one in deliveries for event in one["body"]["events"]]
    assert kinds == ["conversation:message", "conversation:message", "conversation:postback"]


async def test_faults_over_http(api: Api) -> None:
    fault = {"status": 429, "retry_after": "7", "path": "*/users", "next": 2}
    await api.call("POST", f"{ROOT}/fail", fault)
    response = await api.http.post("users", json={})
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")
    await api.call("POST", f"{ROOT}/recover", {})
    assert await api.user()


@pytest.mark.parametrize(
    ("method", "path", "body", "error"),
    [
        ("POST", "say", {"text": "hi"}, (400, "user is required")),
        ("POST", "say", {"user": "bob", "text": "hi"}, (404, "User not found")),
        (
            "POST",
            "say",
            {"user": "bob", "text": "a", "content": HELLO},
            (400, "exactly one of text, content, file is required"),
        ),
        ("POST", "fail", {}, (400, "one of status, reset, latency, garbage is required")),
        ("POST", "fail", {"status": 1}, (400, "status must be at least 200")),
        ("POST", "dance", {}, (404, "Resource not found")),
        ("POST", "say", None, (400, "The content-type must be application/json")),
        ("GET", "say", None, (405, "Method not allowed")),
        ("GET", "messages", None, (400, "conversation is required")),
        ("GET", "messages?conversation=gone", None, (404, "Conversation not found")),
        ("DELETE", "say", None, (405, "Method not allowed")),
    ],
)
async def test_what_cannot_be_done_over_http(
    api: Api, method: str, path: str, body: JSON | None, error: tuple[int, str]
) -> None:
    status, title = error
    _, found = await api.rejected(status, method, f"{ROOT}/{path}", body)
    assert found == title


async def test_draining_is_given_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers, body
        await anyio.sleep_forever()
        raise AssertionError

    drain = WebhookDispatcher.drain

    async def drain_briefly(self: WebhookDispatcher, timeout: float) -> None:  # noqa: ASYNC109
        assert timeout == 10
        await drain(self, 0.001)

    monkeypatch.setattr(WebhookDispatcher, "drain", drain_briefly)
    api.emulator.deliver_with(hang)
    await subscribe(api, ["conversation:message"])
    await api.post(await api.personal(await api.user()), author=BUSINESS)
    error = await api.rejected(504, "POST", f"{ROOT}/drain", {})
    assert error == ("gateway_timeout", "Deliveries are still in flight")
