"""A client that is used in one event loop after another."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import httpx
import pytest
from chaos.misbehaviour import Misbehaving

from sunco import AiohttpTransport, ConfigurationError, HttpxTransport, Request, Transport

# A loop that ends without closing the client leaves its connections to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture(params=[HttpxTransport, AiohttpTransport])
def carrier(request: pytest.FixtureRequest) -> Transport:
    kind: Callable[[], Transport] = request.param
    return kind()


def post(server: Misbehaving, token: str) -> Request:
    content = token.encode()
    headers = {"Content-Length": str(len(content))}
    return Request("POST", f"http://127.0.0.1:{server.port}/", headers, content, 60.0)


def test_one_loop_after_another(carrier: Transport) -> None:
    with Misbehaving({}) as server:
        for number in range(3):
            response = asyncio.run(carrier.send(post(server, f"token-{number}")))
            assert response.status == 201
        asyncio.run(carrier.aclose())
        assert server.taken.total() == 3
    gc.collect()


def test_two_loops_at_once(carrier: Transport) -> None:
    async def main(server: Misbehaving) -> None:
        in_flight = asyncio.ensure_future(carrier.send(post(server, "token-1")))
        while not server.taken:  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.001)

        def elsewhere() -> None:
            with pytest.raises(ConfigurationError, match="another event loop"):
                asyncio.run(carrier.send(post(server, "token-2")))
            rejected.set()

        rejected = threading.Event()
        await asyncio.to_thread(elsewhere)
        assert rejected.is_set()
        in_flight.cancel()
        await carrier.aclose()

    with Misbehaving({"stall": 1.0}) as server:
        asyncio.run(main(server))


def test_a_proxys_client_keeps_its_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    with Misbehaving({"close_after": 0.0, "connection": 0.0}) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        carrier = HttpxTransport(keepalive_expiry=0.0)
        for number in range(2):
            response = asyncio.run(carrier.send(post(server, f"token-{number}")))
            assert response.status == 201


def test_a_client_of_the_user_is_kept_in_a_new_loop() -> None:
    sent: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(201)

    transport = HttpxTransport(httpx.AsyncClient(transport=httpx.MockTransport(respond)))
    request = Request("GET", "https://api.test/", {}, None, 60.0)
    for _ in range(2):
        assert asyncio.run(transport.send(request)).status == 201
    assert len(sent) == 2
