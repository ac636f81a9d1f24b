"""The client: configuration in, resources out."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Final, Self

import attrs

from sunco import resources, wire
from sunco import transport as transports
from sunco.auth import Auth, BasicAuth, key_problem
from sunco.errors import ConfigurationError
from sunco.models.base import UNSET, Unset
from sunco.observe import Observer, checked_observers
from sunco.ratelimit import Limiter, RateLimiter
from sunco.retry import RetryPolicy
from sunco.session import Session
from sunco.transport import Transport
from sunco.wire import Response

__all__ = ["Sunco"]

_ENVIRONMENT: Final = ("app_id", "key_id", "key_secret", "subdomain", "base_url")


class Sunco:
    """An async client for the Sunshine Conversations API v2, for asyncio and trio.

    Use it as an async context manager, or call `aclose` when done. One client serves any number of
    tasks at once.

    Args:
        app_id: The app that app-wide operations work on.
        key_id: The id of an API key, `"app_..."`.
        key_secret: The key's secret.
        auth: Instead of a key: something else that signs requests.
        subdomain: The Zendesk account, `"acme"` for `https://acme.zendesk.com`.
        base_url: Instead of `subdomain`: where the API is, such as `https://api.smooch.io` or
            `https://api.eu-1.smooch.io`. Plain http is for loopback only.
        timeout: Seconds that one attempt may take; None for no limit.
        retry: When to try again.
        rate_limit: How fast to go: a `RateLimiter`, which several clients can share, or requests
            per second. None for as fast as it goes.
        max_connections: How many requests may be under way at once; more wait for their turn.
        max_response_bytes: How long an answer may be.
        observers: Callables that are told what happens; see `sunco.observe`.
        transport: Instead of the default one: what carries the requests. It is closed with the
            client.

    Raises:
        ConfigurationError: A setting is missing, wrong, or contradicts another.
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
        timeout: float | None = 30.0,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen, so it can be shared
        rate_limit: Limiter | float | None = None,
        max_connections: int = 100,
        max_response_bytes: int = 64 * 1024 * 1024,
        observers: Sequence[Observer] = (),
        transport: Transport | None = None,
    ) -> None:
        problem = _credential_problem(auth, key_id, key_secret)
        if problem is None:
            auth = auth or BasicAuth(key_id or "", key_secret or "")
        # An error's frames can be shown with their variables.
        del key_secret
        if problem is not None or auth is None:
            raise ConfigurationError(problem or "")
        self._closes = True
        self._session = Session(
            auth=auth,
            base_url=_base_url(subdomain, base_url),
            app_id=_app_id(app_id),
            timeout=_timeout(timeout),
            retry=retry,
            limiter=_limiter(rate_limit),
            observers=checked_observers(observers),
            transport=transport
            or transports.HttpxTransport(
                max_connections=max_connections, max_response_bytes=max_response_bytes
            ),
        )

    @classmethod
    def from_env(cls, **overrides: Any) -> Self:
        """A client from the environment.

        Reads `SUNCO_APP_ID`, `SUNCO_KEY_ID`, `SUNCO_KEY_SECRET`, `SUNCO_SUBDOMAIN` and
        `SUNCO_BASE_URL`; unset and empty variables count as missing.

        Args:
            overrides: What `Sunco` takes, in place of what the environment says.

        Raises:
            ConfigurationError: A setting is missing, wrong, or contradicts another.
        """
        # Whoever brings another credential means that one alone, and likewise another address.
        replaced: set[str] = set()
        if "auth" in overrides:
            replaced |= {"key_id", "key_secret"}
        if {"subdomain", "base_url"} & overrides.keys():
            replaced |= {"subdomain", "base_url"}
        settings: dict[str, Any] = {
            name: value
            for name in _ENVIRONMENT
            if name not in replaced and (value := os.environ.get(f"SUNCO_{name.upper()}"))
        }
        return cls(**(settings | overrides))

    def with_options(
        self,
        *,
        app_id: str | Unset | None = UNSET,
        timeout: float | Unset | None = UNSET,
        retry: RetryPolicy | Unset = UNSET,
        rate_limit: Limiter | float | Unset | None = UNSET,
    ) -> Self:
        """A cheap copy with other settings, over the same connections.

        Closing the copy closes nothing; it is of use until this client is closed.

        Args:
            app_id: The app that app-wide operations work on.
            timeout: Seconds that one attempt may take; None for no limit.
            retry: When to try again.
            rate_limit: How fast to go; None for as fast as it goes.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        settings: dict[str, Any] = {}
        if app_id is not UNSET:
            settings["app_id"] = _app_id(app_id)
        if timeout is not UNSET:
            settings["timeout"] = _timeout(timeout)
        if retry is not UNSET:
            settings["retry"] = retry
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
        """Call an endpoint that has no method of its own yet, with the same care.

        GET, DELETE and PATCH are tried again as elsewhere, other methods only where nothing can
        happen twice.

        Args:
            method: The HTTP method.
            path: The path behind the base URL, `"/v2/apps"`.
            params: The query; objects are written as `page[after]=...`, None is left out.
            json: The body; models in it are written as everywhere. None sends none.

        Raises:
            SuncoError: As every other operation.
        """
        return await self._session.fetch(
            method.upper(), wire.checked_path(path), params=params, body=json
        )

    @cached_property
    def activities(self) -> resources.Activities:
        """Reading and typing in a conversation."""
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
        """Files for messages."""
        return resources.Attachments(self._session)

    @cached_property
    def clients(self) -> resources.Clients:
        """The channels through which a user can be reached."""
        return resources.Clients(self._session)

    @cached_property
    def conversations(self) -> resources.Conversations:
        """Stored histories of messages."""
        return resources.Conversations(self._session)

    @cached_property
    def devices(self) -> resources.Devices:
        """The phones and browsers of a user."""
        return resources.Devices(self._session)

    @cached_property
    def integration_keys(self) -> resources.IntegrationKeys:
        """The API keys of a custom integration."""
        return resources.IntegrationKeys(self._session)

    @cached_property
    def integrations(self) -> resources.Integrations:
        """What an app is connected to."""
        return resources.Integrations(self._session)

    @cached_property
    def messages(self) -> resources.Messages:
        """What is said in a conversation."""
        return resources.Messages(self._session)

    @cached_property
    def oauth(self) -> resources.OAuth:
        """The OAuth flow, for partners whose integration others install."""
        return resources.OAuth(self._session)

    @cached_property
    def participants(self) -> resources.Participants:
        """Who takes part in a conversation."""
        return resources.Participants(self._session)

    @cached_property
    def switchboard_actions(self) -> resources.SwitchboardActions:
        """Handing control of a conversation on."""
        return resources.SwitchboardActions(self._session)

    @cached_property
    def switchboard_integrations(self) -> resources.SwitchboardIntegrations:
        """Who can be in control of conversations."""
        return resources.SwitchboardIntegrations(self._session)

    @cached_property
    def switchboards(self) -> resources.Switchboards:
        """Where control of an app's conversations is arranged."""
        return resources.Switchboards(self._session)

    @cached_property
    def users(self) -> resources.Users:
        """The people that the business talks to."""
        return resources.Users(self._session)

    @cached_property
    def webhooks(self) -> resources.Webhooks:
        """Where an integration reports events."""
        return resources.Webhooks(self._session)

    async def aclose(self) -> None:
        """Close all connections. Closing twice is harmless."""
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
        # A constructor that failed leaves a client without a session to tracebacks that show it.
        session: Session | None = getattr(self, "_session", None)
        if session is None:
            return "Sunco()"
        return (
            f"Sunco(base_url={session.base_url!r}, app_id={session.app_id!r}, "
            f"auth={session.auth!r})"
        )


