from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator

from .api import BUSINESS, HELLO, Api

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

CRITERIA: dict[str, JSON] = {
    "whatsapp": {"integrationId": "000000005eed000000000001", "phoneNumber": "+1 212-555-2368"},
    "twilio": {"integrationId": "000000005eed000000000002", "phoneNumber": "+12125552368"},
    "messagebird": {"integrationId": "000000005eed000000000003", "phoneNumber": "+1 212 555 2368"},
    "mailgun": {"integrationId": "000000005eed000000000004", "address": "steveb@channel5.com"},
}


def link(conversation: JSON, kind: str = "whatsapp", **criteria: Any) -> JSON:
    return {
        "matchCriteria": {"type": kind, "primary": True, **CRITERIA[kind], **criteria},
        "confirmation": {"type": "prompt"},
        "target": {"conversationId": conversation["id"]},
    }


@pytest.mark.parametrize("kind", list(CRITERIA))
async def test_a_new_client_is_pending(api: Api, kind: str) -> None:
    ann = await api.user(externalId="ann")
    body = link(await api.personal(ann), kind)
    client = (await api.call("POST", "users/ann/clients", body, status=201))["client"]
    assert len(client["id"]) == 24
    assert client == {
        "id": client["id"],
        "type": kind,
        "status": "pending",
        "integrationId": CRITERIA[kind]["integrationId"],
        "externalId": CRITERIA[kind].get("phoneNumber", CRITERIA[kind].get("address")),
    }
    document = await api.get(f"users/{ann['id']}/clients")
    assert document == {"clients": [client], "meta": {"hasMore": False}}


@pytest.mark.parametrize("confirmation", ["immediate", "userActivity", "prompt"])
@pytest.mark.parametrize(
    "content",
    [
        HELLO,
        {"type": "image", "mediaUrl": "https://example.org/a.png"},
        {"type": "text", "actions": [{"type": "link", "text": "Go", "uri": "https://e.org"}]},
    ],
)
async def test_a_confirmation_may_have_a_message_that_is_not_posted(
    api: Api, confirmation: str, content: JSON
) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    body = link(conversation)
    body["confirmation"] = {
        "type": confirmation,
        "message": {"author": BUSINESS, "content": content},
    }
    await api.call("POST", f"users/{ann['id']}/clients", body, status=201)
    document = await api.get(f"conversations/{conversation['id']}/messages")
    assert document["messages"] == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"matchCriteria": None}, "matchCriteria is required"),
        ({"confirmation": None}, "confirmation is required"),
        ({"target": None}, "target is required"),
        (
            {"matchCriteria": {"type": "viber"}},
            "matchCriteria.type must be one of mailgun, messagebird, twilio, whatsapp",
        ),
        (
            {"matchCriteria": {"type": "mailgun", "integrationId": "a"}},
            "matchCriteria.address is required",
        ),
        (
            {"matchCriteria": {"type": "twilio", "phoneNumber": "+12125552368"}},
            "matchCriteria.integrationId is required",
        ),
        (
            {
                "matchCriteria": {
                    "type": "twilio",
                    "integrationId": "a",
                    "phoneNumber": "212 555 2368",
                }
            },
            "matchCriteria.phoneNumber is not in the right format",
        ),
        ({"confirmation": {}}, "confirmation.type is required"),
        (
            {"confirmation": {"type": "later"}},
            "confirmation.type must be one of immediate, userActivity, prompt",
        ),
        (
            {"confirmation": {"type": "prompt", "message": {"content": HELLO}}},
            "confirmation.message.author is required",
        ),
        (
            {
                "confirmation": {
                    "type": "prompt",
                    "message": {"author": BUSINESS, "content": {"type": "file"}},
                }
            },
            "confirmation.message.content.type must be one of text, image",
        ),
        (
            {
                "confirmation": {
                    "type": "prompt",
                    "message": {
                        "author": BUSINESS,
                        "content": {
                            "type": "text",
                            "actions": [{"type": "reply", "text": "a", "payload": "b"}],
                        },
                    },
                }
            },
            "confirmation.message.content.actions[0].type must be one of link",
        ),
        ({"target": {}}, "target.conversationId is required"),
    ],
)
async def test_a_malformed_client_is_rejected(api: Api, changes: JSON, problem: str) -> None:
    ann = await api.user()
    merged = {**link(await api.personal(ann)), **changes}
    body = {name: member for name, member in merged.items() if member is not None}
    assert await api.problems("POST", f"users/{ann['id']}/clients", body) == [problem]


