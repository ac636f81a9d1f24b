"""The limit of the time that a delivery waits."""

from __future__ import annotations

import math
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sunco.webhooks import WebhookRouter
from sunco.webhooks.response import OK, HTTPResponse
from sunco.webhooks.time_limit import TimeLimit
from webhooks.support import SECRET, bounded, delivery, message

pytestmark = pytest.mark.anyio


async def test_the_time_counts_from_the_start_and_not_from_the_first_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = TimeLimit()
    deadlines: list[float] = []
    began = anyio.current_time()

    async def wait() -> str:
        with monkeypatch.context() as patched:
            patched.setattr(anyio, "current_time", lambda: began - 5.0)
            limit.start(100.0, OK)
        await anyio.lowlevel.checkpoint()
        deadlines.append(anyio.current_effective_deadline())
        limit.start(100.0, OK)
        deadlines.append(anyio.current_effective_deadline())
        limit.stop()
        deadlines.append(anyio.current_effective_deadline())
        return "waited"

    assert await limit.run(wait()) == "waited"
    first, second, third = deadlines
    assert first == began + 95.0
    assert second >= began + 100.0
    assert third == math.inf


async def test_what_has_reached_the_limit_is_cancelled_where_it_waits() -> None:
    limit, too_slow = TimeLimit(), HTTPResponse(408)
    seen: list[bool] = []

    async def wait() -> str:
        limit.start(0.01, too_slow)
        try:
            await anyio.sleep_forever()
        finally:
            seen.append(limit.is_reached)
        return "never"

    with bounded():
        assert await limit.run(wait()) is None
    assert seen == [True]
    assert limit.response is too_slow


async def test_what_is_closed_from_outside_is_closed_at_once() -> None:
    closed: list[bool] = []

    class Suspended:
        def __await__(self) -> Any:
            yield None

    async def suspended() -> None:
        try:
            await Suspended()
        finally:
            closed.append(True)

    coroutine = TimeLimit().run(suspended())
    coroutine.send(None)
    coroutine.close()
    assert closed == [True]


async def test_a_body_that_a_server_delivers_after_the_limit_is_rejected() -> None:
    router = WebhookRouter(SECRET, body_timeout=0.01)
    sent: list[Any] = []

    async def receive() -> Any:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.05)
        return {"type": "http.request", "body": delivery(message())}

    async def send(event: Any) -> None:
        sent.append(event)

    @router.on()
    async def handle(_: Any) -> None:
        pytest.fail("It is called.")

    headers = [(b"x-api-key", SECRET.encode())]
    with bounded():
        await router({"type": "http", "method": "POST", "headers": headers}, receive, send)
    assert sent[0]["status"] == 408
