from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .api import JSON, Api

pytestmark = pytest.mark.anyio

INVALID = ("bad_request", "Invalid page query parameters")
A_CURSOR = "0" * 24


async def seven_conversations(api: Api) -> tuple[JSON, list[str]]:
    user = await api.user(externalId="ann & co")
    return user, [(await api.personal(user))["id"] for _ in range(7)]


def ids(document: JSON) -> list[str]:
    return [conversation["id"] for conversation in document["conversations"]]


async def test_a_single_page_has_no_cursors_and_no_links(api: Api) -> None:
    user, made = await seven_conversations(api)
    document = await api.get("conversations", **{"filter[userId]": user["id"]})
    assert ids(document) == made
    assert document["meta"] == {"hasMore": False}
    assert "links" not in document


async def test_walking_forwards_and_back_again(api: Api) -> None:
    user, made = await seven_conversations(api)
    query: dict[str, Any] = {"filter[userId]": user["id"], "page[size]": 3}

    first = await api.get("conversations", **query)
    assert ids(first) == made[:3]
    assert first["meta"] == {"hasMore": True, "afterCursor": made[2]}

    second = await api.get("conversations", **query, **{"page[after]": made[2]})
    assert ids(second) == made[3:6]
    assert second["meta"] == {"hasMore": True, "afterCursor": made[5], "beforeCursor": made[3]}

    third = await api.get("conversations", **query, **{"page[after]": made[5]})
    assert ids(third) == made[6:]
    assert third["meta"] == {"hasMore": False, "beforeCursor": made[6]}

    back = await api.get("conversations", **query, **{"page[before]": made[6]})
    assert ids(back) == made[3:6]
    assert back["meta"] == {"hasMore": True, "afterCursor": made[5], "beforeCursor": made[3]}

    start = await api.get("conversations", **query, **{"page[before]": made[3]})
    assert ids(start) == made[:3]
    assert start["meta"] == {"hasMore": False, "afterCursor": made[2]}


async def test_links_lead_where_the_cursors_do(api: Api) -> None:
    _, made = await seven_conversations(api)
    query: dict[str, Any] = {"filter[userExternalId]": "ann & co", "page[size]": 3}
    document = await api.get("conversations", **query)
    assert set(document["links"]) == {"next"}
    document = await api.get(document["links"]["next"])
    assert ids(document) == made[3:6]
    assert (
        document["links"]["prev"] == "http://emulator/v2/apps/app_demo/conversations"
        f"?filter[userExternalId]=ann%20%26%20co&page[size]=3&page[before]={made[3]}"
    )
    assert ids(await api.get(document["links"]["next"])) == made[6:]
    assert ids(await api.get(document["links"]["prev"])) == made[:3]


@pytest.mark.parametrize(
    "form", ["filter[userId]=%s&page[size]=2", "filter%%5BuserId%%5D=%s&page%%5Bsize%%5D=2"]
)
async def test_brackets_may_be_raw_or_escaped(api: Api, form: str) -> None:
    user, made = await seven_conversations(api)
    assert ids(await api.get(f"conversations?{form % user['id']}")) == made[:2]


async def test_25_records_make_a_page_unless_said_otherwise(api: Api) -> None:
    user = await api.user()
    for _ in range(101):
        await api.personal(user)
    query: dict[str, Any] = {"filter[userId]": user["id"]}
    assert len(ids(await api.get("conversations", **query))) == 25
    assert len(ids(await api.get("conversations", **query, **{"page[size]": 100}))) == 100


async def test_a_cursor_outlives_its_record(api: Api) -> None:
    user, made = await seven_conversations(api)
    await api.call("DELETE", f"conversations/{made[3]}")
    query: dict[str, Any] = {"filter[userId]": user["id"]}
    after = await api.get("conversations", **query, **{"page[after]": made[3]})
    assert ids(after) == made[4:]
    before = await api.get("conversations", **query, **{"page[before]": made[3]})
    assert ids(before) == made[:3]


async def test_a_page_beyond_the_end_is_empty(api: Api) -> None:
    user, made = await seven_conversations(api)
    query = {"filter[userId]": user["id"], "page[after]": made[-1]}
    assert await api.get("conversations", **query) == {
        "conversations": [],
        "meta": {"hasMore": False},
    }


async def test_a_conversation_joined_late_stands_where_its_id_belongs(api: Api) -> None:
    ann = await api.user()
    early = await api.group()
    late = await api.personal(ann)
    body = {"userId": ann["id"], "subscribeSDKClient": False}
    await api.call("POST", f"conversations/{early['id']}/join", body, status=201)
    document = await api.get("conversations", **{"filter[userId]": ann["id"]})
    assert ids(document) == [early["id"], late["id"]]


@pytest.mark.parametrize(
    "page",
    [
        {"page[after]": A_CURSOR, "page[before]": A_CURSOR},
        {"page[after]": "short"},
        {"page[after]": "z" * 24},
        {"page[before]": A_CURSOR + "0"},
        {"page[before]": ""},
        {"page[size]": "0"},
        {"page[size]": "101"},
        {"page[size]": "-1"},
        {"page[size]": "ten"},
        {"page[size]": "1.5"},
        {"page[size]": ""},
        {"page": '{"size": 10}'},
    ],
)
@pytest.mark.parametrize("listing", ["conversations", "participants", "clients"])
async def test_what_cannot_be_a_page_is_rejected(
    api: Api, listing: str, page: dict[str, str]
) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    path, query = {
        "conversations": ("conversations", {"filter[userId]": ann["id"]}),
        "participants": (f"conversations/{conversation['id']}/participants", {}),
        "clients": (f"users/{ann['id']}/clients", {}),
    }[listing]
    assert await api.rejected(400, "GET", path, params={**query, **page}) == INVALID