def _credential_problem(
    auth: Auth | None, key_id: str | None, key_secret: str | None
) -> str | None:
    if auth is not None:
        has_key = key_id is not None or key_secret is not None
        return "Pass auth, or key_id and key_secret, not both." if has_key else None
    if key_id is not None and key_secret is not None:
        return key_problem(key_id, key_secret)
    missing = "key_secret" if key_id else "key_id" if key_secret else "The credential"
    return (
        f"{missing} is missing: pass key_id=... and key_secret=... (or auth=...), or set "
        "SUNCO_KEY_ID and SUNCO_KEY_SECRET and use Sunco.from_env()."
    )


def _base_url(subdomain: str | None, base_url: str | None) -> str:
    if subdomain is not None and base_url is not None:
        raise ConfigurationError("Pass subdomain or base_url, not both.")
    if base_url is not None:
        return wire.checked_base_url(base_url)
    if subdomain is None:
        raise ConfigurationError(
            "Where is the API? Pass subdomain='acme' for https://acme.zendesk.com, or "
            "base_url='https://api.smooch.io' for a legacy account."
        )
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", subdomain):
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
    if timeout is not None and not timeout > 0:
        raise ConfigurationError(f"timeout must be greater than 0 seconds, not {timeout!r}.")
    return timeout


def _limiter(rate_limit: Limiter | float | None) -> Limiter | None:
    if rate_limit is None or isinstance(rate_limit, Limiter):
        return rate_limit
    return RateLimiter(rate_limit)
