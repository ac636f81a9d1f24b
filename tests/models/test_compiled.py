"""Functions compiled for one shape read the same as the general functions."""

from __future__ import annotations

import copy
import json
import linecache
import pickle
import traceback
from collections import OrderedDict, UserDict
from functools import cache
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import DecodeError, codec
from sunco.codec import _compiled
from sunco.models import (
    Author,
    Campaign,
    Content,
    Conversation,
    EventError,
    Item,
    Message,
    MessagePost,
    ReferralDetails,
    TextMessage,
    UnknownContent,
)

SCALARS: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, 7, 1.5, "", "x", "business", "2024-05-01T12:00:00Z", [], {}]
)


def objects(*keys: str, **known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of some of these keys, in any order, and of unknown ones."""
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


def outcome(document: Any) -> tuple[Any, str]:
    """The models and their JSON, which tells True from 1; or the error."""
    try:
        models = codec.structure(document, list[Message], key="messages")
    except DecodeError as error:
        return None, str(error)
    return models, json.dumps(json.loads(codec.encode(models)), sort_keys=True)


@given(documents=st.lists(MESSAGES, max_size=3))
def test_all_shapes_are_read_as_by_the_general_functions(documents: list[dict[str, Any]]) -> None:
    by_shape = outcome({"messages": documents})
    with pytest.MonkeyPatch.context() as patch:

        def never(*_: object) -> bool:
            return False

        patch.setattr(_compiled.ModelReader, "is_worth_learning", never)
        patch.setattr(_compiled, "model_reader", cache(_compiled.ModelReader))
        patch.setattr(_compiled, "kind_reader", cache(_compiled.KindReader))
        patch.setattr(codec, "reader_of", cache(_compiled.reader_of.__wrapped__))
        general = cache(_compiled.general_reader.__wrapped__)
        patch.setattr(_compiled, "general_reader", general)
        assert outcome({"messages": documents}) == by_shape
        assert documents == [] or general.cache_info().currsize


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


@pytest.fixture
def new_readers() -> None:
    """Forget what other tests have taught the readers."""
    readers: list[Any] = [
        _compiled.model_reader,
        _compiled.kind_reader,
        _compiled.reader_of,
        _compiled.general_reader,
    ]
    for cached in readers:
        cached.cache_clear()


def shapes_of(cls: Any) -> int:
    return len(_compiled.model_reader(cls).shapes)


@pytest.mark.usefixtures("new_readers")
def test_ever_new_shapes_are_read_and_only_a_bounded_number_is_learnt() -> None:
    compiled = len(linecache.cache)
    for number in range(5_000):
        campaign = codec.structure({f"key{number}": 1, "id": "c"}, Campaign)
        assert campaign == Campaign(id="c", extra={f"key{number}": 1})
    assert shapes_of(Campaign) == _compiled.MAX_SHAPES
    assert len(linecache.cache) - compiled <= _compiled.MAX_SHAPES + 2


@pytest.mark.usefixtures("new_readers")
def test_a_shape_must_recur_before_more_than_a_few_are_learnt() -> None:
    for number in range(_compiled.FREE_SHAPES + _compiled.MISSES_PER_SHAPE - 1):
        codec.structure({f"key{number}": 1}, ReferralDetails)
    assert shapes_of(ReferralDetails) == _compiled.FREE_SHAPES
    codec.structure({"key": 1}, ReferralDetails)
    assert shapes_of(ReferralDetails) == _compiled.FREE_SHAPES + 1


@pytest.mark.usefixtures("new_readers")
def test_wide_objects_and_long_keys_are_read_and_not_learnt() -> None:
    wide: dict[str, Any] = {f"key{number}": number for number in range(10_000)}
    long: dict[str, Any] = {"k" * 100_000: 1}
    for unknown in (wide, long):
        assert codec.structure(unknown, EventError) == EventError(extra=unknown)
    assert shapes_of(EventError) == 0


def test_objects_and_lists_of_other_python_types_are_read() -> None:
    kinds: list[Any] = [UserDict, OrderedDict]
    for kind in kinds:
        fields = kind(type="user")
        for document in ({"id": "m", "author": fields}, kind(id="m", author=fields)):
            assert codec.structure(document, Message) == Message(id="m", author=Author("user"))
        content = codec.structure(fields, Content)  # type: ignore[arg-type, var-annotated]
        assert content == UnknownContent("user")
    author = codec.structure({"type": "user", "subtypes": ("AI",)}, Author)
    assert author.subtypes == ["AI"]
    assert codec.structure({"id": "c", "metadata": UserDict(a=1)}, Conversation).metadata == {
        "a": 1
    }


def test_a_union_with_none_reads_null() -> None:
    into: Any = Content | None
    assert codec.structure(None, into) is None
    assert codec.structure({"type": "text"}, into) == TextMessage()


def test_tracebacks_show_the_lines_of_compiled_functions() -> None:
    with pytest.raises(DecodeError) as caught:
        codec.structure({"title": "t", "actions": [7]}, Item)
    assert caught.value.__context__ is not None
    shown = "".join(traceback.format_exception(caught.value.__context__))
    assert "raise error.within('actions')" in shown
    assert "<sunco Item " in shown
