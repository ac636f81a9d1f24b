"""Authentication by key, JWT or access token, and authorization by scope."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64decode
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, cast

from sunco.emulator.errors import ApiError, forbidden, not_found
from sunco.emulator.state.credentials import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.account import Account

_JWT_PARTS = 3


ANYONE = Principal("", "")


def authenticate(authorization: str | None, account: Account) -> Principal:
    """Authenticate the caller by the `Authorization` header.

    Args:
        authorization: The value of the header, None without one.
        account: The account with the credentials.

    Raises:
        ApiError: 401 for missing or invalid credentials.
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
    principal: Principal, scopes: tuple[str, ...], ids: Mapping[str, str], account: Account
) -> None:
    """Check that the caller may call an operation.

    Args:
        principal: The caller.
        scopes: The scopes that may call the operation.
        ids: The ids in the path.
        account: The account with the apps.

    Raises:
        ApiError: 403 for another scope, app or integration; 404 for an app that does not exist.
    """
    if principal.scope not in scopes:
        raise forbidden()
    if "appId" not in ids:
        return
    if ids["appId"] not in account.apps:
        raise not_found("App")
    of_other_app = principal.app_id not in (None, ids["appId"])
    integration_id = ids.get("integrationId", principal.integration_id)
    if of_other_app or principal.integration_id not in (None, integration_id):
        raise forbidden()


def _basic(credentials: str, account: Account) -> Principal | None:
    try:
        key_id, _, secret = b64decode(credentials, validate=True).decode().partition(":")
    except ValueError:
        return None
    key = account.credentials.keys.get(key_id)
    # The comparison happens for unknown keys, too: its time must not reveal which ids exist.
    known = compare_digest(secret.encode(), (key.secret if key else "").encode())
    return key.principal if key and known else None


def _bearer(credentials: str, account: Account) -> Principal | None:
    grant = account.credentials.tokens.get(credentials)
    if grant is not None:
        return grant.principal
    parts = credentials.split(".")
    if len(parts) != _JWT_PARTS:
        return None
    try:
        header, claims = (_read_part(part) for part in parts[:2])
        signature = _decode(parts[2])
    except (ValueError, RecursionError):
        return None
    kid = header.get("kid")
    key = account.credentials.keys.get(kid) if isinstance(kid, str) else None
    if key is None or header.get("alg") != "HS256":
        return None
    signed = f"{parts[0]}.{parts[1]}".encode()
    genuine = compare_digest(signature, hmac.digest(key.secret.encode(), signed, "sha256"))
    if not genuine or claims.get("scope") != key.scope:
        return None
    return key.principal if _is_current(claims, account.clock.now().timestamp()) else None


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _read_part(part: str) -> dict[str, Any]:
    members = json.loads(_decode(part))
    if not isinstance(members, dict):
        raise ValueError(part)  # noqa: TRY004 - reported like invalid JSON
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
