from __future__ import annotations

import traceback
from typing import Any

import pytest

from sunco import ConfigurationError, SignatureError
from sunco.webhooks import verify
from sunco.webhooks.signature import Secrets
from webhooks.support import SECRET

HEADERS: list[Any] = [
    {"X-API-Key": SECRET},
    {"x-api-key": SECRET, "Content-Type": "application/json"},
    {"X-Api-Key": SECRET},
    [(b"x-api-key", SECRET.encode())],
    [(b"host", b"bot"), (b"X-API-Key", SECRET.encode())],
]


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("secret", [SECRET, ["other", SECRET], ("a" * 99, SECRET, "other")])
def test_the_secret_is_recognised(headers: Any, secret: Any) -> None:
    verify(headers, secret)


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
        ([(b"x-api-key", b"\xff")], "shows a wrong X-API-Key"),
        ([(b"x-api-key", SECRET.encode()), (b"x-api-key", b"x")], "more than one X-API-Key"),
    ],
)
def test_all_else_is_refused(headers: Any, reason: str) -> None:
    with pytest.raises(SignatureError, match=reason) as caught:
        verify(headers, [SECRET, "another"])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("secret", ["", [], [""], [SECRET, ""], [SECRET, None]])
def test_an_empty_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ConfigurationError, match="is a non-empty str"):
        verify({"X-API-Key": ""}, secret)


@pytest.mark.parametrize("headers", [{"X-API-Key": "wrong"}, {}])
def test_no_frame_of_an_error_shows_a_secret(headers: dict[str, str]) -> None:
    try:
        verify(headers, [SECRET, "another"])
    except SignatureError as error:
        stack = traceback.StackSummary.extract(
            traceback.walk_tb(error.__traceback__), capture_locals=True
        )
        shown = "".join(str(frame.locals) for frame in list(stack)[1:])
        assert shown
        assert SECRET not in shown


def test_no_repr_shows_a_secret() -> None:
    assert repr(Secrets([SECRET, "another"])) == "<Secrets: 2>"
