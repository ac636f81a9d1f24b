from __future__ import annotations

import json
from typing import Any
from unittest.mock import Mock

import pytest

from sunco import PayloadError, codec
from sunco.models.events import ConversationMessageEvent, PassthroughMessagingEvent, UnknownEvent
from sunco.webhooks import parse
from sunco.webhooks.delivery import read_event
from webhooks.support import delivery, message

BROKEN: list[tuple[bytes | str, str]] = [
    (b"", "the body is empty"),
    (b"hello", "is not JSON"),
    (b"<html>", "is HTML"),
    (b'{"events": [', "is not JSON"),
    (b'{"events": "\xff"}', "UTF-8"),
    ('{"events": "\ud800"}', "UTF-8"),
    (b"[" * 100_000, "nested too deeply"),
    (b'{"events": NaN}', "not JSON"),
    (b"[]", "not an object with a list of events"),
    (b"null", "not an object with a list of events"),
    (b"{}", "not an object with a list of events"),
    (b'{"events": {}}', "not an object with a list of events"),
    (b'{"events": null}', "not an object with a list of events"),
]


@pytest.mark.parametrize(("body", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_what_is_no_delivery_is_rejected(body: bytes | str, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        parse(body)


def test_a_delivery_says_where_it_comes_from() -> None:
    read = parse(delivery(message("e1"), message("e2")))
    assert (read.app_id, read.webhook_id, read.version) == ("a1", "w1", "v2")
    assert [type(event) for event in read.events] == [ConversationMessageEvent] * 2
    assert parse(delivery(message("e1")).decode()).events == read.events[:1]


@pytest.mark.parametrize("body", ['{"events": []}', '{"app": 1, "webhook": [], "events": []}'])
def test_a_delivery_need_not_say_where_it_comes_from(body: str) -> None:
    read = parse(body)
    assert (read.app_id, read.webhook_id, read.version, list(read.events)) == (
        None,
        None,
        None,
        [],
    )


WRONG: list[tuple[Any, str, UnknownEvent]] = [
    (
        {"type": "conversation:message", "id": "e9", "payload": [1], "createdAt": "now"},
        "payload: expected an object, got a list",
        UnknownEvent("conversation:message", id="e9", payload=[1], extra={"createdAt": "now"}),
    ),
    (
        {"type": "user:update", "id": "e9", "payload": "x"},
        "payload: expected an object, got text",
        UnknownEvent("user:update", id="e9", payload="x"),
    ),
    (
        {"type": "user:update", "payload": {}},
        "id: is missing",
        UnknownEvent("user:update", payload={}),
    ),
    (
        {"type": "user:update", "id": [1], "payload": {}},
        "id: expected text, got a list",
        UnknownEvent("user:update", payload={}, extra={"id": [1]}),
    ),
    ("event", "expected an object, got text", UnknownEvent(payload="event")),
    (None, "expected an object, got null", UnknownEvent()),
    (1, "expected an object, got a number", UnknownEvent(payload=1)),
    (1.5, "expected an object, got a number", UnknownEvent(payload=1.5)),
    (True, "expected an object, got a boolean", UnknownEvent(payload=True)),
    ([1], "expected an object, got a list", UnknownEvent(payload=[1])),
]


@pytest.mark.parametrize(("event", "error", "expected"), WRONG, ids=[w[1] for w in WRONG])
def test_a_bad_event_does_not_lose_its_neighbours(
    event: Any, error: str, expected: UnknownEvent
) -> None:
    before, bad, after = parse(delivery(message("e1"), event, message("e2"))).events
    assert isinstance(bad, UnknownEvent)
    assert bad.error == error
    assert codec.encode(bad) == codec.encode(expected)
    assert (before.id, after.id) == ("e1", "e2")


def test_equal_scalars_in_place_of_events_share_an_object() -> None:
    events = parse(b'{"events": [1, true, 1, 1.0, "1", null, [1], [1], [], 0, "", []]}').events
    payloads = [event.payload for event in events]
    assert [(type(value), value) for value in payloads] == [
        (type(value), value) for value in (1, True, 1, 1.0, "1", None, [1], [1], [], 0, "", [])
    ]
    assert len({id(event) for event in events}) == 10


def test_many_small_events_beside_a_deep_one_are_read_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted in calls of the reader of events: one by one, they would cost several times more."""
    calls = 0
    structure = codec.structure

    def counting(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        return structure(*arguments, **options)

    monkeypatch.setattr(codec, "structure", counting)
    quoted: dict[str, Any] = {"id": "m"}
    for _ in range(5_000):
        quoted = {"id": "m", "quotedMessage": {"type": "message", "message": quoted}}
    payload = {"conversation": {"id": "c"}, "message": quoted}
    deep: Any = {"type": "conversation:message", "id": "deep", "payload": payload}
    # Deeper than the parser permits here: how deep that is depends on the version of Python.
    events: list[Any] = [*({} for _ in range(1001)), [], deep]
    monkeypatch.setattr("sunco._json.load", Mock(return_value={"events": events}))
    read = parse(b"").events
    assert len(read) == 1003
    last = read[-1]
    assert isinstance(last, UnknownEvent)
    assert (last.id, last.error) == ("deep", "is nested too deeply")
    assert calls < 50


def test_an_event_that_is_nested_too_deeply_is_unknown() -> None:
    quoted: Any = {"id": "m"}
    for _ in range(5_000):
        quoted = {"id": "m", "quotedMessage": {"type": "message", "message": quoted}}
    payload = {"conversation": {"id": "c"}, "message": quoted}
    event = read_event({"type": "conversation:message", "id": "e1", "new": 1, "payload": payload})
    assert isinstance(event, UnknownEvent)
    assert (event.id, event.error, event.extra) == ("e1", "is nested too deeply", {"new": 1})
    assert event.payload is payload


def test_message_events_have_text_conversation_and_message() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"content": {"type": "text", "text": "Hi"}}, "Hi"),
        ({"content": {"type": "image", "mediaUrl": "u", "text": "caption"}}, "caption"),
        ({"content": {"type": "image", "mediaUrl": "u"}}, ""),
        ({"content": {"type": "image", "text": "no url"}}, "no url"),
        ({"content": {"type": "hologram", "text": {"a": 1}}}, ""),
        ({"content": {"type": "formResponse", "fields": []}}, ""),
        ({"content": None}, ""),
        ({}, ""),
    ]
    for parts, expected in cases:
        payload = {"conversation": {"id": "c1"}, "message": {"id": "m1", **parts}}
        event = read_event({"type": "conversation:message", "id": "e1", "payload": payload})
        assert isinstance(event, ConversationMessageEvent)
        assert (event.text, event.conversation_id) == (expected, "c1"), parts
        assert event.message is event.payload.message


def test_an_unknown_event_is_no_error() -> None:
    (event,) = parse(
        delivery({"type": "conversation:sang", "id": "e1", "payload": {"a": 1}})
    ).events
    assert event == UnknownEvent("conversation:sang", id="e1", payload={"a": 1})


def test_deep_payloads_are_kept_as_they_are() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"in": deep}
    event = {"type": "passthrough:messaging", "id": "e1", "payload": deep}
    (read,) = parse(delivery(event)).events
    assert isinstance(read, PassthroughMessagingEvent)
    assert read.payload == deep
    assert json.loads(codec.encode(read)) == event


def test_nothing_of_a_rejected_body_is_shown() -> None:
    with pytest.raises(PayloadError) as caught:
        parse(b'{"secret words": ')
    assert "secret words" not in str(caught.value)
