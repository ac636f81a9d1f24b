"""Policy over a scripted transport: retries, what is reported, what is never repeated."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from support.scripted import ScriptedTransport, error_response, response, scripted

from sunco import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BasicAuth,
    BearerAuth,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    RateLimiter,
    RateLimitError,
    RetryPolicy,
    ServerError,
    Sunco,
    SuncoError,
)
from sunco.models import Conversation, Message, User

pytestmark = pytest.mark.anyio

BUSY = error_response(503, "unavailable", "Try later")
CONVERSATION = response({"conversation": {"id": "c1"}})
POSTED = response({"messages": [{"id": "m1"}]}, 201)


def lost() -> APIConnectionError:
    return APIConnectionError("ReadError", maybe_delivered=True)


def unreachable() -> APIConnectionError:
    return APIConnectionError("ConnectError", maybe_delivered=False)


def timed_out() -> APITimeoutError:
    return APITimeoutError("30 s went by", maybe_delivered=True)


@pytest.mark.parametrize("failure", [lost, unreachable, timed_out, lambda: BUSY])
async def test_a_get_is_retried(failure: Any) -> None:
    sunco, transport = scripted(failure(), failure(), CONVERSATION)
    assert await sunco.conversations.get("c1") == Conversation(id="c1")
    assert len(transport.requests) == 3
    assert len({(r.method, r.url, r.content) for r in transport.requests}) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_patch_is_retried_after_transient_statuses(status: int) -> None:
    sunco, transport = scripted(response(b"", status), CONVERSATION)
    await sunco.conversations.update("c1", display_name="x")
    assert [r.content for r in transport.requests] == [b'{"displayName":"x"}'] * 2


async def test_a_post_that_may_have_arrived_is_never_repeated() -> None:
    for failure in (lost(), timed_out()):
        sunco, transport = scripted(failure)
        with pytest.raises(APIConnectionError) as caught:
            await sunco.messages.post("c1", "Hi")
        assert caught.value.maybe_delivered
        assert caught.value.attempts == 1
        assert len(transport.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_post_is_not_repeated_after_transient_statuses(status: int) -> None:
    sunco, transport = scripted(response(b"", status))
    with pytest.raises(APIStatusError) as caught:
        await sunco.messages.post("c1", "Hi")
    assert caught.value.status == status
    assert len(transport.requests) == 1


async def test_a_post_that_never_left_is_retried() -> None:
    sunco, transport = scripted(unreachable(), error_response(429, "too_many", "Slow down"), POSTED)
    assert await sunco.messages.post("c1", "Hi") == [Message(id="m1")]
    assert len(transport.requests) == 3


async def test_a_post_marked_repeatable_is_retried() -> None:
    sunco, transport = scripted(lost(), response({"data": 1}))
    reference: Any = {"url": "u"}
    result = await sunco.conversations.download_message_ref(
        "c1", user_id="u1", interactive_data_ref=reference
    )
    assert result == {"data": 1}
    assert len(transport.requests) == 2


async def test_what_was_uncertain_once_stays_uncertain() -> None:
    """The last try never left, but the one before may have arrived."""
    policy = RetryPolicy(max_attempts=2, backoff=1e-6)
    for first in (lost(), BUSY):
        sunco, _ = scripted(first, unreachable(), retry=policy)
        with pytest.raises(APIConnectionError) as caught:
            await sunco.conversations.delete("c1")
        assert caught.value.maybe_delivered
        assert caught.value.attempts == 2
    sunco, _ = scripted(unreachable(), unreachable(), retry=policy)
    with pytest.raises(APIConnectionError) as caught:
        await sunco.conversations.delete("c1")
    assert not caught.value.maybe_delivered


async def test_a_delete_that_had_worked_after_all_is_a_success() -> None:
    gone = error_response(404, "conversation_not_found", "Conversation not found")
    for first in (lost(), timed_out(), BUSY):
        sunco, transport = scripted(first, gone)
        await sunco.conversations.delete("c1")
        assert len(transport.requests) == 2


async def test_a_delete_of_nothing_is_an_error() -> None:
    gone = error_response(404, "conversation_not_found", "Conversation not found")
    for script in ([gone], [unreachable(), gone], [error_response(429, "x", "y"), gone]):
        sunco, _ = scripted(*script)
        with pytest.raises(NotFoundError) as caught:
            await sunco.conversations.delete("c1")
        assert caught.value.attempts == len(script)
        assert caught.value.code == "conversation_not_found"


async def test_a_get_of_nothing_is_an_error_after_an_uncertain_attempt() -> None:
    sunco, _ = scripted(lost(), error_response(404, "user_not_found", "User not found"))
    with pytest.raises(NotFoundError):
        await sunco.users.get("u1")


async def test_attempts_are_counted_and_end() -> None:
    sunco, transport = scripted(*[BUSY] * 9)
    with pytest.raises(ServerError) as caught:
        await sunco.users.get("u1")
    assert len(transport.requests) == 5
    assert caught.value.attempts == 5
    assert str(caught.value) == (
        "GET /sc/v2/apps/app1/users/u1 responded 503 unavailable: Try later. The server "
        "failed: retry later. (5 attempts.)"
    )


async def test_a_wait_beyond_max_wait_is_raised_at_once() -> None:
    slow = error_response(429, "too_many", "Slow down", **{"Retry-After": "61"})
    sunco, transport = scripted(slow)
    with pytest.raises(RateLimitError) as caught:
        await sunco.users.get("u1")
    assert caught.value.retry_after == 61
    assert len(transport.requests) == 1


async def test_retry_after_of_any_error_response_is_obeyed() -> None:
    for status in (429, 503):
        sunco, transport = scripted(
            error_response(status, "x", "y", **{"Retry-After": "0.01"}),
            response({"user": {"id": "u1"}}),
        )
        assert await sunco.users.get("u1") == User(id="u1")
        assert len(transport.requests) == 2


async def test_an_outage_is_not_multiplied() -> None:
    """The budget is shared: once it is spent, failures are raised after one try."""
    sunco, transport = scripted(*[BUSY] * 1000)
    copy = sunco.with_options(timeout=5)
    attempts: list[int] = []
    for client in (sunco, copy) * 30:
        with pytest.raises(ServerError) as caught:
            await client.users.get("u1")
        attempts.append(caught.value.attempts)
    assert attempts == [5] * 25 + [1] * 35
    assert len(transport.requests) == 160


async def test_rate_limits_spend_no_budget() -> None:
    sunco, transport = scripted(*[error_response(429, "x", "y")] * 1000)
    for _ in range(60):
        with pytest.raises(RateLimitError):
            await sunco.users.get("u1")
    assert len(transport.requests) == 300


async def test_waits_can_be_cancelled_at_once() -> None:
    patient = RetryPolicy(max_wait=1000, deadline=None)
    sunco, transport = scripted(
        error_response(429, "x", "y", **{"Retry-After": "900"}), CONVERSATION, retry=patient
    )
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sunco.conversations.get, "c1")
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert len(transport.requests) == 1


async def test_the_deadline_shortens_attempts() -> None:
    sunco, transport = scripted(CONVERSATION, retry=RetryPolicy(deadline=7), timeout=30)
    await sunco.conversations.get("c1")
    timeout = transport.requests[0].timeout
    assert timeout is not None
    assert 0 < timeout <= 7
    cases: list[tuple[dict[str, Any], float | None]] = [
        ({"timeout": 3}, 3),
        ({"timeout": None, "retry": RetryPolicy(deadline=None)}, None),
    ]
    for options, expected in cases:
        sunco, transport = scripted(CONVERSATION, **options)
        await sunco.conversations.get("c1")
        assert transport.requests[0].timeout == expected


BAD_RESPONSES: list[tuple[bytes, str, str]] = [
    (b"", "", "the body is empty"),
    (b"  \n", "", "the body is empty"),
    (b"<html><body>Bad Gateway</body></html>", "", "the body is HTML, not JSON"),
    (b'{"messages": [', "", "the body is not JSON: Expecting value at character 14 of 14"),
    (b"\xff\xfe\x00", "", "the body of 3 bytes is not JSON in UTF-8"),
    (b"[" * 100_000, "", "the body is nested too deeply"),
    (b'{"messages": NaN}', "", "the body of 17 bytes is not JSON in UTF-8"),
    (b"[]", "", "expected an object with 'messages', got a list"),
    (b"null", "", "expected an object with 'messages', got null"),
    (b"{}", "messages", "is missing"),
    (b'{"messages": {}}', "messages", "expected a list, got an object"),
    (b'{"messages": [{"id": "1"}, []]}', "messages[1]", "expected an object, got a list"),
    (b'{"messages": [{"id": null}]}', "messages[0].id", "expected text, got null"),
    (b'{"messages": [{}]}', "messages[0].id", "is missing"),
    (
        b'{"messages": [{"id":"1"},{"id":"1"},{"id":"1"},{"id":[]}]}',
        "messages[3].id",
        "expected text, got a list",
    ),
]


@pytest.mark.parametrize(("content", "location", "said"), BAD_RESPONSES)
async def test_responses_that_cannot_be_read(content: bytes, location: str, said: str) -> None:
    sunco, transport = scripted(response(content, 201))
    with pytest.raises(DecodeError) as caught:
        await sunco.messages.post("c1", "Hi")
    error = caught.value
    assert error.location == location
    assert said in error.message
    assert (error.status, error.attempts) == (201, 1)
    assert str(error).startswith(
        "POST /sc/v2/apps/app1/conversations/c1/messages responded 201, but the response cannot be "
        "read: "
    )
    assert "\n" not in str(error)
    assert len(transport.requests) == 1


@pytest.mark.parametrize(("content", "location", "said"), BAD_RESPONSES)
async def test_pages_that_cannot_be_read(content: bytes, location: str, said: str) -> None:
    sunco, _ = scripted(lost(), response(content))
    with pytest.raises(DecodeError) as caught:
        await sunco.messages.list("c1")
    assert (caught.value.location, caught.value.attempts) == (location, 2)
    assert said in caught.value.message


async def test_a_meta_that_cannot_be_read_does_not_cost_the_page() -> None:
    sunco, _ = scripted(response({"messages": [{"id": "1"}], "meta": {"hasMore": []}}))
    page = await sunco.messages.list("c1")
    assert [message.id for message in page] == ["1"]
    assert not page.has_more


async def test_deletes_do_not_care_what_the_body_is() -> None:
    for content in (b"", b"{}", b"<html>", b'{"surprise": 1}'):
        sunco, _ = scripted(response(content))
        await sunco.conversations.delete("c1")


async def test_errors_of_the_transport_get_their_context() -> None:
    sunco, _ = scripted(DecodeError("it is longer than allowed"))
    with pytest.raises(DecodeError) as caught:
        await sunco.users.get("u1")
    assert (caught.value.method, caught.value.attempts) == ("GET", 1)
    assert caught.value.path == "/sc/v2/apps/app1/users/u1"


async def test_the_credential_is_read_at_every_attempt_and_shown_nowhere() -> None:
    sunco, transport = scripted(BUSY, lost(), response({"user": []}))
    with pytest.raises(SuncoError) as caught:
        await sunco.users.get("u1")
    assert [r.headers["authorization"] for r in transport.requests] == [
        "Basic YXBwX2s6czNjcmV0"
    ] * 3
    assert_no_secret(caught.value, sunco, transport)


def assert_no_secret(error: BaseException, *others: object) -> None:
    """No message, repr or variable of a frame of sunco's own shows the credential."""
    texts = [str(error), repr(error), *map(repr, others)]
    link: BaseException | None = error
    while link is not None:
        texts.append("".join(traceback.format_exception(link)))
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if "/tests/" not in frame.f_code.co_filename.replace("\\", "/"):
                texts += [repr(value) for value in frame.f_locals.values()]
        link = link.__cause__ or link.__context__
    for text in texts:
        assert "s3cret" not in text
        assert "YXBwX2s6czNjcmV0" not in text


