from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator
from sunco.emulator.api import router

from .api import Api
from .spec import METHODS, document, needs_spec

if TYPE_CHECKING:
    from .api import JSON
    from .conftest import Clock

pytestmark = pytest.mark.anyio

SECRET = "demo_secret"
WEBHOOK = {"target": "https://example.com/callback", "triggers": ["conversation:message"]}


def encode(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def token(
    claims: Any = None, *, secret: str = SECRET, alg: str = "HS256", kid: object = "app_demo_key"
) -> str:
    header = {"alg": alg, "typ": "JWT", "kid": kid}
    claims = {"scope": "app"} if claims is None else claims
    signed = ".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{encode(hmac.digest(secret.encode(), signed.encode(), 'sha256'))}"


async def integration_key(api: Api) -> tuple[str, str, str]:
    body: JSON = {"type": "custom", "webhooks": [WEBHOOK]}
    made = (await api.call("POST", "integrations", body, status=201))["integration"]
    path = f"integrations/{made['id']}/keys"
    key = (await api.call("POST", path, {"displayName": "k"}, status=201))["key"]
    return made["id"], key["id"], key["secret"]


async def test_a_jwt_opens_what_its_key_opens(api: Api) -> None:
    assert await api.by(token()).user()
    assert await api.by(token({"scope": "account"}, kid="act_demo_key")).get("keys")
    _, key_id, secret = await integration_key(api)
    assert await api.by(token({"scope": "integration"}, kid=key_id, secret=secret)).user()


@pytest.mark.parametrize(
    "bearer",
    [
        token(secret="wrong"),
        token(alg="none"),
        token(alg="HS512"),
        token(kid="app_other"),
        token(kid=None),
        token(kid=["app_demo_key"]),
        token({}),
        token({"scope": "account"}),
        token([]),
        token({"scope": "app", "exp": "soon"}),
        token({"scope": "app", "nbf": None}),
        token({"scope": "app", "exp": 1_738_599_672}),
        token({"scope": "app", "nbf": 1_738_600_000}),
        f"{token()}x.",
        f"e30.e30.{encode(b'')}",
        "e30.e30.\u00e9".encode().decode("latin-1"),
        "a.b",
        "a.b.c",
        f"{encode(b'[' * 100_000)}.e30.e30",
    ],
)
async def test_a_jwt_that_is_not_good(api: Api, bearer: str) -> None:
    header = b"Bearer " + bearer.encode("latin-1")
    response = await api.http.get("users/a", headers={b"authorization": header}, auth=None)
    assert response.status_code == 401


async def test_a_jwt_is_good_until_it_ends(api: Api, clock: Clock) -> None:
    now = clock().timestamp()
    hand = api.by(token({"scope": "app", "nbf": now, "exp": now + 5}))
    clock.advance(4)
    assert await hand.user()
    clock.advance(1)
    code, _ = await hand.rejected(401, "POST", "users", {})
    assert code == "unauthorized"


async def test_the_key_of_an_integration_sees_nothing_of_others(api: Api) -> None:
    mine, key_id, secret = await integration_key(api)
    other, *_ = await integration_key(api)
    hand = api.by(key_id, secret)
    assert await hand.get(f"integrations/{mine}/webhooks")
    assert await hand.get("integrations/me/webhooks") == await hand.get(
        f"integrations/{mine}/webhooks"
    )
    forbidden = ("forbidden", "Forbidden")
    assert await hand.rejected(403, "GET", f"integrations/{other}/webhooks") == forbidden
    assert await hand.rejected(403, "GET", f"integrations/{mine}") == forbidden
    assert await hand.rejected(403, "GET", "switchboards") == forbidden
    code, _ = await api.rejected(404, "GET", "integrations/me/webhooks")
    assert code == "integration_not_found"


async def test_only_who_is_in_control_can_give_it_back(api: Api) -> None:
    mine, key_id, secret = await integration_key(api)
    hand = api.by(key_id, secret)
    (board,) = (await api.get("switchboards"))["switchboards"]
    path = f"switchboards/{board['id']}/switchboardIntegrations"
    await api.call("POST", path, {"name": "mine", "integrationId": mine}, status=201)
    conversation = f"conversations/{(await api.personal(await api.user()))['id']}"
    forbidden = ("forbidden", "Forbidden")
    assert await hand.rejected(403, "POST", f"{conversation}/releaseControl") == forbidden
    await api.call("POST", f"{conversation}/offerControl", {"switchboardIntegration": "agent"})
    assert await hand.rejected(403, "POST", f"{conversation}/acceptControl", {}) == forbidden
    await api.call("POST", f"{conversation}/offerControl", {"switchboardIntegration": "mine"})
    await hand.call("POST", f"{conversation}/acceptControl", {})
    await hand.call("POST", f"{conversation}/releaseControl")
    assert await hand.rejected(403, "POST", f"{conversation}/releaseControl") == forbidden


@pytest.mark.parametrize("prefix", ["act_", "svc_"])
async def test_the_first_key_may_be_the_accounts(prefix: str) -> None:
    async with Api(Emulator(key_id=f"{prefix}1")) as api:
        assert await api.get("http://emulator/v2/apps")
        assert (await api.get("keys"))["keys"] == []


@needs_spec
def test_every_operation_lets_in_whom_the_specification_says() -> None:
    specified = {
        (method.upper(), path): set(operation["security"][0]["basicAuth"])
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if method in METHODS and operation["security"]
    }
    emulated = {(one.method, one.path): set(one.scopes) for one in router.ALL}
    assert len(emulated) == 68
    # Of these the specification says nothing: two need no key, one takes any token.
    for path in (("GET", "/oauth/authorize"), ("POST", "/oauth/token"), ("GET", "/v2/tokenInfo")):
        del emulated[path]
    assert emulated == specified


async def test_the_scopes_are_enforced(api: Api) -> None:
    _, key_id, secret = await integration_key(api)
    for hand, method, path in (
        (api, "GET", "http://emulator/v2/apps"),
        (api, "GET", "keys"),
        (api.by(key_id, secret), "GET", "integrations"),
        (api.account, "GET", "integrations/any/webhooks"),
        (api.account, "GET", "http://emulator/v2/tokenInfo"),
    ):
        assert await hand.rejected(403, method, path) == ("forbidden", "Forbidden")
