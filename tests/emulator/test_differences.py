"""Behavior that the specification, the vendor's documentation or the vendor's samples imply."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator
from sunco.emulator.state.defaults import TWILIO_ID, WHATSAPP_ID

from .api import BUSINESS, Api
from .test_end_users import BUTTONS, REPLIES
from .test_events import Heard, link
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from .api import JSON
    from .conftest import Clock

pytestmark = pytest.mark.anyio

ROOT = "http://emulator/_emulator"
THREE = (
    {"name": "first", "integrationId": "1" * 24, "next": "second"},
    {"name": "second", "integrationId": "2" * 24, "next": "third"},
    {"name": "third", "integrationId": "3" * 24},
)


@pytest.fixture
async def heard(api: Api) -> Heard:
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api)
    return Heard(api, target)


async def act(api: Api, name: str, **arguments: Any) -> JSON:
    return await api.call("POST", f"{ROOT}/{name}", arguments)


async def messages_of(api: Api, conversation: JSON) -> list[JSON]:
    found: list[JSON] = (await api.get(f"conversations/{conversation['id']}/messages"))["messages"]
    return found


async def default_of(api: Api, user: JSON) -> JSON:
    found: JSON = (await act(api, "conversation", user=user["id"]))["conversation"]
    return found


async def key_of(api: Api, integration_id: str) -> Api:
    path = f"integrations/{integration_id}/keys"
    key = (await api.call("POST", path, {"displayName": "k"}, status=201))["key"]
    return api.by(key["id"], key["secret"])


async def test_passing_control_to_next_again_is_disregarded_for_integrations() -> None:
    integrations = [{"id": one["integrationId"], "type": "custom"} for one in THREE]
    async with Api(Emulator(integrations=integrations, switchboard=THREE)) as api:
        target = Target()
        api.emulator.deliver_to(target)
        await subscribe(api, ["switchboard:passControl"])
        conversation = await api.personal(await api.user())
        path = f"conversations/{conversation['id']}/passControl"
        async with await key_of(api, "1" * 24) as first:
            for number in (1, 2):
                body = {"switchboardIntegration": "next", "metadata": {"number": number}}
                assert await first.call("POST", path, body) == {}
        shown = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
        assert shown["activeSwitchboardIntegration"]["name"] == "second"
        await api.emulator.drain()
        assert [event["payload"]["metadata"] for event in target.events] == [{"number": 1}]
        # The key of the app is not that of an integration.
        await api.call("POST", path, {"switchboardIntegration": "next"})
        shown = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
        assert shown["activeSwitchboardIntegration"]["name"] == "third"


async def test_next_needs_a_switchboard_for_integrations_too() -> None:
    async with Api(
        Emulator(integrations=[{"id": "1" * 24, "type": "custom"}], switchboard=())
    ) as api:
        conversation = await api.personal(await api.user())
        async with await key_of(api, "1" * 24) as first:
            path = f"conversations/{conversation['id']}/passControl"
            (problem,) = await first.problems("POST", path, {"switchboardIntegration": "next"})
            assert problem == "There is no next switchboard integration"


@pytest.mark.parametrize(
    "path",
    [
        "/sc/v2/apps/app_demo",
        "/SC/V2/Apps/app_demo/",
        "/v2/apps/app_demo/",
        "/sc/v2/tokeninfo",
        "/v2/TokenInfo/",
    ],
)
async def test_paths_have_an_optional_prefix_and_any_case(api: Api, path: str) -> None:
    assert (await api.get(f"http://emulator{path}"))["app"]["id"] == "app_demo"


async def test_links_and_files_keep_the_origin_of_the_request(api: Api) -> None:
    ann = await api.user()
    for _ in range(2):
        await api.personal(ann)
    path = "http://emulator/sc/v2/apps/app_demo/conversations"
    found = await api.get(f"{path}?filter[userId]={ann['id']}&page[size]=1")
    assert found["links"]["next"].startswith(f"{path}?")
    uploaded = await api.http.post(
        "http://emulator/sc/v2/apps/app_demo/attachments",
        params={"access": "public"},
        files={"source": ("a.txt", b"a file")},
    )
    url = uploaded.json()["attachment"]["mediaUrl"]
    assert (await api.http.get(url)).content == b"a file"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/apps",
        "/v1.1/apps/app_demo/appusers",
        "/sc/v1.1/apps",
        "/v2/apps/app_demo/notifications",
        "/v2/apps/app_demo/templates",
    ],
)
async def test_other_apis_are_not_emulated(api: Api, path: str) -> None:
    error = await api.rejected(404, "GET", f"http://emulator{path}")
    assert error == ("not_found", "This part of the API is not emulated")


@pytest.mark.parametrize("encoding", ["json", "data"])
async def test_a_code_is_exchanged_with_a_form_or_with_json(api: Api, encoding: str) -> None:
    query = {"client_id": "demo_partner", "response_type": "code"}
    response = await api.http.get("http://emulator/sc/oauth/authorize", params=query)
    code = response.headers["location"].partition("code=")[2]
    body = {
        "code": code,
        "grant_type": "authorization_code",
        "client_id": "demo_partner",
        "client_secret": "demo_partner_secret",
    }
    content: dict[str, Any] = {encoding: body}
    response = await api.http.post("http://emulator/sc/oauth/token", **content)
    assert response.status_code == 200, response.text
    token = response.json()["access_token"]
    async with api.by(token) as partner:
        assert (await partner.get("http://emulator/v2/tokeninfo"))["app"]["id"] == "app_demo"


async def test_writing_on_a_channel_adds_its_client(api: Api, clock: Clock) -> None:
    ann = await api.user(profile={"givenName": "Ann"})
    said = (await act(api, "say", user=ann["id"], content="hi", integration=WHATSAPP_ID))["message"]
    assert said["source"].pop("originalMessageId").startswith("whatsapp-")
    assert said["source"] == {
        "type": "whatsapp",
        "integrationId": WHATSAPP_ID,
        "originalMessageTimestamp": "2025-02-03T16:21:12.308Z",
    }
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    assert (client["type"], client["status"], client["displayName"]) == (
        "whatsapp",
        "active",
        "Ann",
    )
    conversation = await default_of(api, ann)
    (participant,) = (await api.get(f"conversations/{conversation['id']}/participants"))[
        "participants"
    ]
    linked = {"type": "whatsapp", "clientId": client["id"]}
    assert participant["clientAssociations"] == [linked]
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api)
    await api.post(conversation, destination={"integrationId": WHATSAPP_ID})
    await api.emulator.drain()
    assert target.kinds == [
        "conversation:message",
        "conversation:message:delivery:channel",
        "conversation:message:delivery:user",
    ]
    clock.advance(60)
    await act(api, "say", user=ann["id"], content="hi", integration=WHATSAPP_ID)
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    assert client["lastSeen"] == "2025-02-03T16:22:12.308Z"


async def test_in_a_group_only_the_client_of_the_author_is_linked(api: Api) -> None:
    ann, bob = await api.user(), await api.user()
    group = await api.group(ann, bob)
    arguments = {"user": bob["id"], "conversation": group["id"], "integration": WHATSAPP_ID}
    await act(api, "say", content="hi", **arguments)
    found = (await api.get(f"conversations/{group['id']}/participants"))["participants"]
    assert [len(one["clientAssociations"]) for one in found] == [0, 1]


async def test_integrations_that_are_no_channels_have_no_clients(api: Api) -> None:
    webhook = await subscribe(api, ["conversation:message"])
    ann = await api.user()
    said = api.emulator.say(ann, "hi", integration=webhook["integrationId"])
    assert said["source"] == {"type": "custom", "integrationId": webhook["integrationId"]}
    assert (await api.get(f"users/{ann['id']}/clients"))["clients"] == []


async def test_signing_in_merges_an_anonymous_user(heard: Heard) -> None:
    api = heard.api
    known = await api.user(
        externalId="ann", profile={"givenName": "Ann", "surname": "Lee"}, metadata={"a": 1, "b": 1}
    )
    await act(api, "authenticate", user="ann", email="ann@example.org")
    anonymous = await api.user(profile={"locale": "en"}, metadata={"b": 2, "c": 3})
    await act(api, "say", user=anonymous["id"], content="hi")
    await heard()
    arguments = {"user": anonymous["id"], "email": "ann@example.org"}
    user = (await act(api, "authenticate", **arguments))["user"]
    assert (user["id"], user["externalId"]) == (known["id"], "ann")
    assert user["profile"] == {"givenName": "Ann", "surname": "Lee", "locale": "en"}
    assert user["metadata"] == {"a": 1, "b": 1, "c": 3}
    (merged, payload), (updated, change) = await heard()
    assert (merged, payload["reason"]) == ("user:merge", "sdkLogin")
    assert "discardedMetadata" not in payload
    assert payload["mergedUsers"]["surviving"]["externalId"] == "ann"
    assert payload["mergedUsers"]["discarded"]["id"] == anonymous["id"]
    assert (updated, change["reason"]) == ("user:update", "authentication")
    assert (await default_of(api, known))["isDefault"]


async def test_signing_in_with_an_external_id(api: Api) -> None:
    known, anonymous, new = await api.user(externalId="ann"), await api.user(), await api.user()
    arguments = {"user": anonymous["id"], "externalId": "ann"}
    user = (await act(api, "authenticate", **arguments))["user"]
    assert (user["id"], user["authenticated"]) == (known["id"], True)
    arguments = {"user": new["id"], "externalId": "bob"}
    assert (await act(api, "authenticate", **arguments))["user"]["externalId"] == "bob"
    assert api.emulator.authenticate("bob", external_id="bob")["id"] == new["id"]


async def test_metadata_that_exceeds_the_limit_is_discarded_by_a_merge(heard: Heard) -> None:
    api = heard.api
    kept, lost = {"a": "x" * 3000, "b": 1}, {"b": 2, "c": "y" * 3000}
    await api.user(externalId="ann", metadata=kept)
    anonymous = await api.user(metadata=lost)
    arguments = {"user": anonymous["id"], "externalId": "ann"}
    assert (await act(api, "authenticate", **arguments))["user"]["metadata"] == kept
    ((_, payload), _) = await heard()
    assert payload["discardedMetadata"] == {"c": "y" * 3000}


@pytest.mark.parametrize("arguments", [{"externalId": "bob"}, {"email": "bob@example.org"}])
async def test_two_external_ids_cannot_be_merged(api: Api, arguments: JSON) -> None:
    await api.user(externalId="ann")
    await api.user(externalId="bob")
    await act(api, "authenticate", user="bob", email="bob@example.org")
    error = await api.rejected(409, "POST", f"{ROOT}/authenticate", {"user": "ann", **arguments})
    assert error == ("conflict", "The users have different external ids")
    with pytest.raises(ValueError, match="The users have different external ids"):
        api.emulator.authenticate("ann", external_id="bob")
    assert not (await api.get("users/ann"))["user"]["authenticated"]


async def test_users_of_different_zendesk_users_or_brands_stay_separate(api: Api) -> None:
    ann, bob, branded = await api.user(), await api.user(), await api.user(brandId="7")
    arguments = {"zendeskId": "1", "email": "ann@example.org"}
    await act(api, "authenticate", user=ann["id"], **arguments)
    await act(api, "authenticate", user=bob["id"], zendeskId="2")
    for user in (bob, branded):
        signed_in = await act(api, "authenticate", user=user["id"], email="ann@example.org")
        assert signed_in["user"]["id"] == user["id"]
    assert (await api.get(f"users/{ann['id']}"))["user"]["identities"] == []


async def test_the_integrations_at_the_start_are_complete(api: Api) -> None:
    found = (await api.get("integrations"))["integrations"]
    by_type = {one["type"]: one for one in found}
    assert by_type["twilio"]["accountSid"]
    assert by_type["messagebird"]["originator"]
    assert by_type["mailgun"]["domain"]
    assert by_type["mailgun"]["incomingAddress"]
    assert all(one["webhooks"] for one in found if one["type"] == "custom")
    # The platform's own integrations are not in the list unless they are asked for.
    assert "zd:agentWorkspace" not in by_type
    (agent,) = (await api.get("integrations", **{"filter[types]": "zd:agentWorkspace"}))[
        "integrations"
    ]
    assert agent["displayName"] == "Agent Workspace"


async def test_groups_are_created_without_a_user(heard: Heard) -> None:
    await heard.api.group(await heard.api.user())
    ((kind, payload),) = await heard()
    assert (kind, "user" in payload) == ("conversation:create", False)


async def test_a_referral_that_starts_a_conversation_is_in_its_creation(heard: Heard) -> None:
    ann = await heard.api.user()
    await act(heard.api, "refer", user=ann["id"], code="promo")
    ((added, _), (created, payload)) = await heard()
    assert (added, created) == ("client:add", "conversation:create")
    assert payload["referral"]["code"] == "promo"
    await act(heard.api, "refer", user=ann["id"], code="again")
    ((kind, payload),) = await heard()
    assert (kind, payload["referral"]["code"]) == ("conversation:referral", "again")


async def test_an_immediate_client_is_linked_without_confirmation(heard: Heard) -> None:
    api = heard.api
    ann = await api.user()
    conversation = await api.personal(ann)
    await heard()
    body = {**link(conversation), "confirmation": {"type": "immediate"}}
    path = f"users/{ann['id']}/clients"
    assert (await api.call("POST", path, body, status=201))["client"]["status"] == "pending"
    assert await heard.kinds() == ["client:add", "client:update"]
    (client,) = (await api.get(path))["clients"]
    assert client["status"] == "active"


async def test_messages_are_deleted_after_the_retention_time(api: Api, clock: Clock) -> None:
    settings = {"settings": {"conversationRetentionSeconds": 60}}
    await api.call("PATCH", "../app_demo", settings)
    conversation = await api.personal(await api.user())
    await api.post(conversation)
    clock.advance(60)
    assert len(await messages_of(api, conversation)) == 1
    clock.advance(1)
    assert await messages_of(api, conversation) == []
    assert api.emulator.messages(conversation) == []
    await api.post(conversation)
    clock.advance(61)
    await api.post(conversation)
    assert len(await messages_of(api, conversation)) == 1


CARD = "4111 1111-1111 1111"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"My card is {CARD}.", "My card is **** ****-**** 1111."),
        ("4111111111111111", "************1111"),
        ("4111111111111112", "4111111111111112"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("+1 212 555 2368", "+1 212 555 2368"),
    ],
)
async def test_card_numbers_are_masked(api: Api, text: str, shown: str) -> None:
    ann = await api.user()
    said = (await act(api, "say", user=ann["id"], content=text))["message"]
    assert said["content"]["text"] == shown
    conversation = await default_of(api, ann)
    items = [{"title": text, "actions": BUTTONS["actions"]}]
    carousel = await api.post(conversation, {"type": "carousel", "items": items})
    assert carousel["content"]["items"][0]["title"] == shown
    await api.call("PATCH", "../app_demo", {"settings": {"maskCreditCardNumbers": False}})
    said = (await act(api, "say", user=ann["id"], content=text))["message"]
    assert said["content"]["text"] == text


async def test_users_without_a_name_are_named_by_their_channel(api: Api) -> None:
    ann = await api.user()
    said = (await act(api, "say", user=ann["id"], content="hi"))["message"]
    assert said["author"]["displayName"] == f"Web User {ann['id']}"
    arguments = {"user": ann["id"], "content": "hi", "integration": WHATSAPP_ID}
    said = (await act(api, "say", **arguments))["message"]
    assert said["author"]["displayName"] == f"WhatsApp User {ann['id']}"
    author = {"type": "user", "userId": ann["id"]}
    posted = await api.post(await default_of(api, ann), author=author)
    assert posted["author"]["displayName"] == f"Web User {ann['id']}"


async def test_users_without_a_name_can_have_animal_names(api: Api) -> None:
    await api.call("PATCH", "../app_demo", {"settings": {"useAnimalNames": True}})
    ann = await api.user()
    names = {
        (await act(api, "say", user=ann["id"], content="hi"))["message"]["author"]["displayName"]
        for _ in range(2)
    }
    (name,) = names
    color, animal = name.split()
    assert color.istitle()
    assert animal.istitle()


async def test_messages_go_to_the_channel_used_last(heard: Heard) -> None:
    api = heard.api
    ann = await api.user()
    for integration in (TWILIO_ID, WHATSAPP_ID):
        await act(api, "say", user=ann["id"], content="hi", integration=integration)
    conversation = await default_of(api, ann)
    await heard()

    async def channels() -> set[str]:
        await api.post(conversation)
        payloads = [payload for _, payload in await heard()]
        return {one["destination"]["type"] for one in payloads if "destination" in one}

    assert await channels() == {"whatsapp"}
    await act(api, "say", user=ann["id"], content="hi", integration=TWILIO_ID)
    await heard()
    assert await channels() == {"twilio"}
    await act(api, "say", user=ann["id"], content="hi")
    await heard()
    assert await channels() == set()


@pytest.mark.parametrize(("primary", "channel"), [(True, "twilio"), (False, "whatsapp")])
async def test_a_linked_client_becomes_primary_unless_it_is_not_to(
    heard: Heard, *, primary: bool, channel: str
) -> None:
    api = heard.api
    ann = await api.user()
    await act(api, "say", user=ann["id"], content="hi", integration=WHATSAPP_ID)
    conversation = await default_of(api, ann)
    body = {**link(conversation), "confirmation": {"type": "immediate"}}
    body["matchCriteria"] = {**body["matchCriteria"], "primary": primary}
    await api.call("POST", f"users/{ann['id']}/clients", body, status=201)
    await heard()
    await api.post(conversation)
    found = [payload.get("destination", {}).get("type") for _, payload in await heard()]
    assert found == [None, channel, channel]


async def test_leaving_the_default_conversation_starts_one_new_default(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    path = f"conversations/{conversation['id']}/leave"
    await api.call("POST", path, {"userId": ann["id"]})
    for _ in range(2):
        await act(api, "say", user=ann["id"], content="hi")
    found = (await api.get(f"conversations?filter[userId]={ann['id']}"))["conversations"]
    assert [one["isDefault"] for one in found] == [True]
    assert len(await messages_of(api, found[0])) == 2
    left = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
    assert left["isDefault"] is False


async def test_users_of_every_app_can_act(api: Api) -> None:
    body = {"displayName": "Other"}
    made = await api.account.call("POST", "http://emulator/v2/apps", body, status=201)
    other_id = made["app"]["id"]
    async with Api(api.emulator, app_id=other_id, auth=api.account.http.auth) as other:
        await other.user(externalId="ann")
        said = (await act(api, "say", user="ann", content="hi"))["message"]
        conversation = (await act(api, "conversation", user="ann"))["conversation"]
        assert await messages_of(other, conversation) == [said]
        # The emulator's own app is searched first, unless another one is named.
        await api.user(externalId="ann")
        error = await api.rejected(404, "POST", f"{ROOT}/read", {"user": "ann"})
        assert error == ("conversation_not_found", "Conversation not found")
        await act(api, "read", user="ann", app=other_id)
        error = await api.rejected(404, "POST", f"{ROOT}/read", {"user": "ann", "app": "none"})
        assert error == ("app_not_found", "App not found")
    assert api.emulator.activities[-1]["type"] == "conversation:read"


@pytest.mark.parametrize("retry_after", [3, "3"])
async def test_a_fault_has_a_retry_time_in_seconds(api: Api, retry_after: float | str) -> None:
    fault = {"status": 429, "retry_after": retry_after, "next": None}
    await api.call("POST", f"{ROOT}/fail", fault)
    for _ in range(2):
        response = await api.http.post("users", json={})
        assert (response.status_code, response.headers["retry-after"]) == (429, "3")


@pytest.mark.parametrize("name", ["say", "fail", "read", "authenticate", "core_user"])
async def test_unknown_arguments_are_rejected(api: Api, name: str) -> None:
    problems = await api.problems("POST", f"{ROOT}/{name}", {"usr": "ann"})
    assert "usr is not known" in problems


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {**REPLIES, "actions": [REPLIES["actions"][0], BUTTONS["actions"][1]]},
            "content: actions of type reply and postback cannot be mixed",
        ),
        ({"type": "text", "text": ""}, "content.text must be at least 1 characters long"),
    ],
)
async def test_content_that_no_channel_can_show_is_rejected(
    api: Api, content: JSON, problem: str
) -> None:
    conversation = await api.personal(await api.user())
    path = f"conversations/{conversation['id']}/messages"
    body = {"author": BUSINESS, "content": content}
    assert await api.problems("POST", path, body) == [problem]


async def test_executable_files_are_rejected(api: Api) -> None:
    response = await api.http.post(
        "attachments", params={"access": "public"}, files={"source": ("a.EXE", b"MZ")}
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["title"] == "Files of this type are not supported: a.EXE"


async def test_the_root_says_what_there_is(api: Api) -> None:
    found = await api.get("http://emulator/")
    assert found == {"name": "sunco emulator", "api": "/v2", "control": "/_emulator/"}


@pytest.mark.parametrize(
    ("html", "shown", "text"),
    [
        ("<p>Hi</p><script>alert('x')</script>", "<p>Hi</p>", "Hi"),
        ("Hi<SCRIPT src=x>\nalert(1)\n</Script >!", "Hi!", "Hi!"),
        ("Hi<style>p {}</style>", "Hi", "Hi"),
        ("Hi<script>alert(1)", "Hi", "Hi"),
        ("<b>scripted</b>", "<b>scripted</b>", "scripted"),
    ],
)
async def test_scripts_are_removed_from_rich_text(
    api: Api, html: str, shown: str, text: str
) -> None:
    conversation = await api.personal(await api.user())
    content = (await api.post(conversation, {"type": "text", "htmlText": html}))["content"]
    assert (content["htmlText"], content["text"]) == (shown, text)


async def test_activities_are_recorded(api: Api, clock: Clock) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    path = f"conversations/{conversation['id']}/activity"
    await api.call("POST", path, {"author": BUSINESS, "type": "typing:start"})
    clock.advance(1)
    await act(api, "type", user=ann["id"])
    await act(api, "read", user=ann["id"])
    clock.now = datetime(2025, 2, 3, 16, 21, 12, tzinfo=UTC)
    author = {"type": "user", "userId": ann["id"]}
    await api.call("POST", path, {"author": author, "type": "conversation:read"})
    found = (await api.get(f"{ROOT}/activities"))["activities"]
    assert [(one["type"], one["author"]) for one in found] == [
        ("conversation:read", author),
        ("typing:start", {"type": "business"}),
        ("typing:start", author),
        ("conversation:read", author),
    ]
    assert {one["conversationId"] for one in found} == {conversation["id"]}


async def test_health_is_reported(api: Api) -> None:
    assert await api.get(f"{ROOT}/health") == {"status": "ok"}
