"""Verifying that a delivery comes from the API: it shows the webhook's secret."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias, TypeGuard, cast, runtime_checkable

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
_NO_HEADERS: Final = "has no headers"
_ADVICE: Final = "The API returns the secret when the webhook is created, and from webhooks.get."


class Secrets:
    """The secrets that a delivery may show. Its repr contains none of them.

    Args:
        secret: A webhook's secret, or several: of webhooks that share an address, or the old and
            the new one while they are being rotated.

    Raises:
        ConfigurationError: There is none, or one is not a non-empty `str`, or one has white space
            in it, such as the line end of a file that it was read from.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secret: str | Iterable[str]) -> None:
        given = [secret] if isinstance(secret, str | bytes) else _listed(secret)
        usable = [each for each in given if _is_usable(each)]
        self._secrets = [each.encode() for each in usable]
        complete = bool(given) and len(usable) == len(given)
        # Tracebacks can show local variables.
        del secret, given, usable
        if not complete:
            self._secrets = []
            raise ConfigurationError(
                f"A webhook secret is a non-empty str without spaces or line ends. {_ADVICE}"
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._secrets)}>"

    def problem(self, headers: _Headers) -> str | None:
        """Why headers are rejected; None if they show one of the secrets."""
        shown = _keys(headers)
        if shown is None:
            return _NO_HEADERS
        if len(shown) != 1:
            return "shows no X-API-Key" if not shown else "shows more than one X-API-Key"
        # All are compared, so that the time does not depend on which one matches.
        matches = [hmac.compare_digest(shown[0], secret) for secret in self._secrets]
        return None if any(matches) else "shows a wrong X-API-Key"


def _listed(secret: Iterable[object]) -> list[object]:
    return list(secret) if isinstance(cast("object", secret), Iterable) else []


def _is_usable(secret: object) -> TypeGuard[str]:
    # Lone surrogates are not printable.
    return isinstance(secret, str) and bool(secret) and secret.isprintable() and " " not in secret


def _keys(headers: _Headers) -> list[bytes] | None:
    """The values of the header; None if these are not headers."""
    try:
        # Asking for the protocol is slow, and an ASGI app has a list.
        if isinstance(headers, list) or not isinstance(headers, _HasItems):
            pairs = cast("Iterable[tuple[object, object]]", headers)
        else:
            pairs = headers.items()
        return [
            _as_bytes(each)
            for name, value in pairs
            if _as_bytes(name).lower() == _HEADER
            # Some platforms give a list of values for each name.
            for each in (cast("list[object]", value) if isinstance(value, list) else [value])
        ]
    except (TypeError, ValueError):
        return None


def _as_bytes(part: object) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode("utf-8", "backslashreplace")


def verify(headers: _Headers, secret: str | Iterable[str]) -> None:
    """Check that a delivery comes from the API, in constant time.

    Args:
        headers: The delivery's headers, in any case: a mapping, any object with `items()` (of
            Starlette, werkzeug, `email.message.Message`), or pairs of `str` or `bytes`. A value can
            be a list of values.
        secret: The webhook's secret, or several of which one has to match.

    Raises:
        SignatureError: The key is missing, wrong, or shown more than once.
        ConfigurationError: A secret is empty, no `str` or with white space in it, or `headers` is
            not a collection of headers.
    """
    # Tracebacks can show local variables.
    problem: str | None
    try:
        problem = Secrets(secret).problem(headers)
    finally:
        del headers, secret
    if problem == _NO_HEADERS:
        raise ConfigurationError("headers must be a mapping or pairs of str or bytes.")
    if problem is not None:
        raise SignatureError(f"The delivery {problem}: it does not come from the API. {_ADVICE}")
