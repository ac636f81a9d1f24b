"""Rate limits shared by processes, on a real PostgreSQL and a real Valkey server."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import anyio
import pytest
from support import postgres, redis

from sunco import ConfigurationError
from sunco._storage import UnavailableError
from sunco.errors import StorageError
from sunco.ratelimit import Limiter, PostgresRateLimiter, RedisRateLimiter
from sunco.ratelimit._shared import Reservation, SharedRateLimiter

Make: TypeAlias = Callable[..., SharedRateLimiter]


@pytest.fixture(params=["postgres", "redis"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Limiters of one name, each with connections of its own, as those of two processes."""
    made: list[SharedRateLimiter] = []
    name = uuid.uuid4().hex
    dsn, schema = postgres.fresh_schema() if request.param == "postgres" else ("", "")

    def limiter(rate: float = 200, **options: Any) -> SharedRateLimiter:
        made.append(
            PostgresRateLimiter(dsn, rate=rate, name=name, schema=schema, **options)
            if request.param == "postgres"
            else RedisRateLimiter(redis.url(), rate=rate, name=name, **options)
        )
        return made[-1]

    yield limiter
    for each in made:
        each._close()
    if schema:
        postgres.drop_schema(schema)


def start(reserved: Reservation) -> float:
    """When the first turn begins, on the engine's clock."""
    return reserved.now + reserved.delay


def skip(limiter: SharedRateLimiter, seconds: float) -> None:
    """Let time pass at once: what the engine has stored becomes older."""
    times = ("tat", "paused", "changed", "settled")
    if isinstance(limiter, RedisRateLimiter):
        for name in times:
            limiter._client.hincrbyfloat(f"sunco:rate:{limiter._name}", name, -seconds)
    else:
        assert isinstance(limiter, PostgresRateLimiter)
        older = ", ".join(f"{name} = {name} - {seconds}" for name in times)
        statement = limiter._database.sql(f"UPDATE {{schema}}.rate_limit SET {older}")  # noqa: S608
        limiter._database.run_sync(lambda connection: connection.execute(statement))


async def acquire_together(limiters: list[SharedRateLimiter], turns: int) -> list[float]:
    """The moments at which `turns` turns began, taken by many tasks of each limiter."""
    moments: list[float] = []

    async def work(limiter: Limiter) -> None:
        while len(moments) < turns:
            await limiter.acquire()
            moments.append(time.monotonic())

    async with anyio.create_task_group() as tasks:
        for limiter in limiters:
            for _ in range(16):
                tasks.start_soon(work, limiter)
    return sorted(moments)


@pytest.mark.anyio
class TestReserving:
    async def test_two_processes_share_one_rate_with_few_calls(self, make: Make) -> None:
        limiters = [make(400), make(400)]
        moments = await acquire_together(limiters, 100)
        # Turns are never early: 100 of them need at least 99 intervals, less one batch each.
        assert moments[-1] - moments[0] >= (99 - 32) / 400
        # A tenth of the turns, but for those that expire while a slow machine does other things.
        assert sum(limiter._calls for limiter in limiters) <= 0.8 * len(moments)

    def test_turns_follow_each_other_at_the_rate(self, make: Make) -> None:
        limiter = make(1)
        first, second = limiter._call(4), limiter._call(3)
        assert first.delay == pytest.approx(0, abs=0.011)
        assert start(second) - start(first) == pytest.approx(4, abs=0.001)

    def test_a_burst_begins_at_once_after_an_idle_period(self, make: Make) -> None:
        limiter = make(1, burst=5)
        first, second = limiter._call(5), limiter._call(1)
        assert first.delay == pytest.approx(-4, abs=0.011)
        assert start(second) - start(first) == pytest.approx(5, abs=0.001)

    async def test_turns_of_a_burst_are_taken_without_waiting(self, make: Make) -> None:
        limiter = make(1, burst=100)
        limiter._slots.clear()
        with anyio.fail_after(60):
            for _ in range(20):
                await limiter.acquire()

    async def test_unused_turns_expire(self, make: Make) -> None:
        limiter = make(1000)
        await limiter.acquire()
        # At once, they would be 50 turns more than the rate allows.
        limiter._slots.extend([time.monotonic() - 0.03] * 50)
        await limiter.acquire()
        assert not limiter._slots

    async def test_a_cancelled_call_leaves_its_turn_to_the_next(self, make: Make) -> None:
        limiter = make(1)
        await limiter.acquire()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(limiter.acquire)
            while not limiter._slots:  # noqa: ASYNC110 - set in a worker thread
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
        assert len(limiter._slots) == 1
        assert limiter._waiting == 0


