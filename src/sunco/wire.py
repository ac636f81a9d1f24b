"""The wire as plain values: requests, responses, paths, queries and error responses.

Follows the OpenAPI document of Sunshine Conversations 17.12.1. Nothing in here does I/O.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import (
    AsyncIterable,
    ItemsView,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
    ValuesView,
)
from datetime import UTC, datetime
from string import Formatter
from types import NoneType
from typing import Any, Final, Generic, Protocol, TypeVar, cast
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
    "Sink",
    "as_headers",
    "can_be_sent_again",
    "checked_base_url",
    "checked_media_url",
    "checked_method",
    "checked_path",
    "encode_query",
    "expand_path",
    "headers_problem",
    "is_loopback",
    "oauth_url",
    "origin",
    "retry_after",
    "status_error",
]

T = TypeVar("T")

# Besides the credential, users can send headers of their own.
_SECRET_HEADER: Final = re.compile("auth|cookie|key|pass|secret|signature|token")
REPEATABLE_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "PATCH"})
"""Methods whose requests are idempotent, where the operation does not say otherwise."""

_OAUTH_URL: Final = "https://oauth-bridge.zendesk.com/sc"
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Headers(Mapping[str, str]):
    """HTTP headers: names are case-insensitive, and the repr shows no secret."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None, /) -> None:
        self._values: dict[str, str]
        if isinstance(values, Headers):
            self._values = values._values  # noqa: SLF001 - of the same class, and immutable
        else:
            self._values = {name.lower(): value for name, value in (values or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    # The mixins of Mapping look every name up, and these are used for every request.
    def keys(self) -> KeysView[str]:
        """The names, in lower case."""
        return self._values.keys()

    def values(self) -> ValuesView[str]:
        """The values."""
        return self._values.values()

    def items(self) -> ItemsView[str, str]:
        """The names, in lower case, and values."""
        return self._values.items()

    def __or__(self, others: Mapping[str, str]) -> Headers:
        merged = Headers.__new__(Headers)
        merged._values = self._values | as_headers(others)._values
        return merged

    def __repr__(self) -> str:
        shown = {
            name: "[secret]" if _SECRET_HEADER.search(name) else value
            for name, value in self._values.items()
        }
        return f"Headers({shown})"


def as_headers(headers: Mapping[str, str] | None) -> Headers:
    """Convert headers; those that are converted already are shared, as they are immutable."""
    # Not isinstance, which is slow for a subclass of an abstract class.
    return headers if type(headers) is Headers else Headers(headers)


class Sink(Protocol):
    """Takes the body of a 2xx response piece by piece, instead of the response."""

    @property
    def spent(self) -> bool:
        """Whether it has taken something, and cannot start again."""
        ...

    async def restart(self) -> None:
        """Forget what was taken. It is called before each attempt."""
        ...

    async def write(self, piece: bytes, /) -> None:
        """Take a piece of the body, decompressed."""
        ...


def _size(content: object) -> str:
    return f"<{len(content)} bytes>" if isinstance(content, bytes) else repr(content)


@attrs.frozen
class Request:
    """One HTTP request.

    Attributes:
        method: The HTTP method, in capitals.
        url: The absolute URL, with its query.
        headers: The headers, with the credential.
        content: The body: bytes, or an async iterable of bytes that is streamed.
        timeout: Seconds that this attempt may take; None for no limit.
        max_response_bytes: The longest body of a response, decompressed, if this request needs a
            lower limit than the transport's. With `sink`, it replaces that of the transport.
        sink: Takes the body of a 2xx response; the response's content is then empty. A transport
            that does not support it returns the content as usual.
    """

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(factory=Headers, converter=as_headers)
    content: bytes | AsyncIterable[bytes] | None = attrs.field(default=None, repr=_size)
    timeout: float | None = None
    max_response_bytes: int | None = None
    sink: Sink | None = attrs.field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The URL's path, without host and query."""
        return urlsplit(self.url).path


@attrs.frozen
class Response:
    """One HTTP response.

    Attributes:
        status: The HTTP status.
        headers: The headers; names are case-insensitive.
        content: The whole body, decompressed.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=Headers, converter=as_headers)
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
        name: The API's name of it (`operationId`).
        method: The HTTP method.
        path: The path, with placeholders such as `{app_id}`.
        response_type: The type of the response; NoneType where the API responds `{}`.
        key: The key in the response that holds the value.
        repeatable: Whether an attempt whose outcome is unknown may be repeated. A DELETE of a
            collection or by external id may not: it could delete what was created since.
        not_found_is_success: Whether a 404 after an attempt with an unknown outcome means that the
            attempt succeeded.
        at_oauth_host: Whether it is served by the OAuth host.
        authenticated: Whether the client's credential is sent.
    """

    name: str
    method: str
    path: str
    response_type: type[T]
    key: str | None = None
    repeatable: bool = attrs.field(
        default=attrs.Factory(lambda self: self.method in REPEATABLE_METHODS, takes_self=True)
    )
    not_found_is_success: bool = attrs.field(
        default=attrs.Factory(
            lambda self: self.method == "DELETE" and self.response_type is NoneType, takes_self=True
        )
    )
    at_oauth_host: bool = False
    authenticated: bool = True


def can_be_sent_again(request: Request) -> bool:
    """Whether a request can be sent again.

    The stream of its body may have been consumed, and what takes the response may have got a part.
    """
    if request.sink is not None and request.sink.spent:
        return False
    if request.content is None or isinstance(request.content, bytes):
        return True
    return not getattr(request.content, "spent", True)


def expand_path(template: str, parts: Mapping[str, str | None]) -> str:
    """Fill percent-encoded ids into a path.

    Raises:
        ConfigurationError: An id is missing, empty, `.`, `..` or not encodable: the path would be
            another one.
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


# A program uses few ids at a time: the app's always, a conversation's for a while.
@functools.lru_cache(maxsize=512)
def _quoted_part(name: str, value: str) -> str:
    if not value.strip():
        raise ConfigurationError(f"{name} must not be empty.")
    if value in {".", ".."}:
        raise ConfigurationError(f"{name} must not be {value!r}: it would change the path.")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} has characters that no URL can carry.") from None


def checked_method(method: object) -> str:
    """Check an HTTP method, and return it in capitals.

    Raises:
        ConfigurationError: It is not a method.
    """
    if not isinstance(method, str) or not re.fullmatch(r"[A-Za-z]{1,32}", method, re.ASCII):
        raise ConfigurationError(f"method must be an HTTP method such as 'GET', not {method!r}.")
    return method.upper()


def checked_path(path: object) -> str:
    """Check and percent-encode a path given by the user, to be appended to the base URL.

    Raises:
        ConfigurationError: It does not start with `/`, has a part `.` or `..`, has a fragment, or
            has characters that no URL can carry.
    """
    if not isinstance(path, str):
        raise ConfigurationError(f"path must be a str, not {type(path).__name__}.")
    if not path.startswith("/"):
        raise ConfigurationError(f"The path must start with '/', as in '/v2/apps': {path!r}.")
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        raise ConfigurationError(f"The path must have no part that is '.' or '..': {path!r}.")
    return _quoted("path", path, safe="/?%&=:@!$'()*+,;~[]")


def encode_query(params: Mapping[str, Any] | None) -> str:
    """Encode query parameters; objects as "deepObject": `page[after]=...`.

    None is left out, sequences are joined by commas.

    Raises:
        ConfigurationError: A name or value cannot be sent in a query.
    """
    if params is None:
        return ""
    if not isinstance(cast("object", params), Mapping):
        raise ConfigurationError(f"params must be a mapping, not {type(params).__name__}.")
    return "&".join(
        f"{_quoted('params', name)}={_quoted(name, _query_value(name, value))}"
        for name, value in _flat(params)
        if value is not None
    )


def _quoted(name: str, value: object, safe: str = "") -> str:
    if not isinstance(value, str):
        raise ConfigurationError(f"The names in {name} must be str, not {type(value).__name__}.")
    try:
        return quote(value, safe=safe)
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name!r} has characters that no URL can carry.") from None


def _flat(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        if isinstance(value, Mapping):
            fields = cast("Mapping[str, Any]", value)
            yield from ((f"{name}[{field}]", fields[field]) for field in fields)
        else:
            yield name, value


def _query_value(name: str, value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        items = cast("Sequence[object]", value)
        return ",".join(_query_value(name, item) for item in items)
    raise ConfigurationError(
        f"{name!r} must be a str, a number, a bool, a sequence or a mapping of them, not {kind}."
    )


# The headers that the client sets itself, or that belong to the connection.
_RESERVED_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def headers_problem(headers: object) -> str | None:
    """Why headers cannot be sent with every request, without their values; None if they can.

    It is returned and not raised, so that the caller can delete the headers first.
    """
    if headers is None:
        return None
    if not isinstance(headers, Mapping):
        return f"headers must be a mapping of str to str, not {type(headers).__name__}."
    seen: set[str] = set()
    for name, value in cast("Mapping[object, object]", headers).items():
        problem = _header_problem(name, value)
        if problem is None and str(name).lower() in seen:
            problem = "is given twice"
        if problem is not None:
            return f"The header {name!r} {problem}."
        seen.add(str(name).lower())
    return None


def _header_problem(name: object, value: object) -> str | None:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
        return "has a name that no header can have"
    if name.lower() in _RESERVED_HEADERS:
        return "is set by the client itself"
    if not isinstance(value, str):
        return f"must be a str, not {type(value).__name__}"
    if not (value.isascii() and value.isprintable()) or value != value.strip():
        return "must be printable ASCII without spaces at its ends"
    return None


def checked_base_url(url: object, *, allow_http: bool = False) -> str:
    """Check a base URL, and return it without its trailing slash. Errors do not show it whole.

    Args:
        url: The URL.
        allow_http: Whether plain http is permitted to a host that is not loopback.

    Raises:
        ConfigurationError: It is not a URL, has more than scheme, host and path, ends with the
            API's version, or would send the credential unencrypted.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"base_url must be a str, not {type(url).__name__}.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("base_url is not a URL: check its host and port.") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise ConfigurationError(
            "base_url must be a whole URL, as in 'https://api.smooch.io'. For a Zendesk account "
            "pass subdomain='acme' instead."
        )
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("base_url must hold no credentials: pass key_id and key_secret.")
    if not _URL_CHARACTERS.fullmatch(url):
        raise ConfigurationError(
            "base_url must end with its path, and have no query, fragment, spaces or other "
            "characters that have to be encoded."
        )
    if {".", ".."} & set(parts.path.split("/")):
        raise ConfigurationError("base_url must have no part that is '.' or '..'.")
    if re.search(r"/v[0-9.]+/*$", parts.path):
        raise ConfigurationError(
            "base_url must not end with the API's version, such as '/v2': paths begin with it."
        )
    if parts.scheme == "http" and not (allow_http or is_loopback(host)):
        raise ConfigurationError(
            f"base_url must use https: plain http to {host} would send the credential unencrypted. "
            "For an emulator in another container pass allow_http=True or set SUNCO_ALLOW_HTTP=1."
        )
    return url.rstrip("/")


# The host may be in any script; the rest is ASCII.
_URL_CHARACTERS: Final = re.compile(
    r"https?://[^/?#\\\s\x00-\x20\x7f\ud800-\udfff]+[!-\"$->@-\[\]-~]*", re.IGNORECASE
)


def checked_media_url(url: object, base_url: str) -> str:
    """Check the URL of an attachment.

    Raises:
        ConfigurationError: It is not a URL, holds credentials, or is plain http to a host that is
            not loopback and not the API's.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"media_url must be a str, not {type(url).__name__}.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        url.encode()
    except ValueError:
        raise ConfigurationError("media_url is not a URL.") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\\\x00-\x1f]", url):
        raise ConfigurationError("media_url must be a whole URL, as in 'https://...'.")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("media_url must hold no credentials.")
    if parts.scheme == "http" and not is_loopback(host) and origin(url) != origin(base_url):
        raise ConfigurationError(f"media_url must use https to reach {host}.")
    return url.partition("#")[0]


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").rstrip("."), port


def oauth_url(base_url: str) -> str:
    """The base URL of the OAuth host: the same for all accounts, the emulator's for an emulator."""
    parts = urlsplit(base_url)
    is_emulator = parts.scheme == "http" or is_loopback(parts.hostname or "")
    return base_url if is_emulator else _OAUTH_URL


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host.lower() in _LOCAL_HOSTS:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by a response's `Retry-After`, given as seconds or as a date.

    None without one, or where it cannot be understood.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
        return float(value)
    if len(value) > _LONGEST_DATE:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - costly, and rarely needed

    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - now).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        # What the parser of the standard library raises depends on the version and on the text.
        return None


_LONGEST_DATE: Final = 64


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
    """The error for a response that is not a 2xx."""
    context: dict[str, Any] = {
        "status": response.status,
        "errors": _error_details(response.content),
        "headers": response.headers,
        "message": f"with {content_summary(response)}",
        "method": request.method,
        "path": request.path,
        "attempts": 1,
    }
    if response.status == 429:  # noqa: PLR2004 - as the table above, with one attribute more
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
    """Describe an unexpected body without showing it: it may hold personal data."""
    if not response.content:
        return "an empty body"
    kind = response.headers.get("content-type", "unknown content").partition(";")[0].strip()
    hint = " (a gateway or proxy may have responded)" if kind == "text/html" else ""
    return f"{len(response.content)} bytes of {kind}{hint}"
