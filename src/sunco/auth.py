"""How requests are signed."""

from __future__ import annotations

from base64 import b64encode
from typing import Protocol

from sunco.errors import ConfigurationError
from sunco.wire import Headers

__all__ = ["Auth", "BasicAuth", "key_problem"]


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
        self.key_id = key_id
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
