"""Verifying that a delivery comes from the API: it shows the webhook's secret."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias, cast, runtime_checkable

from sunco.errors import ConfigurationError, SignatureError

__all__ = ["Secrets", "verify"]


@runtime_checkable
class _HasItems(Protocol):
    """Headers such as those of Starlette, werkzeug or `email.message.Message`."""

    def items(self) -> Iterable[tuple[str, str]]: ...


_Headers: TypeAlias = (
    Mapping[str, str] | _HasItems | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
)

_HEADER: Final = b"x-api-key"
_ADVICE: Final = "The API returns the secret when the webhook is created, and from webhooks.get."


class Secrets:
    """The secrets that a delivery may show. Its repr contains none of them.

    Args:
        secret: A webhook's secret, or several: of webhooks that share an address, or the old and
            the new one while they are being rotated.

    Raises:
        ConfigurationError: There is none, or one is empty.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secret: str | Iterable[str]) -> None:
        secrets: list[object] = [secret] if isinstance(secret, str) else list(secret)
        self._secrets = [each.encode() for each in secrets if isinstance(each, str) and each]
        complete = bool(secrets) and len(self._secrets) == len(secrets)
        # Tracebacks can show local variables.
        del secret, secrets
        if not complete:
            del self._secrets
            raise ConfigurationError(f"A webhook secret is a non-empty str. {_ADVICE}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._secrets)}>"

    def problem(self, headers: _Headers) -> str | None:
        """Why headers are rejected; None if they show one of the secrets."""
        shown = _keys(headers)
        if len(shown) != 1:
            return "shows no X-API-Key" if not shown else "shows more than one X-API-Key"
        # All are compared, so that the time does not depend on which one matches.
        matches = [hmac.compare_digest(shown[0], secret) for secret in self._secrets]
        return None if any(matches) else "shows a wrong X-API-Key"


def _keys(headers: _Headers) -> list[bytes]:
    pairs = headers.items() if isinstance(headers, _HasItems) else headers
    return [
        value
        for name, value in map(_as_bytes, cast("Iterable[tuple[object, object]]", pairs))
        if name.lower() == _HEADER
    ]


def _as_bytes(pair: tuple[object, object]) -> tuple[bytes, bytes]:
    name, value = (
        part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        for part in pair
    )
    return name, value


def verify(headers: _Headers, secret: str | Iterable[str]) -> None:
    """Check that a delivery comes from the API, in constant time.

    Args:
        headers: The delivery's headers, in any case: a mapping, any object with `items()` (of
            Starlette, werkzeug, `email.message.Message`), or pairs of `str` or `bytes`.
        secret: The webhook's secret, or several of which one has to match.

    Raises:
        SignatureError: The key is missing, wrong, or shown more than once.
        ConfigurationError: There is no secret, or an empty one.
    """
    problem = Secrets(secret).problem(headers)
    # Tracebacks can show local variables.
    del headers, secret
    if problem is not None:
        raise SignatureError(f"The delivery {problem}: it does not come from the API. {_ADVICE}")
