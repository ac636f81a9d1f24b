"""Every trigger, by what causes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sunco.emulator import Emulator
from sunco.emulator.schemas.configuration import TRIGGERS
from sunco.emulator.state.defaults import AGENT_ID, TWILIO_ID, WEB_ID

from .api import BUSINESS, Api
from .spec import document, needs_spec
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio


class Heard:
    """All events of one webhook."""

    def __init__(self, api: Api, target: Target) -> None:
        self.api = api
        self._target = target

    async def __call__(self) -> list[tuple[str, JSON]]:
        await self.api.emulator.drain()
        return [(event["type"], event["payload"]) for event in self._target.take()]

    async def kinds(self) -> list[str]:
        return [kind for kind, _ in await self()]


@pytest.fixture
async def heard(api: Api) -> Heard:
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api)
    return Heard(api, target)


def link(conversation: JSON) -> JSON:
    return {
        "matchCriteria": {
            "type": "twilio",
            "integrationId": TWILIO_ID,
            "phoneNumber": "+12125552368",
        },
        "confirmation": {"type": "prompt"},
        "target": {"conversationId": conversation["id"]},
    }


async def linked(api: Api, user: JSON, conversation: JSON) -> JSON:
    path = f"users/{user['id']}/clients"
    client: JSON = (await api.call("POST", path, link(conversation), status=201))["client"]
    return client


@needs_spec
def test_the_triggers_are_those_of_the_specification() -> None:
    (text,) = (tag["description"] for tag in document()["tags"] if tag["name"] == "Webhooks")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert rows[2:] == list(TRIGGERS)


async def test_a_conversation_comes_and_goes(heard: Heard) -> None:
    ann = await heard.api.user(externalId="ann")
    await heard.api.personal(ann, metadata={"lang": "en"})
    other = await heard.api.personal(ann)
    await heard.api.call("DELETE", f"conversations/{other['id']}")
    (made, first), (_, second), (gone, last) = await heard()
    assert (made, gone) == ("conversation:create", "conversation:remove")
    assert first["creationReason"] == "none"
    assert first["source"] == {"type": "api:conversations"}
    assert first["user"] == {"id": ann["id"], "authenticated": False, "externalId": "ann"}
    assert first["conversation"]["metadata"] == {"lang": "en"}
    assert first["conversation"]["activeSwitchboardIntegration"]["name"] == "bot"
    assert second["conversation"] == last["conversation"]
    await heard.api.conversation(type="sdkGroup")
    ((_, empty),) = await heard()
    assert "user" not in empty


async def test_participants_come_and_go(heard: Heard) -> None:
    ann, bob = await heard.api.user(), await heard.api.user()
    group = await heard.api.group(ann, subscribe=True)
    ((added, client), (created, _)) = await heard()
    assert (added, created) == ("client:add", "conversation:create")
    assert (client["reason"], client["client"]["type"]) == ("sdkLogin", "sdk")
    path = f"conversations/{group['id']}"
    body = {"userId": bob["id"], "subscribeSDKClient": False}
    await heard.api.call("POST", f"{path}/join", body, status=201)
    await heard.api.call("POST", f"{path}/leave", {"userId": ann["id"]})
    (joined, first), (left, second) = await heard()
    assert (joined, left) == ("conversation:join", "conversation:leave")
    assert (first["user"]["id"], second["user"]["id"]) == (ann["id"], bob["id"])[::-1]
    mine = await heard.api.personal(ann)
    await heard.api.call("POST", f"conversations/{mine['id']}/leave", {"userId": ann["id"]})
    assert await heard.kinds() == ["conversation:create"]


async def test_a_user_is_deleted_with_its_conversations(heard: Heard) -> None:
    ann = await heard.api.user()
    await heard.api.personal(ann)
    await heard.api.group(ann)
    await heard()
    await heard.api.call("DELETE", f"users/{ann['id']}")
    assert await heard.kinds() == ["conversation:remove", "conversation:leave", "user:remove"]


async def test_messages_of_users_and_of_the_business(heard: Heard) -> None:
    ann = await heard.api.user(profile={"givenName": "Ann"})
    conversation = await heard.api.personal(ann)
    await heard()
    author = {"type": "user", "userId": ann["id"]}
    posted = await heard.api.post(conversation, author=author, metadata={"a": 1})
    ((_, first),) = await heard()
    user = {"id": ann["id"], "authenticated": False}
    assert first["message"] == {**posted, "author": {**posted["author"], "user": user}}
    assert first["message"]["author"]["displayName"] == "Ann"
    posted = await heard.api.post(conversation)
    ((_, second),) = await heard()
    assert second["message"] == posted


async def test_the_delivery_of_messages_on_a_channel_is_reported(heard: Heard) -> None:
    ann = await heard.api.user()
    conversation = await heard.api.personal(ann)
    client = await linked(heard.api, ann, conversation)
    await heard.api.post(conversation)
    kinds = await heard.kinds()
    assert kinds == ["conversation:create", "client:add", "conversation:message"]
    active = heard.api.emulator.confirm(ann, client)
    assert (active["status"], active["displayName"]) == ("active", "+12125552368")
    ((updated, change),) = await heard()
    assert (updated, change["reason"], change["client"]) == ("client:update", "confirmed", active)
    posted = await heard.api.post(conversation)
    (_, (channel, first), (user, second)) = await heard()
    assert [channel, user] == [
        f"conversation:message:delivery:{end}" for end in ("channel", "user")
    ]
    assert first["destination"] == {"type": "twilio", "integrationId": TWILIO_ID}
    assert first["message"] == {"id": posted["id"]}
    assert (first["isFinalEvent"], second["isFinalEvent"]) == (False, True)
    fields = [{"type": "text", "name": "a", "label": "A?"}]
    await heard.api.post(conversation, {"type": "form", "fields": fields})
    (_, (failed, failure)) = await heard()
    assert failed == "conversation:message:delivery:failure"
    assert failure["error"]["message"] == "Unsupported message type `form`"
    await heard.api.post(conversation, destination={"integrationType": "none"})
    assert await heard.kinds() == ["conversation:message"]
    await heard.api.post(conversation, destination={"integrationId": TWILIO_ID})
    assert len(await heard.kinds()) == 3
    await heard.api.call("DELETE", f"users/{ann['id']}/clients/{client['id']}")
    ((removed, last),) = await heard()
    assert (removed, last["reason"]) == ("client:remove", "api")


async def test_a_channel_that_is_declined(heard: Heard) -> None:
    ann = await heard.api.user()
    client = await linked(heard.api, ann, await heard.api.personal(ann))
    await heard()
    heard.api.emulator.decline(ann, client["id"])
    ((removed, payload),) = await heard()
    assert (removed, payload["reason"]) == ("client:remove", "linkCancelled")
    assert payload["source"] == {"type": "twilio", "integrationId": TWILIO_ID}


async def test_reading_and_typing(heard: Heard) -> None:
    ann = await heard.api.user()
    conversation = await heard.api.personal(ann)
    path = f"conversations/{conversation['id']}/activity"
    author = {"type": "user", "userId": ann["id"]}
    await heard.api.call("POST", path, {"author": author, "type": "conversation:read"})
    await heard.api.call("POST", path, {"author": BUSINESS, "type": "conversation:read"})
    await heard.api.call("POST", path, {"author": BUSINESS, "type": "typing:start"})
    (_, (kind, payload)) = await heard()
    assert (kind, payload["activity"]["type"]) == ("conversation:read", "conversation:read")
    heard.api.emulator.read(ann)
    heard.api.emulator.type(ann)
    heard.api.emulator.type(ann, stop=True, conversation=conversation)
    (_, (read, _), (began, first), (ended, second)) = await heard()
    assert [read, began, ended] == [
        "conversation:read",
        "conversation:typing",
        "conversation:typing",
    ]
    assert first["activity"]["type"] == "typing:start"
    assert second["activity"]["type"] == "typing:stop"
    assert first["activity"]["source"] == {"type": "web", "integrationId": WEB_ID}


async def test_referral_login_and_merging(heard: Heard) -> None:
    ann, other = await heard.api.user(), await heard.api.user(metadata={"a": 1})
    heard.api.emulator.refer(ann, "promo", adId="7")
    (_, (created, first)) = await heard()
    assert (created, first["creationReason"]) == ("conversation:create", "startConversation")
    assert first["referral"]["code"] == "promo"
    assert first["referral"]["details"]["adId"] == "7"
    heard.api.emulator.authenticate(ann, zendesk_id="1")
    heard.api.emulator.authenticate(other, zendesk_id="2")
    ((updated, payload), _) = await heard()
    assert (updated, payload["reason"]) == ("user:update", "authentication")
    assert payload["user"]["authenticated"]
    await heard.api.call("POST", "users/2/sync", {"survivingZendeskId": "1"})
    ((merged, payload),) = await heard()
    assert (merged, payload["reason"]) == ("user:merge", "api")
    assert "discardedMetadata" not in payload
    assert payload["mergedUsers"]["surviving"]["metadata"] == {"a": 1}
    assert payload["mergedUsers"]["surviving"]["id"] == ann["id"]
    assert payload["mergedUsers"]["discarded"]["id"] == other["id"]


async def test_control_and_its_failures(heard: Heard) -> None:
    conversation = await heard.api.personal(await heard.api.user())
    await heard()
    path = f"conversations/{conversation['id']}"

    async def act(action: str, body: JSON | None = None, *, status: int = 200) -> tuple[str, JSON]:
        await heard.api.call("POST", f"{path}/{action}", body or {}, status=status)
        (event,) = await heard()
        return event

    metadata = {"why": "asked"}
    to_agent = {"switchboardIntegration": "agent", "metadata": metadata}
    kind, payload = await act("offerControl", to_agent)
    assert (kind, payload["metadata"]) == ("switchboard:offerControl", metadata)
    assert payload["conversation"]["pendingSwitchboardIntegration"]["name"] == "agent"
    kind, payload = await act("acceptControl")
    assert (kind, "metadata" in payload) == ("switchboard:acceptControl", False)
    kind, payload = await act("acceptControl", status=400)
    assert kind == "switchboard:acceptControl:failure"
    assert payload["error"] == {
        "code": "switchboard_invalid_action",
        "message": "There is no pendingSwitchboardIntegration",
    }
    kind, payload = await act("offerControl", to_agent, status=400)
    assert kind == "switchboard:offerControl:failure"
    assert payload["error"]["code"] == "switchboard_invalid_target"
    assert payload["metadata"] == metadata
    kind, payload = await act("passControl", {"switchboardIntegration": "nobody"}, status=400)
    assert kind == "switchboard:passControl:failure"
    kind, payload = await act("passControl", {"switchboardIntegration": "bot"})
    assert (kind, payload["conversation"]["activeSwitchboardIntegration"]["name"]) == (
        "switchboard:passControl",
        "bot",
    )
    kind, payload = await act("releaseControl", {"metadata": metadata})
    assert (kind, payload["metadata"]) == ("switchboard:releaseControl", metadata)
    assert "activeSwitchboardIntegration" not in payload["conversation"]


async def test_as_much_is_shown_as_was_asked_for(api: Api) -> None:
    target = Target()
    api.emulator.deliver_to(target)
    triggers = ["conversation:message"]
    await subscribe(api, triggers)
    await subscribe(api, triggers, includeFullUser=True, includeFullSource=True)
    ann = await api.user(profile={"givenName": "Ann"}, metadata={"a": 1})
    api.emulator.say(ann, "hi")
    await api.emulator.drain()
    shown = [event["payload"]["message"] for event in target.take()]
    short, full = sorted(shown, key=lambda message: "client" in message["source"])
    assert short["author"]["user"] == {"id": ann["id"], "authenticated": False}
    assert full["author"]["user"] == ann
    assert short["source"] == {"type": "web", "integrationId": WEB_ID}
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    (device,) = (await api.get(f"users/{ann['id']}/devices"))["devices"]
    assert full["source"] == {**short["source"], "client": client, "device": device}
    conversation = (await api.get(f"conversations?filter[userId]={ann['id']}"))["conversations"][0]
    await api.post(conversation)
    await api.emulator.drain()
    assert {str(event["payload"]["message"]["source"]) for event in target.take()} == {
        "{'type': 'api:conversations'}"
    }


async def test_who_is_on_standby_hears_of_control_only() -> None:
    async with Api(Emulator()) as api:
        target = Target()
        api.emulator.deliver_to(target)
        webhook = await subscribe(api)
        (board,) = (await api.get("switchboards"))["switchboards"]
        path = f"switchboards/{board['id']}/switchboardIntegrations"
        body = {"name": "third", "integrationId": webhook["integrationId"]}
        seat = (await api.call("POST", path, body, status=201))["switchboardIntegration"]
        ann = await api.user()
        conversation = await api.personal(ann)
        control = f"conversations/{conversation['id']}"

        async def kinds() -> list[str]:
            await api.post(conversation)
            await api.emulator.drain()
            return [event["type"] for event in target.take()]

        assert await kinds() == []
        await api.call("POST", f"{control}/offerControl", {"switchboardIntegration": "third"})
        assert await kinds() == ["switchboard:offerControl", "conversation:message"]
        await api.call("POST", f"{control}/passControl", {"switchboardIntegration": "agent"})
        assert await kinds() == ["switchboard:passControl"]
        await api.call("PATCH", f"{path}/{seat['id']}", {"deliverStandbyEvents": True})
        assert await kinds() == ["conversation:message"]
        await api.call("PATCH", f"{path}/{seat['id']}", {"deliverStandbyEvents": False})
        await api.call("POST", f"{control}/releaseControl")
        assert await kinds() == ["switchboard:releaseControl", "conversation:message"]
        await api.call(
            "POST", f"{control}/passControl", {"switchboardIntegration": AGENT_ID}, status=400
        )
        await api.call("PATCH", f"switchboards/{board['id']}", {"enabled": False})
        assert "conversation:message" in await kinds()
