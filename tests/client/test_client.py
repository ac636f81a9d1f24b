from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from support.scripted import ScriptedTransport, answer, scripted, urls

from sunco import BasicAuth, ConfigurationError, HttpxTransport, NotFoundError, RetryPolicy, Sunco
from sunco.models import UNSET, ParticipantUser
from sunco.wire import Headers

KEY: dict[str, Any] = {"key_id": "app_k", "key_secret": "s3cret"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "credential is missing: pass key_id=... and key_secret=... .*SUNCO_KEY_ID"),
        ({"key_id": "k"}, "key_secret is missing"),
        ({"key_secret": "s3cret"}, "key_id is missing"),
        (
            {**KEY, "auth": BasicAuth("k", "s3cret")},
            "Pass auth, or key_id and key_secret, not both",
        ),
        ({"key_id": "k", "auth": BasicAuth("k", "s3cret")}, "not both"),
        ({"key_id": "", "key_secret": "s3cret"}, "key_id must be a str that is not empty"),
        ({"key_id": "k", "key_secret": " "}, "key_secret must be a str that is not empty"),
        ({"key_id": "k", "key_secret": 7}, "key_secret must be a str that is not empty"),
        ({"key_id": "a:b", "key_secret": "s3cret"}, "key_id must not hold ':'"),
        ({**KEY}, "Where is the API\\? Pass subdomain='acme'"),
        ({**KEY, "subdomain": "acme", "base_url": "https://x.test"}, "not both"),
        ({**KEY, "subdomain": "acme.zendesk.com"}, "the first part of your Zendesk address"),
        ({**KEY, "subdomain": ""}, "the first part"),
        ({**KEY, "subdomain": "evil.test/"}, "the first part"),
        ({**KEY, "subdomain": "acme\n"}, "the first part"),
        ({**KEY, "base_url": "http://api.smooch.io"}, "must use https"),
        ({**KEY, "subdomain": "acme", "app_id": ""}, "app_id must not be empty"),
        ({**KEY, "subdomain": "acme", "app_id": ".."}, "app_id must not be '..'"),
        ({**KEY, "subdomain": "acme", "timeout": 0}, "timeout must be greater than 0"),
        ({**KEY, "subdomain": "acme", "timeout": -1}, "timeout must be greater than 0"),
        ({**KEY, "subdomain": "acme", "max_connections": 0}, "max_connections must be at least 1"),
        ({**KEY, "subdomain": "acme", "max_response_bytes": 0}, "max_response_bytes must be at"),
    ],
)
def test_settings_that_cannot_work(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        Sunco(**options)
    traceback = caught.value.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename != __file__:
            assert "s3cret" not in repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    assert "s3cret" not in str(caught.value)
    assert caught.value.attempts == 0


def test_reprs_say_where_and_who_but_not_the_secret() -> None:
    sunco = Sunco(subdomain="acme", app_id="a", **KEY)
    assert repr(sunco) == (
        "Sunco(base_url='https://acme.zendesk.com/sc', app_id='a', auth=BasicAuth(key_id='app_k'))"
    )
    assert "s3cret" not in repr(vars(sunco))


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("APP_ID", "KEY_ID", "KEY_SECRET", "SUBDOMAIN", "BASE_URL"):
        monkeypatch.delenv(f"SUNCO_{name}", raising=False)
    with pytest.raises(ConfigurationError, match="set SUNCO_KEY_ID and SUNCO_KEY_SECRET"):
        Sunco.from_env()
    monkeypatch.setenv("SUNCO_APP_ID", "a")
    monkeypatch.setenv("SUNCO_KEY_ID", "app_k")
    monkeypatch.setenv("SUNCO_KEY_SECRET", "s3cret")
    monkeypatch.setenv("SUNCO_SUBDOMAIN", "acme")
    monkeypatch.setenv("SUNCO_BASE_URL", "")
    assert "https://acme.zendesk.com/sc', app_id='a', auth=BasicAuth(key_id='app_k')" in repr(
        Sunco.from_env()
    )
    assert "app_id='b'" in repr(Sunco.from_env(app_id="b"))
    monkeypatch.delenv("SUNCO_SUBDOMAIN")
    monkeypatch.setenv("SUNCO_BASE_URL", "https://api.smooch.io")
    assert "https://api.smooch.io'" in repr(Sunco.from_env())


NAMED = ParticipantUser(user_id="u", user_external_id="e")

BAD_CALLS: list[tuple[Callable[[Sunco], Any], str]] = [
    (lambda s: s.conversations.get(""), "conversation_id must not be empty"),
    (lambda s: s.conversations.get("."), "conversation_id must not be '.'"),
    (lambda s: s.conversations.delete(".."), "conversation_id must not be '..'"),
    (lambda s: s.messages.delete("c", ""), "message_id must not be empty"),
    (lambda s: s.clients.remove("u", ""), "client_id must not be empty"),
    (lambda s: s.clients.remove("", "cl"), "user must not be empty"),
    (lambda s: s.users.get(None), "user must be a str, not NoneType"),  # type: ignore[arg-type]
    (lambda s: s.conversations.list(), "Pass user_id or user_external_id: one is needed"),
    (
        lambda s: s.conversations.list(user_id="u", user_external_id="e"),
        "not user_id and user_external_id together",
    ),
    (lambda s: s.participants.join("c"), "Pass user_id or user_external_id: one is needed"),
    (lambda s: s.participants.join("c", user_id="u", user_external_id="e"), "together"),
    (lambda s: s.participants.leave("c"), "user_id, user_external_id or participant_id: one"),
    (
        lambda s: s.participants.leave("c", user_id="u", participant_id="p"),
        "not user_id and participant_id together",
    ),
    (lambda s: s.conversations.create("personal", participants=[NAMED]), "together"),
    (
        lambda s: s.conversations.create("personal", participants=[ParticipantUser()]),
        "one is needed",
    ),
    (lambda s: s.conversations.post_conversion_events("c"), "messenger, instagram or whatsapp"),
    (
        lambda s: s.conversations.post_conversion_events("c", messenger=[], whatsapp=[]),
        "not messenger and whatsapp together",
    ),
    (
        lambda s: s.users.create(signed_up_at=datetime(2026, 1, 1)),  # noqa: DTZ001 - the point
        "has no time zone: use an aware datetime",
    ),
    (lambda s: s.users.create(metadata={"a": {1}}), "cannot be written as JSON"),
    (lambda s: s.users.create(metadata={"a": float("nan")}), "cannot be written as JSON"),
    (lambda s: s.users.create(metadata={"a": UNSET}), "UNSET cannot be sent"),
    (lambda s: s.request("GET", "v2/apps"), "must start with '/'"),
    (lambda s: s.with_options(app_id="").conversations.get("c"), "app_id must not be empty"),
    (lambda s: s.with_options(app_id=None).conversations.get("c"), "pass app_id=... to Sunco"),
    (lambda s: s.with_options(timeout=0), "timeout must be greater than 0"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("call", "said"), BAD_CALLS)
async def test_bad_input_is_refused_before_anything_is_sent(
    call: Callable[[Sunco], Awaitable[Any]], said: str
) -> None:
    sunco, transport = scripted(answer())
    with pytest.raises(ValueError, match=said.replace("(", "\\(")) as caught:
        await call(sunco)
    assert isinstance(caught.value, ConfigurationError)
    assert transport.requests == []


@pytest.mark.anyio
async def test_options_make_a_copy_over_the_same_transport() -> None:
    policy = RetryPolicy(deadline=None)
    sunco, transport = scripted(*[answer({"user": {"id": "u"}})] * 3, retry=policy)
    other = sunco.with_options(app_id="app2", timeout=1.5, retry=RetryPolicy(max_attempts=1))
    await other.users.get("u")
    await sunco.users.get("u")
    await sunco.with_options(timeout=None).users.get("u")
    assert urls(transport.requests) == [
        "/v2/apps/app2/users/u",
        "/v2/apps/app1/users/u",
        "/v2/apps/app1/users/u",
    ]
    assert [request.timeout for request in transport.requests] == [1.5, 30.0, None]


@pytest.mark.anyio
async def test_requests_without_a_method_of_their_own() -> None:
    sunco, transport = scripted(answer(b"", 503), answer({"a": 1}), answer(b"", 404))
    response = await sunco.request("get", "/v2/apps", params={"filter": {"x": 1}})
    assert response.json() == {"a": 1}
    assert (transport.requests[0].method, transport.requests[0].content) == ("GET", None)
    with pytest.raises(NotFoundError):
        await sunco.request("DELETE", "/v2/nothing")


@pytest.mark.anyio
async def test_auth_of_ones_own() -> None:
    class Token:
        async def headers(self) -> Headers:
            return Headers({"Authorization": "Bearer t"})

    transport = ScriptedTransport(answer())
    sunco = Sunco(auth=Token(), base_url="http://localhost", transport=transport)
    await sunco.request("GET", "/v2/tokenInfo")
    assert transport.requests[0].headers["authorization"] == "Bearer t"


@pytest.mark.anyio
async def test_a_closed_client_says_so() -> None:
    async with Sunco(base_url="http://localhost", app_id="a", **KEY) as sunco:
        pass
    await sunco.aclose()
    with pytest.raises(ConfigurationError, match="This client is closed"):
        await sunco.users.get("u")


def test_keys_that_cannot_work() -> None:
    for key_id, key_secret in (("", "s3cret"), ("a:b", "s3cret"), ("k", "")):
        with pytest.raises(ConfigurationError, match="must") as caught:
            BasicAuth(key_id, key_secret)
        frame = caught.traceback[-1].frame
        assert "s3cret" not in repr(frame.f_locals)


@pytest.mark.anyio
async def test_a_client_of_ones_own_is_left_open() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Basic YXBwX2s6")
        assert "cookie" not in request.headers
        return httpx.Response(200, json={"user": {"id": "u"}})

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(respond), auth=("other", "credential")
    ) as client:
        sunco = Sunco(
            base_url="http://localhost", app_id="a", transport=HttpxTransport(client), **KEY
        )
        async with sunco:
            assert (await sunco.users.get("u")).id == "u"
        assert not client.is_closed
