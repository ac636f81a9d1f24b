from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any, cast

import attrs
import pytest

from sunco import models
from sunco.models import (
    UNSET,
    Client,
    Conversation,
    Device,
    InteractiveDataRef,
    Link,
    Model,
    ProfileUpdate,
    TextMessage,
)

MODELS: list[type[Model]] = [
    kind
    for kind in (getattr(models, name) for name in models.__all__)
    if inspect.isclass(kind) and issubclass(kind, Model) and kind is not Model
]


def documented(kind: type[Any]) -> list[str]:
    section = (inspect.getdoc(kind) or "").partition("Attributes:")[2]
    return [
        line.split(":")[0].strip()
        for line in section.splitlines()
        if line[:4].strip() == "" and line[4:5].strip() and ":" in line
    ]


def test_every_model_is_frozen_slotted_documented_and_keyword_only() -> None:
    assert len(MODELS) > 100
    own = {kind: [f for f in attrs.fields(kind) if not f.inherited] for kind in MODELS}
    assert [kind for kind in MODELS if kind.__dictoffset__ != 0] == []
    assert [k for k, fields in own.items() if sum(not f.kw_only for f in fields) > 1] == []
    assert [k for k, fields in own.items() if documented(k) != [f.name for f in fields]] == []


def test_models_are_immutable() -> None:
    message: Any = TextMessage("Hi")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        message.text = "Ho"
    with pytest.raises(AttributeError):
        message.other = 1
    with pytest.raises(TypeError):
        message.extra["a"] = 1


def test_models_compare_copy_and_pickle() -> None:
    message = TextMessage("Hi", actions=[Link("a", uri="b")], extra={"new": [1]})
    assert message == TextMessage("Hi", actions=[Link("a", uri="b")], extra={"new": [1]})
    assert message != TextMessage("Hi", actions=[Link("a", uri="b")])
    assert copy.deepcopy(message) == message
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301 - our own
    assert hash(Client(id="c", extra={"a": [1]})) == hash(Client(id="c", extra={"a": [1]}))
    assert attrs.evolve(cast("Any", message), text="Ho").extra == {"new": [1]}


def test_extra_is_a_read_only_mapping() -> None:
    given = {"a": 1}
    kept = Conversation(id="c", extra=given).extra
    given["b"] = 2
    assert dict(kept) == {"a": 1}
    assert repr(kept) == "{'a': 1}"
    assert len(kept) == 1
    assert Conversation(id="c").extra == {}


def test_reprs_show_what_is_set_and_no_secret() -> None:
    assert repr(TextMessage("Hi", extra={"x": 1})) == "TextMessage(text='Hi', extra={'x': 1})"
    assert repr(Conversation(id="c", is_default=False)) == "Conversation(id='c', is_default=False)"
    device = Device(id="d", push_notification_token="s3cret")
    assert repr(device) == "Device(id='d')"
    reference = InteractiveDataRef(url="u", bid="b", key="s3cret", signature="s", owner="o")
    assert "s3cret" not in repr(reference)


def test_unset_is_falsy_and_says_its_name() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert repr(ProfileUpdate(surname=None)) == "ProfileUpdate(surname=None)"
    assert copy.deepcopy(UNSET) is UNSET


def test_names_are_listed_before_they_are_loaded() -> None:
    assert set(models.__all__) <= set(dir(models))


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'sunco\.models' has no attribute 'Misspelt'"):
        models.Misspelt  # type: ignore[attr-defined]  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
