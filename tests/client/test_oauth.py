from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from support.scripted import error_response, response, scripted

from sunco import AuthenticationError, BearerAuth, Sunco
from sunco.models import App, OAuthToken

pytestmark = pytest.mark.anyio

BRIDGE = "https://oauth-bridge.zendesk.com/sc"


def partner(*script: Any) -> Any:
    return scripted(*script, key_id=None, key_secret=None, auth=BearerAuth("t0ken"), app_id=None)


async def test_the_page_to_send_a_user_to() -> None:
    sunco, transport = partner()
    url = sunco.oauth.authorize_url("me", state="a b", redirect_uri="https://x.test/?y=1")
    assert url == (
        f"{BRIDGE}/oauth/authorize?client_id=me&response_type=code&state=a%20b"
        "&redirect_uri=https%3A%2F%2Fx.test%2F%3Fy%3D1"
    )
    shortest: str = sunco.oauth.authorize_url("me")
    short = parse_qs(urlsplit(shortest).query)
    assert short == {"client_id": ["me"], "response_type": ["code"]}
    assert transport.requests == []


async def test_a_code_is_exchanged_without_the_clients_credential() -> None:
    sunco, transport = partner(response({"access_token": "n3w", "token_type": "Bearer"}))
    token = await sunco.oauth.get_token("one-time-code", client_id="me", client_secret="h1dden")
    assert token == OAuthToken(access_token="n3w", token_type="Bearer")
    assert "n3w" not in repr(token)
    (request,) = transport.requests
    assert (request.method, request.url) == ("POST", f"{BRIDGE}/oauth/token")
    assert request.content == (
        b'{"code":"one-time-code","client_id":"me","client_secret":"h1dden",'
        b'"grant_type":"authorization_code"}'
    )
    assert "authorization" not in request.headers


async def test_a_rejected_code_shows_no_secret() -> None:
    sunco, transport = partner(error_response(401, "unauthorized", "No"))
    with pytest.raises(AuthenticationError) as caught:
        await sunco.oauth.get_token("one-time-code", client_id="me", client_secret="h1dden")
    assert len(transport.requests) == 1
    for entry in caught.traceback[1:]:
        shown = repr(entry.frame.f_locals)
        assert "h1dden" not in shown
        assert "one-time-code" not in shown


async def test_the_app_of_a_token() -> None:
    sunco, transport = partner(response({"app": {"id": "a1", "subdomain": "acme"}}))
    assert await sunco.oauth.token_info() == App(id="a1", subdomain="acme")
    (request,) = transport.requests
    assert (request.method, request.url) == ("GET", f"{BRIDGE}/v2/tokenInfo")
    assert request.headers["authorization"] == "Bearer t0ken"


async def test_access_is_given_back_at_the_accounts_own_address() -> None:
    sunco, transport = partner(response({}))
    await sunco.oauth.revoke_access()
    (request,) = transport.requests
    assert (request.method, request.url) == (
        "DELETE",
        "https://api.example.test/sc/oauth/authorization",
    )


def test_an_emulator_is_its_own_oauth_host() -> None:
    sunco = Sunco(auth=BearerAuth("t"), base_url="http://127.0.0.1:8000")
    assert sunco.oauth.authorize_url("me").startswith("http://127.0.0.1:8000/oauth/authorize?")
