from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .api import Api

pytestmark = pytest.mark.anyio

NOT_FOUND = ("user_not_found", "User not found")
SIGNED_UP = "2025-02-03T19:10:08.152Z"


async def test_a_user_has_what_the_specs_example_has(api: Api) -> None:
    user = await api.user(
        externalId="your-own-id",
        brandId="9477922990333",
        signedUpAt=SIGNED_UP,
        toBeRetained=True,
        profile={"givenName": "Jane", "surname": None, "locale": "fr-CA"},
        metadata={"lang": "fr", "visits": 3, "vip": False},
    )
    identifier = user.pop("id")
    assert len(identifier) == 24
    assert int(identifier, 16)
    assert user == {
        "authenticated": False,
        "externalId": "your-own-id",
        "brandId": "9477922990333",
        "signedUpAt": SIGNED_UP,
        "toBeRetained": True,
        "hasPaymentInfo": False,
        "identities": [],
        "profile": {"givenName": "Jane", "locale": "fr-CA"},
        "metadata": {"lang": "fr", "visits": 3, "vip": False},
    }


async def test_a_user_needs_nothing(api: Api) -> None:
    user = await api.user()
    assert "externalId" not in user
    assert (user["profile"], user["metadata"]) == ({}, {})


async def test_metadata_may_be_null(api: Api) -> None:
    assert (await api.user(metadata=None))["metadata"] == {}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"externalId": 912382197}, "externalId must be a string"),
        ({"externalId": ""}, "externalId must be at least 1 characters long"),
        ({"externalId": "x" * 1025}, "externalId must be at most 1024 characters long"),
        ({"externalId": None}, "externalId must be a string"),
        ({"signedUpAt": "2025-02-03T19:10:08+00:00"}, "signedUpAt is not in the right format"),
        ({"profile": []}, "profile must be an object"),
        ({"profile": {"email": "nobody"}}, "profile.email is not in the right format"),
        ({"profile": {"avatarUrl": "no-url"}}, "profile.avatarUrl is not in the right format"),
        ({"profile": {"avatarUrl": "//[a"}}, "profile.avatarUrl is not in the right format"),
        ({"metadata": []}, "metadata must be an object"),
        (
            {"metadata": {"a": {"b": 1}}},
            "metadata.a must be a string, a number or a boolean",
        ),
        ({"metadata": {"a": None}}, "metadata.a must be a string, a number or a boolean"),
        ({"metadata": {"a": "é" * 2046}}, "metadata must not exceed 4096 bytes"),
    ],
)
async def test_a_malformed_user_is_rejected(api: Api, body: dict[str, Any], problem: str) -> None:
    assert await api.problems("POST", "users", body) == [problem]


async def test_metadata_may_be_4_kb(api: Api) -> None:
    metadata = {"a": "x" * (4096 - len('{"a":""}'))}
    assert (await api.user(metadata=metadata))["metadata"] == metadata


async def test_an_external_id_is_taken_once(api: Api) -> None:
    await api.user(externalId="ann")
    error = await api.rejected(409, "POST", "users", {"externalId": "ann"})
    assert error == ("conflict", "User already exists")


async def test_an_external_id_is_free_again_after_its_user(api: Api) -> None:
    first = await api.user(externalId="ann")
    await api.call("DELETE", "users/ann")
    assert (await api.user(externalId="ann"))["id"] > first["id"]


async def test_each_brand_has_external_ids_of_its_own(api: Api) -> None:
    plain = await api.user(externalId="ann")
    branded = await api.user(externalId="ann", brandId="42")
    assert await api.get("users/ann") == {"user": plain}
    assert await api.get("users/ann", brandId="42") == {"user": branded}
    assert await api.rejected(404, "GET", "users/ann", params={"brandId": "43"}) == NOT_FOUND
    assert await api.get(f"users/{branded['id']}") == {"user": branded}
    body = {"externalId": "ann", "brandId": "42"}
    assert (await api.rejected(409, "POST", "users", body))[0] == "conflict"
    await api.call("DELETE", "users/ann", params={"brandId": "42"})
    assert await api.get("users/ann") == {"user": plain}


@pytest.mark.parametrize("external_id", ["a/b", "a b", "ü", "a%2Fb", "a?b#c"])
async def test_an_external_id_may_hold_any_character(api: Api, external_id: str) -> None:
    user = await api.user(externalId=external_id)
    escaped = "".join(f"%{byte:02X}" for byte in external_id.encode())
    assert await api.get(f"users/{escaped}") == {"user": user}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_an_unknown_user_is_not_found(api: Api, method: str) -> None:
    assert await api.rejected(404, method, "users/nobody") == NOT_FOUND


async def test_deleting_a_user_takes_what_is_theirs_and_leaves_the_rest(api: Api) -> None:
    ann, bob = await api.user(externalId="ann"), await api.user(externalId="bob")
    personal = await api.personal(ann)
    nameless = await api.user()
    group = await api.group(ann, bob, subscribe=True)
    assert await api.call("DELETE", "users/ann") == {}

    assert await api.rejected(404, "GET", "users/ann") == NOT_FOUND
    assert await api.rejected(404, "GET", f"users/{ann['id']}") == NOT_FOUND
    assert await api.rejected(404, "GET", f"users/{ann['id']}/clients") == NOT_FOUND
    code, _ = await api.rejected(404, "GET", f"conversations/{personal['id']}")
    assert code == "conversation_not_found"
    participants = (await api.get(f"conversations/{group['id']}/participants"))["participants"]
    assert [participant["userExternalId"] for participant in participants] == ["bob"]

    await api.call("DELETE", f"users/{nameless['id']}")
    assert await api.rejected(404, "GET", f"users/{nameless['id']}") == NOT_FOUND


async def test_ids_sort_by_creation(api: Api) -> None:
    made = [(await api.user())["id"] for _ in range(300)]
    assert made == sorted(made)
    assert len(set(made)) == 300
