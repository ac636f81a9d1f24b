from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import ConfigurationError, DecodeError
from sunco.codec import decode, encode
from sunco.models import (
    Action,
    Author,
    Client,
    Confirmation,
    Content,
    Conversation,
    FileMessage,
    ImageMessage,
    Link,
    LocationMessage,
    MatchCriteria,
    Message,
    Participant,
    ProfileUpdate,
    QuotedExternalMessage,
    QuotedMessageMessage,
    TextMessage,
    TwilioMatchCriteria,
    UnknownAction,
    UnknownContent,
    UnknownMatchCriteria,
    UnknownQuotedMessage,
    User,
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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a", "a"),
        (912382197, "912382197"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ("", ""),
    ],
)
def test_text(given: Any, expected: str) -> None:
    assert read({"id": given}, Conversation).id == expected
    assert read({"type": given}, Author).type == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(3, 3), (3.0, 3), ("3", 3), (True, 1), (None, None)]
)
def test_whole_numbers(given: Any, expected: int | None) -> None:
    assert read({"id": "p", "unreadCount": given}, Participant).unread_count == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [(3, 3), (3.5, 3.5), ("3.5", 3.5), ("1e3", 1000.0), ("9007199254740993", 9007199254740993)],
)
def test_numbers(given: Any, expected: float) -> None:
    content = read({"mediaUrl": "u", "mediaSize": given}, FileMessage)
    assert content.media_size == expected
    assert type(content.media_size) is type(expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, True),
        ("true", True),
        (1, True),
        ("1", True),
        (False, False),
        ("false", False),
        (0, False),
    ],
)
def test_booleans(given: Any, expected: bool) -> None:  # noqa: FBT001
    assert read({"id": "c", "isDefault": given}, Conversation).is_default is expected


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


@given(st.datetimes(timezones=st.just(UTC)))
def test_no_time_loses_anything(moment: datetime) -> None:
    client = Client(id="c", last_seen=moment)
    assert decode(encode(client), Client) == client


@pytest.mark.parametrize(
    ("document", "into", "location", "said"),
    [
        ({"id": {}}, Conversation, "id", "expected text, got an object"),
        ({"id": "p", "unreadCount": "many"}, Participant, "unreadCount", "got other text"),
        ({"id": "p", "unreadCount": 1.5}, Participant, "unreadCount", "got a number"),
        ({"id": "p", "unreadCount": []}, Participant, "unreadCount", "got a list"),
        ({"mediaUrl": "u", "mediaSize": "big"}, FileMessage, "mediaSize", "got other text"),
        ({"mediaUrl": "u", "mediaSize": "inf"}, FileMessage, "mediaSize", "got text"),
        ({"mediaUrl": "u", "mediaSize": {}}, FileMessage, "mediaSize", "got an object"),
        ({"id": "c", "isDefault": "maybe"}, Conversation, "isDefault", "a boolean, got text"),
        ({"id": "c", "isDefault": 2}, Conversation, "isDefault", "a boolean, got a number"),
        ({"id": "c", "createdAt": "now"}, Conversation, "createdAt", "ISO 8601"),
        (
            {"id": "c", "isDefault": True, "createdAt": "now"},
            Conversation,
            "createdAt",
            "ISO 8601",
        ),
        ({"id": "c", "createdAt": 1e300}, Conversation, "createdAt", "ISO 8601"),
        ({"id": "c", "createdAt": True}, Conversation, "createdAt", "a time, got a boolean"),
        ({"id": "c", "metadata": [1]}, Conversation, "metadata", "an object, got a list"),
        ({"id": "c", "metadata": "x"}, Conversation, "metadata", "an object, got text"),
        ([], Conversation, "", "an object, got a list"),
        ("x", Content, "", "an object, got text"),
        ({"type": "image"}, Content, "mediaUrl", "is missing"),
        ({"type": "location"}, LocationMessage, "coordinates", "is missing"),
        (
            {"type": "location", "coordinates": {"lat": 1, "long": None}},
            Content,
            "coordinates.long",
            "a number, got null",
        ),
        (
            {
                "mediaUrl": "u",
                "actions": [{"type": "wave"}, {"type": "link", "text": "t", "uri": 0}, 7],
            },
            ImageMessage,
            "actions[2]",
            "an object, got a number",
        ),
        (
            {"id": "m", "content": {"type": "text", "actions": {}}},
            Message,
            "content.actions",
            "a list",
        ),
    ],
)
def test_what_cannot_be_read_is_located(document: Any, into: Any, location: str, said: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read(document, into)
    assert caught.value.location == location
    assert said in caught.value.message
    assert caught.value.__cause__ is None


def test_lists_are_located_from_the_key() -> None:
    for into, key in ((list[Conversation], "conversations"), (list[Conversation], None)):
        document: Any = [{"id": "a"}, {"id": None}]
        with pytest.raises(DecodeError) as caught:
            read({key: document} if key else document, into, key)
        assert caught.value.location == f"{key or ''}[1].id"


def test_endless_quotations_are_refused() -> None:
    quoted = b'{"id":"m","quotedMessage":{"type":"message","message":'
    depth = 400
    content = quoted * depth + b'{"id":"m"}' + b"}}" * depth
    with pytest.raises(DecodeError, match="nested too deeply"):
        decode(content, Message)


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
def test_any_json_is_read_or_refused_with_a_location(document: Any) -> None:
    kinds: list[Any] = [Content, Message, list[User]]
    for into in kinds:
        try:
            value: Any = read(document, into)
        except DecodeError:
            continue
        assert decode(encode(value), into) == value
