from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .api import JSON, Api

pytestmark = pytest.mark.anyio

NOT_FOUND = ("user_not_found", "User not found")
EMAIL = "filter[identities.email]"


async def test_a_user_is_changed_where_it_says_so(api: Api) -> None:
    profile = {"givenName": "Ann", "surname": "Lee", "locale": "en"}
    before = await api.user(externalId="ann", profile=profile, metadata={"a": 1})
    body = {
        "signedUpAt": "2025-02-03T16:21:12.308Z",
        "toBeRetained": True,
        "profile": {"surname": None, "email": "ann@example.org"},
        "metadata": {"b": 2},
        "externalId": "other",
    }
    after = (await api.call("PATCH", "users/ann", body))["user"]
    assert after == {
        **before,
        "signedUpAt": "2025-02-03T16:21:12.308Z",
        "toBeRetained": True,
        "profile": {"givenName": "Ann", "locale": "en", "email": "ann@example.org"},
        "metadata": {"b": 2},
    }
    cleared = (await api.call("PATCH", "users/ann", {"metadata": None}))["user"]
    assert cleared == {**after, "metadata": {}}
    assert await api.problems("PATCH", "users/ann", {"toBeRetained": 1}) == [
        "toBeRetained must be a boolean"
    ]
    assert await api.rejected(404, "PATCH", "users/none", {}) == NOT_FOUND


async def test_personal_information_is_really_gone(api: Api) -> None:
    profile = {
        "givenName": "Ann",
        "surname": "Lee",
        "email": "ann@example.org",
        "avatarUrl": "https://example.org/ann.png",
        "locale": "en",
    }
    ann = await api.user(externalId="1", profile=profile, metadata={"nickname": "Annie"})
    conversation = await api.personal(ann)
    author = {"type": "user", "userId": ann["id"]}
    await api.post(conversation, author={**author, "displayName": "Annie"})
    await api.post(conversation, author=author)
    await api.post(conversation)
    api.emulator.authenticate("1", email="ann@example.org")
    shown = (await api.call("DELETE", "users/1/personalinformation"))["user"]
    assert (shown["profile"], shown["metadata"], shown["identities"]) == ({"locale": "en"}, {}, [])
    assert (await api.get("users", **{EMAIL: "ann@example.org"}))["users"] == []
    messages = (await api.get(f"conversations/{conversation['id']}/messages"))["messages"]
    assert [message["author"] for message in messages] == [author, author, {"type": "business"}]
    everything = f"{messages}{shown}{await api.get('users/1/clients')}"
    assert "Ann" not in everything
    assert await api.rejected(404, "DELETE", "users/none/personalinformation") == NOT_FOUND


async def test_users_are_listed_by_the_address_they_proved(api: Api) -> None:
    ann = await api.user(profile={"email": "profile@example.org"})
    branded = await api.user(brandId="42")
    for user in (ann, branded):
        api.emulator.authenticate(user, email="ann@example.org")
    (found,) = (await api.get("users", **{EMAIL: "ann@example.org"}))["users"]
    assert found["id"] == ann["id"]
    assert found["authenticated"] is True
    identity = {"type": "email", "value": "ann@example.org", "verification": "sso"}
    assert found["identities"] == [identity]
    document = await api.get("users", **{EMAIL: "ann@example.org", "brandId": "42"})
    assert [user["id"] for user in document["users"]] == [branded["id"]]
    assert (await api.get("users", **{EMAIL: "profile@example.org"}))["users"] == []
    assert await api.problems("GET", "users", None) == [f"{EMAIL} is required"]


async def test_a_user_follows_its_zendesk_user(api: Api) -> None:
    ann = await api.user(profile={"givenName": "A", "surname": "Lee"})
    assert await api.rejected(404, "POST", "users/7/sync") == NOT_FOUND
    api.emulator.authenticate(ann, zendesk_id="7")
    assert (await api.call("POST", "users/7/sync"))["user"]["profile"] == ann["profile"]
    api.emulator.core_user("7", givenName="Ann", externalId="ann", email="ann@example.org")
    synced = (await api.call("POST", "users/7/sync", {}))["user"]
    assert synced["profile"] == {"givenName": "Ann", "surname": "Lee"}
    assert (synced["externalId"], synced["zendeskId"]) == ("ann", "7")
    assert synced["identities"][0]["value"] == "ann@example.org"
    assert (await api.call("POST", "users/7/sync"))["user"] == synced
    assert (await api.get("users/ann"))["user"] == synced


