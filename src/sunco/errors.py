"""Everything that sunco raises.

SuncoError
├── ConfigurationError (ValueError)   nothing was sent: settings or arguments that cannot work
├── APIConnectionError                no answer; .maybe_delivered: may the request have taken effect
│   └── APITimeoutError
├── APIStatusError                    an answer that says no: .status, .errors, .code, .title, ...
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
├── DecodeError                       an answer, but not one that can be read
├── PaginationError                   a walk that would never end
├── StorageError                      an inbox or journal that cannot be used
└── WebhookError                      a delivery that is refused
    ├── SignatureError                the key is missing or wrong
    └── PayloadError                  the body cannot be read
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

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


class SuncoError(Exception):
    """Whatever goes wrong in sunco. Its text is one line: what was asked, what came, what to do.

    Attributes:
        message: What went wrong, without the request it went wrong for.
        method: The request's HTTP method, if there was a request.
        path: The request's path, without host and query.
        attempts: How often the request was tried; 0 when nothing was sent.
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

    def __str__(self) -> str:
        text = self._explanation()
        if self.method and self.path:
            text = f"{self.method} {self.path} {text}"
        if self.attempts > 1:
            text = f"{text} (Tried {self.attempts} times.)"
        return text

    def _explanation(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only arguments would be lost by what Exception does: errors cross processes.
        return _restore, (type(self), self.__dict__)


def _restore(kind: type[SuncoError], attributes: dict[str, Any]) -> SuncoError:
    error = kind.__new__(kind)
    Exception.__init__(error, attributes["message"])
    error.__dict__.update(attributes)
    return error


class ConfigurationError(SuncoError, ValueError):
    """Settings or arguments that cannot work. Nothing was sent."""


class APIConnectionError(SuncoError):
    """The request got no answer.

    Attributes:
        maybe_delivered: False if the request is known not to have reached the API; True if it may
            have taken effect, so that repeating it could do it twice.
    """

    def __init__(self, message: str = "", *, maybe_delivered: bool, **context: Any) -> None:
        super().__init__(message, **context)
        self.maybe_delivered = maybe_delivered

    def _explanation(self) -> str:
        verdict = (
            "It may have taken effect: look before you send it again."
            if self.maybe_delivered
            else "Nothing was sent, so it is safe to send it again."
        )
        return f"got no answer: {self.message.rstrip('.')}. {verdict}"


class APITimeoutError(APIConnectionError):
    """No answer within the time allowed."""


class ErrorDetail(NamedTuple):
    """One of the reasons that the API gives.

    Attributes:
        code: A word for programs, `"conversation_not_found"`.
        title: A sentence for people.
    """

    code: str | None
    title: str | None


class APIStatusError(SuncoError):
    """The API answered, and said no.

    Attributes:
        status: The HTTP status.
        errors: All reasons that the API gave; none if something else answered for it.
        headers: The answer's headers.
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

    @property
    def code(self) -> str | None:
        """The first reason's code, `"conversation_not_found"`."""
        return self.errors[0].code if self.errors else None

    @property
    def title(self) -> str | None:
        """The first reason in words."""
        return self.errors[0].title if self.errors else None

    def _explanation(self) -> str:
        reasons = "; ".join(
            ": ".join(part for part in reason if part) for reason in self.errors if any(reason)
        )
        text = f"answered {self.status} {reasons or self.message}".rstrip()
        if not text.endswith((".", "!", "?")):
            text += "."
        return f"{text} {self.advice}".rstrip()


class BadRequestError(APIStatusError):
    """400: the request is not one that the API accepts."""

    advice = "Correct the request; sending it again will not help."


class AuthenticationError(APIStatusError):
    """401: the credentials are missing or wrong."""

    advice = "Check the key id and its secret, and that the key has not been deleted."


class PaymentRequiredError(APIStatusError):
    """402: the plan does not include this, or no more of it."""

    advice = "The account's plan does not allow it."


class PermissionDeniedError(APIStatusError):
    """403: the credentials are known, but may not do this."""

    advice = "Use a key of a wider scope (integration, app, account), or one of this app."


class NotFoundError(APIStatusError):
    """404: the thing does not exist, or not in this app."""

    advice = "Check the ids, the app id and the subdomain."


class ConflictError(APIStatusError):
    """409: it exists already."""

    advice = "It exists already: use the one that there is, or another external id."


class PayloadTooLargeError(APIStatusError):
    """413: the request is too large."""

    advice = "The API takes 100 kB of JSON and uploads of 50 MB."


class ConversationFullError(APIStatusError):
    """423: the conversation holds as many messages as it can, 30,000."""

    advice = "Make room with messages.delete_all(), or start another conversation."


class RateLimitError(APIStatusError):
    """429: too many requests.

    Attributes:
        retry_after: How many seconds the API asks to wait, if it says so.
    """

    advice = "Send fewer requests at a time."

    def __init__(self, *, retry_after: float | None = None, **context: Any) -> None:
        super().__init__(**context)
        self.retry_after = retry_after

    def _explanation(self) -> str:
        text = super()._explanation()
        if self.retry_after is None:
            return text
        return f"{text} The API asks to wait {self.retry_after:g} s."


class ServerError(APIStatusError):
    """5xx: the fault is on the other side."""

    advice = "The fault is on the server's side: try again later."


class DecodeError(SuncoError):
    """An answer (or event) that cannot be read. A request that it answers has been carried out.

    Attributes:
        location: Where in the JSON the trouble is, `messages[3].author.type`; empty for the whole.
        status: The answer's HTTP status, if it was an answer.
    """

    def __init__(
        self, message: str = "", *, location: str = "", status: int | None = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.location = location
        self.status = status

    def _explanation(self) -> str:
        text = f"{self.location}: {self.message}" if self.location else self.message
        if self.status is None:
            return text
        return f"answered {self.status}, but the answer cannot be read: {text}"


class PaginationError(SuncoError):
    """The API led a walk in a circle, or said that there is more and not where."""


class StorageError(SuncoError):
    """An inbox or a journal cannot be opened, read or written. What was stored before is kept."""


class WebhookError(SuncoError):
    """A webhook delivery that is refused."""


class SignatureError(WebhookError):
    """The delivery's key is missing or wrong: it does not come from the API."""


class PayloadError(WebhookError):
    """The delivery's body cannot be read."""
