"""Ready-made filters, and the arguments that handlers are called with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from sunco import ConfigurationError
from sunco.models import ImageMessage, TextMessage
from sunco.models.events import (
    ConversationMessageEvent,
    ConversationPostbackEvent,
    ConversationTypingEvent,
    Event,
    UserUpdateEvent,
)
from sunco.webhooks import EventHandlers, content_is, payload_is, text_matches
from sunco.webhooks.delivery import read_event
from webhooks.support import message


def with_content(content: Any) -> Event:
    event = message()
    event["payload"]["message"]["content"] = content
    return read_event(event)


TEXT = with_content({"type": "text", "text": "I want an Order, please", "payload": "ORDER"})
EMPTY = with_content({"type": "text"})
IMAGE = with_content({"type": "image", "mediaUrl": "https://example.org/a.jpg"})
NEW = with_content({"type": "hologram", "text": "order"})
POSTBACK = read_event(
    {
        "id": "e1",
        "type": "conversation:postback",
        "payload": {"conversation": {"id": "c1"}, "postback": {"payload": "ORDER"}},
    }
)
BARE_POSTBACK = read_event({"id": "e1", "type": "conversation:postback", "payload": {}})
TYPING = read_event({"id": "e1", "type": "conversation:typing", "payload": {}})
WITHOUT_MESSAGE = read_event({"id": "e1", "type": "conversation:message", "payload": {}})
EVENTS = [TEXT, EMPTY, IMAGE, NEW, POSTBACK, BARE_POSTBACK, TYPING, WITHOUT_MESSAGE]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (text_matches("order"), [TEXT]),
        (text_matches("order", 0), []),
        (text_matches(re.compile("^I want")), [TEXT]),
        (payload_is("ORDER"), [TEXT, POSTBACK]),
        (payload_is("OTHER", "ORDER"), [TEXT, POSTBACK]),
        (payload_is("OTHER"), []),
        (content_is(ImageMessage), [IMAGE]),
        (content_is("text", ImageMessage), [TEXT, EMPTY, IMAGE]),
        (content_is("hologram"), [NEW]),
        (content_is(TextMessage, "image"), [TEXT, EMPTY, IMAGE]),
    ],
)
def test_filters_select_events(where: Callable[[Any], bool], expected: list[Event]) -> None:
    assert [event for event in EVENTS if where(event)] == expected


def test_a_handler_of_several_kinds_gets_each() -> None:
    handlers = EventHandlers()

    @handlers.on(ConversationMessageEvent, ConversationTypingEvent)
    async def two(event: ConversationMessageEvent | ConversationTypingEvent) -> None: ...

    @handlers.on(ConversationPostbackEvent, "conversation:typing", where=lambda event: event.id)
    async def mixed(event: Any) -> None: ...

    names = {
        event.type: [name.rpartition(".")[2] for name in handlers.select(event)]
        for event in (TEXT, TYPING, POSTBACK, read_event({"id": "u", "type": UserUpdateEvent.type}))
    }
    assert names == {
        "conversation:message": ["two"],
        "conversation:typing": ["two", "mixed"],
        "conversation:postback": ["mixed"],
        "user:update": [],
    }


async def none() -> None: ...
async def three(a: Any, b: Any, c: Any) -> None: ...
async def keyword(a: Any, *, b: Any) -> None: ...


@pytest.mark.parametrize("function", [none, three, keyword])
def test_a_handler_takes_an_event_and_a_context(function: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"called with \(event\) or with \(event, ctx\)"):
        EventHandlers().on()(function)


async def one(event: Any) -> None: ...
async def two(event: Any, ctx: Any) -> None: ...
async def optional(event: Any, retries: int = 3, *, flag: bool = False) -> None: ...
async def variadic(*args: Any) -> None: ...


class Method:
    async def handle(self, event: Any, ctx: Any) -> None: ...


@pytest.mark.parametrize(
    ("function", "takes_context"),
    [(one, False), (two, True), (optional, False), (variadic, False), (Method().handle, True)],
)
def test_a_handler_gets_a_context_if_it_requires_two_arguments(
    function: Any,
    takes_context: bool,  # noqa: FBT001 - the expectation
) -> None:
    handlers = EventHandlers()
    handlers.on()(function)
    assert handlers.handlers[0].takes_context is takes_context