async def test_closing() -> None:
    sunco, transport = scripted()
    async with sunco.with_options(app_id="other"):
        pass
    assert transport.closed == 0
    async with sunco:
        pass
    assert transport.closed == 1


async def test_closed_while_it_waits_for_a_retry() -> None:
    """What is raised is what happened, not that the next try could not be sent."""
    closed = ConfigurationError("This client is closed")
    for first in (lost(), unreachable(), BUSY):
        sunco, transport = scripted(first, closed)
        with pytest.raises((APIConnectionError, ServerError)) as caught:
            await sunco.users.get("u1")
        assert caught.value.attempts == 1
        assert getattr(caught.value, "maybe_delivered", None) is getattr(
            first, "maybe_delivered", None
        )
        assert len(transport.requests) == 2
    sunco, _ = scripted(closed)
    with pytest.raises(ConfigurationError):
        await sunco.users.get("u1")


async def test_many_tasks_share_a_client() -> None:
    class Echo(ScriptedTransport):
        async def send(self, request: Any) -> Any:
            await anyio.lowlevel.checkpoint()
            user = request.url.rpartition("/")[2]
            return response({"user": {"id": user}})

    sunco = Sunco(
        key_id="k", key_secret="s", base_url="http://localhost", app_id="a", transport=Echo()
    )
    seen: dict[str, str] = {}

    async def get(user: str) -> None:
        seen[user] = (await sunco.users.get(user)).id

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(get, f"u{number}")
    assert seen == {f"u{number}": f"u{number}" for number in range(200)}


