"""Who is calling, and whether they may."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64decode
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, cast

from sunco.emulator.errors import ApiError, not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.api.operation import Operation
    from sunco.emulator.state.account import Account, Key

_JWT_PARTS = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """The owner of the key or token that a request came with, and how far it reaches."""

    key_id: str
    scope: str
    app_id: str | None = None
    integration_id: str | None = None


ANYONE = Principal("", "")


def authenticate(authorization: str | None, account: Account) -> Principal:
    """Tell who is calling by the `Authorization` header.

    Args:
        authorization: The header's value, if it was sent.
        account: Whose keys and tokens are good.

    Raises:
        ApiError: 401 unless the credentials are right.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    read = _SCHEMES.get(scheme.lower())
    principal = read(credentials.strip(), account) if read else None
    if principal is None:
        raise ApiError(
            401,
            "unauthorized",
            "Authorization is required",
            headers={"www-authenticate": 'Basic realm="Sunshine Conversations"'},
        )
    return principal


def authorize(
    principal: Principal, operation: Operation, ids: Mapping[str, str], account: Account
) -> None:
    """Let a caller in, or not.

    Raises:
        ApiError: 403 for a scope that the operation does not take, or for what belongs to others;
            404 for an app that does not exist.
    """
    if principal.scope not in operation.scopes:
        raise ApiError(403, "forbidden", "Forbidden")
    if "appId" not in ids:
        return
    if ids["appId"] not in account.apps:
        raise not_found("App")
    of_other_app = principal.app_id not in (None, ids["appId"])
    integration_id = ids.get("integrationId", principal.integration_id)
    if of_other_app or principal.integration_id not in (None, integration_id):
        raise ApiError(403, "forbidden", "Forbidden")


def _basic(credentials: str, account: Account) -> Principal | None:
    try:
        key_id, _, secret = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    key = account.keys.get(key_id)
    # An unknown key is compared too, so that the time taken does not tell which ids exist.
    known = compare_digest(secret.encode(), (key.secret if key else "").encode())
    return _owner(key) if key and known else None


def _bearer(credentials: str, account: Account) -> Principal | None:
    grant = account.tokens.get(credentials)
    if grant is not None:
        return Principal(grant.client_id, "integration", grant.app_id, grant.integration_id)
    parts = credentials.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        header, claims = (_read_part(part) for part in parts[:2])
        signature = _decode(parts[2])
    except (ValueError, RecursionError):
        return None
    kid = header.get("kid")
    key = account.keys.get(kid) if isinstance(kid, str) else None
    if key is None or header.get("alg") != "HS256":
        return None
    signed = f"{parts[0]}.{parts[1]}".encode()
    genuine = compare_digest(signature, hmac.digest(key.secret.encode(), signed, "sha256"))
    if not genuine or claims.get("scope") != key.scope:
        return None
    return _owner(key) if _is_current(claims, account.clock.now().timestamp()) else None


def _owner(key: Key) -> Principal:
    return Principal(key.id, key.scope, key.app_id, key.integration_id)


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _read_part(part: str) -> dict[str, Any]:
    members = json.loads(_decode(part))
    if not isinstance(members, dict):
        raise ValueError(part)  # noqa: TRY004 - as malformed as what is no JSON at all
    return cast("dict[str, Any]", members)


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    begins, ends = claims.get("nbf", now), claims.get("exp", now + 1)
    if not isinstance(begins, int | float) or not isinstance(ends, int | float):
        return False
    return begins <= now < ends


_SCHEMES: dict[str, Callable[[str, Account], Principal | None]] = {
    "basic": _basic,
    "bearer": _bearer,
}
