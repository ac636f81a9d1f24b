"""A message is accepted once, whatever the outcome of the attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from bulk.platform import Platform, after_taking, before_taking, client, gateway
from sunco import (
    APIConnectionError,
    BadRequestError,
    ConfigurationError,
    RetryPolicy,
    ServerError,
)
from sunco.models import Author

pytestmark = pytest.mark.anyio


async def test_what_is_new_is_looked_for_and_sent_with_its_key() -> None:
    platform = Platform()
    (posted,) = await client(platform).messages.post_once("c1", "Hi", key="1", metadata={"a": 1})
    assert posted.metadata == {"a": 1, "sunco_once": "1"}
    assert (platform.texts(), platform.posts, platform.reads) == (["Hi"], 1, 1)


async def test_what_is_there_is_returned_and_not_sent() -> None:
    platform = Platform()
    platform.add("c1", "Hi", metadata={"sunco_once": "1"})
    platform.add("c1", "other", metadata={"sunco_once": "2"})
    platform.add("c1", "no metadata")
    (found,) = await client(platform).messages.post_once("c1", "Hi", key="1")
    assert found.id == "m0"
    assert platform.posts == 0


@pytest.mark.parametrize("author", [{"type": "user", "userId": "u1"}, {"type": "business"}])
async def test_an_end_user_cannot_suppress_a_message_by_its_key(author: dict[str, Any]) -> None:
    platform = Platform()
    platform.add("c1", "Hi", author=author, metadata={"sunco_once": "1"})
    await client(platform).messages.post_once("c1", "Hi", key="1")
    assert platform.posts == (author["type"] == "user")


async def test_a_message_without_an_author_is_one_of_the_business() -> None:
    platform = Platform()
    platform.add("c1", "Hi", author=None, metadata={"sunco_once": "1"})
    await client(platform).messages.post_once("c1", "Hi", key="1")
    assert platform.posts == 0


async def test_a_message_posted_for_a_user_is_found_among_those_of_users() -> None:
    platform = Platform()
    author = Author("user", user_id="u1")
    platform.add("c1", "Hi", author={"type": "user", "userId": "u1"}, metadata={"sunco_once": "1"})
    await client(platform).messages.post_once("c1", "Hi", key="1", author=author)
    assert platform.posts == 0


async def test_a_key_that_was_never_sent_needs_no_look() -> None:
    platform = Platform()
    await client(platform).messages.post_once("c1", "Hi", key="1", maybe_sent=False)
    assert (platform.posts, platform.reads) == (1, 0)


@pytest.mark.parametrize(
    "fault",
    [after_taking, gateway(502, taking=True), gateway(408, taking=True), gateway(520, taking=True)],
)
async def test_what_arrived_although_the_attempt_failed_is_found(fault: Any) -> None:
    platform = Platform()
    platform.post_faults = [fault]
    (found,) = await client(platform).messages.post_once("c1", "Hi", key="1")
    assert found.metadata == {"sunco_once": "1"}
    assert (platform.texts(), platform.posts) == (["Hi"], 1)


@pytest.mark.parametrize("fault", [before_taking, gateway(503, taking=False)])
async def test_what_did_not_arrive_is_sent_again(fault: Any) -> None:
    platform = Platform()
    platform.post_faults = [fault, fault]
    await client(platform).messages.post_once("c1", "Hi", key="1", grace_period=0)
    assert (platform.texts(), platform.posts) == (["Hi"], 3)


async def test_what_shows_late_is_waited_for() -> None:
    platform = Platform()
    platform.post_faults = [after_taking]
    platform.hidden_reads = 2
    sunco = client(platform)
    await sunco.messages.post_once("c1", "Hi", key="1", maybe_sent=False, grace_period=0.01)
    assert (platform.texts(), platform.posts, platform.reads) == (["Hi"], 1, 3)


async def test_it_waits_for_the_grace_period(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []
    began = anyio.current_time()

    async def sleep_until(moment: float) -> None:
        waited.append(round(moment - began))

    monkeypatch.setattr(anyio, "sleep_until", sleep_until)
    platform = Platform()
    platform.post_faults = [before_taking]
    await client(platform).messages.post_once("c1", "Hi", key="1", grace_period=1000)
    assert waited == [0, 250, 1000]
    assert platform.texts() == ["Hi"]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_it_stops_retrying_as_the_retry_policy_says(attempts: int) -> None:
    platform = Platform()
    platform.post_faults = [before_taking] * 9
    retry = RetryPolicy(max_attempts=attempts, backoff=1e-6)
    with pytest.raises(APIConnectionError) as caught:
        await client(platform, retry=retry).messages.post_once("c1", "Hi", key="1", grace_period=0)
    assert caught.value.maybe_delivered
    assert caught.value.attempts == platform.posts == attempts


async def test_an_outage_is_not_multiplied() -> None:
    platform = Platform()
    platform.post_faults = [before_taking] * 500
    retry = RetryPolicy(max_attempts=200, backoff=1e-6, max_backoff=1e-6)
    with pytest.raises(APIConnectionError):
        await client(platform, retry=retry).messages.post_once("c1", "Hi", key="1", grace_period=0)
    assert 100 <= platform.posts <= 150


async def test_it_is_not_sent_again_where_it_cannot_be_looked_for() -> None:
    platform = Platform()
    platform.post_faults = [gateway(502, taking=True)]
    platform.read_faults = [500, 500]
    sunco = client(platform, retry=RetryPolicy(max_attempts=1))
    with pytest.raises(ServerError) as caught:
        await sunco.messages.post_once("c1", "Hi", key="1", maybe_sent=False, grace_period=0)
    assert caught.value.status == 502
    assert isinstance(caught.value.__cause__, ServerError)
    assert (platform.texts(), platform.posts) == (["Hi"], 1)


async def test_a_look_that_fails_is_made_up_for_by_the_next() -> None:
    platform = Platform()
    platform.post_faults = [after_taking]
    platform.read_faults = [500, 500]
    sunco = client(platform, retry=RetryPolicy(max_attempts=1))
    await sunco.messages.post_once("c1", "Hi", key="1", maybe_sent=False, grace_period=0.01)
    assert (platform.texts(), platform.posts, platform.reads) == (["Hi"], 1, 3)


@pytest.mark.parametrize("fault", [gateway(400, taking=False)])
async def test_an_error_response_leaves_no_doubt(fault: Any) -> None:
    platform = Platform()
    platform.post_faults = [fault]
    with pytest.raises(BadRequestError):
        await client(platform).messages.post_once("c1", "Hi", key="1")
    assert (platform.posts, platform.reads) == (1, 1)


async def test_what_certainly_did_not_arrive_is_raised() -> None:
    def unreachable(_: Any) -> int:
        raise APIConnectionError("refused", maybe_delivered=False)

    platform = Platform()
    platform.post_faults = [unreachable]
    with pytest.raises(APIConnectionError):
        await client(platform, retry=RetryPolicy(max_attempts=1)).messages.post_once(
            "c1", "Hi", key="1"
        )
    assert platform.reads == 1


@pytest.mark.parametrize("descending", [False, True])
async def test_all_of_a_conversation_is_looked_through(descending: bool) -> None:  # noqa: FBT001 - a parameter
    platform = Platform()
    platform.descending = descending
    platform.now -= timedelta(days=400)
    platform.add("c1", "Hi", metadata={"sunco_once": "1"})
    platform.now += timedelta(days=399)
    for number in range(250):
        platform.add("c1", str(number))
    await client(platform).messages.post_once("c1", "Hi", key="1")
    assert (platform.posts, platform.reads) == (0, 3)


async def test_what_is_older_than_the_key_is_not_looked_through() -> None:
    platform = Platform()
    platform.now -= timedelta(days=3)
    for number in range(250):
        platform.add("c1", str(number))
    sunco = client(platform)
    await sunco.messages.post_once("c1", "Hi", key="1", since=datetime.now(UTC))
    assert (platform.posts, platform.reads) == (1, 1)


async def test_a_message_that_was_split_is_found_whole() -> None:
    platform = Platform()
    parts = ["part 1", "part 2", "part 3"]
    for text in ["old", *parts, *map(str, range(98))]:
        platform.add("c1", text, metadata={"sunco_once": "1"} if text in parts else {})
    found = await client(platform).messages.post_once("c1", "Hi", key="1")
    assert [message.id for message in found] == ["m1", "m2", "m3"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"key": ""}, "key must be"),
        ({"key": None}, "key must be"),
        ({"key": "k" * 5000}, "the API accepts 4096"),
        ({"metadata": {"note": "é" * 2040}}, "the API accepts 4096"),
        ({"metadata": {"sunco_once": "1"}}, "must not have 'sunco_once'"),
        ({"grace_period": -1}, "grace_period must be"),
        ({"grace_period": float("inf")}, "grace_period must be"),
        ({"since": datetime(2024, 1, 1)}, "must be an aware datetime"),  # noqa: DTZ001 - the point
    ],
)
async def test_what_cannot_work_is_rejected_before_anything_is_sent(
    arguments: dict[str, Any], complaint: str
) -> None:
    platform = Platform()
    settings: dict[str, Any] = {"key": "1", **arguments}
    with pytest.raises(ConfigurationError, match=complaint):
        await client(platform).messages.post_once("c1", "Hi", **settings)
    assert (platform.posts, platform.reads) == (0, 0)


async def test_cancelled_it_stops_at_once_and_the_next_call_finds_out() -> None:
    platform = Platform()
    platform.post_faults = [after_taking]
    platform.hidden_reads = 1
    sunco = client(platform)

    async def send() -> None:
        await sunco.messages.post_once("c1", "Hi", key="1", maybe_sent=False, grace_period=3600)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert platform.reads == 1
    await sunco.messages.post_once("c1", "Hi", key="1")
    assert (platform.texts(), platform.posts) == (["Hi"], 1)
