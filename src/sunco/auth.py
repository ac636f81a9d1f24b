"""Credentials: what goes into the `Authorization` header."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol, cast

from sunco._clock import Clock, SystemClock
from sunco.errors import ConfigurationError
from sunco.wire import Headers

__all__ = ["Auth", "BasicAuth", "BearerAuth", "JWTAuth", "key_problem", "sign_user_jwt"]

_SCOPES: Final = ("app", "account", "integration")
_LONGEST_LIFETIME: Final = 100 * 365 * 86400


class Auth(Protocol):
    """A credential.

    It is asked before every attempt. After a 401 it is asked again, and the request is retried once
    if the credential has changed. An `Auth` that keeps a token can have a method
    `async def renew(self, rejected: Headers) -> None`, which is called first.
    """

    async def headers(self) -> Headers:
        """The headers that carry the credential. The repr of `Headers` does not show it."""
        ...


class BasicAuth:
    """HTTP Basic authentication with an API key.

    Args:
        key_id: The key's id, `"app_..."`; its prefix is the key's scope.
        key_secret: The key's secret. It is never shown.

    Raises:
        ConfigurationError: One of them is empty or cannot be sent, or the id has a colon.
    """

    __slots__ = ("_headers", "key_id")

    def __init__(self, key_id: str, key_secret: str) -> None:
        self.key_id: str = key_id
        problem = key_problem(key_id, key_secret)
        if problem:
            # Tracebacks can be shown with the variables of their frames.
            del key_secret
            raise ConfigurationError(problem)
        credential = b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self._headers = Headers({"Authorization": f"Basic {credential}"})

    async def headers(self) -> Headers:
        """The `Authorization` header."""
        return self._headers

    def __repr__(self) -> str:
        return f"BasicAuth(key_id={getattr(self, 'key_id', None)!r})"


class BearerAuth:
    """A bearer token: an OAuth access token, or a JWT that was made elsewhere.

    Args:
        token: The token, or an async function that returns it. The function is called before every
            attempt and again after a 401, so it should cache the token while it is valid.

    Raises:
        ConfigurationError: The token is empty or cannot be sent in a header. If a function returned
            it, the request raises this.
    """

    __slots__ = ("_token",)

    def __init__(self, token: str | Callable[[], Awaitable[str]]) -> None:
        self._token: Headers | Callable[[], Awaitable[str]]
        if callable(token):
            self._token = token
            return
        signed = _bearer(token)
        del token
        self._token = _usable(signed)

    async def headers(self) -> Headers:
        """The `Authorization` header."""
        if isinstance(self._token, Headers):
            return self._token
        return _usable(_bearer(await self._token()))

    def __repr__(self) -> str:
        return "BearerAuth()"


class JWTAuth:
    """JSON Web Tokens signed with an API key; needs `sunco[jwt]`.

    A token is used for most of its lifetime, and replaced before it expires or after a 401.

    Args:
        key_id: The key's id.
        secret: The key's secret. It is never shown, and not sent.
        scope: The scope of the tokens: `"app"`, `"account"` or `"integration"`, as the key permits.
        lifetime: Seconds for which a token is valid.
        clock: The source of time.

    Raises:
        ConfigurationError: A setting is invalid, or PyJWT is not installed.
    """

    __slots__ = ("_clock", "_headers", "_renewal", "_secret", "key_id", "lifetime", "scope")

    def __init__(
        self,
        key_id: str,
        secret: str,
        *,
        scope: Literal["app", "account", "integration"] = "app",
        lifetime: float = 3600.0,
        clock: Clock | None = None,
    ) -> None:
        self.key_id: str = key_id
        self.scope: Literal["app", "account", "integration"] = scope
        self.lifetime: float = lifetime
        problem = key_problem(key_id, secret)
        if problem is None and scope not in _SCOPES:
            problem = f"scope must be one of {', '.join(_SCOPES)}, not {scope!r}."
        self._secret = secret
        del secret
        if problem := problem or _lifetime_problem(lifetime):
            raise ConfigurationError(problem)
        _pyjwt("JWTAuth")
        self._clock = clock or SystemClock()
        self._headers = Headers()
        self._renewal = float("-inf")

    async def headers(self) -> Headers:
        """The `Authorization` header, with a token that is valid for a while."""
        now = self._clock.now()
        if now >= self._renewal:
            claims = {"scope": self.scope, "exp": int(now + self.lifetime)}
            self._headers = _bearer(_signed(claims, self.key_id, self._secret))
            # The rest of the lifetime covers different clocks and the time the request takes.
            self._renewal = now + self.lifetime * 0.8
        return self._headers

    async def renew(self, rejected: Headers) -> None:
        """Replace the token after a 401, unless another request has done so."""
        if self._headers == rejected:
            self._renewal = float("-inf")

    def __repr__(self) -> str:
        key_id, scope = getattr(self, "key_id", None), getattr(self, "scope", None)
        return f"JWTAuth(key_id={key_id!r}, scope={scope!r})"


def sign_user_jwt(
    key_id: str,
    key_secret: str,
    external_id: str,
    *,
    name: str | None = None,
    email: str | None = None,
    email_verified: bool | None = None,
    lifetime: float = 3600.0,
    clock: Clock | None = None,
) -> str:
    """Sign a JSON Web Token with which an end user signs in; needs `sunco[jwt]`.

    The Web Widget and the mobile SDKs get it from your server. `key_id` and `key_secret` are those
    of an app key; keep them on the server.

    Args:
        key_id: The key's id.
        key_secret: The key's secret. It is never shown.
        external_id: Your own id of the user.
        name: The user's name.
        email: The user's email address.
        email_verified: Whether the address was verified: identities are merged only if it was.
        lifetime: Seconds for which the token is valid.
        clock: The source of time.

    Raises:
        ConfigurationError: An argument is invalid, or PyJWT is not installed.
    """
    problem = (
        key_problem(key_id, key_secret)
        or _claims_problem(external_id, name, email, email_verified)
        or _lifetime_problem(lifetime)
    )
    if problem:
        del key_secret
        raise ConfigurationError(problem)
    expiry = int((clock or SystemClock()).now() + lifetime)
    claims = {
        "scope": "user",
        "external_id": external_id,
        "exp": expiry,
        "name": name,
        "email": email,
        "email_verified": email_verified,
    }
    given = {claim: value for claim, value in claims.items() if value is not None}
    try:
        return _signed(given, key_id, key_secret)
    finally:
        del key_secret


def _signed(claims: dict[str, Any], key_id: str, secret: str) -> str:
    try:
        encode = _pyjwt("Signing a token").encode
        return cast("str", encode(claims, secret, algorithm="HS256", headers={"kid": key_id}))
    finally:
        del secret


def _pyjwt(feature: str) -> Any:
    try:
        import jwt  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{feature} needs PyJWT: install it with pip install 'sunco[jwt]'."
        ) from None
    return jwt


def _bearer(token: object) -> Headers:
    """The header for a token; empty if it is invalid, so that no frame with the token raises."""
    if isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token:
        return Headers({"Authorization": f"Bearer {token}"} if token else {})
    return Headers()


def _usable(headers: Headers) -> Headers:
    if not headers:
        raise ConfigurationError(
            "The bearer token must be a str of printable ASCII without spaces, and not empty. "
            "Files and secrets often end with a line break: pass token.strip()."
        )
    return headers


def key_problem(key_id: object, key_secret: object) -> str | None:
    """Why a key is invalid; None if it is valid.

    It is returned and not raised, so that the caller can delete the secret first.
    """
    for name, value in (("key_id", key_id), ("key_secret", key_secret)):
        if not isinstance(value, str) or not value.strip():
            return f"{name} must be a str that is not empty."
        if value != value.strip():
            return (
                f"{name} has spaces or a line break at its start or end. Files and Kubernetes "
                f"secrets often end with a line break: pass {name}.strip()."
            )
        if not value.isprintable():
            return f"{name} has characters that are not printable."
    if ":" in str(key_id):
        return "key_id must not hold ':'."
    return None


def _lifetime_problem(lifetime: object) -> str | None:
    if (
        isinstance(lifetime, bool)
        or not isinstance(lifetime, (int, float))
        or not 0 < lifetime <= _LONGEST_LIFETIME
    ):
        return f"lifetime must be greater than 0 seconds and at most 100 years, not {lifetime!r}."
    return None


def _claims_problem(
    external_id: object, name: object, email: object, verified: object
) -> str | None:
    if not isinstance(external_id, str) or not external_id.strip():
        return "external_id must be a str that is not empty."
    texts = {"external_id": external_id, "name": name, "email": email}
    for claim, value in texts.items():
        if not isinstance(value, str | None):
            return f"{claim} must be a str, not {type(value).__name__}."
        # The token is JSON, and half of a surrogate pair is no text.
        if value is not None and any("\ud800" <= character <= "\udfff" for character in value):
            return f"{claim} has half of a surrogate pair."
    if not isinstance(verified, bool | None):
        return f"email_verified must be a bool, not {type(verified).__name__}."
    return None
