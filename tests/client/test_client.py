from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from support.scripted import ScriptedTransport, response, scripted, urls

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
        ({**KEY}, "API's address is missing: pass subdomain='acme'"),
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
        ({"key_id": "k", "key_secret": "s3cret\n"}, r"line break .*pass key_secret.strip\(\)"),
        ({"key_id": "k\n", "key_secret": "s3cret"}, r"line break .*pass key_id.strip\(\)"),
        ({"key_id": "k", "key_secret": "s3cret\ud800"}, "key_secret has characters that are not"),
        ({"key_id": "k", "key_secret": "s3\0cret"}, "key_secret has characters that are not"),
        ({"auth": "s3cret"}, "auth must be an Auth such as BasicAuth, .* not str"),
        ({**KEY, "subdomain": 7}, "the first part of your Zendesk address"),
        ({**KEY, "base_url": 7}, "base_url must be a str, not int"),
        ({**KEY, "base_url": "https://x.test/sc?"}, "base_url must end with its path"),
        ({**KEY, "base_url": "https://x.test/sc#"}, "base_url must end with its path"),
        ({**KEY, "base_url": "https://x.test/sc/v2"}, "must not end with the API's version"),
        ({**KEY, "base_url": "https://x.test/v2/"}, "must not end with the API's version"),
        ({**KEY, "base_url": "https://x.test/\ud800"}, "base_url must end with its path"),
        ({**KEY, "base_url": "https://x.test/../sc"}, "base_url must have no part that is"),
        ({**KEY, "base_url": "https://x.test:99999"}, "base_url is not a URL"),
        ({**KEY, "base_url": "https://x.test:0"}, "base_url must be a whole URL"),
        ({**KEY, "base_url": "http://emulator:8080"}, "pass allow_http=True or set SUNCO_ALLOW"),
        ({**KEY, "base_url": "https://x.test", "allow_http": "no"}, "allow_http must be a bool"),
        ({**KEY, "subdomain": "acme", "timeout": "30"}, "timeout must be greater than 0"),
        ({**KEY, "subdomain": "acme", "timeout": True}, "timeout must be greater than 0"),
        ({**KEY, "subdomain": "acme", "retry": 3}, "retry must be a RetryPolicy, .* not 3"),
        ({**KEY, "subdomain": "acme", "rate_limit": "50"}, "rate_limit must be a number"),
        ({**KEY, "subdomain": "acme", "rate_limit": True}, "rate_limit must be a number"),
        ({**KEY, "subdomain": "acme", "observers": None}, "observers must be a sequence"),
        ({**KEY, "subdomain": "acme", "transport": "httpx"}, "transport must be a Transport"),
        ({**KEY, "subdomain": "acme", "max_connections": "9"}, "max_connections must be at least"),
        ({**KEY, "subdomain": "acme", "headers": ["X-A"]}, "headers must be a mapping of str"),
        ({**KEY, "subdomain": "acme", "headers": {1: "s3cret"}}, "The header 1 has a name"),
        ({**KEY, "subdomain": "acme", "headers": {"X A": "s3cret"}}, "'X A' has a name that no"),
        ({**KEY, "subdomain": "acme", "headers": {"X-A": 7}}, "'X-A' must be a str, not int"),
        ({**KEY, "subdomain": "acme", "headers": {"X-A": "s3cret\n"}}, "'X-A' must be printable"),
        ({**KEY, "subdomain": "acme", "headers": {"X-A": "s3cr\xe9t"}}, "'X-A' must be printable"),
        ({**KEY, "subdomain": "acme", "headers": {"X-A": "1", "x-a": "2"}}, "is given twice"),
        ({**KEY, "subdomain": "acme", "headers": {"host": "x"}}, "'host' is set by the client"),
        (
            {**KEY, "subdomain": "acme", "headers": {"Authorization": "Bearer s3cret"}},
            "'Authorization' is set by the client",
        ),
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
    monkeypatch.setenv("SUNCO_HEADERS", "")
    monkeypatch.setenv("SUNCO_ALLOW_HTTP", "")
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


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a client's variables, and others."""

    def set_all(**variables: str) -> None:
        whole = {
            "APP_ID": "a",
            "KEY_ID": "app_k",
            "KEY_SECRET": "s3cret",
            "BASE_URL": "http://emulator:8080",
            **variables,
        }
        for name, value in whole.items():
            monkeypatch.setenv(f"SUNCO_{name}", value)

    return set_all


