"""Arguments of wrong types: a `ConfigurationError`, and nothing is sent."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import pytest
from support.scripted import response, scripted

from sunco import (
    AiohttpTransport,
    ConfigurationError,
    HttpxTransport,
    RateLimiter,
    RetryPolicy,
    Sunco,
    resources,
)

pytestmark = pytest.mark.anyio

NAMESPACES = {
    "activities": resources.Activities,
    "app_keys": resources.AppKeys,
    "apps": resources.Apps,
    "attachments": resources.Attachments,
    "clients": resources.Clients,
    "conversations": resources.Conversations,
    "devices": resources.Devices,
    "integration_keys": resources.IntegrationKeys,
    "integrations": resources.Integrations,
    "messages": resources.Messages,
    "oauth": resources.OAuth,
    "participants": resources.Participants,
    "switchboard_actions": resources.SwitchboardActions,
    "switchboard_integrations": resources.SwitchboardIntegrations,
    "switchboards": resources.Switchboards,
    "users": resources.Users,
    "webhooks": resources.Webhooks,
}
VALID: dict[str, Any] = {
    "changes": {},
    "confirmation": {},
    "every": 1.5,
    "grace_period": 1.5,
    "integration": {},
    "interactive_data_ref": {},
    "match_criteria": {},
    "media_url": "https://files.example.test/a",
    "source": b"",
    "triggers": ["*"],
}
ONE_OF = {
    "participants.join": "user_id",
    "participants.leave": "user_id",
    "conversations.list": "user_id",
    "conversations.post_conversion_events": "messenger",
}
WRONG: dict[str, Any] = {"object": object(), "bytes": b"", "set": {"a"}}


def operations() -> Iterator[tuple[str, dict[str, inspect.Parameter]]]:
    """Every method of every namespace, with its parameters."""
    for namespace, kind in NAMESPACES.items():
        for method, function in inspect.getmembers(kind, inspect.isfunction):
            if not method.startswith("_"):
                parameters = dict(inspect.signature(function).parameters)
                del parameters["self"]
                yield f"{namespace}.{method}", parameters


async def call(sunco: Sunco, operation: str, arguments: dict[str, Any]) -> None:
    namespace, method = operation.split(".")
    result = getattr(getattr(sunco, namespace), method)(**arguments)
    if hasattr(result, "__aenter__"):
        async with result:
            return
    if not isinstance(result, str):
        await result


def valid_arguments(operation: str, parameters: dict[str, inspect.Parameter]) -> dict[str, Any]:
    needed = [name for name, each in parameters.items() if each.default is inspect.Parameter.empty]
    if operation in ONE_OF:
        needed.append(ONE_OF[operation])
    return {name: VALID.get(name, "x") for name in needed}


@pytest.mark.parametrize(
    ("operation", "parameters", "name"),
    [
        pytest.param(operation, parameters, name, id=f"{operation}-{name}")
        for operation, parameters in operations()
        for name in parameters
    ],
)
async def test_wrong_types_are_rejected_before_anything_is_sent(
    operation: str, parameters: dict[str, inspect.Parameter], name: str
) -> None:
    sunco, transport = scripted(*[response()] * 10)
    arguments = valid_arguments(operation, parameters)
    required = name in arguments and operation not in ONE_OF
    for kind, value in WRONG.items():
        if (name, kind) == ("source", "bytes"):
            continue
        with pytest.raises(ConfigurationError):
            await call(sunco, operation, arguments | {name: value})
    if required:
        with pytest.raises(ConfigurationError):
            await call(sunco, operation, arguments | {name: None})
    assert transport.requests == []


COUNTS = {
    "float": 1.5,
    "text": "5",
    "bool": True,
    "zero": 0,
    "negative": -1,
    "huge": 10**400,
    "nan": math.nan,
}
DURATIONS = {"text": "5", "bool": True, "negative": -1, "huge": 10**400, "nan": math.nan}


@pytest.mark.parametrize("value", COUNTS.values(), ids=COUNTS)
async def test_counts(value: Any) -> None:
    sunco, transport = scripted()
    with pytest.raises(ConfigurationError, match="page_size must be"):
        sunco.conversations.list(user_id="u", page_size=value)
    with pytest.raises(ConfigurationError, match="message_history_count must be"):
        await sunco.switchboard_integrations.create("s", "n", message_history_count=value)
    with pytest.raises(ConfigurationError, match="max_bytes must be"):
        await sunco.attachments.download("https://files.example.test/a", max_bytes=value)
    for setting in ("max_connections", "max_response_bytes"):
        for transport_class in (HttpxTransport, AiohttpTransport):
            with pytest.raises(ConfigurationError, match=f"{setting} must be"):
                transport_class(**{setting: value})
    if value != 0:
        with pytest.raises(ConfigurationError, match="limit must be"):
            await sunco.conversations.list(user_id="u").collect(value)
    assert transport.requests == []


@pytest.mark.parametrize("value", DURATIONS.values(), ids=DURATIONS)
async def test_durations_and_rates(value: Any) -> None:
    sunco, transport = scripted()
    with pytest.raises(ConfigurationError, match="timeout must be"):
        sunco.with_options(timeout=value)
    with pytest.raises(ConfigurationError, match="rate"):
        sunco.with_options(rate_limit=value)
    with pytest.raises(ConfigurationError, match="burst must be"):
        RateLimiter(5, burst=value)
    with pytest.raises(ConfigurationError, match="grace_period must be"):
        await sunco.messages.post_once("c", "hello", key="k", grace_period=value)
    with pytest.raises(ConfigurationError, match="every must be"):
        async with sunco.activities.typing("c", every=value):
            pytest.fail("it started")
    for setting in ("max_attempts", "backoff", "max_backoff", "max_wait", "deadline"):
        with pytest.raises(ConfigurationError, match=f"{setting} must be"):
            RetryPolicy(**{setting: value})
    for transport_class in (HttpxTransport, AiohttpTransport):
        with pytest.raises(ConfigurationError, match="keepalive_expiry must be"):
            transport_class(keepalive_expiry=value)
    assert transport.requests == []


def test_objects_of_the_transports() -> None:
    wrong: Any = object()
    with pytest.raises(ConfigurationError, match=r"client must be an httpx\.AsyncClient"):
        HttpxTransport(wrong)
    with pytest.raises(ConfigurationError, match=r"ssl_context must be an ssl\.SSLContext"):
        HttpxTransport(ssl_context=wrong)
    with pytest.raises(ConfigurationError, match=r"ssl_context must be an ssl\.SSLContext"):
        AiohttpTransport(ssl_context=wrong)


async def test_lists_of_wrong_items() -> None:
    sunco, transport = scripted()
    triggers: Any = "conversation:message"
    with pytest.raises(ConfigurationError, match="triggers must be a sequence of str"):
        await sunco.webhooks.create("i", target="https://bot.example.test", triggers=triggers)
    types: Any = [1]
    with pytest.raises(ConfigurationError, match="types must be a"):
        sunco.integrations.list(types=types)
    events: Any = ["a"]
    with pytest.raises(ConfigurationError, match="whatsapp must be a sequence of mappings"):
        await sunco.conversations.post_conversion_events("c", whatsapp=events)
    assert transport.requests == []


async def test_a_secret_of_a_wrong_type_is_not_shown() -> None:
    sunco, _ = scripted()
    secret: Any = b"s3cret-of-a-client"
    with pytest.raises(ConfigurationError) as failure:
        await sunco.oauth.get_token("code", client_id="c", client_secret=secret)
    assert str(failure.value) == "client_secret must be a str, not bytes."
    for entry in failure.traceback[1:]:
        assert "s3cret-of-a-client" not in repr(entry.frame.f_locals)