# What is deleted by something other than its own id could be something new at the second attempt.
COLLECTIONS: dict[str, Callable[[Sunco], Awaitable[Any]]] = {
    "messages.delete_all": lambda s: s.messages.delete_all("c1"),
    "users.delete": lambda s: s.users.delete("ada"),
    "users.delete_personal_information": lambda s: s.users.delete_personal_information("ada"),
    "oauth.revoke_access": lambda s: s.oauth.revoke_access(),
    "request": lambda s: s.request("DELETE", "/v2/apps/app1/conversations/c1/messages"),
}


@pytest.mark.parametrize("name", COLLECTIONS)
async def test_a_delete_of_what_could_be_new_is_not_repeated_after_an_unknown_outcome(
    name: str,
) -> None:
    for failure in (lost(), timed_out(), BUSY, error_response(502, "bad_gateway", "?")):
        sunco, transport = scripted(failure, response())
        with pytest.raises(SuncoError) as caught:
            await COLLECTIONS[name](sunco)
        assert caught.value.outcome_unknown
        assert len(transport.requests) == 1
    for failure in (unreachable(), error_response(429, "too_many", "Slow down")):
        sunco, transport = scripted(failure, response({"user": {"id": "u1"}}))
        await COLLECTIONS[name](sunco)
        assert len(transport.requests) == 2


