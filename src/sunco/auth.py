"""How requests are signed."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol

from sunco.errors import ConfigurationError
from sunco.wire import Headers

__all__ = ["Auth", "BasicAuth", "BearerAuth", "JWTAuth", "key_problem"]

_SCOPES: Final = ("app", "account", "integration")


class Auth(Protocol):
    """Anything that can sign a request."""

    async def headers(self) -> Headers:
        """The headers that carry the credential, asked for anew at every attempt.

        They are `Headers` because their repr keeps the credential to itself.
        """
        ...


class BasicAuth:
    """HTTP Basic with an API key.

    Args:
        key_id: The key's id, `"app_..."`; its prefix says what it may do.
        key_secret: The key's secret. It is shown nowhere.

    Raises:
        ConfigurationError: One of them is empty, or the id holds a colon.
    """

    __slots__ = ("_headers", "key_id")

    def __init__(self, key_id: str, key_secret: str) -> None:
        self.key_id: str = key_id
        problem = key_problem(key_id, key_secret)
        if problem:
            # An error's frames can be shown with their variables.
            del key_secret
            raise ConfigurationError(problem)
        credential = b64encode(f"{key_id}:{key_secret}".encode()).decode()
        self._headers = Headers({"Authorization": f"Basic {credential}"})

    async def headers(self) -> Headers:
        """The `Authorization` header."""
        return self._headers

    def __repr__(self) -> str:
        return f"BasicAuth(key_id={self.key_id!r})"


class BearerAuth:
    """A bearer token: an OAuth access token, or a JWT that something else has made.

    Args:
        token: The token, or an async function that gives it. The function is asked at every
            attempt, so it should keep the token while it is good.

    Raises:
        ConfigurationError: The token is empty or cannot stand in a header. Where a function gives
            it, that is raised by the request.
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

    A token is used for most of its lifetime and signed anew before it expires.

    Args:
        key_id: The id of the key.
        secret: The key's secret. It is shown nowhere, and not sent.
        scope: What the tokens may do: `"app"`, `"account"` or `"integration"`, as the key allows.
        lifetime: Seconds that a token is good for.
        clock: Where the time comes from, in seconds since 1970.

    Raises:
        ConfigurationError: A setting cannot work, or PyJWT is not installed.
    """

    __slots__ = ("_clock", "_headers", "_jwt", "_renewal", "_secret", "key_id", "lifetime", "scope")

    def __init__(
        self,
        key_id: str,
        secret: str,
        *,
        scope: Literal["app", "account", "integration"] = "app",
        lifetime: float = 3600.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key_id: str = key_id
        self.scope: Literal["app", "account", "integration"] = scope
        self.lifetime: float = lifetime
        problem = key_problem(key_id, secret)
        if problem is None and scope not in _SCOPES:
            problem = f"scope must be one of {', '.join(_SCOPES)}, not {scope!r}."
        if problem is None and not lifetime > 0:
            problem = f"lifetime must be greater than 0 seconds, not {lifetime!r}."
        self._secret = secret
        del secret
        if problem:
            raise ConfigurationError(problem)
        self._jwt = _pyjwt()
        self._clock = clock
        self._headers = Headers()
        self._renewal = float("-inf")

    async def headers(self) -> Headers:
        """The `Authorization` header, with a token that is good for a while."""
        now = self._clock()
        if now >= self._renewal:
            self._headers = _bearer(
                self._jwt.encode(
                    {"scope": self.scope, "exp": int(now + self.lifetime)},
                    self._secret,
                    algorithm="HS256",
                    headers={"kid": self.key_id},
                )
            )
            # Some of its life is left to the clocks' difference and to the request on its way.
            self._renewal = now + self.lifetime * 0.8
        return self._headers

    def __repr__(self) -> str:
        return f"JWTAuth(key_id={self.key_id!r}, scope={self.scope!r})"


def _pyjwt() -> Any:
    try:
        import jwt  # noqa: PLC0415 - an extra, loaded by those who use it
    except ModuleNotFoundError:
        raise ConfigurationError(
            "JWTAuth needs PyJWT: install it with pip install 'sunco[jwt]'."
        ) from None
    return jwt


def _bearer(token: object) -> Headers:
    """The header for a token, empty if it is none: nothing is raised where it is in a variable."""
    if isinstance(token, str) and token.isascii() and token.isprintable() and " " not in token:
        return Headers({"Authorization": f"Bearer {token}"} if token else {})
    return Headers()


def _usable(headers: Headers) -> Headers:
    if not headers:
        raise ConfigurationError(
            "The bearer token must be a str of printable ASCII without spaces, and not empty."
        )
    return headers


def key_problem(key_id: object, key_secret: object) -> str | None:
    """Why a key cannot work; None if it can.

    It is said and not raised, so that who raises it can forget the secret first.
    """
    for name, value in (("key_id", key_id), ("key_secret", key_secret)):
        if not isinstance(value, str) or not value.strip():
            return f"{name} must be a str that is not empty."
    if ":" in str(key_id):
        return "key_id must not hold ':'."
    return None
