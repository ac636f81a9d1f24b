from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator
from sunco.emulator.schemas.integrations import KINDS

from .api import Api

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

WEBHOOK = {"target": "https://example.com/callback", "triggers": ["conversation:message"]}
# What each type needs: secrets are called so.
REQUIRED: dict[str, JSON] = {
    "android": {"serverKey": "secret", "senderId": "1"},
    "apple": {"businessId": "b", "apiSecret": "secret", "mspId": "m"},
    "custom": {"webhooks": [WEBHOOK]},
    "instagram": {"pageAccessToken": "secret", "appId": "a", "appSecret": "secret"},
    "ios": {"certificate": "secret", "password": "secret", "production": True},
    "line": {"channelId": "c"},
    "mailgun": {"apiKey": "secret", "domain": "e.org", "incomingAddress": "a@e.org"},
    "messagebird": {"accessKey": "secret", "signingKey": "secret", "originator": "12"},
    "messenger": {"pageAccessToken": "secret", "appId": "a", "appSecret": "secret"},
    "telegram": {"token": "secret"},
    "twilio": {"accountSid": "a", "authToken": "secret", "phoneNumberSid": "p"},
    "twitter": {
        "tier": "enterprise",
        "consumerKey": "secret",
        "consumerSecret": "secret",
        "accessTokenKey": "secret",
        "accessTokenSecret": "secret",
    },
    "unity": {"canUserSeeConversationList": True},
    "viber": {"token": "secret"},
    "web": {"brandColor": "ffffff", "prechatCapture": {"enabled": True, "fields": []}},
    "whatsapp": {"accountId": "a"},
}


async def create(api: Api, kind: str, **body: Any) -> JSON:
    described = {"type": kind, **REQUIRED[kind], **body}
    document = await api.call("POST", "integrations", described, status=201)
    integration: JSON = document["integration"]
    return integration


def test_every_type_is_tested() -> None:
    assert list(REQUIRED) == sorted(KINDS)


@pytest.mark.parametrize("kind", list(REQUIRED))
async def test_an_integration_of_each_type(api: Api, kind: str) -> None:
    made = await create(api, kind, displayName="Mine", id="x", status="error", unknown=1)
    assert len(made["id"]) == 24
    assert (made["type"], made["status"], made["displayName"]) == (kind, "active", "Mine")
    assert "unknown" not in made
    shown = {name: one for name, one in REQUIRED[kind].items() if one != "secret"}
    if kind != "custom":
        assert shown.items() <= made.items()
        assert made["showAIDisclaimer"] is True
        assert made["defaultResponder"]["inherited"] is True
    assert "secret" not in str({name: one for name, one in made.items() if name != "webhooks"})
    path = f"integrations/{made['id']}"
    assert (await api.get(path))["integration"] == made
    changed = (await api.call("PATCH", path, {"displayName": None, **REQUIRED[kind]}))[
        "integration"
    ]
    assert changed == {**made, "displayName": None}
    assert await api.call("DELETE", path) == {}
    error = ("integration_not_found", "Integration not found")
    assert await api.rejected(404, "GET", path) == error


@pytest.mark.parametrize("kind", [kind for kind in REQUIRED if KINDS[kind].required])
async def test_what_a_type_needs_must_be_there(api: Api, kind: str) -> None:
    needed = [f"{name} is required" for name in KINDS[kind].required]
    assert await api.problems("POST", "integrations", {"type": kind}) == needed


@pytest.mark.parametrize("body", [{}, {"type": "pigeon"}, {"type": ["web"]}])
async def test_a_type_that_is_none_of_the_sixteen(api: Api, body: JSON) -> None:
    assert await api.problems("POST", "integrations", body) == ["Invalid integration type"]


async def test_what_cannot_be_changed_stays(api: Api) -> None:
    made = await create(api, "twilio")
    body = {"accountSid": "other", "showAIDisclaimer": False, "type": "web"}
    changed = (await api.call("PATCH", f"integrations/{made['id']}", body))["integration"]
    assert changed == {**made, "showAIDisclaimer": False}
    problems = await api.problems("PATCH", f"integrations/{made['id']}", {"displayName": ""})
    assert problems == ["displayName must be at least 1 characters long"]


async def test_integrations_are_listed_by_type_and_paged() -> None:
    async with Api(Emulator(integrations=())) as api:
        made = [await create(api, kind) for kind in ("web", "custom", "telegram", "web")]
        assert (await api.get("integrations"))["integrations"] == made
        document = await api.get("integrations?filter[types]=web,custom&page[size]=2")
        assert document["integrations"] == made[:2]
        document = await api.get(document["links"]["next"])
        assert document["integrations"] == made[3:]
        assert await api.problems("GET", "integrations?filter=web", None) == [
            "Invalid query parameters"
        ]


async def test_what_admin_center_made_cannot_be_deleted_here(api: Api) -> None:
    document = await api.get("integrations?filter[types]=web")
    (web,) = document["integrations"]
    assert "configuredOnAdminCenter" not in web
    assert await api.problems("DELETE", f"integrations/{web['id']}", None) == [
        "SDK integrations configured on Admin Center cannot be deleted"
    ]


