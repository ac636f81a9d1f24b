from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .api import BUSINESS

if TYPE_CHECKING:
    from .api import JSON, Api

pytestmark = pytest.mark.anyio

LINK: JSON = {"type": "link", "text": "More info", "uri": "https://example.org"}
POSTBACK: JSON = {"type": "postback", "text": "Select", "payload": "TACOS"}
BUY: JSON = {"type": "buy", "text": "Buy", "amount": 999, "currency": "cad"}
REPLY: JSON = {"type": "reply", "text": "Yes", "payload": "YES", "iconUrl": "https://e.org/i.png"}
LOCATION_REQUEST: JSON = {"type": "locationRequest", "text": "Where?"}
WEBVIEW: JSON = {
    "type": "webview",
    "text": "Open",
    "uri": "https://example.org/view",
    "fallback": "https://example.org/page",
    "size": "tall",
    "openOnReceive": True,
    "extraChannelOptions": {"messenger": {"messenger_extensions": True}},
}
ACTIONS = ("buy", "link", "locationRequest", "postback", "reply", "webview")
ITEM: JSON = {"title": "Tacos", "description": "Get your tacos today!", "actions": [POSTBACK, LINK]}
FIELD: JSON = {"type": "text", "name": "full_name", "label": "Your name?"}
IMAGE: JSON = {"type": "image", "mediaUrl": "https://example.org/a%20taco.jpg?size=1"}


async def posted(api: Api, content: JSON, **body: object) -> JSON:
    conversation = await api.personal(await api.user())
    message = await api.post(conversation, content, **body)
    listed = (await api.get(f"conversations/{conversation['id']}/messages"))["messages"]
    assert listed == [message]
    found: JSON = message["content"]
    return found


async def problems(api: Api, content: JSON) -> list[str]:
    path = f"conversations/{(await api.personal(await api.user()))['id']}/messages"
    return await api.problems("POST", path, {"author": BUSINESS, "content": content})


@pytest.mark.parametrize(
    "content",
    [
        {"type": "text", "text": "Hello!", "blockChatInput": True, "payload": "P"},
        {"type": "text", "actions": [LINK, POSTBACK, BUY, LOCATION_REQUEST, WEBVIEW]},
        {"type": "text", "actions": [LINK, BUY, REPLY, LOCATION_REQUEST, WEBVIEW]},
        {"type": "text", "text": "Hello!", "notInTheSpec": {"kept": True}},
        {"type": "list", "items": [ITEM], "actions": [BUY], "blockChatInput": False},
    ],
)
async def test_content_that_the_platform_adds_nothing_to(api: Api, content: JSON) -> None:
    assert await posted(api, content) == content


async def test_html_becomes_text_too(api: Api) -> None:
    html = "<p>Fish &amp; <b>chips</b></p><p>Mushy<br/>peas</p>"
    content = await posted(api, {"type": "text", "htmlText": html})
    assert content == {"type": "text", "htmlText": html, "text": "Fish & chips\nMushy\npeas"}


async def test_text_beside_html_is_kept(api: Api) -> None:
    given = {"type": "text", "htmlText": "<b>Hi</b>", "text": "Hello"}
    assert await posted(api, given) == given


async def test_markdown_becomes_html_and_text(api: Api) -> None:
    markdown = "**Fish** & *chips*: `1 < 2`\nSee [us](https://example.org)\n\n\nBye"
    content = await posted(api, {"type": "text", "markdownText": markdown})
    assert content == {
        "type": "text",
        "htmlText": "<p><strong>Fish</strong> &amp; <em>chips</em>: <code>1 &lt; 2</code><br>"
        'See <a href="https://example.org">us</a></p><p>Bye</p>',
        "text": "Fish & chips: 1 < 2\nSee us\nBye",
    }


async def test_markdown_that_is_too_long_as_html_is_rejected(api: Api) -> None:
    content = {"type": "text", "markdownText": "<" * 4096}
    assert await problems(api, content) == ["content.markdownText exceeds 4096 characters as HTML"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("image.jpg", "image/jpeg"),
        ("FAQ.pdf", "application/pdf"),
        ("x", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "file"])
async def test_media_gets_its_type_and_size_and_name(
    api: Api, kind: str, name: str, media_type: str
) -> None:
    given = {"type": kind, "mediaUrl": f"https://example.org/{name}", "text": "Look"}
    assert await posted(api, {**given, "mediaType": "text/x-mine", "mediaSize": 7}) == {
        **given,
        "altText": name,
        "mediaType": media_type,
        "mediaSize": 0,
    }


async def test_media_may_have_rich_text_and_its_own_name(api: Api) -> None:
    content = await posted(api, {**IMAGE, "altText": "A taco", "markdownText": "**Taco**"})
    assert content["altText"] == "A taco"
    assert (content["htmlText"], content["text"]) == ("<p><strong>Taco</strong></p>", "Taco")
    assert (await posted(api, IMAGE))["altText"] == "a taco.jpg"


async def test_a_carousel_gets_its_fallback_text(api: Api) -> None:
    ramen = {"title": "Ramen", "mediaUrl": "https://e.org/r.png", "actions": [WEBVIEW, BUY]}
    content = await posted(api, {"type": "carousel", "items": [ITEM, ramen], "text": "ignored"})
    assert content == {
        "type": "carousel",
        "items": [ITEM, {**ramen, "altText": "r.png", "mediaType": "image/png"}],
        "text": "1. Tacos\nGet your tacos today!\nMore info: https://example.org\n\n"
        "2. Ramen\nOpen: https://example.org/page",
    }


