from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import ConfigurationError, DecodeError
from sunco.codec import _scalars, decode, encode, json_name, structure
from sunco.models import (
    Action,
    Author,
    Buy,
    Client,
    Confirmation,
    Content,
    Conversation,
    ConversationMessagePayload,
    Coordinates,
    CustomIntegration,
    Event,
    FileMessage,
    FormMessage,
    ImageMessage,
    Integration,
    Item,
    Link,
    LocationMessage,
    MatchCriteria,
    Message,
    MessagePost,
    Participant,
    ProfileUpdate,
    QuotedExternalMessage,
    QuotedMessageMessage,
    Source,
    TextMessage,
    TwilioMatchCriteria,
    UnknownAction,
    UnknownContent,
    UnknownEvent,
    UnknownMatchCriteria,
    UnknownQuotedMessage,
    User,
    Webhook,
)


def read(document: Any, into: Any, key: str | None = None) -> Any:
    return decode(json.dumps(document).encode(), into, key=key)


def written(value: Any, **options: Any) -> Any:
    return json.loads(encode(value, **options))


def test_what_is_not_known_is_kept_and_written_back() -> None:
    document = {
        "id": "u1",
        "hasPaymentInfo": False,
        "profile": {"locale": "en", "localeOrigin": "zendeskAccount"},
        "extra": {"a": None},
        "sunco:extra": 1,
        "metadata": {"deep": [{"x": None}]},
    }
    user = read(document, User)
    assert user.extra == {"hasPaymentInfo": False, "extra": {"a": None}, "sunco:extra": 1}
    assert user.profile.extra == {"localeOrigin": "zendeskAccount"}
    assert written(user) == document


def test_an_unknown_key_does_not_pass_for_a_known_one() -> None:
    user = read({"id": "u1", "external_id": "snake", "externalId": "camel"}, User)
    assert (user.external_id, dict(user.extra)) == ("camel", {"external_id": "snake"})


@pytest.mark.parametrize(
    ("document", "into", "expected"),
    [
        ({"type": "text", "text": "Hi"}, Content, TextMessage("Hi")),
        (
            {"type": "hologram", "beam": {"x": None}},
            Content,
            UnknownContent("hologram", extra={"beam": {"x": None}}),
        ),
        ({"beam": 1}, Content, UnknownContent(extra={"beam": 1})),
        ({"type": None, "beam": 1}, Content, UnknownContent(extra={"beam": 1})),
        ({"type": ["a"]}, Content, UnknownContent(extra={"type": ["a"]})),
        ({"type": "wave"}, Action, UnknownAction("wave")),
        ({"type": "link", "text": "t", "uri": "u"}, Action, Link("t", uri="u")),
        (
            {"type": "twilio", "integrationId": 5, "phoneNumber": "+1"},
            MatchCriteria,
            TwilioMatchCriteria(integration_id="5", phone_number="+1"),
        ),
        ({"type": "pigeon"}, MatchCriteria, UnknownMatchCriteria("pigeon")),
    ],
)
def test_kinds(document: Any, into: Any, expected: Any) -> None:
    value = read(document, into)
    assert value == expected
    changed = {"integrationId": "5"} if "integrationId" in document else {}
    nothing = {key for key, inner in document.items() if inner is None}
    assert written(value) == {
        key: inner for key, inner in (document | changed).items() if key not in nothing
    }


def test_kinds_that_hold_themselves() -> None:
    document = {
        "id": "m2",
        "quotedMessage": {
            "type": "message",
            "message": {
                "id": "m1",
                "quotedMessage": {"type": "externalMessageId", "externalMessageId": "e"},
            },
        },
    }
    message = read(document, Message)
    assert message == Message(
        id="m2",
        quoted_message=QuotedMessageMessage(
            Message(id="m1", quoted_message=QuotedExternalMessage("e"))
        ),
    )
    assert written(message) == document
    assert read({"id": "m", "quotedMessage": {"type": "x"}}, Message).quoted_message == (
        UnknownQuotedMessage("x")
    )


