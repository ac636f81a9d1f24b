"""All errors that sunco raises.

SuncoError
├── ConfigurationError (ValueError)   nothing was sent: invalid settings or arguments
├── APIConnectionError                no response; .maybe_delivered: the request may have had effect
│   └── APITimeoutError
├── APIStatusError                    an error response: .status, .errors, .code, .title, ...
│   ├── BadRequestError               400
│   ├── AuthenticationError           401
│   ├── PaymentRequiredError          402
│   ├── PermissionDeniedError         403
│   ├── NotFoundError                 404
│   ├── ConflictError                 409
│   ├── PayloadTooLargeError          413
│   ├── ConversationFullError         423
│   ├── RateLimitError                429, .retry_after
│   └── ServerError                   5xx
├── DecodeError                       a response or delivery that cannot be read
├── PaginationError                   a list whose pages would never end
├── StorageError                      an inbox or journal that cannot be used
└── WebhookError                      a delivery that is rejected
    ├── SignatureError                the key is missing or wrong
    └── PayloadError                  the body cannot be read
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ConversationFullError",
    "DecodeError",
    "ErrorDetail",
    "NotFoundError",
    "PaginationError",
    "PayloadError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "ServerError",
    "SignatureError",
    "StorageError",
    "SuncoError",
    "WebhookError",
]

_REQUEST_TIMEOUT: Final = 408
_SERVER_ERRORS: Final = 500


class SuncoError(Exception):
    """The base of all errors of sunco.

    Its text is one line: the request, what happened, and what to do.

    Attributes:
        message: What happened, without the request.
        method: The request's HTTP method, if there was a request.
        path: The request's path, without host and query.
        attempts: The number of attempts; 0 when nothing was sent.
    """

    def __init__(
        self,
        message: str = "",
        *,
        method: str | None = None,
        path: str | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.attempts = attempts
        self._earlier_attempt_unknown = False

    @property
    def outcome_unknown(self) -> bool:
        """Whether the request may have taken effect, so that repeating it could do it twice.

        True after a lost connection or a timeout once the request may have left, a 408 or 5xx, a
        2xx whose body cannot be read, and where that is so of an earlier attempt of the call.
        """
        return self._earlier_attempt_unknown or self._attempt_unknown()

    def _attempt_unknown(self) -> bool:
        return False

    def note_earlier_attempts(self, *, outcome_unknown: bool) -> None:
        """Record whether an earlier attempt of the same call may have taken effect."""
        self._earlier_attempt_unknown = outcome_unknown

    def __str__(self) -> str:
        text = self._explanation()
        if self.method and self.path:
            text = f"{self.method} {self.path} {text}"
        if self.attempts > 1:
            text = f"{text} ({self.attempts} attempts.)"
        return text

    def _explanation(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception.__reduce__ loses keyword-only arguments, and errors cross processes.
        return _restore, (type(self), self.__dict__)


def _restore(kind: type[SuncoError], attributes: dict[str, Any]) -> SuncoError:
    error = kind.__new__(kind)
    Exception.__init__(error, attributes["message"])
    error.__dict__.update(attributes)
    return error


class ConfigurationError(SuncoError, ValueError):
    """Invalid settings or arguments. Nothing was sent."""


class APIConnectionError(SuncoError):
    """There was no response.

    Attributes:
        maybe_delivered: False if the request certainly did not take effect; True if it may have, so
            that repeating it could do it twice.
    """

    def __init__(self, message: str = "", *, maybe_delivered: bool, **context: Any) -> None:
        super().__init__(message, **context)
        self.maybe_delivered = maybe_delivered

    def _attempt_unknown(self) -> bool:
        return self.maybe_delivered

    def _explanation(self) -> str:
        advice = (
            "It may have taken effect: check before you send it again."
            if self.maybe_delivered
            else "It did not take effect, so it is safe to send it again."
        )
        return f"got no response: {self.message.rstrip('.')}. {advice}"


class APITimeoutError(APIConnectionError):
    """There was no response in time."""


class ErrorDetail(NamedTuple):
    """One entry of the API's list of errors.

    Attributes:
        code: A code for programs, `"conversation_not_found"`.
        title: A sentence for people.
    """

    code: str | None
    title: str | None


class APIStatusError(SuncoError):
    """The response is an error.

    Attributes:
        status: The HTTP status.
        errors: The API's list of errors; empty if a gateway responded in its place.
        headers: The response's headers.
    """

    advice: ClassVar[str] = ""

    def __init__(
        self,
        *,
        status: int,
        errors: Sequence[ErrorDetail] = (),
        headers: Mapping[str, str] | None = None,
        message: str = "",
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.status = status
        self.errors: tuple[ErrorDetail, ...] = tuple(errors)
        self.headers: Mapping[str, str] = {} if headers is None else headers

    def _attempt_unknown(self) -> bool:
        return self.status == _REQUEST_TIMEOUT or self.status >= _SERVER_ERRORS

    @property
    def code(self) -> str | None:
        """The code of the first error, `"conversation_not_found"`."""
        return self.errors[0].code if self.errors else None

    @property
    def title(self) -> str | None:
        """The title of the first error."""
        return self.errors[0].title if self.errors else None

    def _explanation(self) -> str:
        reasons = "; ".join(
            ": ".join(part for part in reason if part) for reason in self.errors if any(reason)
        )
        text = f"responded {self.status} {reasons or self.message}".rstrip()
        if not text.endswith((".", "!", "?")):
            text += "."
        return f"{text} {self.advice}".rstrip()


class BadRequestError(APIStatusError):
    """400: the request is invalid."""

    advice = "Correct the request; sending it again will not help."


class AuthenticationError(APIStatusError):
    """401: the credentials are missing or wrong."""

    advice = "Check the key id and its secret, and that the key has not been deleted."


class PaymentRequiredError(APIStatusError):
    """402: the plan does not include this, or its limit is reached."""

    advice = "The account's plan does not allow it."


class PermissionDeniedError(APIStatusError):
    """403: the credentials are valid, but do not permit this."""

    advice = "Use a key of a wider scope (integration, app, account), or one of this app."


class NotFoundError(APIStatusError):
    """404: the object does not exist in this app."""

    advice = "Check the ids, the app id and the subdomain."


class ConflictError(APIStatusError):
    """409: the object exists already."""

    advice = "It exists already: use the existing one, or another external id."


class PayloadTooLargeError(APIStatusError):
    """413: the request is too large."""

    advice = "The API accepts 100 kB of JSON and uploads of 50 MB."


class ConversationFullError(APIStatusError):
    """423: the conversation is full, with 30,000 messages."""

    advice = "Delete messages with messages.delete_all(), or start another conversation."


class RateLimitError(APIStatusError):
    """429: too many requests.

    Attributes:
        retry_after: Seconds to wait, from `Retry-After`; None without it.
    """

    advice = "Send fewer requests per second; see rate_limit."

    def __init__(self, *, retry_after: float | None = None, **context: Any) -> None:
        super().__init__(**context)
        self.retry_after = retry_after

    def _explanation(self) -> str:
        text = super()._explanation()
        if self.retry_after is None:
            return text
        return f"{text} Retry after {self.retry_after:g} s."


class ServerError(APIStatusError):
    """5xx: the server failed."""

    advice = "The server failed: retry later."


class DecodeError(SuncoError):
    """A response or a document that cannot be read. The request, if there was one, took effect.

    Attributes:
        location: The path in the JSON, `messages[3].author.type`; empty for the whole document.
        status: The response's HTTP status, if there was a response.
    """

    def __init__(
        self, message: str = "", *, location: str = "", status: int | None = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.location = location
        self.status = status

    def _attempt_unknown(self) -> bool:
        return self.status is not None

    def _explanation(self) -> str:
        text = f"{self.location}: {self.message}" if self.location else self.message
        if self.status is None:
            return text
        return f"responded {self.status}, but the response cannot be read: {text}"


class PaginationError(SuncoError):
    """The pages of a list would never end, or a next page exists without a cursor to it."""


class StorageError(SuncoError):
    """An inbox or a journal cannot be opened, read or written. What was stored before is kept."""


class WebhookError(SuncoError):
    """A webhook delivery that is rejected."""


class SignatureError(WebhookError):
    """The delivery's secret is missing or wrong, so it does not come from the API."""


class PayloadError(WebhookError):
    """The delivery's body cannot be read."""
