"""What goes over the wire, as plain values: requests, answers, paths, queries, refusals.

Follows the OpenAPI document of Sunshine Conversations 17.12.1. Nothing in here does I/O.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from string import Formatter
from types import NoneType
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import quote, urlsplit

import attrs

from sunco import _json, errors
from sunco.errors import APIStatusError, ConfigurationError, DecodeError, ErrorDetail

__all__ = [
    "REPEATABLE_METHODS",
    "Headers",
    "Operation",
    "Request",
    "Response",
    "can_be_sent_again",
    "checked_base_url",
    "checked_path",
    "encode_query",
    "expand_path",
    "oauth_url",
    "retry_after",
    "status_error",
]

T = TypeVar("T")

_SECRET_HEADERS: Final = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"}
)
REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "PATCH"})
"""Methods whose requests can be repeated without doing anything twice."""

_OAUTH_URL: Final = "https://oauth-bridge.zendesk.com/sc"
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Headers(Mapping[str, str]):
    """HTTP headers: names in any case, and no secret in the repr."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None, /) -> None:
        self._values: dict[str, str]
        if isinstance(values, Headers):
            self._values = values._values  # noqa: SLF001 - of its own kind, and never changed
        else:
            self._values = {name.lower(): value for name, value in (values or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __or__(self, others: Mapping[str, str]) -> Headers:
        merged = Headers()
        merged._values = {**self._values, **Headers(others)._values}
        return merged

    def __repr__(self) -> str:
        shown = {
            name: "[secret]" if name in _SECRET_HEADERS else value
            for name, value in self._values.items()
        }
        return f"Headers({shown})"


def _size(content: object) -> str:
    return f"<{len(content)} bytes>" if isinstance(content, bytes) else repr(content)


@attrs.frozen
class Request:
    """One HTTP request.

    Attributes:
        method: In capitals.
        url: The whole URL, with its query.
        headers: All that the API needs, the credential among them.
        content: The body: bytes, or an async iterable of bytes that is streamed.
        timeout: Seconds that this attempt may take; None for no limit.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(factory=Headers, converter=Headers)
    content: bytes | AsyncIterable[bytes] | None = attrs.field(default=None, repr=_size)
    timeout: float | None = None

    @property
    def path(self) -> str:
        """The URL's path, without host and query."""
        return urlsplit(self.url).path


@attrs.frozen
class Response:
    """One HTTP answer.

    Attributes:
        status: The HTTP status.
        headers: Looked up in any case.
        content: The whole body, decompressed.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=Headers, converter=Headers)
    content: bytes = attrs.field(default=b"", repr=_size)

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            DecodeError: It is not JSON.
        """
        return _json.load(self.content)


@attrs.frozen
class Operation(Generic[T]):
    """An operation of the API.

    Attributes:
        name: The API's own name for it (`operationId`).
        method: The HTTP method.
        path: The path, with `{app_id}` and other ids to fill in.
        into: What the answer is read into; NoneType where the API answers `{}`.
        key: The key under which the answer carries it.
        repeatable: Whether doing it twice is the same as doing it once, so that a try whose outcome
            is unknown may be repeated.
        removes: Whether a 404 after an uncertain try means that the try has done it.
        at_oauth_host: Whether it lives at the OAuth host.
        signed: Whether the client's credential goes with it.
    """

    name: str
    method: str
    path: str
    into: type[T]
    key: str | None = None
    repeatable: bool = attrs.field(
        default=attrs.Factory(lambda self: self.method in REPEATABLE_METHODS, takes_self=True)
    )
    removes: bool = attrs.field(
        default=attrs.Factory(
            lambda self: self.method == "DELETE" and self.into is NoneType, takes_self=True
        )
    )
    at_oauth_host: bool = False
    signed: bool = True


def can_be_sent_again(request: Request) -> bool:
    """Whether a request's body is whole: a stream may have been read, and be spent."""
    if request.content is None or isinstance(request.content, bytes):
        return True
    return not getattr(request.content, "spent", True)


def expand_path(template: str, parts: Mapping[str, str | None]) -> str:
    """Fill ids into a path, percent-encoded.

    Raises:
        ConfigurationError: An id is missing, empty, `.` or `..`: the path would lead elsewhere.
    """
    return "".join(
        literal if name is None else literal + _encoded_part(name, parts.get(name))
        for literal, name in _pieces(template)
    )


@functools.cache
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((literal, name) for literal, name, _, _ in Formatter().parse(template))


def _encoded_part(name: str, value: object) -> str:
    if name == "app_id" and value is None:
        raise ConfigurationError(
            "This operation works on an app: pass app_id=... to Sunco, or set SUNCO_APP_ID."
        )
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a str, not {type(value).__name__}.")
    return _quoted_part(name, value)


# The same few ids come again and again: an app's always, a conversation's while it is talked in.
@functools.lru_cache(maxsize=512)
def _quoted_part(name: str, value: str) -> str:
    if not value.strip():
        raise ConfigurationError(f"{name} must not be empty.")
    if value in {".", ".."}:
        raise ConfigurationError(f"{name} must not be {value!r}: it would change the path.")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{name} holds characters that no URL can carry.") from error


def checked_path(path: str) -> str:
    """A path that a user gave, made safe to put behind the base URL.

    Raises:
        ConfigurationError: It does not start with `/`, or would lead elsewhere.
    """
    if not path.startswith("/"):
        raise ConfigurationError(f"The path must start with '/', as in '/v2/apps': {path!r}.")
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        raise ConfigurationError(f"The path must have no part that is '.' or '..': {path!r}.")
    return quote(path, safe="/?%&=:@!$'()*+,;~[]")


def encode_query(params: Mapping[str, Any] | None) -> str:
    """Write query parameters, objects as the API's "deepObject": `page[after]=...`.

    None is left out, sequences are joined by commas.
    """
    return "&".join(
        f"{quote(name, safe='')}={quote(_query_value(value), safe='')}"
        for name, value in _flat(params or {})
        if value is not None
    )


def _flat(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            yield from ((f"{name}[{field}]", fields[field]) for field in fields)
        else:
            yield name, value


def _query_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(_query_value, cast("Sequence[object]", value)))
    return str(value)


def checked_base_url(url: str) -> str:
    """A base URL without its trailing slash.

    Raises:
        ConfigurationError: It is no URL, has more than scheme, host and path, or would send
            credentials in the clear.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is not a URL: {error}.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigurationError(
            "base_url must be a whole URL, as in 'https://api.smooch.io'. For a Zendesk account "
            "pass subdomain='acme' instead."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must hold no credentials: pass key_id and key_secret.")
    if parts.query or parts.fragment or re.search(r"[\s\\]", url):
        raise ConfigurationError("base_url must end with its path: no query, fragment or spaces.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigurationError(
            f"base_url must use https: over http to {host} the credentials could be read on the "
            "way. Plain http is for loopback only."
        )
    return url.rstrip("/")


def oauth_url(base_url: str) -> str:
    """Where the OAuth host is: one place for all accounts, but for an emulator at its own."""
    return base_url if _is_loopback(urlsplit(base_url).hostname or "") else _OAUTH_URL


def _is_loopback(host: str) -> bool:
    if host in _LOCAL_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """How many seconds an answer asks to wait: `Retry-After` as seconds or as a date.

    None where it does not say, or nothing that can be understood.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value):
        return float(value)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - costly, and rarely needed

    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


_STATUS_ERRORS: Final[Mapping[int, type[APIStatusError]]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    402: errors.PaymentRequiredError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    409: errors.ConflictError,
    413: errors.PayloadTooLargeError,
    423: errors.ConversationFullError,
}


def status_error(request: Request, response: Response, now: datetime) -> APIStatusError:
    """The error for an answer that is not a 2xx."""
    context: dict[str, Any] = {
        "status": response.status,
        "errors": _error_details(response.content),
        "headers": response.headers,
        "message": f"with {content_summary(response)}",
        "method": request.method,
        "path": request.path,
        "attempts": 1,
    }
    if response.status == 429:  # noqa: PLR2004 - as the table above, but with one thing more
        return errors.RateLimitError(retry_after=retry_after(response.headers, now), **context)
    if response.status >= 500:  # noqa: PLR2004 - the class of server errors
        return errors.ServerError(**context)
    if 300 <= response.status < 400:  # noqa: PLR2004 - the class of redirects
        context["message"] = (
            "with a redirect, and redirects are not followed. Check subdomain and base_url"
        )
    return _STATUS_ERRORS.get(response.status, APIStatusError)(**context)


def _error_details(content: bytes) -> list[ErrorDetail]:
    try:
        listed: Any = _json.load(content)["errors"]
    except (DecodeError, TypeError, KeyError):
        return []
    return [
        ErrorDetail(_line(reason.get("code")), _line(reason.get("title")))
        for reason in (listed if _json.is_array(listed) else ())
        if _json.is_object(reason)
    ]


def _line(value: object) -> str | None:
    return None if value is None else " ".join(str(value).split())


def content_summary(response: Response) -> str:
    """What an unexpected body looks like, without showing it: it may hold what is private."""
    if not response.content:
        return "an empty body"
    kind = response.headers.get("content-type", "unknown content").partition(";")[0].strip()
    hint = " (a gateway or proxy may have answered)" if kind == "text/html" else ""
    return f"{len(response.content)} bytes of {kind}{hint}"
