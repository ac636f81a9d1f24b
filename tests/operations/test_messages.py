"""The operations of `messages`, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import respx

from operations.rows import CONVERSATION, Row, check
from sunco.models import (
    AppleOverride,
    Author,
    Buy,
    CarouselMessage,
    ChannelOverride,
    Content,
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
    Item,
    Link,
    ListMessage,
    Location,
    LocationMessage,
    LocationRequest,
    Message,
    MessageOverride,
    MessengerOptions,
    Postback,
    Reply,
    TemplateMessage,
    TextMessage,
    UnknownAction,
    UnknownContent,
    Webview,
)

pytestmark = pytest.mark.anyio

MESSAGES = f"{CONVERSATION}/messages"

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


ROWS = [
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
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
