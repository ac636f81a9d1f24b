from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .api import BUSINESS

if TYPE_CHECKING:
    from .api import JSON, Api
    from .conftest import Clock

pytestmark = pytest.mark.anyio


async def test_a_user_reads(api: Api, clock: Clock) -> None:
    ann = await api.user(externalId="ann")
    conversation = await api.personal(ann)
    await api.post(conversation)
    path = f"conversations/{conversation['id']}"
    (before,) = (await api.get(f"{path}/participants"))["participants"]
    assert (before["unreadCount"], before.get("lastRead")) == (1, None)
    clock.advance(1)
    body = {"author": {"type": "user", "userExternalId": "ann"}, "type": "conversation:read"}
    assert await api.call("POST", f"{path}/activity", body) == {}
    (after,) = (await api.get(f"{path}/participants"))["participants"]
    assert (after["unreadCount"], after["lastRead"]) == (0, "2025-02-03T16:21:13.308Z")


async def test_the_business_reads_and_types(api: Api) -> None:
    conversation = await api.personal(await api.user())
    path = f"conversations/{conversation['id']}"
    for kind in ("typing:start", "typing:stop"):
        await api.call("POST", f"{path}/activity", {"author": BUSINESS, "type": kind})
    assert "businessLastRead" not in (await api.get(path))["conversation"]
    body = {"author": BUSINESS, "type": "conversation:read"}
    await api.call("POST", f"{path}/activity", body)
    shown = (await api.get(path))["conversation"]
    assert shown["businessLastRead"] == "2025-02-03T16:21:12.308Z"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"type": "typing:start"}, "author is required"),
        ({"author": BUSINESS}, "type is required"),
        (
            {"author": BUSINESS, "type": "typing"},
            "type must be one of conversation:read, typing:start, typing:stop",
        ),
        (
            {"author": {"type": "user", "userExternalId": "ann"}, "type": "typing:start"},
            "Only conversation:read is supported when the author type is user",
        ),
        (
            {"author": {"type": "user", "userExternalId": "bob"}, "type": "conversation:read"},
            "The author is not a member of the conversation",
        ),
    ],
)
async def test_a_malformed_activity_is_rejected(api: Api, body: JSON, problem: str) -> None:
    await api.user(externalId="bob")
    conversation = await api.personal(await api.user(externalId="ann"))
    path = f"conversations/{conversation['id']}/activity"
    assert await api.problems("POST", path, body) == [problem]
