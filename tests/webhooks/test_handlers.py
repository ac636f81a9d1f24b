from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sunco import ConfigurationError
from sunco.models.events import (
    ConversationMessageEvent,
    ConversationTypingEvent,
    Event,
    UnknownEvent,
    WebhookEvent,
)
from sunco.webhooks import EventHandlers, is_from_user
from sunco.webhooks.delivery import read_event
from webhooks.support import message

MESSAGE = read_event(message())
TYPING = read_event({"type": "conversation:typing", "id": "e2", "payload": {}})
NEW = read_event({"type": "conversation:sang", "id": "e3", "payload": {}})
BAD = read_event({"type": "conversation:message", "id": "e4", "payload": 1})


def names(handlers: EventHandlers, event: Event) -> list[str]:
    return [name.rpartition(".")[2] for name in handlers.select(event)]


async def noted(event: Any) -> None:
    """Do nothing."""


def test_handlers_get_the_events_they_are_for() -> None:
    handlers = EventHandlers()

    @handlers.on(ConversationMessageEvent)
    async def by_class(event: ConversationMessageEvent) -> None: ...

    @handlers.on("conversation:message")
    async def by_trigger(event: ConversationMessageEvent) -> None: ...

    @handlers.on("conversation:sang", unknown_ok=True)
    async def by_new_trigger(event: UnknownEvent) -> None: ...

    @handlers.on(WebhookEvent)
    async def by_base(event: WebhookEvent) -> None: ...

    @handlers.on(UnknownEvent)
    async def unknown(event: UnknownEvent) -> None: ...

    @handlers.on()
    async def every(event: Event) -> None: ...

    assert names(handlers, MESSAGE) == ["by_class", "by_trigger", "by_base", "every"]
    assert names(handlers, TYPING) == ["by_base", "every"]
    assert names(handlers, NEW) == ["by_new_trigger", "unknown", "every"]
    assert names(handlers, BAD) == ["unknown", "every"]


def test_filters() -> None:
    handlers = EventHandlers()
    handlers.on(ConversationMessageEvent, where=is_from_user)(noted)
    handlers.on("conversation:typing", where=lambda event: event.id == "e9")(noted)
    assert names(handlers, MESSAGE) == ["noted"]
    assert names(handlers, read_event(message(author="business"))) == []
    assert names(handlers, TYPING) == []


def test_a_function_registered_twice_is_called_once() -> None:
    handlers = EventHandlers()
    handlers.on(ConversationMessageEvent)(noted)
    handlers.on(ConversationTypingEvent)(noted)
    handlers.on()(noted)
    assert [handler.call for handler in handlers.select(MESSAGE).values()] == [noted]


def test_functions_of_one_name_are_distinguished() -> None:
    def make() -> Callable[[Event], Awaitable[None]]:
        async def handler(event: Event) -> None: ...

        return handler

    handlers = EventHandlers()
    first, second = handlers.on()(make()), handlers.on()(make())
    selected = handlers.select(MESSAGE)
    assert [handler.call for handler in selected.values()] == [first, second]
    assert [name.rpartition(".")[2] for name in selected] == ["handler", "handler#2"]


class Bot:
    async def __call__(self, event: Event) -> None: ...

    async def method(self, event: Event) -> None: ...


@pytest.mark.parametrize(
    "call",
    [noted, Bot(), Bot().method, functools.partial(noted)],
    ids=["function", "object", "method", "partial"],
)
def test_whatever_is_async_can_handle(call: Any) -> None:
    handlers = EventHandlers()
    assert handlers.on()(call) is call
    assert [handler.call for handler in handlers.handlers] == [call]


def plain(_: Any) -> bool:
    return True


async def generating(_: Any) -> Any:
    yield 1


async def asking(_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    "call", [plain, generating, print, 1], ids=["function", "generator", "builtin", "int"]
)
def test_what_is_not_async_is_rejected(call: Any) -> None:
    with pytest.raises(ConfigurationError, match="is not async: write it with `async def`"):
        EventHandlers().on()(call)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"kinds": [int]}, "for event classes or triggers"),
        ({"kinds": [""]}, "for event classes or triggers"),
        ({"kinds": ["conversation:message", noted]}, "for event classes or triggers"),
        ({"kinds": ["conversation:mesage"]}, "Did you mean 'conversation:message'"),
        ({"where": asking}, "not async"),
        ({"where": 1}, "plain function"),
        ({"debounce": 0}, "greater than 0"),
        ({"debounce": -1}, "greater than 0"),
        ({"debounce": float("inf")}, "greater than 0"),
        ({"debounce": float("nan")}, "greater than 0"),
        ({"timeout": 0}, "greater than 0"),
        ({"timeout": float("inf")}, "greater than 0"),
        ({"max_attempts": 0}, "1 or more"),
    ],
)
def test_what_cannot_work_is_rejected(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        EventHandlers().on(*arguments.pop("kinds", []), **arguments)


def test_included_handlers_come_after_and_may_come_later() -> None:
    outer, inner = EventHandlers(), EventHandlers()

    @inner.on()
    async def before(event: Event) -> None: ...

    outer.include(inner)

    @outer.on()
    async def own(event: Event) -> None: ...

    @inner.on()
    async def later(event: Event) -> None: ...

    assert names(outer, MESSAGE) == ["own", "before", "later"]
    assert names(inner, MESSAGE) == ["before", "later"]


def test_circles_are_rejected() -> None:
    outer, inner, innermost = EventHandlers(), EventHandlers(), EventHandlers()
    outer.include(inner)
    inner.include(innermost)
    for group in (outer, inner, innermost):
        with pytest.raises(ConfigurationError, match="in a circle"):
            innermost.include(group)