async def test_the_integration_must_exist(api: Api) -> None:
    ann = await api.user()
    body = link(await api.personal(ann), integrationId="0" * 24)
    error = await api.rejected(404, "POST", f"users/{ann['id']}/clients", body)
    assert error == ("integration_not_found", "Integration not found")


async def test_the_integration_must_be_of_the_type(api: Api) -> None:
    ann = await api.user()
    body = link(await api.personal(ann), integrationId=CRITERIA["twilio"]["integrationId"])
    assert await api.problems("POST", f"users/{ann['id']}/clients", body) == [
        "matchCriteria.integrationId must match matchCriteria.type"
    ]


async def test_the_target_must_be_a_conversation_of_the_user(api: Api) -> None:
    ann, bob = await api.user(), await api.user()
    error = await api.rejected(404, "POST", f"users/{ann['id']}/clients", link({"id": "none"}))
    assert error == ("conversation_not_found", "Conversation not found")
    body = link(await api.personal(bob))
    assert await api.problems("POST", f"users/{ann['id']}/clients", body) == [
        "User is not a member of the target conversation"
    ]


async def test_an_emulator_can_start_with_other_integrations() -> None:
    integrations = [{"type": "twilio", "id": "a" * 24}, {"type": "whatsapp"}]
    async with Api(Emulator(integrations=integrations)) as api:
        ann = await api.user()
        body = link(await api.personal(ann), "twilio", integrationId="a" * 24)
        document = await api.call("POST", f"users/{ann['id']}/clients", body, status=201)
        assert document["client"]["integrationId"] == "a" * 24
        body = link(await api.personal(ann), "whatsapp")
        error = await api.rejected(404, "POST", f"users/{ann['id']}/clients", body)
        assert error[0] == "integration_not_found"


async def test_clients_are_paged(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    path = f"users/{ann['id']}/clients"
    made = [
        (await api.call("POST", path, link(conversation, kind), status=201))["client"]
        for kind in CRITERIA
    ]
    document = await api.get(f"{path}?page[size]=3")
    assert document["clients"] == made[:3]
    assert document["meta"] == {"hasMore": True, "afterCursor": made[2]["id"]}
    document = await api.get(document["links"]["next"])
    assert document["clients"] == made[3:]


async def test_a_removed_client_is_gone(api: Api) -> None:
    ann = await api.user()
    path = f"users/{ann['id']}/clients"
    body = link(await api.personal(ann))
    document = await api.call("POST", path, body, status=201)
    conversation = await api.group(ann, subscribe=True)
    address = f"{path}/{document['client']['id']}"
    assert await api.call("DELETE", address) == {}
    assert [one["type"] for one in (await api.get(path))["clients"]] == ["sdk"]
    error = await api.rejected(404, "DELETE", address)
    assert error == ("client_not_found", "Client not found")
    document = await api.get(f"conversations/{conversation['id']}/participants")
    assert [one["type"] for one in document["participants"][0]["clientAssociations"]] == ["sdk"]


async def test_the_client_of_an_sdk_cannot_be_removed(api: Api) -> None:
    ann = await api.user()
    await api.group(ann, subscribe=True)
    path = f"users/{ann['id']}/clients"
    (client,) = (await api.get(path))["clients"]
    assert await api.rejected(400, "DELETE", f"{path}/{client['id']}") == (
        "bad_request",
        "Cannot remove a client of type 'sdk'",
    )


async def test_the_client_of_another_user_is_not_found(api: Api) -> None:
    ann, bob = await api.user(), await api.user()
    await api.group(ann, subscribe=True)
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    code, _ = await api.rejected(404, "DELETE", f"users/{bob['id']}/clients/{client['id']}")
    assert code == "client_not_found"


async def test_the_clients_of_a_brands_user(api: Api) -> None:
    ann = await api.user(externalId="ann", brandId="42")
    body = link(await api.personal(ann))
    code, _ = await api.rejected(404, "POST", "users/ann/clients", body)
    assert code == "user_not_found"
    params = {"brandId": "42"}
    await api.call("POST", "users/ann/clients", body, params=params, status=201)
    (client,) = (await api.get("users/ann/clients", **params))["clients"]
    await api.call("DELETE", f"users/ann/clients/{client['id']}", params=params)
    assert (await api.get(f"users/{ann['id']}/clients"))["clients"] == []
