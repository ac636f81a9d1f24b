"""The local limiter: its arithmetic by numbers alone, its waiting with a fake clock."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import FakeClock, skip_sleeps
from support.scripted import error_response, response, scripted

from sunco import ConfigurationError, RateLimiter, RateLimitError, RetryPolicy
from sunco.observe import Observation, Throttled
from sunco.ratelimit._local import Pace

CONVERSATION = response({"conversation": {"id": "c1"}})


def spent(pace: Pace, now: float) -> int:
    """Take all that there is; returns how many."""
    taken = 0
    while not pace.wait(now):
        pace.take(now)
        taken += 1
    return taken


def test_a_burst_is_sent_at_once_and_the_rest_at_the_rate() -> None:
    pace, now, moments = Pace(rate=10, burst=3), 100.0, list[float]()
    for _ in range(6):
        now += pace.wait(now)
        pace.take(now)
        moments.append(round(now - 100, 9))
    assert moments == [0, 0, 0, 0.1, 0.2, 0.3]


def test_an_idle_period_saves_up_no_more_than_a_burst() -> None:
    pace = Pace(rate=10, burst=3)
    assert [spent(pace, 100.0), spent(pace, 1000.0)] == [3, 3]


def test_requests_are_spaced_evenly_without_a_burst() -> None:
    pace = Pace(rate=10)
    assert [spent(pace, now / 100) for now in range(0, 40, 5)] == [1, 0, 1, 0, 1, 0, 1, 0]


def test_waking_up_late_does_not_lower_the_rate_but_no_second_exceeds_it() -> None:
    pace, now, moments = Pace(rate=10), 100.0, list[float]()
    for index in range(60):
        now += pace.wait(now) + (0.03 if index != 20 else 2.0)
        pace.take(now, queued=True)
        moments.append(now)
        assert sum(moment > now - 1 + 1e-6 for moment in moments) <= 10
    # The requests delayed by two seconds are made up for as far as the limit of a second allows.
    assert moments[-1] - moments[0] < 5.9 + 2.2


def test_very_high_rates_are_limited_by_their_schedule_alone() -> None:
    pace = Pace(rate=1e9)
    assert pace.wait(0.0) == 0
    pace.take(0.0)
    assert pace.wait(0.0) == 0
    assert Pace(rate=1e300).wait(0.0) == 0


def test_a_429_halves_the_rate_once_for_all_requests_in_flight() -> None:
    pace = Pace(rate=8, burst=4)
    pace.slow_down(100.0, 0)
    for late in (100.0, 100.2, 100.9):
        pace.slow_down(late, 0)
    assert 4 <= pace.current < 4.3
    pace.slow_down(105.0, 0)
    assert 2 <= pace.current < 3


def test_after_a_429_nothing_is_saved_up() -> None:
    pace = Pace(rate=8, burst=4)
    pace.slow_down(100.0, 0)
    assert pace.wait(100.0) == 0.25


def test_all_wait_as_long_as_is_asked_for() -> None:
    pace = Pace(rate=10, burst=5)
    pace.slow_down(100.0, 20.0)
    assert pace.wait(100.0) == pytest.approx(20.2)
    assert pace.wait(119.0) == pytest.approx(1.2)
    pace.slow_down(119.0, 0.5)
    assert pace.wait(119.0) == pytest.approx(1.2)
    assert pace.wait(121.0) == 0


def test_the_rate_recovers_gradually() -> None:
    pace = Pace(rate=30)
    pace.slow_down(0.0, 0)
    seen: list[float] = []
    for second in range(1, 20):
        pace.wait(float(second))
        seen.append(round(pace.current, 6))
    assert seen[:14] == [15 + second for second in range(1, 15)]
    assert seen[14:] == [30] * 5


def test_the_rate_never_reaches_zero() -> None:
    pace, now = Pace(rate=64), 0.0
    for _ in range(50):
        pace.slow_down(now, 0)
        now += 1.0
    assert pace.current >= 1
    assert pace.wait(now) < 2


@given(
    rate=st.floats(0.01, 10_000),
    burst=st.floats(1, 1000),
    gaps=st.lists(st.floats(0, 100), max_size=60),
)
def test_never_more_than_the_rate_and_a_burst(rate: float, burst: float, gaps: list[float]) -> None:
    pace, now = Pace(rate, burst), 1000.0
    for count, gap in enumerate(gaps, 1):
        now += gap
        wait = pace.wait(now)
        assert 0 <= wait < math.inf
        now += wait
        # What was waited for is there.
        assert pace.wait(now) <= 1e-6
        pace.take(now)
        assert count <= burst + (now - 1000.0) * rate + 1e-3


@given(
    rate=st.integers(1, 50),
    lateness=st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
)
def test_no_second_contains_more_than_the_rate(rate: int, lateness: list[float]) -> None:
    pace, now, moments = Pace(rate), 1000.0, list[float]()
    for late in lateness:
        now += pace.wait(now) + late
        pace.take(now, queued=True)
        moments.append(now)
        assert sum(moment > now - 1 + 1e-6 for moment in moments) <= rate


def test_invalid_rates_and_bursts_are_rejected() -> None:
    for rate in (0, -1, math.inf, math.nan, True, "5", None):
        with pytest.raises(ConfigurationError, match="rate must be"):
            RateLimiter(rate)  # type: ignore[arg-type]
    for burst in (0, 0.5, -1, math.inf, math.nan, None):
        with pytest.raises(ConfigurationError, match="burst must be"):
            RateLimiter(5, burst)  # type: ignore[arg-type]


def test_what_a_limiter_shows() -> None:
    assert repr(RateLimiter(5, 2)) == "RateLimiter(rate=5, burst=2)"
    assert repr(RateLimiter.__new__(RateLimiter)) == "<RateLimiter, not initialized>"
    assert (RateLimiter(5).burst, RateLimiter(0.5).burst) == (1, 1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    return skip_sleeps(monkeypatch)


@pytest.mark.anyio
async def test_first_come_first_served(clock: FakeClock) -> None:
    limiter = RateLimiter(10, 2)
    served: list[tuple[int, float]] = []

    async def go(number: int) -> None:
        await limiter.acquire()
        served.append((number, round(clock.time - 1000, 6)))

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(go, number)
            await anyio.wait_all_tasks_blocked()
    assert [number for number, _ in served] == list(range(6))
    assert clock.time == pytest.approx(1000.4)


@pytest.mark.anyio
async def test_a_cancelled_call_takes_nothing(clock: FakeClock) -> None:
    limiter = RateLimiter(10, 1)
    assert await limiter.acquire() == 0
    for _ in range(3):
        with anyio.CancelScope() as scope:
            scope.cancel()
            await limiter.acquire()
        assert scope.cancelled_caught
    assert await limiter.acquire() == pytest.approx(0.1)
    assert clock.time == pytest.approx(1000.1)


@pytest.mark.anyio
async def test_a_429_holds_back_tasks_that_wait_already(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = skip_sleeps(monkeypatch)
    limiter = RateLimiter(10, 1)
    await limiter.acquire()

    async def sleep(seconds: float) -> None:
        if clock.time == 1000.0:
            limiter.slow_down(5)
        clock.time += seconds

    monkeypatch.setattr(anyio, "sleep", sleep)
    assert await limiter.acquire() >= 5


@pytest.mark.anyio
class TestOfAClient:
    async def test_every_attempt_is_limited(self, clock: FakeClock) -> None:
        events: list[Observation] = []
        sunco, _ = scripted(
            error_response(503, "x", "y"),
            CONVERSATION,
            CONVERSATION,
            rate_limit=RateLimiter(1000, 1),
            observers=[events.append],
        )
        await sunco.conversations.get("c1")
        await sunco.conversations.get("c1")
        assert [event.attempt for event in events if isinstance(event, Throttled)] == [1, 0]
        assert clock.time == pytest.approx(1000.002)

    async def test_a_429_slows_down_all_clients_of_the_limiter(self, clock: FakeClock) -> None:
        limiter = RateLimiter(10, 10)
        sunco, _ = scripted(
            error_response(429, "x", "y", **{"Retry-After": "30"}), CONVERSATION, rate_limit=limiter
        )
        other, _ = scripted(CONVERSATION, rate_limit=limiter)
        with pytest.raises(RateLimitError):
            await sunco.with_options(retry=RetryPolicy(max_attempts=1)).conversations.get("c1")
        await other.conversations.get("c1")
        assert clock.time >= 1030

    async def test_a_pause_is_no_longer_than_the_policy_waits(self, clock: FakeClock) -> None:
        sunco, _ = scripted(
            error_response(429, "x", "y", **{"Retry-After": "9999"}), CONVERSATION, rate_limit=10
        )
        with pytest.raises(RateLimitError):
            await sunco.conversations.get("c1")
        await sunco.conversations.get("c1")
        assert 1060 <= clock.time < 1061

    async def test_no_attempt_waits_beyond_the_deadline(self) -> None:
        sunco, transport = scripted(
            error_response(503, "x", "y"),
            rate_limit=RateLimiter(0.001, 1),
            retry=RetryPolicy(deadline=0.05, backoff=1e-6),
        )
        with pytest.raises(Exception, match="503"):
            await sunco.conversations.get("c1")
        assert len(transport.requests) == 1

    async def test_without_a_limit(self) -> None:
        sunco, transport = scripted(*[CONVERSATION] * 50, rate_limit=0.001)
        free = sunco.with_options(rate_limit=None)
        for _ in range(50):
            await free.conversations.get("c1")
        assert len(transport.requests) == 50
