from __future__ import annotations

from typing import Any, Literal

import pytest

from sunco import ConfigurationError
from sunco._literals import check_value, check_values, known_values
from sunco.codec import encode
from sunco.models import (
    AppleOverride,
    Author,
    Confirmation,
    CustomIntegration,
    FormField,
    Message,
    Webhook,
    WebhookTrigger,
)

TYPES = known_values(Literal["personal", "sdkGroup"] | str)
TRIGGERS = known_values(WebhookTrigger)


def test_the_values_of_literals_are_found_in_any_depth() -> None:
    assert TYPES == ("personal", "sdkGroup")
    assert known_values(list[Literal["a"] | str] | None) == ("a",)
    assert known_values(str | None) == ()
    assert len(TRIGGERS) == 26


MISSPELT = [
    ("personel", TYPES, "personal"),
    ("persona", TYPES, "personal"),
    ("personall", TYPES, "personal"),
    ("presonel", TYPES, "personal"),
    ("Personal", TYPES, "personal"),
    ("sdkgroup", TYPES, "sdkGroup"),
    ("sdk_group", TYPES, "sdkGroup"),
    (" personal ", TYPES, "personal"),
    ("conversation:mesage", TRIGGERS, "conversation:message"),
    ("conversation.message", TRIGGERS, "conversation:message"),
    ("conversation:messages", TRIGGERS, "conversation:message"),
    ("converstaion:read", TRIGGERS, "conversation:read"),
    ("switchboard:passcontrol:failure", TRIGGERS, "switchboard:passControl:failure"),
    ("bussines", ("business", "user"), "business"),
    ("typing:strat", ("typing:start", "typing:stop"), "typing:start"),
]

NEW = [
    ("", TYPES),
    ("group", TYPES),
    ("a type that is new", TYPES),
    ("conversation:message:delivery:device", TRIGGERS),
    ("switchboard:offerControl:success", TRIGGERS),
    ("conversation:lead:new", TRIGGERS),
    ("user:mute", TRIGGERS),
    ("client:ban", TRIGGERS),
    ("AUTH3", ("AUTH2",)),
    ("small", ("tall", "full")),
]


@pytest.mark.parametrize(("value", "known", "meant"), MISSPELT, ids=[row[0] for row in MISSPELT])
def test_misspelt_values_are_rejected_with_what_was_meant(
    value: str, known: tuple[str, ...], meant: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_value("type", value, known)
    text = str(caught.value)
    assert f"type is {value!r}. Did you mean {meant!r}?" in text
    assert all(repr(each) in text for each in known)


@pytest.mark.parametrize(("value", "known"), NEW, ids=[row[0] for row in NEW])
def test_values_that_are_new_pass(value: str, known: tuple[str, ...]) -> None:
    check_value("type", value, known)


def test_known_values_pass() -> None:
    check_values("triggers", TRIGGERS, TRIGGERS)


WRONG: list[tuple[str, object, str]] = [
    ("a number", [1], "must be a str, one of 'personal', 'sdkGroup', not 1"),
    ("a str", "personal", "types must be a sequence of str, not 'personal'"),
    ("a set", {"personal"}, "types must be a sequence of str"),
]


@pytest.mark.parametrize(("values", "reason"), [r[1:] for r in WRONG], ids=[r[0] for r in WRONG])
def test_values_of_another_type_are_rejected(values: object, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        check_values("types", values, TYPES)


HOOK = Webhook("https://example.test", triggers=["conversation:mesage"])
SENT: list[tuple[Any, str]] = [
    (Author("busines"), "Author.type is 'busines'. Did you mean 'business'?"),
    (Author("business", subtypes=["ai"]), "Author.subtypes is 'ai'. Did you mean 'AI'?"),
    (Confirmation("imediate"), "Confirmation.type is 'imediate'"),
    (CustomIntegration(webhooks=[HOOK]), "Did you mean 'conversation:message'?"),
    (FormField(type="txt", name="n", label="N"), "Did you mean 'text'?"),
    (AppleOverride({}, with_capabilities=["LISTS"]), "Did you mean 'LIST'?"),
]


@pytest.mark.parametrize(("model", "reason"), SENT, ids=[type(row[0]).__name__ for row in SENT])
def test_models_with_misspelt_values_are_not_sent(model: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        encode(model, read_only=False)
    assert reason in str(caught.value)
    # What the API sent can be kept, whatever is in it.
    assert encode(model)


def test_what_the_api_sends_is_read_whatever_it_is() -> None:
    message = Message.from_dict(
        {"id": "m1", "author": {"type": "busines"}, "content": {"type": "text"}}
    )
    assert message.author is not None
    assert message.author.type == "busines"
    assert encode(Author("bot", subtypes=["a subtype that is new"]), read_only=False)
