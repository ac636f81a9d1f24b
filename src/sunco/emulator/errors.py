"""The error that rejects a request: plain values, without HTTP classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# An error of the API, the HTML page of a gateway, or bytes that are no JSON.
Form: TypeAlias = Literal["json", "html", "garbage"]


class ApiError(Exception):
    """A rejected request: a status, a code and one title per problem.

    Args:
        status: The HTTP status of the response.
        code: The platform's code, the same for every title.
        titles: What is wrong. Only a 400 has more than one.
        headers: Additional response headers.
        form: What the body is.
    """

    def __init__(
        self,
        status: int,
        code: str,
        *titles: str,
        headers: Mapping[str, str] | None = None,
        form: Form = "json",
    ) -> None:
        super().__init__(status, code, *titles)
        self.status = status
        self.code = code
        self.titles = titles
        self.headers = headers
        self.form: Form = form


def bad_request(*titles: str) -> ApiError:
    """400 with one error per title."""
    return ApiError(400, "bad_request", *titles)


def forbidden() -> ApiError:
    """403: the credentials are valid and do not permit this."""
    return ApiError(403, "forbidden", "Forbidden")


def not_found(thing: str) -> ApiError:
    """404 for a kind of record; its name is part of the code."""
    return ApiError(404, f"{thing.lower().replace(' ', '_')}_not_found", f"{thing} not found")


def resource_not_found(title: str = "Resource not found") -> ApiError:
    """404 with the generic code `not_found`."""
    return ApiError(404, "not_found", title)


def reject(problems: Iterable[str]) -> None:
    """Reject the request if there are problems.

    Raises:
        ApiError: A 400 that lists all of them.
    """
    titles = tuple(problems)
    if titles:
        raise bad_request(*titles)
