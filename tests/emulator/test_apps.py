from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sunco.emulator import Emulator

from .api import Api

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

APPS = "http://emulator/v2/apps"
APP_NOT_FOUND = ("app_not_found", "App not found")


async def create(account: Api, **body: object) -> JSON:
    app: JSON = (await account.call("POST", APPS, {"displayName": "Shop", **body}, status=201))[
        "app"
    ]
    return app


async def test_a_new_app_has_what_the_specs_example_has(api: Api) -> None:
    app = await create(api.account, displayName="My Test App")
    assert len(app.pop("id")) == 24
    assert app == {
        "displayName": "My Test App",
        "settings": {
            "appLocalizationEnabled": True,
            "echoPostback": False,
            "maskCreditCardNumbers": True,
            "multiConvoEnabled": False,
            "useAnimalNames": False,
        },
        "metadata": {},
    }


async def test_an_app_needs_a_name(api: Api) -> None:
    problems = await api.account.problems("POST", APPS, {"settings": {"echoPostback": 1}})
    assert problems == ["displayName is required", "settings.echoPostback must be a boolean"]


async def test_an_app_is_changed_where_it_says_so(api: Api) -> None:
    app = await create(api.account, settings={"echoPostback": True}, metadata={"a": 1})
    path = f"{APPS}/{app['id']}"
    body: JSON = {"settings": {"useAnimalNames": True}}
    changed = (await api.account.call("PATCH", path, body))["app"]
    assert changed["displayName"] == "Shop"
    assert changed["metadata"] == {"a": 1}
    assert changed["settings"]["echoPostback"]
    assert changed["settings"]["useAnimalNames"]
    body = {"displayName": "Other", "metadata": None}
    changed = (await api.account.call("PATCH", path, body))["app"]
    assert (changed["displayName"], changed["metadata"]) == ("Other", {})
    assert (await api.account.get(path))["app"] == {**changed, "subdomain": "emulator"}


async def test_apps_are_paged_even_if_their_ids_are_no_cursors(api: Api) -> None:
    made = [await create(api.account) for _ in range(3)]
    document = await api.account.get(f"{APPS}?page[size]=2")
    assert [app["id"] for app in document["apps"]] == ["app_demo", made[0]["id"]]
    assert document["meta"]["hasMore"]
    document = await api.account.get(document["links"]["next"])
    assert document["apps"] == made[1:]
    document = await api.account.get(document["links"]["prev"])
    assert [app["id"] for app in document["apps"]] == ["app_demo", made[0]["id"]]


async def test_a_service_account_lists_what_is_its_own() -> None:
    async with Api(Emulator(account_key_id="svc_1"), auth=("svc_1", "demo_secret")) as api:
        assert await api.get(APPS) == await api.get(f"{APPS}?filter[serviceAccountId]=1")
        assert await api.rejected(403, "GET", f"{APPS}?filter[serviceAccountId]=2") == (
            "forbidden",
            "The serviceAccountId provided does not match supplied credentials",
        )


async def test_the_number_of_apps_is_limited() -> None:
    async with Api(Emulator(app_limit=2)) as api:
        await create(api.account)
        code, title = await api.account.rejected(402, "POST", APPS, {"displayName": None})
        assert code == "payment_required"
        assert "maximum number of apps" in title


async def test_a_deleted_app_is_gone_with_all_that_opened_it(api: Api) -> None:
    app = await create(api.account)
    path = f"{APPS}/{app['id']}"
    key = (await api.account.call("POST", f"{path}/keys", {"displayName": "k"}, status=201))["key"]
    assert (await api.by(key["id"], key["secret"]).get(path))["app"]["id"] == app["id"]
    assert await api.account.call("DELETE", path) == {}
    assert await api.account.rejected(404, "GET", path) == APP_NOT_FOUND
    code, _ = await api.by(key["id"], key["secret"]).rejected(401, "GET", path)
    assert code == "unauthorized"
    assert len((await api.account.get(APPS))["apps"]) == 1


async def test_keys_of_an_app(api: Api) -> None:
    account = api.account
    (seeded,) = (await account.get("keys"))["keys"]
    assert seeded["id"] == "app_demo_key"
    body = {"displayName": "My Test Key"}
    key = (await account.call("POST", "keys", body, status=201))["key"]
    assert key["id"].startswith("app_")
    assert len(key["secret"]) == 86
    assert (await account.get(f"keys/{key['id']}"))["key"] == key
    assert (await account.get("keys"))["keys"] == [seeded, key]
    assert await api.by(key["id"], key["secret"]).user()
    assert await account.call("DELETE", f"keys/{key['id']}") == {}
    assert await account.rejected(404, "GET", f"keys/{key['id']}") == (
        "not_found",
        "Resource not found",
    )


async def test_a_key_may_have_no_name(api: Api) -> None:
    key = (await api.account.call("POST", "keys", {"displayName": None}, status=201))["key"]
    assert list(key) == ["id", "secret"]


async def test_an_app_has_ten_keys_at_most(api: Api) -> None:
    body = {"displayName": "k"}
    for _ in range(9):
        await api.account.call("POST", "keys", body, status=201)
    problems = await api.account.problems("POST", "keys", body)
    assert problems == ["The maximum number of keys (10) has been reached"]


async def test_the_key_of_an_app_opens_no_other(api: Api) -> None:
    app = await create(api.account)
    assert await api.rejected(403, "GET", f"{APPS}/{app['id']}") == ("forbidden", "Forbidden")
    missing = f"{APPS}/{app['id']}/keys/app_demo_key"
    code, _ = await api.account.rejected(404, "GET", missing)
    assert code == "not_found"
