from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import ConfigurationError, RetryPolicy
from sunco.retry import RetryBudget

POLICY = RetryPolicy(max_attempts=4, backoff=1, max_backoff=3, max_wait=10, deadline=30)


def test_429_is_always_retried_and_five_statuses_where_repeating_is_harmless() -> None:
    def retried(*, repeatable: bool) -> set[int]:
        return {
            status
            for status in range(100, 600)
            if POLICY.retryable(status=status, maybe_delivered=False, repeatable=repeatable)
        }

    assert retried(repeatable=True) == {408, 429, 500, 502, 503, 504}
    assert retried(repeatable=False) == {429}


@pytest.mark.parametrize(
    ("maybe_delivered", "repeatable", "expected"),
    [(False, False, True), (False, True, True), (True, True, True), (True, False, False)],
)
def test_lost_connections(maybe_delivered: bool, repeatable: bool, expected: bool) -> None:  # noqa: FBT001
    assert (
        POLICY.retryable(status=None, maybe_delivered=maybe_delivered, repeatable=repeatable)
        is expected
    )


def _delay(**given: Any) -> float | None:
    settings: dict[str, Any] = {"attempt": 1, "elapsed": 0.0, "retry_after": None, "jitter": 1.0}
    return POLICY.delay(**(settings | given))


def test_the_bound_doubles_up_to_its_cap_and_the_attempts_end() -> None:
    assert [_delay(attempt=attempt) for attempt in (1, 2, 3, 4, 5)] == [1, 2, 3, None, None]


def test_jitter_is_full() -> None:
    assert [_delay(attempt=2, jitter=jitter) for jitter in (0.0, 0.25, 0.5)] == [0, 0.5, 1]


def test_retry_after_is_a_lower_bound_up_to_max_wait() -> None:
    assert _delay(retry_after=5, jitter=0.0) == 5
    assert _delay(retry_after=5, jitter=0.5) == 5.5
    assert _delay(retry_after=10, jitter=0.0) == 10
    assert _delay(retry_after=10.1, jitter=0.0) is None


def test_no_wait_goes_beyond_the_deadline() -> None:
    assert _delay(elapsed=28.9) == 1
    assert _delay(elapsed=29.0) is None
    endless = RetryPolicy(deadline=None)
    assert endless.delay(attempt=1, elapsed=1e9, retry_after=None, jitter=1.0) is not None


@given(
    attempt=st.integers(1, 10**9),
    jitter=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e9),
)
def test_waits_are_bounded(attempt: int, jitter: float, retry_after: float | None) -> None:
    policy = RetryPolicy(max_attempts=10**9 + 1, deadline=None)
    wait = policy.delay(attempt=attempt, elapsed=0, retry_after=retry_after, jitter=jitter)
    if wait is None:
        assert retry_after is not None
        assert retry_after > policy.max_wait
    else:
        assert (retry_after or 0) <= wait <= (retry_after or 0) + policy.max_backoff


@pytest.mark.parametrize("name", ["max_attempts", "backoff", "max_backoff", "max_wait", "deadline"])
def test_settings_are_checked(name: str) -> None:
    values: list[Any] = [0, -1, float("nan"), "5", True, None]
    for value in values if name != "deadline" else values[:-1]:
        with pytest.raises(ConfigurationError, match=f"{name} must be greater than 0"):
            RetryPolicy(**{name: value})
    assert RetryPolicy(deadline=None).deadline is None


def test_a_budget_runs_out_and_is_earned_back() -> None:
    budget = RetryBudget(capacity=2, earning=0.5)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
    for _ in range(100):
        budget.earn()
    assert budget.saved == 2
