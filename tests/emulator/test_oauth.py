from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sunco.emulator import Emulator

from .api import Api

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

ROOT = "http://emulator"
CALLBACK = "http://localhost/callback"


async def authorize(api: Api, **query: str) -> str:
    params = {"client_id": "demo_partner", "response_type": "code", **query}
    response = await api.http.get(f"{ROOT}/oauth/authorize", params=params, auth=None)
    assert response.status_code == 302
    location: str = response.headers["location"]
    return location


def exchange(code: str, **changes: Any) -> JSON:
    return {
        "code": code,
        "grant_type": "authorization_code",
        "client_id": "demo_partner",
        "client_secret": "demo_partner_secret",
        **changes,
    }


async def grant(api: Api) -> Api:
    code = parse_qs(urlsplit(await authorize(api)).query)["code"][0]
    document = await api.call("POST", f"{ROOT}/oauth/token", exchange(code))
    assert document["token_type"] == "Bearer"
    return api.by(document["access_token"])


async def test_the_browser_comes_back_with_a_code(api: Api) -> None:
    location = await authorize(api, state="a&b", redirect_uri=CALLBACK)
    assert location.startswith(f"{CALLBACK}?code=")
    assert parse_qs(urlsplit(location).query)["state"] == ["a&b"]


async def test_a_redirect_uri_may_have_a_query() -> None:
    partner = {"client_id": "p", "client_secret": "s", "redirect_uris": ["http://l/c?a=b"]}
    async with Api(Emulator(partners=[partner])) as api:
        assert (await authorize(api, client_id="p")).startswith("http://l/c?a=b&code=")


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"client_id": "other"}, "Unknown client_id"),
        ({"response_type": "token"}, "response_type must be code"),
        (
            {"redirect_uri": "https://elsewhere.org"},
            "redirect_uri is not one of the integration's",
        ),
    ],
)
async def test_nobody_is_sent_elsewhere(api: Api, query: JSON, problem: str) -> None:
    params = {"client_id": "demo_partner", "response_type": "code", **query}
    document = await api.call("GET", f"{ROOT}/oauth/authorize", params=params, status=400)
    assert [error["title"] for error in document["errors"]] == [problem]


async def test_without_an_app_there_is_nothing_to_grant(api: Api) -> None:
    await api.account.call("DELETE", f"{ROOT}/v2/apps/app_demo")
    params = {"client_id": "demo_partner", "response_type": "code"}
    document = await api.call("GET", f"{ROOT}/oauth/authorize", params=params, status=404)
    assert document["errors"][0]["code"] == "app_not_found"


async def test_a_code_is_good_once(api: Api) -> None:
    code = parse_qs(urlsplit(await authorize(api)).query)["code"][0]
    path = f"{ROOT}/oauth/token"
    for wrong in ({"client_id": "other"}, {"client_secret": "wrong"}):
        error, _ = await api.rejected(401, "POST", path, exchange(code, **wrong))
        assert error == "unauthorized"
    assert await api.problems("POST", path, exchange(code, grant_type="password")) == [
        "grant_type must be one of authorization_code"
    ]
    assert await api.call("POST", path, exchange(code))
    assert await api.problems("POST", path, exchange(code)) == ["The code is invalid"]


async def test_a_token_opens_the_app_to_the_partners_integration(api: Api) -> None:
    partner = await grant(api)
    app = (await partner.get(f"{ROOT}/v2/tokenInfo"))["app"]
    assert (app["id"], app["subdomain"]) == ("app_demo", "emulator")
    assert await partner.user()
    code, _ = await partner.rejected(403, "GET", "integrations")
    assert code == "forbidden"
    webhook = {"target": "https://example.org", "triggers": ["conversation:message"]}
    path = "integrations/me/webhooks"
    made = (await partner.call("POST", path, webhook, status=201))["webhook"]
    assert (await partner.get(path))["webhooks"] == [made]
    (integration,) = (await api.get("integrations?filter[types]=demo_partner"))["integrations"]
    renamed = (await api.call("PATCH", f"integrations/{integration['id']}", {"displayName": "P"}))[
        "integration"
    ]
    assert (renamed["displayName"], renamed["type"]) == ("P", "demo_partner")


async def test_what_was_given_back_opens_nothing(api: Api) -> None:
    partner, other = await grant(api), await grant(api)
    webhook = {"target": "https://example.org", "triggers": ["conversation:message"]}
    await partner.call("POST", "integrations/me/webhooks", webhook, status=201)
    assert await partner.call("DELETE", f"{ROOT}/oauth/authorization") == {}
    code, _ = await partner.rejected(401, "GET", f"{ROOT}/v2/tokenInfo")
    assert code == "unauthorized"
    (left,) = (await api.get("integrations?filter[types]=demo_partner"))["integrations"]
    path = f"integrations/{left['id']}/webhooks"
    assert (await api.get(path))["webhooks"] == []
    assert await other.get(f"{ROOT}/v2/tokenInfo")
    await api.account.call("DELETE", f"{ROOT}/v2/apps/app_demo")
    code, _ = await other.rejected(401, "GET", f"{ROOT}/v2/tokenInfo")
    assert code == "unauthorized"


async def test_a_key_is_no_grant_to_give_back(api: Api) -> None:
    body: JSON = {"type": "custom", "webhooks": [{"target": "https://e.org", "triggers": []}]}
    made = (await api.call("POST", "integrations", body, status=201))["integration"]
    path = f"integrations/{made['id']}/keys"
    key = (await api.call("POST", path, {"displayName": "k"}, status=201))["key"]
    hand = api.by(key["id"], key["secret"])
    code, _ = await hand.rejected(403, "DELETE", f"{ROOT}/oauth/authorization")
    assert code == "forbidden"
