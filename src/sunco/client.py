"""The client: settings in, resources out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self, cast

import attrs

from sunco import resources, wire
from sunco import transport as transports
from sunco._numbers import is_number
from sunco.auth import Auth, BasicAuth, key_problem
from sunco.errors import ConfigurationError
from sunco.models.base import UNSET, Unset
from sunco.observe import Observer, checked_observers
from sunco.ratelimit import Limiter, RateLimiter
from sunco.retry import RetryPolicy
from sunco.session import Session
from sunco.transport import Transport
from sunco.wire import Headers, Response

__all__ = ["Sunco"]

_ENVIRONMENT: Final = ("app_id", "key_id", "key_secret", "subdomain", "base_url")
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


class Sunco:
    """An async client for the Sunshine Conversations API v2, for asyncio and trio.

    Use it as an async context manager, or call `aclose` when done. One client serves any number of
    concurrent tasks.

    Args:
        app_id: The app of app-wide operations.
        key_id: The id of an API key, `"app_..."`.
        key_secret: The key's secret.
        auth: A credential of another kind, in place of a key.
        subdomain: The Zendesk account, `"acme"` for `https://acme.zendesk.com`.
        base_url: The API's address, in place of `subdomain`: `https://api.smooch.io`,
            `https://api.eu-1.smooch.io` or an emulator's. It ends with its path, without `/v2`.
        headers: Sent with every request, `oauth.get_token` included, such as the marketplace
            headers that Zendesk requires of partners. They cannot replace the client's own.
        timeout: Seconds that one attempt may take; None for no limit.
        retry: When to retry.
        rate_limit: Requests per second, or a `RateLimiter`, which clients can share; None for no
            limit.
        max_connections: The most requests in flight; others wait.
        max_response_bytes: The longest body of a response, decompressed.
        allow_http: Whether plain http is permitted to a host that is not loopback, such as an
            emulator in another container. The credential is then sent unencrypted.
        observers: Callables that get the client's events; see `sunco.observe`.
        transport: Sends the requests, in place of `HttpxTransport`. It is closed with the client.

    Raises:
        ConfigurationError: A setting is missing, invalid, or contradicts another.
    """

    def __init__(
        self,
        *,
        app_id: str | None = None,
        key_id: str | None = None,
        key_secret: str | None = None,
        auth: Auth | None = None,
        subdomain: str | None = None,
        base_url: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen, so it can be shared
        rate_limit: Limiter | float | None = None,
        max_connections: int = 100,
        max_response_bytes: int = 64 * 1024 * 1024,
        allow_http: bool = False,
        observers: Sequence[Observer] = (),
        transport: Transport | None = None,
    ) -> None:
        problem = _credential_problem(auth, key_id, key_secret)
        if problem is None:
            auth = auth or BasicAuth(key_id or "", key_secret or "")
        problem = problem or wire.headers_problem(headers)
        sent_always = Headers(None if problem else headers)
        # Tracebacks can be shown with the variables of their frames.
        del key_secret, headers
        if problem is not None or auth is None:
            del auth
            raise ConfigurationError(problem or "")
        self._closes = True
        self._session = Session(
            auth=auth,
            headers=sent_always,
            base_url=_base_url(subdomain, base_url, allow_http=allow_http),
            app_id=_app_id(app_id),
            timeout=_timeout(timeout),
            retry=_retry_policy(retry),
            limiter=_limiter(rate_limit),
            observers=checked_observers(observers),
            transport=_transport(transport)
            or transports.HttpxTransport(
                max_connections=max_connections, max_response_bytes=max_response_bytes
            ),
        )

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """Make a client from environment variables.

        Reads `SUNCO_APP_ID`, `SUNCO_KEY_ID`, `SUNCO_KEY_SECRET`, `SUNCO_SUBDOMAIN`,
        `SUNCO_BASE_URL`, `SUNCO_HEADERS` (a JSON object) and `SUNCO_ALLOW_HTTP` (`1` or `0`). Unset
        and empty variables are ignored.

        Args:
            overrides: Arguments of `Sunco`, in place of the variables. Another credential replaces
                the whole credential of the environment, another address the whole address.

        Raises:
            ConfigurationError: A setting is missing, invalid, or contradicts another.
        """
        replaced: set[str] = set(overrides)
        if "auth" in overrides:
            replaced |= {"key_id", "key_secret"}
        if {"subdomain", "base_url"} & overrides.keys():
            replaced |= {"subdomain", "base_url"}
        settings: dict[str, Any] = {}
        try:
            settings |= _environment(replaced) | overrides
            return cls(**settings)
        finally:
            # Tracebacks can be shown with the variables of their frames.
            settings.clear()
            overrides.clear()

    def with_options(
        self,
        *,
        app_id: str | Unset | None = UNSET,
        timeout: float | Unset | None = UNSET,
        retry: RetryPolicy | Unset = UNSET,
        rate_limit: Limiter | float | Unset | None = UNSET,
    ) -> Self:
        """A cheap copy with other settings, over the same connections.

        Closing the copy does nothing. It can be used until this client is closed.

        Args:
            app_id: The app of app-wide operations.
            timeout: Seconds that one attempt may take; None for no limit.
            retry: When to retry.
            rate_limit: Requests per second, or a `RateLimiter`; None for no limit.

        Raises:
            ConfigurationError: A setting is invalid.
        """
        settings: dict[str, Any] = {}
        if app_id is not UNSET:
            settings["app_id"] = _app_id(app_id)
        if timeout is not UNSET:
            settings["timeout"] = _timeout(timeout)
        if retry is not UNSET:
            settings["retry"] = _retry_policy(retry)
        if rate_limit is not UNSET:
            settings["limiter"] = _limiter(rate_limit)
        copy = object.__new__(type(self))
        copy._closes = False
        copy._session = attrs.evolve(self._session, **settings)
        return copy

    @property
    def app_id(self) -> str | None:
        """The app that app-wide operations use."""
        return self._session.app_id

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Response:
        """Call an endpoint that has no method of its own.

        GET, PUT and PATCH are retried as elsewhere; other methods, DELETE included, only if the
        request certainly did not take effect.

        Args:
            method: The HTTP method.
            path: The path, `"/v2/apps"`, appended to the base URL.
            params: The query; objects are written as `page[after]=...`, None is left out.
            json: The body, with models or plain values; None for no body.

        Raises:
            SuncoError: As with every operation.
        """
        return await self._session.fetch(
            wire.checked_method(method), wire.checked_path(path), params=params, body=json
        )

    @cached_property
    def activities(self) -> resources.Activities:
        """Typing indicators and read receipts."""
        return resources.Activities(self._session)

    @cached_property
    def app_keys(self) -> resources.AppKeys:
        """The API keys of an app."""
        return resources.AppKeys(self._session)

    @cached_property
    def apps(self) -> resources.Apps:
        """The apps of an account."""
        return resources.Apps(self._session)

    @cached_property
    def attachments(self) -> resources.Attachments:
        """Files in messages."""
        return resources.Attachments(self._session)

    @cached_property
    def clients(self) -> resources.Clients:
        """The channels of a user."""
        return resources.Clients(self._session)

    @cached_property
    def conversations(self) -> resources.Conversations:
        """Conversations."""
        return resources.Conversations(self._session)

    @cached_property
    def devices(self) -> resources.Devices:
        """The devices of a user."""
        return resources.Devices(self._session)

    @cached_property
    def integration_keys(self) -> resources.IntegrationKeys:
        """The API keys of a custom integration."""
        return resources.IntegrationKeys(self._session)

    @cached_property
    def integrations(self) -> resources.Integrations:
        """The integrations of an app."""
        return resources.Integrations(self._session)

    @cached_property
    def messages(self) -> resources.Messages:
        """The messages of a conversation."""
        return resources.Messages(self._session)

    @cached_property
    def oauth(self) -> resources.OAuth:
        """The OAuth flow, for partners."""
        return resources.OAuth(self._session)

    @cached_property
    def participants(self) -> resources.Participants:
        """The participants of a conversation."""
        return resources.Participants(self._session)

    @cached_property
    def switchboard_actions(self) -> resources.SwitchboardActions:
        """Control of a conversation."""
        return resources.SwitchboardActions(self._session)

    @cached_property
    def switchboard_integrations(self) -> resources.SwitchboardIntegrations:
        """The integrations of a switchboard."""
        return resources.SwitchboardIntegrations(self._session)

    @cached_property
    def switchboards(self) -> resources.Switchboards:
        """The switchboards of an app."""
        return resources.Switchboards(self._session)

    @cached_property
    def users(self) -> resources.Users:
        """The users of an app."""
        return resources.Users(self._session)

    @cached_property
    def webhooks(self) -> resources.Webhooks:
        """The webhooks of an integration."""
        return resources.Webhooks(self._session)

    async def aclose(self) -> None:
        """Close all connections. Closing twice is permitted."""
        if self._closes:
            await self._session.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # If the constructor fails, a traceback can show a client without a session.
        session: Session | None = getattr(self, "_session", None)
        if session is None:
            return "Sunco()"
        return (
            f"Sunco(base_url={session.base_url!r}, app_id={session.app_id!r}, "
            f"auth={session.auth!r})"
        )


def _environment(replaced: set[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if "allow_http" not in replaced and os.environ.get("SUNCO_ALLOW_HTTP"):
        settings["allow_http"] = _allow_http()
    if "headers" not in replaced and os.environ.get("SUNCO_HEADERS"):
        settings["headers"] = _headers()
    return settings | {
        name: value
        for name in _ENVIRONMENT
        if name not in replaced and (value := os.environ.get(f"SUNCO_{name.upper()}"))
    }


def _allow_http() -> bool:
    text = os.environ["SUNCO_ALLOW_HTTP"].lower()
    if text not in _TRUE | _FALSE:
        raise ConfigurationError(f"SUNCO_ALLOW_HTTP must be 1 or 0, not {text!r}.")
    return text in _TRUE


def _headers() -> dict[str, str]:
    try:
        headers: object = json.loads(os.environ["SUNCO_HEADERS"])
    except (ValueError, RecursionError):
        headers = None
    if not isinstance(headers, dict):
        del headers
        raise ConfigurationError(
            """SUNCO_HEADERS must be a JSON object, as in {"X-Zendesk-Marketplace-Name": "..."}."""
        )
    return cast("dict[str, str]", headers)


def _credential_problem(
    auth: Auth | None, key_id: str | None, key_secret: str | None
) -> str | None:
    if auth is not None:
        if key_id is not None or key_secret is not None:
            return "Pass auth, or key_id and key_secret, not both."
        if not callable(getattr(auth, "headers", None)):
            kind = type(auth).__name__
            return f"auth must be an Auth such as BasicAuth, BearerAuth or JWTAuth, not {kind}."
        return None
    if key_id is not None and key_secret is not None:
        return key_problem(key_id, key_secret)
    missing = "key_secret" if key_id else "key_id" if key_secret else "The credential"
    return (
        f"{missing} is missing: pass key_id=... and key_secret=... (or auth=...), or set "
        "SUNCO_KEY_ID and SUNCO_KEY_SECRET and use Sunco.from_env()."
    )


def _base_url(subdomain: object, base_url: object, *, allow_http: object) -> str:
    if not isinstance(allow_http, bool):
        raise ConfigurationError(f"allow_http must be a bool, not {allow_http!r}.")
    if subdomain is not None and base_url is not None:
        raise ConfigurationError("Pass subdomain or base_url, not both.")
    if base_url is not None:
        return wire.checked_base_url(base_url, allow_http=allow_http)
    if subdomain is None:
        raise ConfigurationError(
            "The API's address is missing: pass subdomain='acme' for https://acme.zendesk.com, or "
            "base_url='https://api.smooch.io' for a legacy account."
        )
    if not isinstance(subdomain, str) or not re.fullmatch(
        r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", subdomain
    ):
        raise ConfigurationError(
            f"subdomain must be the first part of your Zendesk address, as in 'acme' for "
            f"https://acme.zendesk.com, not {subdomain!r}."
        )
    return f"https://{subdomain}.zendesk.com/sc"


def _app_id(app_id: str | None) -> str | None:
    if app_id is not None:
        wire.expand_path("{app_id}", {"app_id": app_id})
    return app_id


def _timeout(timeout: float | None) -> float | None:
    if timeout is not None and (not is_number(timeout) or not timeout > 0):
        raise ConfigurationError(f"timeout must be greater than 0 seconds, not {timeout!r}.")
    return timeout


def _retry_policy(retry: object) -> RetryPolicy:
    if not isinstance(retry, RetryPolicy):
        raise ConfigurationError(
            f"retry must be a RetryPolicy, as in RetryPolicy(max_attempts=3), not {retry!r}."
        )
    return retry


def _limiter(rate_limit: Limiter | float | None) -> Limiter | None:
    if rate_limit is None or isinstance(rate_limit, Limiter):
        return rate_limit
    if not is_number(rate_limit):
        raise ConfigurationError(
            f"rate_limit must be a number of requests per second or a RateLimiter, "
            f"not {rate_limit!r}."
        )
    return RateLimiter(rate_limit)


def _transport(transport: Transport | None) -> Transport | None:
    if transport is not None and not callable(getattr(transport, "send", None)):
        kind = type(transport).__name__
        raise ConfigurationError(
            f"transport must be a Transport such as HttpxTransport, not {kind}."
        )
    return transport
