"""Being seen to type."""

from __future__ import annotations

import json

import anyio
import anyio.lowlevel
import pytest
from support.scripted import ScriptedTransport, error_response, response, scripted

from sunco.models import Author

pytestmark = pytest.mark.anyio

DONE = response({})


def posted(transport: ScriptedTransport) -> list[str]:
    bodies = [request.content for request in transport.requests]
    return [json.loads(body)["type"] for body in bodies if isinstance(body, bytes)]


async def test_typing_is_shown_while_the_block_lasts() -> None:
    sunco, transport = scripted(DONE, DONE)
    async with sunco.activities.typing("c1", author=Author("business", display_name="Bot")):
        await anyio.wait_all_tasks_blocked()
        assert posted(transport) == ["typing:start"]
    assert posted(transport) == ["typing:start", "typing:stop"]
    for request in transport.requests:
        assert request.url.endswith("/conversations/c1/activity")
        assert json.loads(request.content)["author"]["displayName"] == "Bot"  # type: ignore[arg-type]


async def test_typing_is_repeated() -> None:
    sunco, transport = scripted(*[DONE] * 20)
    with anyio.fail_after(60):
        async with sunco.activities.typing("c1", every=0):
            while len(transport.requests) < 3:
                await anyio.lowlevel.checkpoint()
    *starts, stop = posted(transport)
    assert set(starts) == {"typing:start"}
    assert stop == "typing:stop"


async def test_what_cannot_be_shown_breaks_nothing() -> None:
    rejected = error_response(404, "conversation_not_found", "Conversation not found")
    sunco, transport = scripted(rejected, rejected)
    async with sunco.activities.typing("c1"):
        await anyio.wait_all_tasks_blocked()
    assert len(transport.requests) == 2


async def test_an_error_in_the_block_is_raised_as_it_is() -> None:
    sunco, transport = scripted(DONE, DONE)

    async def break_down() -> None:
        async with sunco.activities.typing("c1"):
            await anyio.wait_all_tasks_blocked()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await break_down()
    assert posted(transport) == ["typing:start", "typing:stop"]


async def test_typing_stops_when_the_block_is_cancelled() -> None:
    sunco, transport = scripted(DONE, DONE)
    with anyio.move_on_after(10) as scope:
        async with sunco.activities.typing("c1"):
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert posted(transport) == ["typing:start", "typing:stop"]
