from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator
from sunco.emulator.state.defaults import TWILIO_ID, WEB_ID

from .api import Api
from .test_events import linked
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

BUTTONS: JSON = {
    "type": "text",
    "text": "Choose",
    "actions": [
        {"type": "link", "text": "Go", "uri": "https://example.org"},
        {"type": "postback", "text": "Tacos", "payload": "TACOS", "metadata": {"a": 1}},
        {"type": "postback", "text": "Soup", "payload": "SOUP"},
    ],
}
REPLIES: JSON = {
    "type": "text",
    "text": "Sure?",
    "actions": [
        {"type": "reply", "text": "Yes", "payload": "YES", "metadata": {"a": 1}},
        {"type": "reply", "text": "No", "payload": "NO"},
    ],
}
FORM: JSON = {
    "type": "form",
    "fields": [
        {"type": "text", "name": "name", "label": "Name?"},
        {"type": "email", "name": "address", "label": "Address?"},
        {
            "type": "select",
            "name": "size",
            "label": "Size?",
            "options": [{"name": "s", "label": "Small"}, {"name": "l", "label": "Large"}],
        },
    ],
}


async def test_what_is_said_begins_a_conversation_and_is_in_it(api: Api) -> None:
    ann = await api.user(externalId="ann", profile={"givenName": "Ann"})
    said = api.emulator.say("ann", "hi")
    (conversation,) = (await api.get(f"conversations?filter[userId]={ann['id']}"))["conversations"]
    assert (conversation["type"], conversation["isDefault"]) == ("personal", True)
    assert said["author"] == {"type": "user", "userId": ann["id"], "displayName": "Ann"}
    assert said["source"] == {"type": "web", "integrationId": WEB_ID}
    picture = {"type": "image", "mediaUrl": "https://example.org/a.png"}
    shown = api.emulator.say(ann, picture, conversation=SimpleNamespace(id=conversation["id"]))
    assert shown["content"]["mediaType"] == "image/png"
    document = await api.get(f"conversations/{conversation['id']}/messages")
    assert document["messages"] == [said, shown] == api.emulator.messages(conversation)
    assert api.emulator.texts(conversation) == ["hi", ""]


async def test_who_writes_has_read(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    path = f"conversations/{conversation['id']}/participants"
    for _ in range(2):
        await api.post(conversation)
    assert (await api.get(path))["participants"][0]["unreadCount"] == 2
    api.emulator.say(ann, "hi")
    assert (await api.get(path))["participants"][0]["unreadCount"] == 0
    await api.post(conversation)
    api.emulator.read(ann, conversation=conversation)
    assert (await api.get(path))["participants"][0]["unreadCount"] == 0


async def test_the_client_of_the_channel_is_in_the_full_source(api: Api) -> None:
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api, ["conversation:message"], includeFullSource=True)
    api.emulator.say(await api.user(), "hi", integration=TWILIO_ID)
    await api.emulator.drain()
    (event,) = target.take()
    assert event["payload"]["message"]["source"]["client"]["type"] == "twilio"


async def test_without_an_integration_for_it_one_still_writes() -> None:
    async with Api(Emulator(integrations=(), switchboard=())) as api:
        said = api.emulator.say(await api.user(), "hi")
        assert said["source"] == {"type": "web"}


async def test_a_conversation_goes_to_the_responder_of_its_channel(api: Api) -> None:
    agent = {"defaultResponderId": "000000005eed000000000102"}
    await api.call("PATCH", f"integrations/{WEB_ID}", agent)
    ann = await api.user()
    api.emulator.say(ann, "hi")
    (conversation,) = (await api.get(f"conversations?filter[userId]={ann['id']}"))["conversations"]
    assert conversation["activeSwitchboardIntegration"]["name"] == "agent"