async def test_a_form_is_not_submitted_yet(api: Api) -> None:
    options = [{"name": "s", "label": "Small"}, {"name": "l", "label": "Large"}]
    fields = [
        {**FIELD, "placeholder": "Type...", "minSize": 1, "maxSize": 30, "format": "integer"},
        {"type": "select", "name": "size", "label": "Size?", "options": options},
    ]
    given = {"type": "form", "fields": fields, "text": "About you"}
    assert await posted(api, {**given, "submitted": True}) == {**given, "submitted": False}


async def test_a_location_gets_its_fallback_text(api: Api) -> None:
    given = {
        "type": "location",
        "coordinates": {"lat": 45.5261583, "long": -73.595346},
        "location": {"address": "5333 avenue Casgrain", "name": "Zendesk Montréal"},
    }
    assert await posted(api, given) == {
        **given,
        "text": "Location shared:\nhttps://maps.google.com/maps?q=45.5261583,-73.595346",
    }


@pytest.mark.parametrize(
    "content",
    [
        {"type": "template", "template": {"namespace": "N", "name": "hello_world"}},
        {"type": "interactive", "interactive": {"type": "button"}},
        {"to": "+1", "text": {"body": "Hello"}},
    ],
)
async def test_native_content_passes_as_it_is(api: Api, content: JSON) -> None:
    assert await posted(api, content, schema="whatsapp") == content


async def test_every_type_has_its_checks(api: Api) -> None:
    kinds = "text, carousel, file, form, formResponse, image, list, location, template"
    for content in ({}, {"type": "poem"}, {"type": ["text"]}):
        assert await problems(api, content) == [f"content.type must be one of {kinds}"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {"type": "text"},
            "content: one of text, actions, htmlText, markdownText is required",
        ),
        (
            {"type": "text", "text": "x" * 4097},
            "content.text must be at most 4096 characters long",
        ),
        (
            {"type": "text", "htmlText": "a", "markdownText": "a"},
            "content: only one of htmlText, markdownText is allowed",
        ),
        (
            {"type": "image", "mediaUrl": "https://e.org/", "htmlText": "", "markdownText": ""},
            "content: only one of htmlText, markdownText is allowed",
        ),
        (
            {"type": "text", "actions": [{"type": "call"}]},
            f"content.actions[0].type must be one of {', '.join(ACTIONS)}",
        ),
        (
            {"type": "text", "actions": [{"type": "buy", "text": "Buy"}]},
            "content.actions[0].amount is required",
        ),
        (
            {"type": "text", "actions": [{**BUY, "amount": 9.99}]},
            "content.actions[0].amount must be an integer",
        ),
        (
            {"type": "text", "actions": [{**BUY, "amount": True}]},
            "content.actions[0].amount must be an integer",
        ),
        (
            {"type": "text", "actions": [{**WEBVIEW, "size": "huge"}]},
            "content.actions[0].size must be one of compact, tall, full",
        ),
        (
            {"type": "text", "actions": [WEBVIEW, WEBVIEW]},
            "content: only one action can have openOnReceive",
        ),
        (
            {"type": "list", "items": [{**ITEM, "actions": [WEBVIEW]}], "actions": [WEBVIEW]},
            "content: only one action can have openOnReceive",
        ),
        ({"type": "carousel"}, "content.items is required"),
        ({"type": "carousel", "items": []}, "content.items must have at least 1 items"),
        ({"type": "list", "items": [ITEM] * 11}, "content.items must have at most 10 items"),
        (
            {"type": "carousel", "items": [{**ITEM, "actions": [LINK] * 4}]},
            "content.items[0].actions must have at most 3 items",
        ),
        (
            {"type": "carousel", "items": [{**ITEM, "actions": [REPLY]}]},
            "content.items[0].actions[0].type must be one of buy, link, postback, webview",
        ),
        (
            {"type": "carousel", "items": [{**ITEM, "title": "x" * 129}]},
            "content.items[0].title must be at most 128 characters long",
        ),
        (
            {"type": "carousel", "items": [ITEM], "displaySettings": {"imageAspectRatio": "1:1"}},
            "content.displaySettings.imageAspectRatio must be one of horizontal, square",
        ),
        ({"type": "file"}, "content.mediaUrl is required"),
        ({"type": "file", "mediaUrl": "a.pdf"}, "content.mediaUrl is not in the right format"),
        (
            {"type": "form", "fields": [{**FIELD, "name": str(n)} for n in range(21)]},
            "content.fields must have at most 20 items",
        ),
        (
            {"type": "form", "fields": [FIELD, FIELD]},
            "content: the names of the fields must be unique",
        ),
        (
            {"type": "form", "fields": [{**FIELD, "minSize": 0}]},
            "content.fields[0].minSize must be at least 1",
        ),
        (
            {"type": "form", "fields": [{**FIELD, "maxSize": 257}]},
            "content.fields[0].maxSize must be at most 256",
        ),
        (
            {"type": "form", "fields": [{**FIELD, "options": [{"name": 1}]}]},
            "content.fields[0].options[0].name must be a string",
        ),
        (
            {"type": "formResponse", "fields": [{**FIELD, "text": "Ann"}]},
            "Messages of type formResponse cannot be sent via the API",
        ),
        ({"type": "formResponse", "fields": []}, "content.fields must have at least 1 items"),
        ({"type": "location"}, "content.coordinates is required"),
        (
            {"type": "location", "coordinates": {"lat": 1, "long": "2"}},
            "content.coordinates.long must be a number",
        ),
        ({"type": "template"}, "content.template is required"),
        (
            {"type": "template", "template": {}},
            "schema must be whatsapp for content of type template",
        ),
    ],
)
async def test_content_that_breaks_a_rule(api: Api, content: JSON, problem: str) -> None:
    assert await problems(api, content) == [problem]