async def test_which_errors_leave_the_outcome_unknown() -> None:
    cases: list[tuple[Any, bool]] = [
        (lost(), True),
        (timed_out(), True),
        (unreachable(), False),
        (error_response(400, "bad_request", "No"), False),
        (error_response(408, "timeout", "?"), True),
        (error_response(429, "too_many", "Slow down"), False),
        (error_response(500, "x", "y"), True),
        (error_response(501, "x", "y"), True),
        (response(b"<html>", 201), True),
        (ConfigurationError("closed"), False),
    ]
    once = RetryPolicy(max_attempts=1)
    for failure, unknown in cases:
        sunco, _ = scripted(failure, retry=once)
        with pytest.raises(SuncoError) as caught:
            await sunco.messages.post("c1", "Hi")
        assert caught.value.outcome_unknown is unknown, failure


async def test_an_unknown_outcome_of_an_earlier_attempt_is_not_forgotten() -> None:
    error_responses: list[Any] = [
        error_response(404, "x", "y"),
        error_response(400, "x", "y"),
        error_response(429, "x", "y"),
        unreachable(),
    ]
    for last in error_responses:
        sunco, _ = scripted(lost(), last, retry=RetryPolicy(max_attempts=2, backoff=1e-6))
        with pytest.raises(SuncoError) as caught:
            await sunco.conversations.update("c1", display_name="x")
        assert caught.value.outcome_unknown
        assert caught.value.attempts == 2


