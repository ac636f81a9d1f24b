"""What goes back over the wire: JSON answers, and the errors the platform gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.requests import Request


class ApiError(Exception):
    """A request refused: a status, a code and one title per thing that is wrong.

    Args:
        status: The HTTP status of the answer.
        code: The platform's code, the same for every title.
        titles: What is wrong. Only a 400 has more than one.
        headers: Headers that belong to the refusal.
    """

    def __init__(
        self, status: int, code: str, *titles: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, code, *titles)
        self.status = status
        self.code = code
        self.titles = titles
        self.headers = headers

    def answer(self) -> Response:
        """The error as the platform writes it."""
        errors = [{"code": self.code, "title": title} for title in self.titles]
        return json_answer({"errors": errors}, self.status, self.headers)


def bad_request(*titles: str) -> ApiError:
    """400: the request is not acceptable, for these reasons."""
    return ApiError(400, "bad_request", *titles)


def not_found(thing: str) -> ApiError:
    """404: what the path or the body names does not exist."""
    return ApiError(404, f"{thing.lower().replace(' ', '_')}_not_found", f"{thing} not found")


def resource_not_found(title: str = "Resource not found") -> ApiError:
    """404 with the code that is not about one kind of record."""
    return ApiError(404, "not_found", title)


def json_answer(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Write `content` as the JSON body of an answer."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate is legal in JSON and cannot be written as UTF-8.
    body = text.encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def refuse(problems: Iterable[str]) -> None:
    """Refuse the request if anything is wrong with it.

    Raises:
        ApiError: A 400 that names every problem.
    """
    titles = tuple(problems)
    if titles:
        raise bad_request(*titles)


async def internal_error(_request: Request, _error: Exception) -> Response:
    """500, in the shape of every other error; the traceback goes to the server's log."""
    return ApiError(500, "internal_error", "Internal server error").answer()
