from __future__ import annotations

import json
import pickle
import sys
from base64 import urlsafe_b64decode
from typing import Any, cast

import anyio.lowlevel
import jwt
import pytest
from support.clock import FakeClock
from support.scripted import error_response, response, scripted

from sunco import BasicAuth, BearerAuth, ConfigurationError, JWTAuth, Sunco, sign_user_jwt

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


async def test_a_token_is_read_at_every_attempt() -> None:
    given = iter(["first", "second"])

    async def token() -> str:
        await anyio.lowlevel.checkpoint()
        return next(given)

    sunco, transport = scripted(
        error_response(429, "too_many", "Slow down"),
        response({"user": {"id": "u"}}),
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
    auth = JWTAuth("app_k", SECRET, scope="app", clock=FakeClock(4e9))
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
    clock = FakeClock(4e9)
    auth = JWTAuth("app_k", SECRET, lifetime=100, clock=clock)
    first = await auth.headers()
    clock.time += 79
    assert await auth.headers() is first
    clock.time += 1
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
        (("k", SECRET), {"lifetime": float("inf")}, "lifetime must be greater than 0"),
        (("k", SECRET), {"lifetime": float("nan")}, "lifetime must be greater than 0"),
        (("k", SECRET), {"lifetime": "3600"}, "lifetime must be greater than 0"),
        (("k", SECRET), {"lifetime": True}, "lifetime must be greater than 0"),
        (("k", SECRET + "\n"), {}, r"pass key_secret.strip\(\)"),
        (("k", SECRET + "\ud800"), {}, "key_secret has characters that are not printable"),
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


def claims_of(token: str) -> dict[str, Any]:
    decode = cast("Any", jwt).decode
    options = {"verify_exp": False}
    return cast("dict[str, Any]", decode(token, SECRET, algorithms=["HS256"], options=options))


async def test_a_jwt_is_renewed_once_after_a_401_for_all_callers() -> None:
    clock = FakeClock(4e9)
    auth = JWTAuth("app_k", SECRET, clock=clock)
    rejected = await auth.headers()
    clock.time += 1
    await auth.renew(rejected)
    renewed = await auth.headers()
    assert renewed != rejected
    clock.time += 1
    await auth.renew(rejected)
    assert await auth.headers() is renewed


async def test_a_request_with_a_jwt_is_retried_after_a_401() -> None:
    clock = FakeClock(4e9)
    auth = JWTAuth("app_k", SECRET, clock=clock)

    def tick(_: object) -> None:
        clock.time += 1

    sunco, transport = scripted(
        error_response(401, "unauthorized", "No"),
        response({"user": {"id": "u"}}),
        key_id=None,
        key_secret=None,
        auth=auth,
        observers=[tick],
    )
    await sunco.users.get("u")
    first, second = (request.headers["authorization"] for request in transport.requests)
    assert first != second


def test_a_user_jwt_has_the_claims_of_the_web_widget_and_the_sdks() -> None:
    clock = FakeClock(4e9)
    token = sign_user_jwt("app_k", SECRET, "ada", clock=clock)
    assert claims_of(token) == {"scope": "user", "external_id": "ada", "exp": 4_000_003_600}
    head = token.partition(".")[0]
    assert json.loads(urlsafe_b64decode(head + "=="))["kid"] == "app_k"
    token = sign_user_jwt(
        "app_k",
        SECRET,
        "ada",
        name="Ada",
        email="ada@example.test",
        email_verified=True,
        lifetime=60,
        clock=clock,
    )
    assert claims_of(token) == {
        "scope": "user",
        "external_id": "ada",
        "exp": 4_000_000_060,
        "name": "Ada",
        "email": "ada@example.test",
        "email_verified": True,
    }
    assert claims_of(sign_user_jwt("app_k", SECRET, "ada"))["exp"] > 1e9


BAD_USER_JWTS: list[tuple[dict[str, Any], str]] = [
    ({"external_id": ""}, "external_id must be a str that is not empty"),
    ({"external_id": 7}, "external_id must be a str that is not empty"),
    ({"external_id": "\ud800"}, "external_id has half of a surrogate pair"),
    ({"name": 7}, "name must be a str, not int"),
    ({"email": b"a"}, "email must be a str, not bytes"),
    ({"email_verified": "yes"}, "email_verified must be a bool, not str"),
    ({"lifetime": float("inf")}, "lifetime must be greater than 0"),
    ({"key_id": ""}, "key_id must be a str"),
    ({"key_secret": SECRET + "\n"}, r"pass key_secret.strip\(\)"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD_USER_JWTS)
def test_a_user_jwt_with_invalid_arguments_is_not_signed(
    arguments: dict[str, Any], said: str
) -> None:
    valid: dict[str, Any] = {"key_id": "app_k", "key_secret": SECRET, "external_id": "ada"}
    with pytest.raises(ConfigurationError, match=said) as caught:
        sign_user_jwt(**(valid | arguments))
    assert SECRET not in repr(caught.traceback[-1].frame.f_locals)


def test_signing_without_pyjwt_says_what_to_install_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jwt", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sunco\[jwt\]'") as caught:
        sign_user_jwt("app_k", SECRET, "ada")
    for entry in caught.traceback[1:]:
        assert SECRET not in repr(entry.frame.f_locals)


def test_credentials_can_be_pickled_and_half_made_ones_can_be_shown() -> None:
    auth = JWTAuth("app_k", SECRET)
    assert repr(pickle.loads(pickle.dumps(auth))) == repr(auth)  # noqa: S301 - our own
    assert repr(BasicAuth.__new__(BasicAuth)) == "BasicAuth(key_id=None)"
    assert repr(JWTAuth.__new__(JWTAuth)) == "JWTAuth(key_id=None, scope=None)"
    assert repr(Sunco.__new__(Sunco)) == "Sunco()"
