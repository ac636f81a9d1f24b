"""Posts through chaos: none taken twice, none said to be sent that was not, nothing left over.

The short form here is part of every run; `nox -s chaos` sets SUNCO_CHAOS_POSTS for the long one.
"""

from __future__ import annotations

import io
import os
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest

from chaos.misbehaviour import FAULTS, Misbehaving
from sunco import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DecodeError,
    HttpxTransport,
    RetryPolicy,
    Sunco,
    Transport,
)
from sunco.models import TextMessage
from sunco.transport import AiohttpTransport

pytestmark = pytest.mark.anyio

POSTS = int(os.environ.get("SUNCO_CHAOS_POSTS", "200"))
IN_FLIGHT = 32
CONNECTIONS = 16
TIMEOUT = 2.0
PATIENCE = 60.0
LIMIT = 1_000_000


@pytest.fixture(
    params=[("asyncio", HttpxTransport), ("trio", HttpxTransport), ("asyncio", AiohttpTransport)],
    ids=["httpx-asyncio", "httpx-trio", "aiohttp"],
)
def combination(request: pytest.FixtureRequest) -> tuple[str, Callable[..., Transport]]:
    chosen: tuple[str, Callable[..., Transport]] = request.param
    return chosen


@pytest.fixture
def anyio_backend(combination: tuple[str, object]) -> str:
    return combination[0]


@pytest.fixture
def kind(combination: tuple[object, Callable[..., Transport]]) -> Callable[..., Transport]:
    return combination[1]


@asynccontextmanager
async def client(server: Misbehaving, kind: Callable[..., Transport]) -> AsyncGenerator[Sunco]:
    async with Sunco(
        app_id="a",
        key_id="app_k",
        key_secret="s3cret",
        base_url=f"http://127.0.0.1:{server.port}",
        timeout=TIMEOUT,
        retry=RetryPolicy(max_attempts=4, backoff=1e-3, max_backoff=1e-3),
        transport=kind(max_connections=CONNECTIONS, max_response_bytes=LIMIT),
    ) as sunco:
        yield sunco


async def outcome(sunco: Sunco, token: str) -> str:
    """Post a message; what the client says has become of it."""
    try:
        (posted,) = await sunco.messages.post("c1", token)
    except APIConnectionError as error:
        return "maybe sent" if error.maybe_delivered else "not sent"
    except DecodeError:
        return "responded"
    except APIStatusError as error:
        return f"rejected {error.status}"
    assert isinstance(posted.content, TextMessage)
    # What came back is the response to this post, and to no other.
    assert posted.content.text == token
    return "sent"


NOT_TAKEN = ("rejected 307", "rejected 413", "rejected 429", "rejected 502")
MOST_TAKEN = {
    "not sent": 0,
    "rejected 413": 0,
    "rejected 429": 0,
    "rejected 502": 0,
    "rejected 307": 0,
}
LEAST_TAKEN = {"sent": 1, "responded": 1, "rejected 504": 1}


def check(server: Misbehaving, said: dict[str, str]) -> None:
    """Whether all that was said is true."""
    for token, verdict in said.items():
        taken = server.taken[token]
        assert taken <= MOST_TAKEN.get(verdict, 1), f"{verdict}, but taken {taken} times"
        assert taken >= LEAST_TAKEN.get(verdict, 0), f"{verdict}, but taken {taken} times"
    assert server.strangers == 0


async def post_all(sunco: Sunco, tokens: list[str]) -> dict[str, str]:
    said: dict[str, str] = {}
    left = iter(tokens)

    async def work() -> None:
        for token in left:
            said[token] = await outcome(sunco, token)

    async with anyio.create_task_group() as tasks:
        for _ in range(IN_FLIGHT):
            tasks.start_soon(work)
    return said


async def all_slots_are_free(sunco: Sunco, server: Misbehaving) -> None:
    """As many requests as there are slots are in flight at once: none is left over."""
    server.faults = {"stall": 1.0}
    patient: Any = sunco.with_options(timeout=PATIENCE)

    async def post(number: int) -> None:
        # An idle connection can still be reset when it is used again.
        for _ in range(CONNECTIONS):
            with suppress(APIConnectionError):
                await patient.messages.post("c1", f"token-slot{number}")

    with anyio.fail_after(PATIENCE / 2):
        async with anyio.create_task_group() as tasks:
            for number in range(CONNECTIONS):
                tasks.start_soon(post, number)
            while sum("slot" in token for token in list(server.taken)) < CONNECTIONS:  # noqa: ASYNC110 - another thread's
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def no_connection_is_left(server: Misbehaving, files: int) -> None:
    """Neither end of a connection is open: there are as many open files as before."""
    with anyio.fail_after(60):
        # The server closes its sockets in a thread of its own, after it has forgotten them.
        while server.connections or open_files() > files:  # noqa: ASYNC110 - another thread's
            await anyio.sleep(0.001)


async def test_posts_through_chaos(kind: Callable[..., Transport]) -> None:
    with Misbehaving(seed=POSTS) as server:
        files = open_files()
        async with client(server, kind) as sunco:
            said = await post_all(sunco, [f"token-{number}" for number in range(POSTS)])
            check(server, said)
            await all_slots_are_free(sunco, server)
        await no_connection_is_left(server, files)
    verdicts = Counter(said.values())
    assert len(said) == POSTS
    assert verdicts["sent"] > POSTS / 2
    assert {"maybe sent", "responded"} < verdicts.keys()
    assert any(verdict.startswith("rejected") for verdict in verdicts)