def test_a_class_of_its_own_can_be_read_with_or_without_its_type() -> None:
    for document in ({"type": "text", "text": "a"}, {"text": "a"}):
        assert read(document, TextMessage) == TextMessage("a")


Read = Callable[[Any], Any]


def wrong(cases: Sequence[tuple[Any, Any]], convert: Read) -> list[str]:
    """The cases whose value is read as something else, or as another type."""
    results = [(given, expected, convert(given)) for given, expected in cases]
    return [
        f"{given!r} is read as {got!r}, not {expected!r}"
        for given, expected, got in results
        if got != expected or type(got) is not type(expected)
    ]


def test_values_of_the_declared_type_are_read_as_they_are() -> None:
    values: list[tuple[Callable[[Any], Any], Any]] = [
        (_scalars.read_text, "x"),
        (_scalars.read_integer, 7),
        (_scalars.read_number, 1.5),
        (_scalars.read_boolean, False),
        (_scalars.read_object, {"x": 1}),
        (_scalars.read_list, ["x"]),
    ]
    for read, value in values:
        assert read(value) is value


def test_scalars_of_other_types_are_converted_where_nothing_is_lost() -> None:
    texts = [
        ("a", "a"),
        (912382197, "912382197"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("", ""),
    ]
    assert wrong(texts, lambda given: read({"id": given}, Conversation).id) == []
    assert wrong(texts, lambda given: read({"type": given}, Author).type) == []
    integers = [(3, 3), (3.0, 3), ("3", 3), (None, None)]
    read_count: Read = lambda given: read({"id": "p", "unreadCount": given}, Participant)  # noqa: E731
    assert wrong(integers, lambda given: read_count(given).unread_count) == []
    numbers = [(3, 3), (3.5, 3.5), ("3.5", 3.5), ("1e3", 1e3), ("9007199254740993", 2**53 + 1)]
    read_size: Read = lambda given: read({"mediaUrl": "u", "mediaSize": given}, FileMessage)  # noqa: E731
    assert wrong(numbers, lambda given: read_size(given).media_size) == []
    booleans = [(True, True), ("true", True), (1, True), ("1", True), ("True", True)]
    booleans += [(False, False), ("false", False), (0, False), ("0", False), ("False", False)]
    read_default: Read = lambda given: read({"id": "c", "isDefault": given}, Conversation)  # noqa: E731
    assert wrong(booleans, lambda given: read_default(given).is_default) == []


MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected", "back"),
    [
        ("2026-01-02T03:04:05.678Z", MOMENT, "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T05:04:05.678+02:00", MOMENT, "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05.678", MOMENT, "2026-01-02T03:04:05.678Z"),
        ("2026-01-02T03:04:05Z", MOMENT.replace(microsecond=0), "2026-01-02T03:04:05.000Z"),
        (
            "2026-01-02T03:04:05.678901Z",
            MOMENT.replace(microsecond=678901),
            "2026-01-02T03:04:05.678901Z",
        ),
        (1767323045, MOMENT.replace(microsecond=0), "2026-01-02T03:04:05.000Z"),
        (1767323045.678, MOMENT, "2026-01-02T03:04:05.678Z"),
        (1767323045678, MOMENT, "2026-01-02T03:04:05.678Z"),
    ],
)
def test_times(given: Any, expected: datetime, back: str) -> None:
    client = read({"id": "c", "lastSeen": given}, Client)
    assert client.last_seen == expected
    assert client.last_seen.tzinfo is not None
    assert written(client) == {"id": "c", "lastSeen": back}