@pytest.mark.anyio
async def test_headers_and_plain_http_from_the_environment(
    environment: Callable[..., None],
) -> None:
    environment(HEADERS='{"X-Zendesk-Marketplace-Name": "Acme"}', ALLOW_HTTP="True")
    transport = ScriptedTransport(response(), response())
    await Sunco.from_env(transport=transport).request("GET", "/v2/apps")
    await Sunco.from_env(transport=transport, headers={"X-B": "c"}).request("GET", "/v2/apps")
    first, second = transport.requests
    assert first.url == "http://emulator:8080/v2/apps"
    assert first.headers["x-zendesk-marketplace-name"] == "Acme"
    assert "x-zendesk-marketplace-name" not in second.headers
    assert second.headers["x-b"] == "c"
    environment(ALLOW_HTTP="off")
    with pytest.raises(ConfigurationError, match="must use https"):
        Sunco.from_env()
    assert "emulator" in repr(Sunco.from_env(allow_http=True))


BAD_VARIABLES = [
    ({"ALLOW_HTTP": "s3cret?"}, "SUNCO_ALLOW_HTTP must be 1 or 0"),
    ({"HEADERS": "X-A: s3cret"}, "SUNCO_HEADERS must be a JSON object"),
    ({"HEADERS": '["s3cret"]'}, "SUNCO_HEADERS must be a JSON object"),
    ({"HEADERS": "[" * 100_000}, "SUNCO_HEADERS must be a JSON object"),
    ({"HEADERS": '{"X-A": ["s3cret"]}'}, "'X-A' must be a str, not list"),
    ({"KEY_SECRET": "s3cret\n"}, r"pass key_secret.strip\(\)"),
    ({"BASE_URL": "https://x.test/v2"}, "must not end with the API's version"),
]


@pytest.mark.parametrize(("variables", "said"), BAD_VARIABLES)
def test_variables_that_cannot_work_are_named_and_no_frame_shows_a_secret(
    environment: Callable[..., None], variables: dict[str, str], said: str
) -> None:
    environment(**variables)
    overrides: tuple[dict[str, str], ...] = ({}, {"key_id": "app_k", "key_secret": "s3cret"})
    for options in overrides if "KEY_SECRET" not in variables else overrides[:1]:
        with pytest.raises(ConfigurationError, match=said) as caught:
            Sunco.from_env(**options)
        if "?" not in variables.get("ALLOW_HTTP", ""):
            assert "s3cret" not in str(caught.value)
            for entry in caught.traceback[1:]:
                assert "s3cret" not in repr(entry.frame.f_locals)


@pytest.mark.anyio
async def test_headers_go_with_every_request() -> None:
    name = "X-Zendesk-Marketplace-Organization-Id"
    token = {"access_token": "t", "token_type": "Bearer"}
    attachment = {"attachment": {"mediaUrl": "https://x.test/1"}}
    script = [{"user": {"id": "u"}}, {"messages": [{"id": "m"}]}, attachment, token]
    sunco, transport = scripted(*map(response, script), headers={name: "42"})
    await sunco.users.get("u")
    await sunco.with_options(timeout=1).messages.post("c1", "Hi")
    await sunco.attachments.upload(b"1", filename="a.txt")
    await sunco.oauth.get_token("code", client_id="c", client_secret="s")
    assert [request.headers[name] for request in transport.requests] == ["42"] * 4
    assert "authorization" not in transport.requests[-1].headers
    types = [request.headers.get("content-type", "")[:19] for request in transport.requests]
    assert types == ["", "application/json", "multipart/form-data", "application/json"]


