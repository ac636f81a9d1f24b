"""Reading by shapes gives what careful reading gives, whatever comes in whatever order."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import DecodeError, codec
from sunco.models import Author, Message, MessagePost, TextMessage

SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 7, 1.5, "", "x", "business", "2024-05-01T12:00:00Z", [], {}]
)


def objects(*keys: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of some of these keys, in any order, and of some that nobody knows."""
    values: dict[str, st.SearchStrategy[Any]] = dict.fromkeys((*keys, "new", "other"), SCALARS)
    items = st.lists(
        st.sampled_from([*values, *known]).flatmap(
            lambda key: st.tuples(st.just(key), (values | known)[key])
        ),
        max_size=8,
    )
    return items.map(dict)


AUTHORS = objects("userId", "userExternalId", "displayName", "subtypes", type=st.just("user"))
REPLY = st.just({"type": "reply", "text": "Yes", "payload": "y", "iconUrl": None})
CONTENTS = objects(
    "htmlText",
    type=st.sampled_from(["text", "image", "brandNew"]),
    text=st.just("Hi"),
    actions=st.lists(REPLY | SCALARS, max_size=2),
)
MESSAGES = objects(
    "name",
    "metadata",
    "deleted",
    "received",
    id=st.just("m1"),
    author=AUTHORS | SCALARS,
    content=CONTENTS | SCALARS,
    source=objects("integrationId", type=st.just("ios")),
)


def outcome(document: Any) -> str:
    try:
        return repr(codec.structure(document, list[Message], key="messages"))
    except DecodeError as error:
        return str(error)


@given(documents=st.lists(MESSAGES, max_size=3))
def test_the_same_as_careful_reading(documents: list[dict[str, Any]]) -> None:
    quick = outcome({"messages": documents})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sunco.codec._reader", vars(codec)["_explaining_reader"]())
        careful = outcome({"messages": documents})
    assert quick == careful


def test_what_is_read_is_as_good_as_what_is_made() -> None:
    document = {
        "id": "m1",
        "author": {"type": "business"},
        "content": {"type": "text", "text": "x"},
    }
    made = Message(id="m1", author=Author("business"), content=TextMessage("x"))
    read = codec.structure(document, Message)
    assert read == made
    assert repr(read) == repr(made)
    assert hash(read.author) == hash(made.author)
    pickled = pickle.dumps(read)
    for same in (pickle.loads(pickled), copy.deepcopy(read), copy.copy(read)):  # noqa: S301 - ours
        assert same == made
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        read.id = "m2"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_defaults_that_are_made_anew() -> None:
    post = codec.structure({"content": {"type": "text", "text": "x"}}, MessagePost)
    assert post == MessagePost(content=TextMessage("x"), author=Author("business"))


def test_an_object_of_nothing() -> None:
    assert codec.structure({"messages": []}, list[Message], key="messages") == []
    with pytest.raises(DecodeError, match=r"\[0\]\.id: is missing"):
        codec.structure([{}], list[Message])


def test_ever_new_shapes_are_read_too_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sunco.codec._compiled._MOST_SHAPES", 0)
    for number in range(5):
        author = codec.structure({f"key{number}": 1, "type": "user"}, Author)
        assert author == Author("user", extra={f"key{number}": 1})
