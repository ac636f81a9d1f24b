from __future__ import annotations

import traceback
from collections import UserDict
from collections.abc import Iterator
from email.message import Message
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from starlette import datastructures as starlette

from sunco import ConfigurationError, SignatureError
from sunco.webhooks import verify
from sunco.webhooks.signature import Secrets
from webhooks.support import SECRET


class ItemsOnly:
    """Headers that are no mapping and iterate over something else, as those of werkzeug do."""

    def items(self) -> Iterator[tuple[str, str]]:
        return iter([("Host", "bot"), ("X-Api-Key", SECRET)])

    def __iter__(self) -> Iterator[str]:
        return iter(["Host", "X-Api-Key"])


def as_message(headers: dict[str, str]) -> Message:
    message = Message()
    for name, value in headers.items():
        message[name] = value
    return message


HEADERS: list[Any] = [
    {"X-API-Key": SECRET},
    {"x-api-key": SECRET, "Content-Type": "application/json"},
    {"X-Api-Key": SECRET},
    {b"X-Api-Key": SECRET.encode()},
    {"X-Api-Key": [SECRET], "Host": ["bot"]},
    [(b"x-api-key", SECRET.encode())],
    [(b"host", b"bot"), (b"X-API-Key", SECRET.encode())],
    [("Host", "bot"), ("X-API-Key", SECRET)],
    [["x-api-key", SECRET]],
    iter([("x-api-key", SECRET)]),
    ItemsOnly(),
    as_message({"Host": "bot", "X-Api-Key": SECRET}),
    starlette.Headers({"X-Api-Key": SECRET}),
    starlette.Headers(raw=[(b"x-api-key", SECRET.encode())]),
    httpx.Headers({"X-Api-Key": SECRET}),
    MappingProxyType({"X-Api-Key": SECRET}),
    UserDict({"X-Api-Key": SECRET}),
]


def test_the_secret_is_found_in_headers_of_any_kind() -> None:
    for headers in HEADERS:
        verify(headers, SECRET)


@pytest.mark.parametrize("secret", [["other", SECRET], ("a" * 99, SECRET, "other"), {SECRET}])
def test_one_of_several_secrets_is_enough(secret: Any) -> None:
    verify({"X-API-Key": SECRET}, secret)
    verify({"X-API-Key": SECRET}, iter(secret))


@pytest.mark.parametrize(
    "headers", [None, 7, "X-API-Key: x", ["x-api-key"], [("a", "b", "c")], [1]]
)
def test_what_is_not_headers_is_a_configuration_error(headers: Any) -> None:
    with pytest.raises(ConfigurationError, match="headers must be a mapping or pairs"):
        verify(headers, SECRET)


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "shows no X-API-Key"),
        ([], "shows no X-API-Key"),
        ({"Authorization": SECRET}, "shows no X-API-Key"),
        ({"X-API-Key": ""}, "shows a wrong X-API-Key"),
        ({"X-API-Key": SECRET[:-1]}, "shows a wrong X-API-Key"),
        ({"X-API-Key": f"{SECRET} "}, "shows a wrong X-API-Key"),
        ({"X-API-Key": SECRET.upper()}, "shows a wrong X-API-Key"),
        ({"X-API-Key": "\udcff"}, "shows a wrong X-API-Key"),
        ({"X-API-Key": "half \ud83d"}, "shows a wrong X-API-Key"),
        ({"X-API-Key": None}, "shows a wrong X-API-Key"),
        ({"X-API-Key": []}, "shows no X-API-Key"),
        ({"X-API-Key": [SECRET, SECRET]}, "more than one X-API-Key"),
        ([("X-API-Key", SECRET), (b"x-api-key", SECRET)], "more than one X-API-Key"),
        ([(b"x-api-key", b"\xff")], "shows a wrong X-API-Key"),
        ([(b"x-api-key", SECRET.encode()), (b"x-api-key", b"x")], "more than one X-API-Key"),
    ],
)
def test_all_else_is_rejected(headers: Any, reason: str) -> None:
    with pytest.raises(SignatureError, match=reason) as caught:
        verify(headers, [SECRET, "another"])
    assert SECRET not in str(caught.value)


UNUSABLE: list[Any] = [
    "",
    [],
    [""],
    [SECRET, ""],
    [SECRET, None],
    None,
    7,
    SECRET.encode(),
    [SECRET.encode()],
    f"{SECRET}\n",
    f" {SECRET}",
    f"{SECRET}\ud83d",
]


def shown_by(error: BaseException) -> str:
    """All that an error and its frames show, but for the frames of the tests."""
    stack = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), capture_locals=True
    )
    assert len(stack) > 1
    inner = error.__cause__ or error.__context__
    return f"{error!r} {[frame.locals for frame in stack[1:]]}" + (shown_by(inner) if inner else "")


@pytest.mark.parametrize("secret", UNUSABLE)
def test_an_unusable_secret_is_rejected_and_never_shown(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="is a non-empty str without spaces") as caught:
        verify({"X-API-Key": SECRET}, secret)
    assert SECRET not in shown_by(caught.value)


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "wrong"}, {}, [("x-api-key", SECRET), SECRET], [SECRET]]
)
def test_no_frame_of_an_error_shows_a_secret(headers: Any) -> None:
    with pytest.raises((SignatureError, ConfigurationError)) as caught:
        verify(headers, [SECRET, "another"])
    assert SECRET not in shown_by(caught.value)


def test_no_repr_shows_a_secret() -> None:
    assert repr(Secrets([SECRET, "another"])) == "<Secrets: 2>"
