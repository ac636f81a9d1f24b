from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64decode
from typing import Any, cast

import anyio.lowlevel
import jwt
import pytest
from support.scripted import answer, refusal, scripted

from sunco import BasicAuth, BearerAuth, ConfigurationError, JWTAuth, Sunco

SECRET = "s3cret-" * 8
pytestmark = pytest.mark.anyio


async def test_basic() -> None:
    headers = await BasicAuth("app_k", "pass:wörd").headers()
    assert headers["authorization"] == "Basic YXBwX2s6cGFzczp3w7ZyZA=="
    assert repr(BasicAuth("app_k", SECRET)) == "BasicAuth(key_id='app_k')"


async def test_bearer() -> None:
    auth = BearerAuth("t0ken")
    assert (await auth.headers())["authorization"] == "Bearer t0ken"
    assert repr(auth) == "BearerAuth()"


async def test_bearer_asks_at_every_attempt() -> None:
    given = iter(["first", "second"])

    async def token() -> str:
        await anyio.lowlevel.checkpoint()
        return next(given)

    sunco, transport = scripted(
        refusal(429, "too_many", "Slow down"),
        answer({"user": {"id": "u"}}),
        key_id=None,
        key_secret=None,
        auth=BearerAuth(token),
    )
    await sunco.users.get("u")
    assert [request.headers["authorization"] for request in transport.requests] == [
        "Bearer first",
        "Bearer second",
    ]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é", None, 7, b"bytes"])
async def test_tokens_that_cannot_work(token: Any) -> None:
    with pytest.raises(ConfigurationError, match="printable ASCII without spaces"):
        BearerAuth(token)

    async def give() -> Any:
        return token

    sunco, transport = scripted(auth=BearerAuth(give), key_id=None, key_secret=None)
    with pytest.raises(ConfigurationError, match="printable ASCII without spaces") as caught:
        await sunco.users.get("u")
    assert transport.requests == []
    if isinstance(token, str) and token:
        assert token not in str(caught.value)


async def test_jwt_is_signed_and_names_its_key() -> None:
    auth = JWTAuth("app_k", SECRET, scope="app", clock=lambda: 4e9)
    kind, _, token = (await auth.headers())["authorization"].partition(" ")
    assert kind == "Bearer"
    head, claims, _ = token.split(".")
    assert json.loads(urlsafe_b64decode(head + "==")) == {
        "alg": "HS256",
        "typ": "JWT",
        "kid": "app_k",
    }
    assert json.loads(urlsafe_b64decode(claims + "==")) == {"scope": "app", "exp": 4_000_003_600}
    # Its types are whole only where cryptography is installed.
    verified = cast("Any", jwt).decode(token, SECRET, algorithms=["HS256"])
    assert verified["scope"] == "app"
    assert repr(auth) == "JWTAuth(key_id='app_k', scope='app')"


async def test_jwt_is_signed_anew_before_it_expires() -> None:
    now = 4e9
    auth = JWTAuth("app_k", SECRET, lifetime=100, clock=lambda: now)
    first = await auth.headers()
    now += 79
    assert await auth.headers() is first
    now += 1
    second = await auth.headers()
    assert second != first
    assert second["authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("", SECRET), {}, "key_id must be a str"),
        (("k", ""), {}, "key_secret must be a str"),
        (("k", SECRET), {"scope": "user"}, "scope must be one of app, account, integration"),
        (("k", SECRET), {"lifetime": 0}, "lifetime must be greater than 0"),
    ],
)
def test_jwt_settings(arguments: tuple[str, str], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        JWTAuth(*arguments, **options)
    assert SECRET not in repr(caught.traceback[-1].frame.f_locals)


def test_jwt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sunco\[jwt\]'"):
        JWTAuth("k", SECRET)


def test_another_credential_replaces_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "APP_ID": "a",
        "KEY_ID": "app_k",
        "KEY_SECRET": "s3cret",
        "SUBDOMAIN": "acme",
    }.items():
        monkeypatch.setenv(f"SUNCO_{name}", value)
    assert "auth=BearerAuth()" in repr(Sunco.from_env(auth=BearerAuth("t")))
    elsewhere = Sunco.from_env(base_url="https://api.smooch.io")
    assert "base_url='https://api.smooch.io'" in repr(elsewhere)
