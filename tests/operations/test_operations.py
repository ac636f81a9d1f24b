"""Every operation, byte for byte: what goes out, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import respx

from operations.rows import APP, CONVERSATION, USER, Row, check
from sunco import Sunco
from sunco.models import (
    AppleOverride,
    Author,
    Buy,
    CarouselMessage,
    ChannelOverride,
    Client,
    Confirmation,
    Content,
    Conversation,
    ConversionEvents,
    Coordinates,
    Destination,
    DisplaySettings,
    ExtraChannelOptions,
    FieldOption,
    FileMessage,
    FormField,
    FormMessage,
    FormResponseField,
    FormResponseMessage,
    ImageMessage,
    InteractiveDataRef,
    Item,
    Link,
    ListMessage,
    Location,
    LocationMessage,
    LocationRequest,
    MailgunMatchCriteria,
    Message,
    MessagebirdMatchCriteria,
    MessageOverride,
    MessagePost,
    MessengerOptions,
    Participant,
    ParticipantUser,
    Postback,
    Profile,
    Reply,
    TemplateMessage,
    TextMessage,
    TwilioMatchCriteria,
    UnknownAction,
    UnknownContent,
    User,
    Webview,
    WhatsappMatchCriteria,
)

pytestmark = pytest.mark.anyio

MESSAGES = f"{CONVERSATION}/messages"
NOON = datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=UTC)
POSTED = {"messages": [{"id": "m1"}]}


def _post(name: str, content: Content | str | Mapping[str, Any], written: str) -> Row:
    return Row(
        f"messages.post: {name}",
        lambda s: s.messages.post("c1", content),
        "POST",
        MESSAGES,
        f'{{"author":{{"type":"business"}},"content":{written}}}',
        POSTED,
        [Message(id="m1")],
        201,
    )


def _link(name: str, criteria: Any, written: str) -> Row:
    return Row(
        f"clients.create: {name}",
        lambda s: s.clients.create(
            "u1", criteria, confirmation=Confirmation("immediate"), conversation_id="c1"
        ),
        "POST",
        f"{USER}/clients",
        f'{{"matchCriteria":{written},"confirmation":{{"type":"immediate"}},'
        '"target":{"conversationId":"c1"}}',
        {"client": {"id": "cl1", "status": "pending"}},
        Client(id="cl1", status="pending"),
        201,
    )


ROWS = [
    Row(
        "conversations.create",
        lambda s: s.conversations.create(
            "sdkGroup",
            participants=[
                ParticipantUser(user_id="u1", subscribe_sdk_client=True),
                ParticipantUser(user_external_id="é", subscribe_sdk_client=False),
            ],
            display_name="Team",
            description="All of us",
            icon_url="https://example.test/i.png",
            metadata={"n": 1, "ok": True},
        ),
        "POST",
        f"{APP}/conversations",
        '{"type":"sdkGroup","participants":[{"userId":"u1","subscribeSDKClient":true},'
        '{"userExternalId":"é","subscribeSDKClient":false}],"displayName":"Team",'
        '"description":"All of us","iconUrl":"https://example.test/i.png",'
        '"metadata":{"n":1,"ok":true}}',
        {"conversation": {"id": "c1", "type": "sdkGroup"}},
        Conversation(id="c1", type="sdkGroup"),
        201,
    ),
    Row(
        "conversations.create without participants",
        lambda s: s.conversations.create("sdkGroup"),
        "POST",
        f"{APP}/conversations",
        '{"type":"sdkGroup"}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
        201,
    ),
    Row(
        "conversations.list",
        lambda s: s.conversations.list(user_id="u 1/é", after="x&y", page_size=10),
        "GET",
        f"{APP}/conversations?page%5Bafter%5D=x%26y&page%5Bsize%5D=10"
        "&filter%5BuserId%5D=u%201%2F%C3%A9",
        None,
        {"conversations": [{"id": "c1"}]},
        [Conversation(id="c1")],
    ),
    Row(
        "conversations.list by external id, backwards",
        lambda s: s.conversations.list(user_external_id="me", before="b"),
        "GET",
        f"{APP}/conversations?page%5Bbefore%5D=b&filter%5BuserExternalId%5D=me",
        None,
        {"conversations": []},
        [],
    ),
    Row(
        "conversations.get",
        lambda s: s.conversations.get("c/1 é%"),
        "GET",
        f"{APP}/conversations/c%2F1%20%C3%A9%25",
        None,
        {"conversation": {"id": "c1", "lastUpdatedAt": "2026-01-02T12:00:00.005Z"}},
        Conversation(id="c1", last_updated_at=NOON),
    ),
    Row(
        "conversations.update",
        lambda s: s.conversations.update("c1", display_name="New", icon_url=None),
        "PATCH",
        CONVERSATION,
        '{"displayName":"New","iconUrl":null}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
    ),
    Row(
        "conversations.update, all of it",
        lambda s: s.conversations.update(
            "c1", display_name=None, description=None, icon_url="i", metadata={"a": None}
        ),
        "PATCH",
        CONVERSATION,
        '{"displayName":null,"description":null,"iconUrl":"i","metadata":{"a":null}}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
    ),
    Row("conversations.delete", lambda s: s.conversations.delete("c1"), "DELETE", CONVERSATION),
    Row(
        "conversations.download_message_ref",
        lambda s: s.conversations.download_message_ref(
            "c1",
            user_id="u1",
            interactive_data_ref=InteractiveDataRef(
                url="https://a", bid="b", key="k", signature="s", owner="o"
            ),
        ),
        "POST",
        f"{CONVERSATION}/download",
        '{"userId":"u1","apple":{"interactiveDataRef":{"url":"https://a","bid":"b","key":"k",'
        '"signature":"s","owner":"o"}}}',
        {"data": {"any": [1]}},
        {"data": {"any": [1]}},
    ),
    Row(
        "conversations.post_conversion_events",
        lambda s: s.conversations.post_conversion_events(
            "c1", instagram=[{"event_name": "Purchase", "event_time": 1}]
        ),
        "POST",
        f"{CONVERSATION}/conversionEvents",
        '{"instagram":{"payload":{"data":[{"event_name":"Purchase","event_time":1}]}}}',
        {"conversionEvents": {"datasetId": 1234567890123456, "eventsReceived": 1}},
        ConversionEvents(dataset_id="1234567890123456", events_received=1),
    ),
    Row(
        "participants.list",
        lambda s: s.participants.list("c1", after="p0", page_size=100),
        "GET",
        f"{CONVERSATION}/participants?page%5Bafter%5D=p0&page%5Bsize%5D=100",
        None,
        {"participants": [{"id": "p1", "userExternalId": 912382197}]},
        [Participant(id="p1", user_external_id="912382197")],
    ),
    Row(
        "participants.join",
        lambda s: s.participants.join("c1", user_id="u1", subscribe_sdk_client=False),
        "POST",
        f"{CONVERSATION}/join",
        '{"userId":"u1","subscribeSDKClient":false}',
        {"participant": {"id": "p1", "unreadCount": 0}},
        Participant(id="p1", unread_count=0),
        201,
    ),
    Row(
        "participants.join by external id",
        lambda s: s.participants.join("c1", user_external_id="me"),
        "POST",
        f"{CONVERSATION}/join",
        '{"userExternalId":"me"}',
        {"participant": {"id": "p1"}},
        Participant(id="p1"),
        201,
    ),
    Row(
        "participants.leave",
        lambda s: s.participants.leave("c1", user_id="u1"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"userId":"u1"}',
    ),
    Row(
        "participants.leave by external id",
        lambda s: s.participants.leave("c1", user_external_id="me"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"userExternalId":"me"}',
    ),
    Row(
        "participants.leave by participant",
        lambda s: s.participants.leave("c1", participant_id="p1"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"participantId":"p1"}',
    ),
    _post("a str", "Hello, wörld!", '{"type":"text","text":"Hello, wörld!"}'),
    _post(
        "text with every action",
        TextMessage(
            "Pick",
            html_text="<b>Pick</b>",
            block_chat_input=True,
            payload="p",
            actions=[
                Buy("Pay", amount=999, currency="usd", metadata={"sku": "a"}),
                Link(
                    "Open",
                    uri="https://example.test",
                    default=True,
                    extra_channel_options=ExtraChannelOptions(
                        messenger=MessengerOptions(
                            messenger_extensions=True, webview_share_button="hide"
                        )
                    ),
                ),
                LocationRequest("Where?"),
                Postback("Go", payload="GO"),
                Reply("Yes", payload="YES", icon_url="https://example.test/y.png"),
                Webview(
                    "Show",
                    uri="https://example.test/w",
                    fallback="https://example.test/f",
                    size="tall",
                    open_on_receive=False,
                ),
                UnknownAction("wave", extra={"hand": "left"}),
            ],
        ),
        '{"type":"text","text":"Pick","htmlText":"<b>Pick</b>","blockChatInput":true,"actions":['
        '{"type":"buy","text":"Pay","amount":999,"currency":"usd","metadata":{"sku":"a"}},'
        '{"type":"link","text":"Open","uri":"https://example.test","default":true,'
        '"extraChannelOptions":{"messenger":{"messenger_extensions":true,'
        '"webview_share_button":"hide"}}},'
        '{"type":"locationRequest","text":"Where?"},'
        '{"type":"postback","text":"Go","payload":"GO"},'
        '{"type":"reply","text":"Yes","payload":"YES","iconUrl":"https://example.test/y.png"},'
        '{"type":"webview","text":"Show","uri":"https://example.test/w",'
        '"fallback":"https://example.test/f","size":"tall","openOnReceive":false},'
        '{"hand":"left","type":"wave"}],"payload":"p"}',
    ),
    _post(
        "carousel",
        CarouselMessage(
            [
                Item(
                    "Tacos",
                    actions=[Postback("Select", payload="TACOS")],
                    description="Today",
                    media_url="https://example.test/t.jpg",
                    media_type="image/jpeg",
                    alt_text="A taco",
                    size="compact",
                )
            ],
            text="read-only",
            display_settings=DisplaySettings(image_aspect_ratio="square"),
        ),
        '{"type":"carousel","items":[{"title":"Tacos","actions":[{"type":"postback",'
        '"text":"Select","payload":"TACOS"}],"description":"Today",'
        '"mediaUrl":"https://example.test/t.jpg","mediaType":"image/jpeg","altText":"A taco",'
        '"size":"compact"}],"displaySettings":{"imageAspectRatio":"square"}}',
    ),
    _post(
        "file",
        FileMessage(
            "https://example.test/f.pdf",
            media_size=3,
            media_type="application/pdf",
            alt_text="The terms",
            markdown_text="*Terms*",
            attachment_id="a1",
        ),
        '{"type":"file","mediaUrl":"https://example.test/f.pdf","altText":"The terms",'
        '"markdownText":"*Terms*","attachmentId":"a1"}',
    ),
    _post(
        "form",
        FormMessage(
            [
                FormField(
                    type="text",
                    name="age",
                    label="Age?",
                    format="integer",
                    placeholder="42",
                    min_size=1,
                    max_size=3,
                ),
                FormField(
                    type="select",
                    name="size",
                    label="Size?",
                    options=[FieldOption("s", label="Small"), FieldOption("l", label="Large")],
                ),
            ],
            submitted=True,
            block_chat_input=True,
        ),
        '{"type":"form","fields":[{"type":"text","name":"age","label":"Age?","format":"integer",'
        '"placeholder":"42","minSize":1,"maxSize":3},{"type":"select","name":"size",'
        '"label":"Size?","options":[{"name":"s","label":"Small"},{"name":"l","label":"Large"}]}],'
        '"blockChatInput":true}',
    ),
    _post(
        "form response",
        FormResponseMessage(
            [
                FormResponseField(
                    type="email",
                    name="mail",
                    label="Mail?",
                    email="a@example.test",
                    quoted_message_id="m0",
                )
            ],
            text_fallback="read-only",
        ),
        '{"type":"formResponse","fields":[{"type":"email","name":"mail","label":"Mail?",'
        '"email":"a@example.test","quotedMessageId":"m0"}]}',
    ),
    _post(
        "image",
        ImageMessage(
            "https://example.test/i.png",
            media_type="image/png",
            media_size=7,
            text="Look",
            actions=[Link("Open", uri="https://example.test")],
        ),
        '{"type":"image","mediaUrl":"https://example.test/i.png","text":"Look","actions":['
        '{"type":"link","text":"Open","uri":"https://example.test"}]}',
    ),
    _post(
        "list",
        ListMessage(
            [Item("One", actions=[Link("Open", uri="u")])], actions=[Postback("More", payload="M")]
        ),
        '{"type":"list","items":[{"title":"One","actions":[{"type":"link","text":"Open",'
        '"uri":"u"}]}],"actions":[{"type":"postback","text":"More","payload":"M"}]}',
    ),
    _post(
        "location",
        LocationMessage(
            Coordinates(lat=45.5261583, long=-73.595346),
            text="read-only",
            location=Location(address="5333 avenue Casgrain", name="Zendesk Montréal"),
        ),
        '{"type":"location","coordinates":{"lat":45.5261583,"long":-73.595346},'
        '"location":{"address":"5333 avenue Casgrain","name":"Zendesk Montréal"}}',
    ),
    _post(
        "content of an unknown type",
        UnknownContent("hologram", extra={"beam": 3}),
        '{"beam":3,"type":"hologram"}',
    ),
    Row(
        "messages.post",
        lambda s: s.messages.post(
            "c1", TextMessage("How can we help?", actions=[Reply("Talk", payload="TALK")])
        ),
        "POST",
        MESSAGES,
        '{"author":{"type":"business"},"content":{"type":"text","text":"How can we help?",'
        '"actions":[{"type":"reply","text":"Talk","payload":"TALK"}]}}',
        POSTED,
        [Message(id="m1")],
        201,
    ),
    Row(
        "messages.post with all options",
        lambda s: s.messages.post(
            "c1",
            TextMessage("Hi"),
            author=Author(
                "user",
                user_external_id="me",
                brand_id="b1",
                display_name="Me",
                subtypes=["activity"],
            ),
            destination=Destination(integration_type="none"),
            metadata={"when": "now"},
            override=MessageOverride(
                apple=AppleOverride({"a": 1}, with_capabilities=["LIST"]),
                line=ChannelOverride({"l": 1}),
                messenger=ChannelOverride({"m": 1}),
                whatsapp=ChannelOverride({"w": 1}),
            ),
        ),
        "POST",
        MESSAGES,
        '{"author":{"type":"user","subtypes":["activity"],"userExternalId":"me","brandId":"b1",'
        '"displayName":"Me"},"content":{"type":"text","text":"Hi"},'
        '"destination":{"integrationType":"none"},"metadata":{"when":"now"},'
        '"override":{"apple":{"payload":{"a":1},"withCapabilities":["LIST"]},'
        '"line":{"payload":{"l":1}},"messenger":{"payload":{"m":1}},'
        '"whatsapp":{"payload":{"w":1}}}}',
        {"messages": [{"id": "m1"}, {"id": "m2"}]},
        [Message(id="m1"), Message(id="m2")],
        201,
    ),
    Row(
        "messages.post of a template",
        lambda s: s.messages.post("c1", TemplateMessage({"name": "hello"}), schema="whatsapp"),
        "POST",
        MESSAGES,
        '{"author":{"type":"business"},"content":{"type":"template","template":{"name":"hello"}},'
        '"schema":"whatsapp"}',
        POSTED,
        [Message(id="m1")],
        201,
    ),
    Row(
        "messages.post of native content",
        lambda s: s.messages.post("c1", {"type": "hsm", "to": [1]}, schema="whatsapp"),
        "POST",
        MESSAGES,
        '{"author":{"type":"business"},"content":{"type":"hsm","to":[1]},"schema":"whatsapp"}',
        POSTED,
        [Message(id="m1")],
        201,
    ),
    Row(
        "messages.list",
        lambda s: s.messages.list("c1"),
        "GET",
        MESSAGES,
        None,
        {"messages": [{"id": "m1", "content": {"type": "text", "text": "Hi"}}]},
        [Message(id="m1", content=TextMessage("Hi"))],
    ),
    Row(
        "messages.list from a cursor",
        lambda s: s.messages.list("c1", before="m9"),
        "GET",
        f"{MESSAGES}?page%5Bbefore%5D=m9",
        None,
        {"messages": []},
        [],
    ),
    Row("messages.delete", lambda s: s.messages.delete("c1", "m1"), "DELETE", f"{MESSAGES}/m1"),
    Row("messages.delete_all", lambda s: s.messages.delete_all("c1"), "DELETE", MESSAGES),
    Row(
        "switchboard_actions.pass_control",
        lambda s: s.switchboard_actions.pass_control("c1", "next", metadata={"why": "tired"}),
        "POST",
        f"{CONVERSATION}/passControl",
        '{"switchboardIntegration":"next","metadata":{"why":"tired"}}',
    ),
    Row(
        "switchboard_actions.offer_control",
        lambda s: s.switchboard_actions.offer_control("c1", "agent"),
        "POST",
        f"{CONVERSATION}/offerControl",
        '{"switchboardIntegration":"agent"}',
    ),
    Row(
        "switchboard_actions.accept_control",
        lambda s: s.switchboard_actions.accept_control("c1"),
        "POST",
        f"{CONVERSATION}/acceptControl",
        "{}",
    ),
    Row(
        "switchboard_actions.release_control",
        lambda s: s.switchboard_actions.release_control("c1", metadata={"done": True}),
        "POST",
        f"{CONVERSATION}/releaseControl",
        '{"metadata":{"done":true}}',
    ),
    _link(
        "WhatsApp",
        WhatsappMatchCriteria(integration_id="i1", phone_number="+1 212", primary=True),
        '{"type":"whatsapp","integrationId":"i1","phoneNumber":"+1 212","primary":true}',
    ),
    _link(
        "Twilio",
        TwilioMatchCriteria(integration_id="i1", phone_number="+1 212"),
        '{"type":"twilio","integrationId":"i1","phoneNumber":"+1 212"}',
    ),
    _link(
        "MessageBird",
        MessagebirdMatchCriteria(integration_id="i1", phone_number="+1 212", primary=False),
        '{"type":"messagebird","integrationId":"i1","phoneNumber":"+1 212","primary":false}',
    ),
    _link(
        "Mailgun",
        MailgunMatchCriteria(integration_id="i1", address="a@example.test", subject="Hi"),
        '{"type":"mailgun","integrationId":"i1","address":"a@example.test","subject":"Hi"}',
    ),
    Row(
        "clients.create with a prompt",
        lambda s: s.clients.create(
            "ext 1",
            TwilioMatchCriteria(integration_id="i1", phone_number="+1 212"),
            confirmation=Confirmation("prompt", message=MessagePost(TextMessage("May we?"))),
            conversation_id="c1",
            brand_id="b1",
        ),
        "POST",
        f"{APP}/users/ext%201/clients?brandId=b1",
        '{"matchCriteria":{"type":"twilio","integrationId":"i1","phoneNumber":"+1 212"},'
        '"confirmation":{"type":"prompt","message":{"content":{"type":"text","text":"May we?"},'
        '"author":{"type":"business"}}},"target":{"conversationId":"c1"}}',
        {"client": {"id": "cl1"}},
        Client(id="cl1"),
        201,
    ),
    Row(
        "clients.list",
        lambda s: s.clients.list("u1", brand_id="b1", after="a", page_size=1),
        "GET",
        f"{USER}/clients?page%5Bafter%5D=a&page%5Bsize%5D=1&brandId=b1",
        None,
        {"clients": [{"id": "cl1", "raw": {"x": 1}}]},
        [Client(id="cl1", raw={"x": 1})],
    ),
    Row(
        "clients.remove",
        lambda s: s.clients.remove("u1", "cl1", brand_id="b1"),
        "DELETE",
        f"{USER}/clients/cl1?brandId=b1",
    ),
    Row(
        "users.create",
        lambda s: s.users.create(
            external_id="me",
            signed_up_at=NOON.astimezone(timezone(timedelta(hours=2))),
            to_be_retained=True,
            profile=Profile(given_name="Ada", email="ada@example.test"),
            metadata={"plan": "pro"},
            brand_id="b1",
        ),
        "POST",
        f"{APP}/users",
        '{"externalId":"me","brandId":"b1","signedUpAt":"2026-01-02T12:00:00.005Z",'
        '"toBeRetained":true,"profile":{"givenName":"Ada","email":"ada@example.test"},'
        '"metadata":{"plan":"pro"}}',
        {"user": {"id": "u1", "hasPaymentInfo": False, "profile": {"localeOrigin": "x"}}},
        User(
            id="u1", extra={"hasPaymentInfo": False}, profile=Profile(extra={"localeOrigin": "x"})
        ),
        201,
    ),
    Row(
        "users.get",
        lambda s: s.users.get("me", brand_id="b 1"),
        "GET",
        f"{APP}/users/me?brandId=b%201",
        None,
        {"user": {"id": "u1", "authenticated": True}},
        User(id="u1", authenticated=True),
    ),
    Row("users.delete", lambda s: s.users.delete("u1"), "DELETE", USER),
    Row(
        "request",
        lambda s: _status_of(
            s, "post", "/v2/apps/app1/new thing?x=1", {"page": {"after": "y"}}, {"on": True}
        ),
        "POST",
        f"{APP}/new%20thing?x=1&page%5Bafter%5D=y",
        '{"on":true}',
        {"done": 1},
        (201, {"done": 1}),
        201,
    ),
]


async def _status_of(sunco: Sunco, method: str, path: str, params: Any, json: Any) -> Any:
    response = await sunco.request(method, path, params=params, json=json)
    return response.status, response.json()


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