async def test_tapping_a_postback(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    message = await api.post(conversation, BUTTONS)
    target = Target()
    api.emulator.deliver_to(target)
    await subscribe(api, ["conversation:postback"])
    tacos = {"payload": "TACOS", "metadata": {"a": 1}}
    assert api.emulator.tap(ann, message) == {"postback": tacos}
    assert api.emulator.tap(ann, message["id"], "Soup") == {"postback": {"payload": "SOUP"}}
    await api.emulator.drain()
    first, second = (event["payload"] for event in target.take())
    assert (first["postback"], second["postback"]) == (tacos, {"payload": "SOUP"})
    assert first["user"]["id"] == ann["id"]
    assert api.emulator.texts(conversation) == ["Choose"]


async def test_a_postback_is_echoed_if_the_app_wants_it(api: Api) -> None:
    await api.call("PATCH", "../app_demo", {"settings": {"echoPostback": True}})
    ann = await api.user()
    conversation = await api.personal(ann)
    items = [{"title": "Food", "actions": BUTTONS["actions"]}]
    message = await api.post(conversation, {"type": "carousel", "items": items})
    api.emulator.tap(ann, message, "TACOS")
    echo = api.emulator.messages(conversation)[-1]
    assert echo["content"] == {"type": "text", "text": "Tacos", "payload": "TACOS"}
    assert echo["metadata"] == {"a": 1}


async def test_tapping_a_reply_says_it(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    message = await api.post(conversation, REPLIES)
    said = api.emulator.tap(ann, message, "NO", conversation=conversation)["message"]
    assert said["content"] == {"type": "text", "text": "No", "payload": "NO"}
    said = api.emulator.tap(ann, message)["message"]
    assert (said["content"]["payload"], said["metadata"]) == ("YES", {"a": 1})


async def test_filling_in_a_form(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    form = await api.post(conversation, FORM)
    values = {"name": "Ann", "address": "ann@example.org", "size": "Large"}
    said = api.emulator.fill(ann, form, values)
    assert said["content"] == {
        "type": "formResponse",
        "fields": [
            {"type": "text", "name": "name", "label": "Name?", "text": "Ann"},
            {"type": "email", "name": "address", "label": "Address?", "email": "ann@example.org"},
            {
                "type": "select",
                "name": "size",
                "label": "Size?",
                "select": [{"name": "l", "label": "Large"}],
            },
        ],
        "textFallback": "Name?: Ann\nAddress?: ann@example.org\nSize?: Large",
    }
    document = await api.get(f"conversations/{conversation['id']}/messages")
    assert [one["content"].get("submitted") for one in document["messages"]] == [True, None]
    assert document["messages"][1]["quotedMessage"]["message"] == document["messages"][0]
    with pytest.raises(ValueError, match="not a form that can be filled in"):
        api.emulator.fill(ann, form, values)


IMPOSSIBLE: list[tuple[tuple[Any, ...], str]] = [
    (("say", "nobody", "hi"), "User not found"),
    (("say", "ann", "hi", {"conversation": "none"}), "Conversation not found"),
    (("say", "ann", "hi", {"integration": "none"}), "Integration not found"),
    (("say", "ann", {"type": "text"}), "one of text, actions, htmlText"),
    (("say", "ann", "x" * 4097), "text must be at most 4096 characters long"),
    (("say", "ann", {"type": "template", "template": {}}), "cannot say a template"),
    (("tap", "ann", "none"), "Message not found"),
    (("tap", "ann", "MESSAGE", "x"), "Action not found"),
    (("fill", "ann", "MESSAGE", {}), "not a form that can be filled in"),
    (("fill", "ann", "FORM", {"name": "a"}), "fields.address must be a string"),
    (
        ("fill", "ann", "FORM", {"name": "a", "address": "b", "size": "x"}),
        "fields.size is not one of the options",
    ),
    (("confirm", "ann", "none"), "Client not found"),
    (("read", "bob"), "Conversation not found"),
    (("messages", "none"), "Conversation not found"),
]


@pytest.mark.parametrize(("act", "problem"), IMPOSSIBLE)
async def test_what_cannot_be_done(api: Api, act: tuple[Any, ...], problem: str) -> None:
    ann = await api.user(externalId="ann")
    await api.user(externalId="bob")
    conversation = await api.personal(ann)
    ids = {
        "MESSAGE": (await api.post(conversation, BUTTONS))["id"],
        "FORM": (await api.post(conversation, FORM))["id"],
    }
    name, *arguments = act
    options: dict[str, str] = {}
    if len(arguments) == 3 and name == "say":
        options = arguments.pop()
    given = [ids.get(one, one) if isinstance(one, str) else one for one in arguments]
    with pytest.raises(ValueError, match=problem):
        getattr(api.emulator, name)(*given, **options)


async def test_a_client_is_confirmed_once(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    client = await linked(api, ann, conversation)
    api.emulator.confirm(ann, client)
    path = f"conversations/{conversation['id']}/participants"
    (participant,) = (await api.get(path))["participants"]
    assert participant["clientAssociations"] == [{"type": "twilio", "clientId": client["id"]}]
    (shown,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    assert (shown["status"], "linkedAt" in shown) == ("active", True)
    with pytest.raises(ValueError, match="The client is not pending"):
        api.emulator.confirm(ann, client)


async def test_who_writes_by_a_channel_confirms_it(api: Api) -> None:
    ann = await api.user(externalId="ann")
    client = await linked(api, ann, await api.personal(ann))
    api.emulator.say(ann, "hi", integration=TWILIO_ID)
    (shown,) = (await api.get("users/ann/clients"))["clients"]
    assert (shown["id"], shown["status"]) == (client["id"], "active")


async def test_a_users_default_conversation(api: Api) -> None:
    ann = await api.user(externalId="ann")
    with pytest.raises(ValueError, match="Conversation not found"):
        api.emulator.conversation("ann")
    api.emulator.say("ann", "hi")
    conversation = api.emulator.conversation(ann)
    path = f"conversations/{conversation['id']}"
    assert conversation == (await api.get(path))["conversation"]
    assert api.emulator.texts(conversation) == ["hi"]


async def test_a_client_is_confirmed_though_its_conversation_is_gone(api: Api) -> None:
    ann, bob = await api.user(), await api.user()
    await api.personal(ann)
    group = await api.group(bob, ann)
    client = await linked(api, ann, group)
    other = await linked(api, ann, group)
    api.emulator.confirm(ann, client)
    path = f"conversations/{group['id']}"
    found = (await api.get(f"{path}/participants"))["participants"]
    assert [len(one["clientAssociations"]) for one in found] == [0, 1]
    await api.call("DELETE", path)
    assert api.emulator.confirm(ann, other)["status"] == "active"


async def test_a_full_conversation_takes_nothing_more() -> None:
    async with Api(Emulator(message_limit=1)) as api:
        ann = await api.user()
        api.emulator.say(ann, "hi")
        with pytest.raises(ValueError, match="Message limit of 1 per conversation reached"):
            api.emulator.say(ann, "hi")


async def test_without_the_app_nobody_acts(api: Api) -> None:
    await api.account.call("DELETE", "http://emulator/v2/apps/app_demo")
    with pytest.raises(ValueError, match="App not found"):
        api.emulator.say("ann", "hi")


@pytest.mark.parametrize("nameless", [7, {}, SimpleNamespace(id=7)])
async def test_what_has_no_id_is_rejected(api: Api, nameless: object) -> None:
    with pytest.raises(TypeError, match="Expected an id, or an object with an id"):
        api.emulator.say(nameless, "hi")
