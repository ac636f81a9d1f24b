"""Responses to requests of all kinds; handlers are called for verified deliveries only."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from sunco import ConfigurationError
from sunco.models.events import Event, UnknownEvent
from sunco.webhooks import MemoryInbox, WebhookRouter
from sunco.webhooks.keys import event_key
from webhooks.support import SECRET, Platform, Record, bounded, delivery, message

pytestmark = pytest.mark.anyio

LIMIT = 100_000


class Bot:
    def __init__(self, secret: Any = SECRET, **options: Any) -> None:
        self.router = WebhookRouter(secret, max_body_bytes=LIMIT, **options)
        self.platform = Platform(self.router)
        self.handled = Record()

        @self.router.on()
        async def note(event: Event) -> None:
            self.handled.add(event)


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 1000


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
async def test_only_post(method: str) -> None:
    bot = Bot()
    response = await bot.platform.request(method, delivery(message()))
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert not bot.handled.items


@pytest.mark.parametrize("key", ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper()])
async def test_only_with_the_key(key: str, caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot([SECRET, "another"])
    assert await bot.platform.post(message(), X_API_Key=key) == 401
    assert not bot.handled.items
    assert await bot.platform.post(content=b"not even JSON", X_API_Key=key) == 401
    assert SECRET not in caplog.text
    assert SECRET not in repr(bot.router)


@pytest.mark.parametrize("key", [SECRET, "another"])
async def test_with_any_of_several_keys(key: str) -> None:
    bot = Bot([SECRET, "another"])
    assert await bot.platform.post(message(), X_API_Key=key) == 200
    assert [event.id for event in bot.handled.items] == ["e1"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/json; charset=utf-8"}, 200),
        ({"Content_Type": "Application/JSON"}, 200),
        ({"Content_Type": "application/vnd.smooch+json"}, 200),
        ({"Content_Type": ""}, 200),
        ({"Content_Encoding": "identity"}, 200),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Encoding": "gzip"}, 415),
    ],
)
async def test_only_json(headers: dict[str, str], status: int) -> None:
    bot = Bot()
    response = await bot.platform.request(content=delivery(message()), headers=headers)
    assert response.status_code == status
    assert len(bot.handled.items) == (status == 200)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b'{"events": [',
        b"[]",
        b"1",
        b"{}",
        b'{"events": null}',
        b'{"events": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 50_000,
        b'{"events":' * 9_000,
        b'{"events": [1' + b"0" * 5000 + b"]}",
    ],
    ids=lambda body: repr(body[:14]),
)
async def test_only_deliveries(body: bytes) -> None:
    bot = Bot()
    response = await bot.platform.request(content=body)
    assert response.status_code == 400
    assert response.json()["error"]
    assert not bot.handled.items


async def test_a_body_over_the_limit_is_not_read() -> None:
    bot = Bot()
    response = await bot.platform.request(content=b" " * 20_000_000)
    assert response.status_code == 413
    assert str(LIMIT) in response.json()["error"]
    # Told in advance by no length, and so read up to the limit; httpx would go on for ever.
    assert await receive_from(bot.router, endless()) == (413, LIMIT // 1000 + 1)
    assert not bot.handled.items


async def receive_from(router: WebhookRouter, body: AsyncIterator[bytes]) -> tuple[int, int]:
    """Deliver a body in pieces; returns the status, and how many pieces were asked for."""
    pieces = 0
    sent: list[Any] = []

    async def receive() -> Any:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": await anext(body), "more_body": True}

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"X-API-Key", SECRET.encode()), (b"content-length", b"many")]
    await router({"type": "http", "method": "POST", "headers": headers}, receive, send)
    return sent[0]["status"], pieces


async def test_a_delivery_in_pieces_and_one_that_is_broken_off() -> None:
    bot = Bot()
    whole = delivery(message())
    messages = [
        {"type": "http.request", "body": whole[:50], "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": whole[50:]},
    ]
    sent: list[Any] = []

    async def send(event: Any) -> None:
        sent.append(event)

    async def deliver(*parts: Any) -> None:
        remaining = iter(parts)

        async def receive() -> Any:
            return next(remaining)

        scope = {"type": "http", "method": "POST", "headers": [(b"x-api-key", SECRET.encode())]}
        await bot.router(scope, receive, send)

    await deliver(*messages[:2], {"type": "http.disconnect"})
    assert not sent
    assert not bot.handled.items
    await deliver(*messages)
    assert sent[0]["status"] == 200
    assert len(bot.handled.items) == 1


async def test_bad_events_arrive_as_such_and_once(caplog: pytest.LogCaptureFixture) -> None:
    bot = Bot()
    events: list[Any] = [
        message("e1"),
        {"type": "conversation:message", "payload": {"text": "without id"}},
        {"type": "conversation:message", "id": "e3", "payload": "no object"},
        {
            "type": "conversation:sang",
            "id": "\ud800",
            "payload": {"conversation": {"id": "\ud8aa"}},
        },
        "text",
        None,
    ]
    for _ in range(2):
        assert await bot.platform.post(*events) == 200
    handled = bot.handled.items
    assert [event.id for event in handled if event.id] == ["e1", "e3", "\ud800"]
    assert len(handled) == len(events)
    errors = [event.error for event in handled if isinstance(event, UnknownEvent) and event.error]
    assert len(errors) == 4
    assert all(error in caplog.text for error in errors)


async def test_a_delivery_nobody_handles() -> None:
    router = WebhookRouter(SECRET)
    assert await Platform(router).post(message(), "x") == 200


async def test_no_events() -> None:
    assert await Bot().platform.post() == 200


async def test_other_protocols_are_turned_away() -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError

    async def send(event: Any) -> None:
        sent.append(event)

    await Bot().router({"type": "websocket"}, receive, send)
    await Bot().router({"type": "other"}, receive, send)
    assert sent == [{"type": "websocket.close"}]


async def test_an_app_that_fails_still_responds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot()

    def broken(_: bytes) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("sunco.webhooks.router.read", broken)
    assert await bot.platform.post(message()) == 500
    assert "ZeroDivisionError" in caplog.text
    assert SECRET not in caplog.text


async def test_rejections_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "sunco.webhooks")
    bot = Bot()
    await bot.platform.post(X_API_Key="wrong")
    await bot.platform.post(content=json.dumps({"secret words": 1}).encode())
    assert "Responded 401 to a delivery: The delivery shows a wrong X-API-Key." in caplog.text
    assert "Responded 400 to a delivery: The delivery is not an object" in caplog.text
    assert "secret words" not in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"secret": ""},
        {"body_timeout": 0},
        {"max_event_age": -1},
        {"handler_timeout": 0},
        {"handler_timeout": 20},
        {"concurrency": 0},
        {"max_attempts": 0},
        {"max_body_bytes": 0},
        {"retry_delay": -1},
        {"max_retry_delay": -1},
        {"dedup_ttl": -1},
        {"shutdown_timeout": -1},
    ],
)
def test_settings_that_cannot_work_are_rejected(options: dict[str, Any]) -> None:
    settings: dict[str, Any] = {"secret": SECRET} | options
    with pytest.raises(ConfigurationError):
        WebhookRouter(**settings)


async def test_a_body_that_is_too_slow_is_rejected() -> None:
    router = WebhookRouter(SECRET, body_timeout=0.01)
    sent: list[Any] = []
    pieces = iter([{"type": "http.request", "body": b"{", "more_body": True}])

    async def receive() -> Any:
        piece = next(pieces, None)
        if piece is None:
            await anyio.sleep_forever()
        return piece

    async def send(event: Any) -> None:
        sent.append(event)

    headers = [(b"x-api-key", SECRET.encode())]
    with bounded():
        await router({"type": "http", "method": "POST", "headers": headers}, receive, send)
    assert sent[0]["status"] == 408
    assert b"did not arrive within 0.01 s" in sent[1]["body"]


@pytest.mark.parametrize("with_inbox", [False, True])
@pytest.mark.parametrize("other", ["app", "webhook"])
async def test_events_of_two_apps_or_webhooks_with_the_same_id_are_both_handled(
    other: str,
    with_inbox: bool,  # noqa: FBT001 - where they are processed
) -> None:
    bot = Bot([SECRET, "another"], inbox=MemoryInbox() if with_inbox else None)
    first = json.loads(delivery(message("e1")))
    second = first | {other: {"id": "other"}}
    with bounded():
        async with bot.router.running():
            for document in (first, second, first):
                assert await bot.platform.post(content=json.dumps(document).encode()) == 200
            await bot.router.drain()
    assert [event.id for event in bot.handled.items] == ["e1", "e1"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (("a", "w", "e"), "a/w/e"),
        ((None, None, "e"), "//e"),
        (("a/b", "w", "e"), "a%2Fb/w/e"),
        (("a", "b/w", "é"), "a/b%2Fw/%C3%A9"),
        (("a", "w", "\ud800"), "a/w/%ED%A0%80"),
        (("a", "w", "\\ud800"), "a/w/%5Cud800"),
    ],
)
def test_keys_of_different_ids_differ(
    ids: tuple[str | None, str | None, str], expected: str
) -> None:
    app, webhook, event_id = ids
    assert event_key(app, webhook, UnknownEvent(id=event_id), {}) == expected
