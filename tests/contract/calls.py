"""Calls every method of the client with every argument, and keeps what would be sent."""

from __future__ import annotations

import inspect
import itertools
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import anyio
import attrs

from sunco import BasicAuth, Paginator, Request, Response, RetryPolicy, Sunco
from sunco.models import (
    UNSET,
    AppSettings,
    Author,
    Confirmation,
    CustomIntegration,
    Destination,
    InteractiveDataRef,
    MessageOverride,
    ParticipantUser,
    Profile,
    TwilioMatchCriteria,
    WebIntegrationUpdate,
)
from sunco.session import Session
from sunco.wire import Operation

__all__ = ["Sent", "operations", "sent"]

_ID: Final = "ID"
_METADATA: Final = {"a": 1}

# What stands in for an argument of this name. Anything else is an id.
_SAMPLES: Final[Mapping[str, Any]] = {
    "author": Author("business"),
    "changes": WebIntegrationUpdate(display_name="x"),
    "confirmation": Confirmation("immediate"),
    "content": "x",
    "content_type": "text/plain",
    "deliver_standby_events": True,
    "destination": Destination(integration_id=_ID),
    "enabled": True,
    "every": 5.0,
    "grace_period": 0.0,
    "include_full_source": True,
    "include_full_user": True,
    "instagram": [],
    "integration": CustomIntegration(display_name="x", webhooks=[]),
    "interactive_data_ref": InteractiveDataRef(url="x", bid="x", key="x", signature="x", owner="x"),
    "match_criteria": TwilioMatchCriteria(integration_id=_ID, phone_number="x"),
    "maybe_sent": False,
    "max_bytes": 1,
    "media_url": "https://media.test/x",
    "message_history_count": 1,
    "messenger": [],
    "metadata": _METADATA,
    "override": MessageOverride(),
    "page_size": 1,
    "participants": [ParticipantUser(user_id=_ID)],
    "profile": Profile(given_name="x"),
    "settings": AppSettings(echo_postback=True),
    "signed_up_at": datetime(2026, 1, 1, tzinfo=UTC),
    "since": datetime(2026, 1, 1, tzinfo=UTC),
    "source": b"x",
    "subscribe_sdk_client": True,
    "to": None,
    "to_be_retained": True,
    "triggers": ["x"],
    "types": ["x"],
    "whatsapp": [],
}

# Of these, one can be given at a time.
_EXCLUSIVE: Final = (
    ("after", "before"),
    ("user_id", "user_external_id", "participant_id"),
    ("messenger", "instagram", "whatsapp"),
)


@attrs.frozen
class Sent:
    """A request that a method would send, as far as the specification speaks of it."""

    operation: Operation[Any]
    method: str
    template: str
    query: frozenset[str]
    body: frozenset[str]
    clears: frozenset[str]


class _NothingIsSentError(Exception):
    pass


class _Nowhere:
    async def send(self, request: Request) -> Response:  # noqa: ARG002 - a transport's
        raise _NothingIsSentError

    async def aclose(self) -> None:
        pass


class _Recording(Session):
    """A session that keeps the requests it builds."""

    def request(self, operation: Operation[Any], **details: Any) -> Request:
        request = super().request(operation, **details)
        _recorded.append((operation, request))
        return request


_recorded: list[tuple[Operation[Any], Request]] = []


def operations() -> dict[str, Operation[Any]]:
    """The operations that the client has methods for, by their names."""
    return {name: all_sent[0].operation for name, all_sent in sent().items()}


@cache
def sent() -> dict[str, list[Sent]]:
    """What each operation sends, with each choice among its arguments."""
    return anyio.run(_call_everything)


async def _call_everything() -> dict[str, list[Sent]]:
    session = _Recording(
        transport=_Nowhere(),
        auth=BasicAuth("k", "s"),
        base_url="https://api.test",
        app_id=_ID,
        timeout=1,
        retry=RetryPolicy(max_attempts=1),
    )
    found: defaultdict[str, list[Sent]] = defaultdict(list)
    for method in _methods(session):
        for arguments in _arguments(inspect.signature(method)):
            _recorded.clear()
            await _finish(method, arguments)
            for operation, request in _recorded:
                found[operation.name].append(await _sent(operation, request))
    return found


def _methods(session: Session) -> Iterator[Any]:
    for name, member in vars(Sunco).items():
        if isinstance(member, cached_property):
            sunco = object.__new__(Sunco)
            vars(sunco)["_session"] = session
            namespace = getattr(sunco, name)
            yield from (
                method
                for _, method in inspect.getmembers(namespace, inspect.ismethod)
                if not method.__name__.startswith("_")
            )


def _arguments(signature: inspect.Signature) -> Iterator[dict[str, Any]]:
    """All arguments at once, but for those of which one can be given at a time."""
    names = [*signature.parameters]
    choices = [[name for name in group if name in names] for group in _EXCLUSIVE]
    choices = [group for group in choices if len(group) > 1]
    free = [name for name in names if not any(name in group for group in choices)]
    for chosen in itertools.product(*choices):
        yield {name: _SAMPLES.get(name, _ID) for name in (*free, *chosen)}
    clearable = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.default is UNSET and "None" in str(parameter.annotation).split(" | ")
    ]
    if clearable:
        yield {name: _SAMPLES.get(name, _ID) for name in names} | dict.fromkeys(clearable)


async def _finish(method: Any, arguments: dict[str, Any]) -> None:
    parameters = inspect.signature(method).parameters
    positional = [
        arguments.pop(name)
        for name, parameter in parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    try:
        result = method(*positional, **arguments)
        if inspect.isawaitable(result) or isinstance(result, Paginator):
            await result
    except _NothingIsSentError:
        return


async def _sent(operation: Operation[Any], request: Request) -> Sent:
    url = urlsplit(request.url)
    body = await _body(request)
    path = url.path.removeprefix("/sc" if operation.at_oauth_host else "")
    return Sent(
        operation,
        request.method,
        "/".join("{}" if part == _ID else part for part in path.split("/")),
        frozenset(name for name, _ in parse_qsl(url.query, keep_blank_values=True)),
        frozenset(body),
        frozenset(name for name, value in body.items() if value is None),
    )


async def _body(request: Request) -> dict[str, Any]:
    if request.content is None:
        return {}
    if isinstance(request.content, bytes):
        fields: dict[str, Any] = json.loads(request.content)
        return fields
    parts = b"".join([chunk async for chunk in request.content])
    return dict.fromkeys(re.findall(r'; name="(\w+)"', parts.decode()), "")