@pytest.mark.anyio
class TestSlowingDown:
    def test_all_processes_pause_and_continue_at_half_the_rate(self, make: Make) -> None:
        one, other = make(64), make(64)
        before = one._call(1)
        one.slow_down(3)
        one._reports[0].join()
        heard = other._call(1)
        assert heard.current == 32
        assert start(heard) - before.now >= 3 + 1 / 32
        assert heard.delay <= 3 + 1 / 32
        assert not one._slots

    def test_responses_in_flight_halve_the_rate_once(self, make: Make) -> None:
        one, other = make(64), make(64)
        for limiter in (one, other, one):
            limiter.slow_down(3)
            limiter._close()
        assert one._call(0).current == 32

    def test_responses_at_the_same_moment_halve_the_rate_once(self, make: Make) -> None:
        limiters = [make(64) for _ in range(4)]
        limiters[0]._call(0)
        together = threading.Barrier(8)

        def report(limiter: SharedRateLimiter) -> None:
            together.wait()
            limiter._call_engine(0, 3.0)

        threads = [threading.Thread(target=report, args=(each,)) for each in 2 * limiters]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {each._call(0).current for each in limiters} == {32}

    def test_the_rate_never_falls_below_its_minimum(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for engine in ("_postgres", "_redis"):
            monkeypatch.setattr(f"sunco.ratelimit.{engine}.COOLDOWN", -120.0)
        one, other = make(64), make(64)
        for _ in range(10):
            # Nothing recovers during a pause.
            one._call_engine(0, 60.0)
        assert other._call(0).current == 1

    def test_the_rate_recovers(self, make: Make) -> None:
        limiter = make(64)
        began = time.monotonic()
        for _ in range(2):
            limiter.slow_down()
            limiter._close()
            skip(limiter, 3)
        current = limiter._call(0).current
        # Half of what had recovered within the first three seconds, and what has since.
        least = (32 + 3 * 64 / 30) / 2 + 3 * 64 / 30
        assert least - 0.001 <= current <= least + (time.monotonic() - began) * 64 / 30

    async def test_turns_reserved_before_are_not_used(self, make: Make) -> None:
        limiter = make(20)
        await limiter.acquire()
        taken: list[float] = []

        async def take() -> None:
            await limiter.acquire()
            taken.append(time.monotonic())

        began = time.monotonic()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            while not limiter._slots:  # noqa: ASYNC110 - set in a worker thread
                await anyio.sleep(0.001)
            limiter.slow_down(0.1)
        assert taken[0] - began >= 0.1

    async def test_a_reservation_from_before_a_pause_is_made_again(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limiter = make(1000)
        call = limiter._call
        calls: list[int] = []

        def called(count: int) -> Any:
            reserved = call(count)
            if not calls:
                limiter._epoch += 1
            calls.append(count)
            return reserved

        monkeypatch.setattr(limiter, "_call", called)
        await limiter.acquire()
        assert len(calls) == 2


@pytest.mark.anyio
class TestOutages:
    async def test_requests_wait_while_the_engine_is_away(
        self, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "sunco.ratelimit")
        limiter = make(1000)
        call = limiter._call_engine
        left = [2]

        def flaky(count: int, pause: float | None) -> Any:
            if left[0]:
                left[0] -= 1
                raise UnavailableError("gone")
            return call(count, pause)

        monkeypatch.setattr(limiter, "_call_engine", flaky)
        await limiter.acquire()
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]

    async def test_or_each_process_uses_its_own_limit(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limiter = make(1000, on_outage="local")

        def gone(*_: object) -> Any:
            raise UnavailableError("gone")

        monkeypatch.setattr(limiter, "_call_engine", gone)
        await limiter.acquire()
        began = time.monotonic()
        limiter.slow_down(0.1)
        limiter._reports[0].join()
        await limiter.acquire()
        assert time.monotonic() >= began + 0.1
        # Reported with the next reservation.
        assert limiter._paused_until > began

    async def test_a_closed_limiter_connects_again(self, make: Make) -> None:
        async with make(1000) as limiter:
            await limiter.acquire()
        assert isinstance(limiter, SharedRateLimiter)
        limiter._slots.clear()
        await limiter.acquire()


class Scripted(SharedRateLimiter):
    """A limiter whose engine's clock reads 900 s less, and whose calls take as long as is said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(rate=10, burst=1, name="x", on_outage="wait")
        self.now = 1000.0
        self.before = self.after = 0.0
        self.ahead = 900.0
        monkeypatch.setattr("sunco.ratelimit._shared.monotonic", lambda: self.now)

    def _call_engine(self, count: int, pause: float | None) -> Reservation:
        assert (count, pause) == (1, None)
        self.now += self.before
        now = self.now - self.ahead
        self.now += self.after
        return Reservation(5.0, 10, now)

    def _disconnect(self) -> None: ...

    async def reserve(self, before: float, after: float) -> float:
        """Reserve a turn; returns by how much it is later than the engine says."""
        self.before, self.after = before, after
        engine_read = self.now + before
        self._slots.clear()
        assert await self._reserve()
        return round(self._slots[0] - engine_read - 5.0, 6)


@pytest.mark.anyio
async def test_a_slow_response_moves_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = Scripted(monkeypatch)
    # When nothing is known of the clocks, turns are late rather than early.
    assert await limiter.reserve(0.1, 0.2) == 0.2
    assert await limiter.reserve(0.0, 0.01) == 0.01
    assert await limiter.reserve(0.3, 0.4) == 0.01
    # Clocks drift and are set.
    for ahead in (899.0, 901.0):
        limiter.ahead = ahead
        assert -0.1 <= await limiter.reserve(0.1, 0.2) <= 0.2


@pytest.mark.anyio
async def test_the_message_of_an_outage_is_a_storage_error() -> None:
    port = postgres.free_port()
    waiting = RedisRateLimiter(f"redis://:secret-word@127.0.0.1:{port}", rate=5, name="x")
    with pytest.raises(StorageError, match="cannot be used") as caught:
        waiting._call(1)
    assert "secret-word" not in str(caught.value)
    assert caught.value.__context__ is None
    lost = PostgresRateLimiter(
        f"postgresql://ada:secret-word@127.0.0.1:{port}/app", rate=5, name="x"
    )
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        lost._call(1)
    assert "secret-word" not in str(caught.value)
    assert caught.value.__context__ is None


def test_arguments_that_are_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"rate": 0, "name": "x"}, "rate must be"),
        ({"rate": "5", "name": "x"}, "rate must be"),
        ({"rate": 5, "name": ""}, "needs a name"),
        ({"rate": 5, "burst": 0, "name": "x"}, "burst must be"),
        ({"rate": 5, "name": "x", "on_outage": "maybe"}, "on_outage"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            RedisRateLimiter("redis://localhost", **options)
    for url in ("http://:secret-word@localhost", "redis://:secret-word@localhost:port"):
        with pytest.raises(ConfigurationError, match="URL") as caught:
            RedisRateLimiter(url, rate=5, name="x")
        assert "secret-word" not in str(caught.value)
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    with pytest.raises(ConfigurationError, match=r"sunco\[redis\]"):
        RedisRateLimiter("redis://localhost", rate=5, name="x")


def test_no_frame_of_an_error_has_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "secret-word"
    redis_url, dsn = f"redis://:{secret}@localhost", f"postgresql://ada:{secret}@localhost/app"

    def check(make: Callable[[], object]) -> None:
        with pytest.raises(ConfigurationError) as caught:
            make()
        # The first two frames are those of this test.
        shown = [str(each.frame.f_locals) for each in caught.traceback[2:]]
        assert shown
        assert not [each for each in shown if secret in each]

    check(lambda: RedisRateLimiter(redis_url, rate=0, name="x"))
    check(lambda: RedisRateLimiter(f"{redis_url}:port", rate=5, name="x"))
    check(lambda: PostgresRateLimiter(dsn, rate=0, name="x"))
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    check(lambda: RedisRateLimiter(redis_url, rate=5, name="x"))


def test_a_server_that_rejects_the_password_is_a_configuration_error() -> None:
    limiter = RedisRateLimiter(
        redis.url().replace("redis://", "redis://nobody:secret-word@"), rate=5, name="x"
    )
    with pytest.raises(ConfigurationError, match="password"):
        limiter._call(1)
    # Kept to itself by the thread that reports a 429 response.
    limiter.slow_down()
    limiter._close()


def test_what_a_limiter_shows() -> None:
    limiter = RedisRateLimiter("redis://:secret-word@localhost", rate=5, name="app")
    assert repr(limiter) == "RedisRateLimiter(rate=5, burst=1, name='app')"
    assert (limiter.rate, limiter.burst) == (5, 1)
    assert isinstance(limiter, Limiter)
    assert "not initialized" in repr(RedisRateLimiter.__new__(RedisRateLimiter))