async def test_an_integration_can_have_a_responder_of_its_own(api: Api) -> None:
    agent = "000000005eed000000000102"
    made = await create(api, "telegram", defaultResponderId=agent)
    assert "defaultResponderId" not in made
    responder = made["defaultResponder"]
    assert (responder["name"], responder["inherited"]) == ("agent", False)
    for method, path, body in (
        ("POST", "integrations", {"type": "unity", "defaultResponderId": "none"}),
        ("PATCH", f"integrations/{made['id']}", {"defaultResponderId": "none"}),
    ):
        code, _ = await api.rejected(404, method, path, body)
        assert code == "switchboard_integration_not_found"


async def test_without_a_switchboard_nobody_responds() -> None:
    async with Api(Emulator(switchboard=())) as api:
        made = await create(api, "telegram")
        assert "defaultResponder" not in made
        code, _ = await api.rejected(
            404, "POST", "integrations", {"type": "unity", "defaultResponderId": "none"}
        )
        assert code == "switchboard_integration_not_found"


async def test_keys_of_a_custom_integration(api: Api) -> None:
    made = await create(api, "custom")
    path = f"integrations/{made['id']}/keys"
    key = (await api.call("POST", path, {"displayName": "My Test Key"}, status=201))["key"]
    assert key["id"].startswith("int_")
    assert (await api.get(path))["keys"] == [key]
    assert (await api.get(f"{path}/{key['id']}"))["key"] == key
    for _ in range(9):
        await api.call("POST", path, {"displayName": "k"}, status=201)
    assert await api.problems("POST", path, {"displayName": "k"}) == [
        "The maximum number of keys (10) has been reached"
    ]
    assert await api.call("DELETE", f"{path}/{key['id']}") == {}
    code, _ = await api.rejected(404, "DELETE", f"{path}/{key['id']}")
    assert code == "not_found"
    other = (await api.get(path))["keys"][0]
    assert await api.by(other["id"], other["secret"]).user()
    await api.call("DELETE", f"integrations/{made['id']}")
    code, _ = await api.by(other["id"], other["secret"]).rejected(401, "POST", "users", {})
    assert code == "unauthorized"


async def test_only_custom_integrations_have_keys(api: Api) -> None:
    made = await create(api, "web")
    title = "API keys are available only for custom integrations"
    for method in ("GET", "POST"):
        body = {"displayName": "k"} if method == "POST" else None
        assert await api.problems(method, f"integrations/{made['id']}/keys", body) == [title]


async def test_webhooks_of_an_integration(api: Api) -> None:
    made = await create(api, "custom")
    (first,) = made["webhooks"]
    assert (first["version"], first["includeFullUser"]) == ("v2", False)
    path = f"integrations/{made['id']}/webhooks"
    body = {**WEBHOOK, "includeFullUser": True, "secret": "mine"}
    second = (await api.call("POST", path, body, status=201))["webhook"]
    assert second["includeFullUser"]
    assert len({first["secret"], second["secret"], "mine"}) == 3
    assert (await api.get(path))["webhooks"] == [first, second]
    assert (await api.get(f"{path}/{second['id']}"))["webhook"] == second
    change = {"target": "http://localhost/new", "includeFullSource": True}
    changed = (await api.call("PATCH", f"{path}/{second['id']}", change))["webhook"]
    assert changed == {**second, **change}
    assert await api.call("DELETE", f"{path}/{second['id']}") == {}
    code, _ = await api.rejected(404, "GET", f"{path}/{second['id']}")
    assert code == "not_found"
    await api.call("DELETE", f"integrations/{made['id']}")
    code, _ = await api.rejected(404, "GET", path)
    assert code == "integration_not_found"


async def test_a_webhook_of_another_integration_is_not_found(api: Api) -> None:
    mine, other = await create(api, "custom"), await create(api, "custom")
    path = f"integrations/{mine['id']}/webhooks/{other['webhooks'][0]['id']}"
    code, _ = await api.rejected(404, "DELETE", path)
    assert code == "not_found"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"target": "somewhere"}, "target is not in the right format"),
        ({"triggers": "*"}, "triggers must be an array"),
        ({"includeFullUser": 1}, "includeFullUser must be a boolean"),
    ],
)
async def test_a_malformed_webhook_is_rejected(api: Api, changes: JSON, problem: str) -> None:
    made = await create(api, "custom")
    path = f"integrations/{made['id']}/webhooks"
    assert await api.problems("POST", path, {**WEBHOOK, **changes}) == [problem]


async def test_a_trigger_must_be_one_that_there_is(api: Api) -> None:
    body = {"type": "custom", "webhooks": [{**WEBHOOK, "triggers": ["Conversation:message"]}]}
    (problem,) = await api.problems("POST", "integrations", body)
    assert problem.startswith("webhooks[0].triggers[0] must be one of client:add, ")


async def test_an_app_has_ten_webhooks_at_most(api: Api) -> None:
    made = await create(api, "custom")
    path = f"integrations/{made['id']}/webhooks"
    # The integration at the start and the one made here have one each.
    for _ in range(8):
        await api.call("POST", path, WEBHOOK, status=201)
    title = "The maximum number of webhooks (10) has been reached"
    assert await api.problems("POST", path, WEBHOOK) == [title]
    body = {"type": "custom", "webhooks": [WEBHOOK]}
    assert await api.problems("POST", "integrations", body) == [title]


async def test_only_custom_integrations_have_webhooks(api: Api) -> None:
    made = await create(api, "web")
    problems = await api.problems("POST", f"integrations/{made['id']}/webhooks", WEBHOOK)
    assert problems == ["Webhooks are available only for custom integrations"]