async def test_zendesk_users_that_were_merged(api: Api) -> None:
    ann, other = await api.user(externalId="ann"), await api.user(metadata={"a": 1})
    mine, theirs = await api.personal(ann), await api.personal(other)
    third = await api.user()
    shared, joined = await api.group(ann, other), await api.group(third, other, subscribe=True)
    await api.post(theirs, author={"type": "user", "userId": other["id"]})
    api.emulator.authenticate(ann, zendesk_id="1")
    api.emulator.authenticate(other, zendesk_id="2")
    body = {"survivingZendeskId": "1"}
    surviving = (await api.call("POST", "users/2/sync", body))["user"]
    assert surviving["id"] == ann["id"]
    assert await api.rejected(404, "GET", f"users/{other['id']}") == NOT_FOUND
    document = await api.get(f"conversations?filter[userId]={ann['id']}")
    found = {one["id"]: one["isDefault"] for one in document["conversations"]}
    assert found == {
        mine["id"]: True,
        theirs["id"]: False,
        shared["id"]: False,
        joined["id"]: False,
    }
    for conversation, users in ((shared, [ann]), (joined, [third, ann])):
        path = f"conversations/{conversation['id']}/participants"
        ids = [one["userId"] for one in (await api.get(path))["participants"]]
        assert ids == [user["id"] for user in users]
    assert [one["type"] for one in (await api.get("users/ann/clients"))["clients"]] == ["sdk"]


async def test_a_zendesk_user_that_got_another_id(api: Api) -> None:
    ann = await api.user()
    api.emulator.authenticate(ann, zendesk_id="1")
    synced = (await api.call("POST", "users/1/sync", {"survivingZendeskId": "2"}))["user"]
    assert (synced["id"], synced["zendeskId"]) == (ann["id"], "2")


async def test_who_has_the_same_external_id_or_address_is_the_same(api: Api) -> None:
    ann, same, again = await api.user(), await api.user(externalId="ann"), await api.user()
    api.emulator.authenticate(again, email="ann@example.org")
    api.emulator.say(again, "hi")
    api.emulator.authenticate(ann, zendesk_id="1")
    api.emulator.core_user("1", externalId="ann", email="ann@example.org")
    synced = (await api.call("POST", "users/1/sync"))["user"]
    assert synced["externalId"] == "ann"
    for user in (same, again):
        assert await api.rejected(404, "GET", f"users/{user['id']}") == NOT_FOUND
    (conversation,) = (await api.get(f"conversations?filter[userId]={ann['id']}"))["conversations"]
    assert conversation["isDefault"]
    assert len((await api.get("users/ann/devices"))["devices"]) == 1


async def test_who_stands_for_another_zendesk_user_gives_way(api: Api) -> None:
    ann, other = await api.user(), await api.user(externalId="ann")
    api.emulator.authenticate(ann, zendesk_id="1")
    api.emulator.authenticate(other, zendesk_id="2", email="ann@example.org")
    api.emulator.core_user("1", externalId="ann", email="ann@example.org")
    synced = (await api.call("POST", "users/1/sync"))["user"]
    assert (synced["id"], synced["externalId"]) == (ann["id"], "ann")
    left: JSON = (await api.get(f"users/{other['id']}"))["user"]
    assert ("externalId" in left, left["identities"]) == (False, [])


async def test_devices_are_those_that_a_user_wrote_from(api: Api) -> None:
    ann = await api.user()
    path = f"users/{ann['id']}/devices"
    assert (await api.get(path))["devices"] == []
    body = {"type": "ios", "displayName": "Telephone"}
    ios = (await api.call("POST", "integrations", body, status=201))["integration"]
    for _ in range(2):
        api.emulator.say(ann, "hi")
        api.emulator.say(ann, "hi", integration=ios)
    devices = (await api.get(path))["devices"]
    assert sorted(device["type"] for device in devices) == ["ios", "web"]
    assert (await api.get(f"{path}/{devices[0]['id']}"))["device"] == devices[0]
    error = ("device_not_found", "Device not found")
    assert await api.rejected(404, "GET", f"{path}/none") == error