class Shrinking(io.BytesIO):
    """A file that is truncated while it is uploaded."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.truncate(self.tell())
        return data


async def upload(sunco: Sunco, token: str, file: io.BytesIO) -> str:
    try:
        uploaded = await sunco.attachments.upload(file, filename=f"{token}.bin")
    except ConfigurationError:
        return "not sent"
    except APIConnectionError as error:
        return "maybe sent" if error.maybe_delivered else "not sent"
    except APIStatusError as error:
        return f"rejected {error.status}"
    assert uploaded.media_url == token
    return "sent"


async def test_uploads_through_chaos(kind: Callable[..., Transport]) -> None:
    """Files that shrink and early responses never make one request a part of another."""
    connection_faults = ("reset before", "reset_after", "close_idle", "reset_idle", "cut_body")
    faults = {"early 413": 0.15, "early 429": 0.15, **dict.fromkeys(connection_faults, 0.05)}
    shrunk: dict[str, str] = {}
    said: dict[str, str] = {}

    with Misbehaving(faults, seed=POSTS) as server:
        files = open_files()
        async with client(server, kind) as sunco:
            patient: Any = sunco.with_options(timeout=PATIENCE)

            async def work(numbers: Iterator[int]) -> None:
                for number in numbers:
                    token = f"token-{number}"
                    if number % 3 == 0:
                        said[token] = await outcome(patient, token)
                    elif number % 3 == 1:
                        file = io.BytesIO(b"x" * 300_000)
                        said[token] = await upload(patient, token, file)
                    else:
                        file = Shrinking(b"x" * 300_000)
                        shrunk[token] = await upload(patient, token, file)

            numbers = iter(range(POSTS))
            async with anyio.create_task_group() as tasks:
                for _ in range(IN_FLIGHT):
                    tasks.start_soon(work, numbers)
            check(server, said | shrunk)
        await no_connection_is_left(server, files)
    assert server.swallowed == 0
    assert server.early > POSTS / 20
    assert not any(server.taken[token] for token in shrunk)
    assert Counter(said.values())["sent"] > POSTS / 5
    assert len(said) + len(shrunk) == POSTS


async def test_cancelling_in_chaos(kind: Callable[..., Transport]) -> None:
    """Whenever a post is cancelled it ends at once, is taken at most once, and leaves nothing."""
    dice = random.Random(POSTS)  # noqa: S311 - dice
    faults = {**FAULTS, "stall": 0.2, "stall_in_body": 0.1}
    late: list[float] = []
    said: dict[str, str] = {}

    async def post(sunco: Sunco, token: str) -> None:
        patience = dice.choice([0, 1e-4, 1e-3, 5e-3, 2e-2])
        began = anyio.current_time()
        with anyio.move_on_after(patience) as scope:
            said[token] = await outcome(sunco, token)
        if scope.cancelled_caught:
            late.append(anyio.current_time() - began - patience)

    with Misbehaving(faults) as server:
        files = open_files()
        async with client(server, kind) as sunco:
            patient: Any = sunco.with_options(timeout=PATIENCE)
            for start in range(0, POSTS, IN_FLIGHT):
                async with anyio.create_task_group() as tasks:
                    for number in range(start, min(start + IN_FLIGHT, POSTS)):
                        tasks.start_soon(post, patient, f"token-{number}")
            check(server, said)
            await all_slots_are_free(sunco, server)
        await no_connection_is_left(server, files)
        assert max(server.taken.values()) == 1
    assert len(late) > POSTS / 10
    # Below the timeout that would end a request that did not notice.
    assert max(late) < PATIENCE


async def test_closing_in_chaos(kind: Callable[..., Transport]) -> None:
    with Misbehaving({"stall": 0.3}) as server:
        files = open_files()
        said: dict[str, str] = {}

        async def post(sunco: Sunco, token: str) -> None:
            said[token] = await outcome(sunco, token)

        async with client(server, kind) as sunco, anyio.create_task_group() as tasks:
            for number in range(IN_FLIGHT * 2):
                tasks.start_soon(post, sunco, f"token-{number}")
            with anyio.fail_after(60):
                while server.taken.total() < CONNECTIONS:  # noqa: ASYNC110 - another thread's
                    await anyio.sleep(0.001)
            await sunco.aclose()
        check(server, said)
        assert len(said) == IN_FLIGHT * 2
        await no_connection_is_left(server, files)


async def test_a_storm_of_429_is_waited_out(kind: Callable[..., Transport]) -> None:
    with Misbehaving({"too_many": 0.6}) as server:
        async with client(server, kind) as sunco:
            # Nothing stalls here, so time is no matter, however busy the machine.
            policy = RetryPolicy(max_attempts=100, backoff=1e-3)
            patient: Any = sunco.with_options(timeout=60, retry=policy)
            said = await post_all(patient, [f"token-{number}" for number in range(100)])
    assert Counter(said.values()) == {"sent": 100}
    check(server, said)