class Tokens:
    """Gives one token after another, as far as there are any."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)

    async def __call__(self) -> str:
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


UNAUTHORIZED = error_response(401, "unauthorized", "Authorization is required")


def renewing(*script: Any, auth: Any, **options: Any) -> tuple[Sunco, ScriptedTransport]:
    return scripted(*script, key_id=None, key_secret=None, auth=auth, **options)


async def test_a_401_is_retried_once_with_a_renewed_token() -> None:
    sunco, transport = renewing(UNAUTHORIZED, POSTED, auth=BearerAuth(Tokens("old", "new")))
    assert await sunco.messages.post("c1", "Hi") == [Message(id="m1")]
    sent = [request.headers["authorization"] for request in transport.requests]
    assert sent == ["Bearer old", "Bearer new"]


async def test_a_401_is_retried_no_more_than_once() -> None:
    sunco, transport = renewing(UNAUTHORIZED, UNAUTHORIZED, auth=BearerAuth(Tokens("1", "2", "3")))
    with pytest.raises(AuthenticationError) as caught:
        await sunco.messages.post("c1", "Hi")
    assert caught.value.attempts == len(transport.requests) == 2


async def test_a_401_with_a_credential_that_stays_the_same_is_raised() -> None:
    for auth in (BearerAuth("token"), BearerAuth(Tokens("token")), BasicAuth("k", "s")):
        sunco, transport = renewing(UNAUTHORIZED, auth=auth)
        with pytest.raises(AuthenticationError):
            await sunco.messages.post("c1", "Hi")
        assert len(transport.requests) == 1


async def test_a_401_to_a_request_without_credential_or_with_a_spent_body_is_raised() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"file"

    class Reading(ScriptedTransport):
        async def send(self, request: Any) -> Any:
            if request.content is not None and not isinstance(request.content, bytes):
                assert b"file" in b"".join([chunk async for chunk in request.content])
            return await super().send(request)

    calls: list[Callable[[Sunco], Awaitable[Any]]] = [
        lambda s: s.oauth.get_token("code", client_id="c", client_secret="s"),
        lambda s: s.attachments.upload(chunks()),
    ]
    for call in calls:
        transport = Reading(UNAUTHORIZED)
        sunco, _ = renewing(auth=BearerAuth(Tokens("old", "new")), transport=transport)
        with pytest.raises(AuthenticationError):
            await call(sunco)
        assert len(transport.requests) == 1


async def test_a_renewed_attempt_waits_for_the_rate_limiter_until_the_deadline() -> None:
    class Stuck(RateLimiter):
        async def acquire(self) -> float:
            if transport.requests:
                await anyio.sleep_forever()
            return 0.0

    sunco, transport = renewing(
        UNAUTHORIZED,
        auth=BearerAuth(Tokens("old", "new")),
        rate_limit=Stuck(1),
        retry=RetryPolicy(deadline=0.01),
    )
    with pytest.raises(AuthenticationError):
        await sunco.users.get("u1")
    assert len(transport.requests) == 1
