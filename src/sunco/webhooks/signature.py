"""Whether a delivery comes from the API: it shows the webhook's secret."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias, cast

from sunco.errors import ConfigurationError, SignatureError

__all__ = ["Secrets", "verify"]

_Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[bytes, bytes]]

_HEADER: Final = b"x-api-key"
_ADVICE: Final = "The webhook's secret is shown when it is created, and by webhooks.get."


class Secrets:
    """The secrets that a delivery may show; its repr shows none of them.

    Args:
        secret: A webhook's secret, or several: of webhooks that share an address, or the old one
            and the new one while they are being exchanged.

    Raises:
        ConfigurationError: There is none, or one is empty.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secret: str | Iterable[str]) -> None:
        secrets: list[object] = [secret] if isinstance(secret, str) else list(secret)
        self._secrets = [each.encode() for each in secrets if isinstance(each, str) and each]
        complete = bool(secrets) and len(self._secrets) == len(secrets)
        # An error's frames can be shown with their variables.
        del secret, secrets
        if not complete:
            del self._secrets
            raise ConfigurationError(f"A webhook secret is text, and not empty. {_ADVICE}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._secrets)}>"

    def refusal(self, headers: _Headers) -> str | None:
        """Why headers are refused; None if they show one of the secrets."""
        shown = _keys(headers)
        if len(shown) != 1:
            return "shows no X-API-Key" if not shown else "shows more than one X-API-Key"
        # All are compared, so that the time taken does not tell which one was nearly right.
        matches = [hmac.compare_digest(shown[0], secret) for secret in self._secrets]
        return None if any(matches) else "shows a wrong X-API-Key"


def _keys(headers: _Headers) -> list[bytes]:
    if not isinstance(headers, Mapping):
        return [value for name, value in headers if name.lower() == _HEADER]
    named = cast("Mapping[str, str]", headers)
    return [
        value.encode("utf-8", "surrogateescape")
        for name, value in named.items()
        if name.lower() == _HEADER.decode()
    ]


def verify(headers: _Headers, secret: str | Iterable[str]) -> None:
    """Check that a delivery comes from the API. Takes the same time whatever key it shows.

    Args:
        headers: The delivery's headers: any mapping, in any case, or an ASGI scope's own pairs.
        secret: The webhook's secret, or several of which one is enough.

    Raises:
        SignatureError: The key is missing, shown twice, or wrong.
        ConfigurationError: There is no secret, or an empty one.
    """
    refusal = Secrets(secret).refusal(headers)
    # An error's frames can be shown with their variables.
    del headers, secret
    if refusal is not None:
        raise SignatureError(f"The delivery {refusal}: it does not come from the API. {_ADVICE}")
