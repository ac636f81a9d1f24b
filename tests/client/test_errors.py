from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from sunco import errors
from sunco.errors import ErrorDetail

EXAMPLES: list[tuple[errors.SuncoError, str]] = [
    (errors.ConfigurationError("Pass app_id."), "Pass app_id."),
    (
        errors.APIConnectionError(
            "ReadError", maybe_delivered=True, method="POST", path="/v2", attempts=1
        ),
        (
            "POST /v2 got no response: ReadError. It may have taken effect: check before you send "
            "it again."
        ),
    ),
    (
        errors.APITimeoutError(
            "3 s went by", maybe_delivered=False, method="GET", path="/v2", attempts=4
        ),
        (
            "GET /v2 got no response: 3 s went by. It did not take effect, so it is safe to send "
            "it again. (4 attempts.)"
        ),
    ),
    (
        errors.ConversationFullError(
            status=423,
            errors=[ErrorDetail("locked", "Message limit of 30000 per conversation reached.")],
            headers={"x": "y"},
            method="POST",
            path="/v2",
            attempts=1,
        ),
        (
            "POST /v2 responded 423 locked: Message limit of 30000 per conversation reached. "
            "Delete messages with messages.delete_all(), or start another conversation."
        ),
    ),
    (
        errors.RateLimitError(status=429, retry_after=3.0, message="with an empty body"),
        (
            "responded 429 with an empty body. Send fewer requests per second; see rate_limit. "
            "Retry after 3 s."
        ),
    ),
    (errors.APIStatusError(status=418), "responded 418."),
    (
        errors.DecodeError("expected text, got null", location="user.id", status=200),
        "responded 200, but the response cannot be read: user.id: expected text, got null",
    ),
    (errors.DecodeError("the body is empty"), "the body is empty"),
    (errors.PaginationError("around and around"), "around and around"),
    (errors.SignatureError("no key"), "no key"),
    (errors.PayloadError("no JSON"), "no JSON"),
]


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_text(error: errors.SuncoError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(("error", "_"), EXAMPLES)
def test_errors_survive_pickling_and_copying(error: errors.SuncoError, _: str) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)
        assert twin.args == error.args


def test_the_tree_is_the_one_that_is_drawn() -> None:
    drawn: dict[str, str] = {}
    ancestors: dict[int, str] = {}
    for line in (inspect.getdoc(errors) or "").splitlines():
        name = line.lstrip("│├└─ ").partition(" ")[0]
        if not name.endswith("Error"):
            continue
        depth = len(line) - len(line.lstrip("│├└─ "))
        ancestors[depth] = name
        if depth:
            drawn[name] = ancestors[depth - 4]
    real = {
        name: kind.__mro__[1].__name__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, errors.SuncoError)
    }
    assert real.pop("SuncoError") == "Exception"
    assert drawn == real
    assert issubclass(errors.ConfigurationError, ValueError)
