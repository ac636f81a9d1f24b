"""Values that the API would reject because they are misspelt: nothing is sent."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from support.scripted import scripted

from sunco import ConfigurationError, Sunco, resources
from sunco._literals import known_values

pytestmark = pytest.mark.anyio

Call = Callable[[Sunco], Any]

HOOK = ("https://example.test", ["conversation:message", "user:updat"])

# Each parameter that has known values, with one of them misspelt.
CALLS: dict[str, Call] = {
    "activities.post type": lambda s: s.activities.post("c1", "typing:strat"),
    "attachments.upload access": lambda s: s.attachments.upload(b"x", access="pubic"),
    "attachments.upload used_for": lambda s: s.attachments.upload(b"x", used_for="mesage"),
    "conversations.create type": lambda s: s.conversations.create("personel"),
    "integrations.list types": lambda s: s.integrations.list(types=["web", "custm"]),
    "messages.post schema": lambda s: s.messages.post("c1", {}, schema="whatsap"),
    "messages.post_once schema": lambda s: s.messages.post_once(
        "c1", {}, key="k", maybe_sent=False, schema="whatsap"
    ),
    "webhooks.create triggers": lambda s: s.webhooks.create("i1", target="t", triggers=HOOK[1]),
    "webhooks.update triggers": lambda s: s.webhooks.update("i1", "w1", triggers=HOOK[1]),
}


def parameters_with_known_values() -> set[str]:
    found: set[str] = set()
    for cls in (getattr(resources, name) for name in resources.__all__):
        namespace = cls.__module__.rpartition(".")[2]
        for _, method in inspect.getmembers(cls, inspect.isfunction):
            if not method.__name__.startswith("_"):
                # Names such as `list` are methods of the class, and builtins in annotations.
                types = typing.get_type_hints(method, vars(inspect.getmodule(cls)))
                found |= {
                    f"{namespace}.{method.__name__} {name}"
                    for name, kind in types.items()
                    if name != "return" and known_values(kind)
                }
    return found


def test_there_is_a_call_for_each_parameter_that_has_known_values() -> None:
    assert parameters_with_known_values() == set(CALLS)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_misspelt_values_are_rejected_before_anything_is_sent(call: Call) -> None:
    sunco, transport = scripted()
    with pytest.raises(ConfigurationError, match=r"Did you mean '[\w:]+'\? The API accepts "):
        # A list is rejected before it is awaited.
        await call(sunco)
    assert transport.requests == []


SIZES = [0, -1, 101, 2.5, True, "10"]


@pytest.mark.parametrize("size", SIZES, ids=repr)
async def test_page_sizes_out_of_range_are_rejected(size: Any) -> None:
    sunco, transport = scripted()
    lists: list[Callable[[], Awaitable[Any]]] = [
        lambda: sunco.apps.list(page_size=size),
        lambda: sunco.conversations.list(user_id="u1", page_size=size),
        lambda: sunco.participants.list("c1", page_size=size),
        lambda: sunco.integrations.list(page_size=size),
        lambda: sunco.clients.list("u1", page_size=size),
    ]
    for call in lists:
        with pytest.raises(ConfigurationError, match=f"from 1 to 100, not {size!r}"):
            await call()
    assert transport.requests == []
