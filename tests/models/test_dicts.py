"""Models as dicts, and as types for Pydantic and FastAPI."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError

from sunco import ConfigurationError, DecodeError
from sunco.models import (
    Action,
    Author,
    Content,
    Conversation,
    ImageMessage,
    Link,
    Message,
    Model,
    ProfileUpdate,
    TextMessage,
    UnknownAction,
    UnknownContent,
    User,
)

MESSAGE = Message(
    id="m1",
    received=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    author=Author("user", user_id="u1"),
    content=TextMessage("half \ud83d", actions=[Link("More", uri="https://example.org")]),
    extra={"new": {"deep": [None]}},
)
DOCUMENT: dict[str, Any] = {
    "id": "m1",
    "received": "2026-01-02T03:04:05.000Z",
    "author": {"type": "user", "userId": "u1"},
    "content": {
        "type": "text",
        "text": "half \ud83d",
        "actions": [{"type": "link", "text": "More", "uri": "https://example.org"}],
    },
    "new": {"deep": [None]},
}


def test_a_model_becomes_plain_json_values_and_comes_back() -> None:
    assert MESSAGE.to_dict() == DOCUMENT
    assert Message.from_dict(DOCUMENT) == MESSAGE
    assert ProfileUpdate(surname=None).to_dict() == {"surname": None}
    assert Model.from_dict({"any": 1}).to_dict() == {"any": 1}


def test_changing_the_dict_does_not_change_the_model() -> None:
    written = MESSAGE.to_dict()
    written["new"]["deep"].append(1)
    written["content"]["actions"].clear()
    assert MESSAGE.to_dict() == DOCUMENT


def test_a_dict_that_cannot_be_read_is_a_decode_error() -> None:
    cases: list[tuple[type[Model], Any, str]] = [
        (Message, {}, "id: is missing"),
        (Message, {"id": []}, "id: expected text, got a list"),
        (TextMessage, {"type": "image", "mediaUrl": "u"}, "type: expected 'text', got another"),
    ]
    for kind, document, reason in cases:
        with pytest.raises(DecodeError) as caught:
            kind.from_dict(document)
        assert str(caught.value).startswith(reason)
    assert TextMessage.from_dict({"text": "Hi"}) == TextMessage("Hi")


def test_a_model_without_a_json_form_is_a_configuration_error() -> None:
    for wrong in (User(id="u", extra={"at": datetime(2026, 1, 1)}), User(id="u", extra={"x": {1}})):  # noqa: DTZ001
        with pytest.raises(ConfigurationError):
            wrong.to_dict()


class Ticket(BaseModel):
    conversation: Conversation
    content: Content
    actions: list[Action] = []
    author: Author | None = None


def test_models_are_fields_of_pydantic_models() -> None:
    ticket = Ticket.model_validate(
        {
            "conversation": {"id": "c1", "new": 1},
            "content": {"type": "image", "mediaUrl": "u"},
            "actions": [{"type": "link", "text": "t", "uri": "u"}, {"type": "wave"}],
        }
    )
    assert ticket == Ticket(
        conversation=Conversation(id="c1", extra={"new": 1}),
        content=ImageMessage("u"),
        actions=[Link("t", uri="u"), UnknownAction("wave")],
    )
    assert Ticket.model_validate_json(ticket.model_dump_json()) == ticket
    assert ticket.model_dump()["content"] == {"type": "image", "mediaUrl": "u"}
    assert Ticket.model_json_schema()["properties"]["conversation"] == {
        "type": "object",
        "title": "Conversation",
    }


def test_a_union_of_kinds_is_read_by_type() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Content)
    assert adapter.validate_python({"type": "text", "text": "a"}) == TextMessage("a")
    assert adapter.validate_python({"text": "a"}) == UnknownContent(extra={"text": "a"})
    assert adapter.validate_python({"type": "image"}) == UnknownContent("image")


def test_what_cannot_be_read_is_a_validation_error() -> None:
    documents: list[Any] = [[], None, {}, {"id": []}]
    for wrong in documents:
        with pytest.raises(ValidationError):
            Ticket.model_validate({"conversation": wrong, "content": {"type": "text"}})


@pytest.mark.anyio
async def test_models_are_bodies_and_responses_of_fastapi() -> None:
    app = FastAPI()

    @app.post("/annotated")
    async def annotated(message: Annotated[Message, Body()]) -> Message:
        return message

    @app.post("/declared", response_model=list[Content])
    async def declared(contents: list[Content]) -> Any:
        return contents

    document = {**DOCUMENT, "content": {"type": "text", "text": "Hi"}}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bot.test") as client:
        assert (await client.post("/annotated", json=document)).json() == document
        contents: list[Any] = [{"type": "text", "text": "Hi"}, {"type": "new", "x": [1]}]
        assert (await client.post("/declared", json=contents)).json() == contents
        assert (await client.post("/annotated", json={})).status_code == 422
        assert (await client.get("/openapi.json")).status_code == 200