NAMED = ParticipantUser(user_id="u", user_external_id="e")

BAD_CALLS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda s: s.conversations.get(""), "conversation_id must not be empty"),
    (lambda s: s.conversations.get("."), "conversation_id must not be '.'"),
    (lambda s: s.conversations.delete(".."), "conversation_id must not be '..'"),
    (lambda s: s.messages.delete("c", ""), "message_id must not be empty"),
    (lambda s: s.clients.remove("u", ""), "client_id must not be empty"),
    (lambda s: s.clients.remove("", "cl"), "user must not be empty"),
    (lambda s: s.users.get(None), "user must be a str, not NoneType"),
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
    (lambda s: s.conversations.create("personal", participants=["ada"]), "not 'ada'"),
    (lambda s: s.conversations.create("personal", participants=NAMED), "must be a sequence"),
    (lambda s: s.conversations.create("personal", participants=None), "must be a sequence"),
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
    (lambda s: s.with_options(retry=3), "retry must be a RetryPolicy"),
    (lambda s: s.with_options(rate_limit="50"), "rate_limit must be a number"),
    (lambda s: s.users.get("\ud800"), "user has characters that no URL can carry"),
    (lambda s: s.users.list(email="\ud800"), "has characters that no URL can carry"),
    (lambda s: s.messages.list("c", after="\ud800"), "after must be a cursor"),
    (lambda s: s.request("GET", "/v2/\ud800"), "'path' has characters that no URL can carry"),
    (lambda s: s.request("GET", 7), "path must be a str, not int"),
    (lambda s: s.request("GE T", "/v2"), "method must be an HTTP method"),
    (lambda s: s.request(None, "/v2"), "method must be an HTTP method"),
    (lambda s: s.request("GET", "/v2", params=["a"]), "params must be a mapping, not list"),
    (lambda s: s.request("GET", "/v2", params={1: "a"}), "names in params must be str, not int"),
    (lambda s: s.request("GET", "/v2", params={"a": b"b"}), "'a' must be a str, a number"),
    (lambda s: s.request("GET", "/v2", params={"a": {"b": {}}}), r"'a\[b\]' must be a str, a"),
    (lambda s: s.request("GET", "/v2", params={"a": [None]}), "'a' must be a str, a number"),
    (lambda s: s.messages.post_once("c", "x", key="1", grace_period="1"), "grace_period must be"),
    (lambda s: s.messages.post_once("c", "x", key="1", metadata=[]), "metadata must be a mapping"),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("call", "said"), BAD_CALLS)
async def test_bad_input_is_rejected_before_anything_is_sent(
    call: Callable[[Sunco], Awaitable[Any]], said: str
) -> None:
    sunco, transport = scripted(response())
    with pytest.raises(ValueError, match=said.replace("(", "\\(")) as caught:
        await call(sunco)
    assert isinstance(caught.value, ConfigurationError)
    assert transport.requests == []


@pytest.mark.anyio
async def test_options_make_a_copy_over_the_same_transport() -> None:
    policy = RetryPolicy(deadline=None)
    sunco, transport = scripted(*[response({"user": {"id": "u"}})] * 3, retry=policy)
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
    sunco, transport = scripted(response(b"", 503), response({"a": 1}), response(b"", 404))
    received = await sunco.request("get", "/v2/apps", params={"filter": {"x": 1}})
    assert received.json() == {"a": 1}
    assert (transport.requests[0].method, transport.requests[0].content) == ("GET", None)
    with pytest.raises(NotFoundError):
        await sunco.request("DELETE", "/v2/nothing")


@pytest.mark.anyio
async def test_auth_of_ones_own() -> None:
    class Token:
        async def headers(self) -> Headers:
            return Headers({"Authorization": "Bearer t"})

    transport = ScriptedTransport(response())
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
