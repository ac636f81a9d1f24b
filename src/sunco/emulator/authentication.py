"""Who is calling."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING

from sunco.emulator.answers import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of the key that signed a request, and how far the key reaches."""

    key_id: str
    scope: str


def authenticate(authorization: str | None, secrets: Mapping[str, str]) -> Principal:
    """Tell who is calling by the `Authorization` header.

    Args:
        authorization: The header's value, if it was sent.
        secrets: The secret of each key, by key id.

    Raises:
        ApiError: 401 unless the credentials are right.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    read = _SCHEMES.get(scheme.lower())
    principal = read(credentials.strip(), secrets) if read else None
    if principal is None:
        raise ApiError(
            401,
            "unauthorized",
            "Authorization is required",
            headers={"www-authenticate": 'Basic realm="Sunshine Conversations"'},
        )
    return principal


def _basic(credentials: str, secrets: Mapping[str, str]) -> Principal | None:
    try:
        key_id, _, secret = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    # An unknown key is compared too, so that the time taken does not tell which ids exist.
    known = compare_digest(secret.encode(), secrets.get(key_id, "").encode())
    return Principal(key_id, scope="app") if known and key_id in secrets else None


# A scheme is a row here: the bearer JWTs of the other scopes are to be another.
_SCHEMES: dict[str, Callable[[str, Mapping[str, str]], Principal | None]] = {"basic": _basic}
