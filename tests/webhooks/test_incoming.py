"""What every event can be asked, and replying to it."""

from __future__ import annotations

from typing import Any

import pytest

from sunco import Sunco
from sunco.emulator import Emulator
from sunco.models import Author, ParticipantUser, TextMessage
from sunco.testing import connect
from sunco.webhooks.delivery import read_event
from webhooks.support import message

pytestmark = pytest.mark.anyio

CONVERSATION = {"conversation": {"id": "c1"}}
BY_USER = {"author": {"type": "user", "userId": "u1"}}
BY_BUSINESS = {"author": {"type": "business"}}


@pytest.mark.parametrize(
    ("kind", "payload", "expected"),
    [
        ("conversation:message", CONVERSATION | {"message": BY_USER}, ("c1", "u1", True)),
        ("conversation:message", CONVERSATION | {"message": BY_BUSINESS}, ("c1", None, False)),
        ("conversation:typing", CONVERSATION | {"activity": BY_USER}, ("c1", "u1", True)),
        ("conversation:read", CONVERSATION | {"activity": BY_BUSINESS}, ("c1", None, False)),
        ("conversation:postback", CONVERSATION | {"user": {"id": "u1"}}, ("c1", "u1", True)),
        ("conversation:referral", {"user": {"id": "u1"}}, (None, "u1", True)),
        ("conversation:join", CONVERSATION | {"user": {"id": "u1"}}, ("c1", "u1", False)),
        ("user:update", {"user": {"id": "u1"}}, (None, "u1", False)),
        (
            "user:merge",
            {"mergedUsers": {"surviving": {"id": "u1"}, "discarded": {"id": "u2"}}},
            (None, "u1", False),
        ),
        ("switchboard:passControl", CONVERSATION, ("c1", None, False)),
        ("passthrough:messaging", CONVERSATION | {"apple": {}}, ("c1", None, False)),
        ("user:update", {}, (None, None, False)),
        # As nobody knows them, they are asked in the API's own words.
        ("conversation:sang", CONVERSATION | {"message": BY_USER}, ("c1", "u1", True)),
        ("conversation:sang", {"conversation": {"id": 1}, "user": "u"}, (None, None, False)),
        ("conversation:sang", [CONVERSATION], (None, None, False)),
        (
            "user:merge",
            {"mergedUsers": {"surviving": {"id": "u1"}}, "reason": []},
            (None, "u1", False),
        ),
    ],
)
async def test_what_an_event_is_about(
    kind: str, payload: Any, expected: tuple[str | None, str | None, bool]
) -> None:
    event = read_event({"id": "e1", "type": kind, "payload": payload})
    assert (event.conversation_id, event.user_id, event.is_from_user) == expected


async def talk(sunco: Sunco) -> str:
    user = await sunco.users.create(external_id="ada")
    conversation = await sunco.conversations.create(
        "personal", participants=[ParticipantUser(user_id=user.id)]
    )
    return conversation.id


async def test_a_reply_is_posted_to_the_conversation() -> None:
    async with connect(Emulator()) as sunco:
        event = read_event(message(conversation=await talk(sunco)))
        (first,) = await event.reply(sunco, "Hello!")
        author = Author("business", display_name="Bot")
        (second,) = await event.reply(
            sunco, TextMessage("Still there?"), author=author, metadata={"try": 2}
        )
        said = await sunco.messages.list(event.conversation_id or "").collect()
        assert said == [second, first]
        assert first.content == TextMessage("Hello!")
        assert second.author is not None
        assert (second.author.display_name, second.metadata) == ("Bot", {"try": 2})


async def test_a_reply_needs_a_conversation_and_another_author() -> None:
    async with connect(Emulator()) as sunco:
        conversation_id = await talk(sunco)
        own = read_event(message(conversation=conversation_id, author="business"))
        with pytest.raises(ValueError, match="a reply would cause the next event"):
            await own.reply(sunco, "Hello, me!")
        with pytest.raises(ValueError, match="no recipient"):
            await read_event(message(conversation=None)).reply(sunco, "Hello?")
        assert await sunco.messages.list(conversation_id).collect() == []
