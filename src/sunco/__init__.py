"""An async-first Python client for the Sunshine Conversations API v2.

`Sunco` is the client; `sunco.models` has the objects that it sends and returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco._lazy import lazy_getattr
from sunco._version import (
    __version__,
)
from sunco.auth import (
    Auth,
    BasicAuth,
    BearerAuth,
    JWTAuth,
    sign_user_jwt,
)
from sunco.client import (
    Sunco,
)
from sunco.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    ConversationFullError,
    DecodeError,
    ErrorDetail,
    NotFoundError,
    PaginationError,
    PayloadError,
    PayloadTooLargeError,
    PaymentRequiredError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    SignatureError,
    StorageError,
    SuncoError,
    WebhookError,
)
from sunco.pagination import (
    Page,
    Paginator,
)
from sunco.ratelimit import (
    RateLimiter,
)
from sunco.retry import (
    RetryPolicy,
)
from sunco.transport import (
    Transport,
)
from sunco.wire import (
    Request,
    Response,
)

if TYPE_CHECKING:
    from sunco.transport import AiohttpTransport, HttpxTransport

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AiohttpTransport",
    "Auth",
    "AuthenticationError",
    "BadRequestError",
    "BasicAuth",
    "BearerAuth",
    "ConfigurationError",
    "ConflictError",
    "ConversationFullError",
    "DecodeError",
    "ErrorDetail",
    "HttpxTransport",
    "JWTAuth",
    "NotFoundError",
    "Page",
    "PaginationError",
    "Paginator",
    "PayloadError",
    "PayloadTooLargeError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitError",
    "RateLimiter",
    "Request",
    "Response",
    "RetryPolicy",
    "ServerError",
    "SignatureError",
    "StorageError",
    "Sunco",
    "SuncoError",
    "Transport",
    "WebhookError",
    "__version__",
    "sign_user_jwt",
]

# To a type checker, a module with __getattr__ has every name.
if not TYPE_CHECKING:  # pragma: no branch
    __getattr__ = lazy_getattr(
        __name__, {"AiohttpTransport": "transport", "HttpxTransport": "transport"}
    )