def test_times_are_written_in_utc() -> None:
    paris = MOMENT.astimezone(timezone(timedelta(hours=1)))
    assert written({"at": paris}) == {"at": "2026-01-02T03:04:05.678Z"}
    with pytest.raises(ConfigurationError, match="no time zone"):
        encode({"at": MOMENT.replace(tzinfo=None)})
    with pytest.raises(ConfigurationError, match="cannot be expressed in UTC"):
        encode({"at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))})


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_time_loses_anything(moment: datetime) -> None:
    client = Client(id="c", last_seen=moment)
    assert decode(encode(client), Client) == client


UNREADABLE: list[tuple[Any, Any, str, str]] = [
    ({"id": {}}, Conversation, "id", "expected text, got an object"),
    ([], Conversation, "", "expected an object, got a list"),
    (None, Conversation, "", "expected an object, got null"),
    ("x", Content, "", "expected an object, got text"),
    ({}, list[Conversation], "", "expected a list, got an object"),
    ({"type": "location"}, LocationMessage, "coordinates", "is missing"),
    (
        {"coordinates": {"lat": 1, "long": None}},
        LocationMessage,
        "coordinates.long",
        "expected a number, got null",
    ),
    ({"lat": "big", "long": 1}, Coordinates, "lat", "expected a number, got other text"),
    ({"lat": "inf", "long": 1}, Coordinates, "lat", "expected a number, got text"),
    ({"lat": {}, "long": 1}, Coordinates, "lat", "expected a number, got an object"),
    (
        {"text": "t", "amount": "many"},
        Buy,
        "amount",
        "expected a whole number, got other text",
    ),
    ({"text": "t", "amount": 1.5}, Buy, "amount", "expected a whole number, got a number"),
    ({"text": "t", "amount": []}, Buy, "amount", "expected a whole number, got a list"),
    ({"title": "t", "actions": {}}, Item, "actions", "expected a list, got an object"),
    (
        {"title": "t", "actions": [{"type": "wave"}, {"type": "link"}, 7]},
        Item,
        "actions[2]",
        "expected an object, got a number",
    ),
    ({"fields": [{"type": "text", "name": "n"}]}, FormMessage, "fields[0].label", "is missing"),
    (
        {"target": "t", "triggers": ["a", {}]},
        Webhook,
        "triggers[1]",
        "expected text, got an object",
    ),
    ({"content": 1}, MessagePost, "content", "expected an object, got a number"),
    (
        {"content": {"type": "text"}, "author": None},
        MessagePost,
        "author",
        "expected an object, got null",
    ),
]


def test_what_is_required_and_cannot_be_read_is_located() -> None:
    for document, into, location, reason in UNREADABLE:
        with pytest.raises(DecodeError) as caught:
            read(document, into)
        assert (caught.value.location, caught.value.message) == (location, reason), document
        assert caught.value.__cause__ is None


OPTIONAL: list[tuple[Any, str, list[Any]]] = [
    (Participant, "unreadCount", ["many", 1.5, [], {}]),
    (FileMessage, "mediaSize", ["big", "inf", "nan", {}, []]),
    (Conversation, "isDefault", ["maybe", 2, [], {}]),
    (
        Conversation,
        "createdAt",
        ["", "now", 1e300, -1e300, 10**400, True, [], {}, "0001-01-01T00:00:00+01:00"],
    ),
    (Conversation, "metadata", [[1], "x", 7, False]),
    (Conversation, "activeSwitchboardIntegration", ["x", [], 1]),
    (Message, "author", [{}, {"type": {}}, "ada", {"type": None}]),
    (Message, "content", [[], "text", 1]),
    (Message, "quotedMessage", [[], "m1"]),
    (Message, "references", [{}, [1], [{"title": "no uri"}]]),
    (Author, "user", [{}, {"id": None}, {"externalId": "x"}, "u1"]),
    (Author, "subtypes", [{}, "AI", [{}]]),
    (Source, "client", [{}, {"type": "whatsapp"}]),
    (Source, "device", [{}, {"guid": "g"}]),
    (Source, "originalMessageTimestamp", [""]),
    (QuotedMessageMessage, "message", [{}, {"content": {"type": "text", "text": "x"}}]),
    (TextMessage, "actions", [{}, [7], ["x"]]),
    (ConversationMessagePayload, "recentNotifications", [[{}], {}]),
    (Source, "campaign", ["spring"]),
]
REQUIRED: dict[Any, dict[str, Any]] = {
    Author: {"type": "user"},
    Conversation: {"id": "c"},
    ConversationMessagePayload: {"conversation": {"id": "c"}, "message": {"id": "m"}},
    FileMessage: {"mediaUrl": "u"},
    Message: {"id": "m"},
    Participant: {"id": "p"},
}


def test_what_is_optional_and_cannot_be_read_is_none_and_its_json_is_kept() -> None:
    for into, key, values in OPTIONAL:
        (field,) = (each for each in attrs.fields(into) if json_name(each) == key)
        for value in values:
            document = {**REQUIRED.get(into, {}), "new": 1, key: value}
            model = read(document, into)
            assert getattr(model, field.name) is None, document
            assert model.extra == {"new": 1, key: value}
            assert written(model).items() >= document.items()
            assert decode(encode(model), into) == model


def test_an_update_that_cannot_be_read_is_unset_and_its_json_is_kept() -> None:
    update = read({"surname": {}, "email": None}, ProfileUpdate)
    assert update == ProfileUpdate(email=None, extra={"surname": {}})
    assert written(update) == {"surname": {}, "email": None}


def test_a_known_kind_that_cannot_be_read_is_unknown_and_its_json_is_kept() -> None:
    cases: list[tuple[dict[str, Any], Any, Any]] = [
        ({"type": "image", "text": "x"}, Content, UnknownContent),
        ({"type": "image", "mediaUrl": {}}, Content, UnknownContent),
        ({"type": "location", "coordinates": {"lat": 1}}, Content, UnknownContent),
        ({"type": "carousel", "items": [{"title": "t"}]}, Content, UnknownContent),
        ({"type": "link", "text": "t"}, Action, UnknownAction),
        ({"type": "buy", "text": "t", "amount": "many"}, Action, UnknownAction),
        ({"type": "twilio", "phoneNumber": []}, MatchCriteria, UnknownMatchCriteria),
        ({"type": "custom", "webhooks": 1, "id": {}}, Integration, CustomIntegration),
        ({"type": "user:update", "id": "e", "payload": []}, Event, UnknownEvent),
        ({"type": "user:update", "payload": {}}, Event, UnknownEvent),
        (
            {"type": "conversation:message", "id": "e", "payload": {"message": {"id": "m"}}},
            Event,
            UnknownEvent,
        ),
        (
            {"type": "conversation:message", "id": "e", "payload": {"conversation": {"id": "c"}}},
            Event,
            UnknownEvent,
        ),
    ]
    for document, into, expected in cases:
        model = read(document, into)
        assert type(model) is expected, document
        assert model.type == document["type"]
        assert written(model) == document
        assert decode(encode(model), into) == model


def test_an_event_that_cannot_be_read_says_why() -> None:
    document: dict[str, Any] = {
        "type": "conversation:message",
        "id": "e",
        "createdAt": "2026-01-02T03:04:05.678Z",
        "payload": {"conversation": {"id": "c"}, "message": {"id": []}},
    }
    event = read(document, Event)
    assert event.error == "payload.message.id: expected text, got a list"
    assert (event.id, event.created_at, event.payload) == ("e", MOMENT, document["payload"])
    assert read({"type": "new", "id": "e"}, Event).error is None


def test_one_unreadable_part_costs_no_neighbour() -> None:
    page = {
        "messages": [
            {"id": "m1", "content": {"type": "text", "text": "a"}},
            {"id": "m2", "received": "", "content": {"type": "image", "text": "x"}, "author": {}},
            {"id": "m3", "content": {"type": "text", "text": "half \ud83d"}},
        ]
    }
    first, second, third = read(page, list[Message], "messages")
    assert (first.content, third.content) == (TextMessage("a"), TextMessage("half \ud83d"))
    assert second.content == UnknownContent("image", extra={"text": "x"})
    assert second.extra == {"received": "", "author": {}}
    assert written({"messages": [first, second, third]}) == page


class Unread(dict[str, Any]):
    """An object that must not be read."""

    def __iter__(self) -> Any:
        raise AssertionError


def test_reading_a_list_stops_at_the_first_item_that_cannot_be_read() -> None:
    document = [{"id": "a"}, {}, Unread()]
    with pytest.raises(DecodeError) as caught:
        structure(document, list[Conversation])
    assert (caught.value.location, caught.value.message) == ("[1].id", "is missing")


def test_lists_are_located_from_the_key() -> None:
    for into, key in ((list[Conversation], "conversations"), (list[Conversation], None)):
        document: Any = [{"id": "a"}, {"id": None}]
        with pytest.raises(DecodeError) as caught:
            read({key: document} if key else document, into, key)
        assert caught.value.location == f"{key or ''}[1].id"


def nested(depth: int) -> bytes:
    quoted = b'{"id":"m","quotedMessage":{"type":"message","message":'
    return quoted * depth + b'{"id":"m"}' + b"}}" * depth


def test_a_document_that_is_nested_too_deeply_is_a_decode_error() -> None:
    assert decode(nested(100), Message).id == "m"
    for depth in (2_000, 100_000):
        with pytest.raises(DecodeError, match="nested too deeply"):
            decode(nested(depth), Message)
    plain: Any = {"id": "m"}
    for _ in range(5_000):
        plain = {"id": "m", "quotedMessage": {"type": "message", "message": plain}}
    with pytest.raises(DecodeError, match="messages: is nested too deeply"):
        structure({"messages": [plain]}, list[Message], key="messages")


def test_a_model_that_is_nested_too_deeply_to_be_written_is_a_configuration_error() -> None:
    message = Message(id="m")
    for _ in range(5_000):
        message = Message(id="m", quoted_message=QuotedMessageMessage(message))
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        encode(message)


def test_requests_leave_out_what_the_api_sets() -> None:
    image = ImageMessage("u", media_size=3, media_type="image/png", text="a")
    assert written(image, read_only=False) == {"type": "image", "mediaUrl": "u", "text": "a"}
    assert written({"content": [image]}, read_only=False) == {
        "content": [{"type": "image", "mediaUrl": "u", "text": "a"}]
    }
    assert written(image) == {
        "type": "image",
        "mediaUrl": "u",
        "mediaSize": 3,
        "mediaType": "image/png",
        "text": "a",
    }


def test_none_clears_and_unset_leaves_alone() -> None:
    assert written(ProfileUpdate()) == {}
    assert written(ProfileUpdate(surname=None, email="e")) == {"surname": None, "email": "e"}
    assert read({"surname": None}, ProfileUpdate) == ProfileUpdate(surname=None)
    assert written(Confirmation("prompt", message=None)) == {"type": "prompt"}


def test_what_a_model_knows_wins_over_extra() -> None:
    message = TextMessage("Hi", extra={"text": "Ho", "type": "image", "new": 1})
    assert written(message) == {"text": "Hi", "type": "text", "new": 1}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON))
def test_whatever_is_unknown_comes_back_as_it_was(fields: dict[str, Any]) -> None:
    known = {"type", "text", "htmlText", "markdownText", "blockChatInput", "actions", "payload"}
    unknown = {key: value for key, value in fields.items() if key not in known}
    for document in ({"type": "text", **unknown}, {"type": "new kind", **unknown}):
        assert written(read(document, Content)) == document


@given(JSON)
def test_any_json_is_read_or_is_a_decode_error(document: Any) -> None:
    kinds: list[Any] = [Content, Message, list[User]]
    for into in kinds:
        try:
            value: Any = read(document, into)
        except DecodeError:
            continue
        assert decode(encode(value), into) == value
