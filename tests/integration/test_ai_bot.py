"""A whole conversation with the bot that replies with a language model."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from sunco import Sunco
from sunco.emulator import Emulator
from sunco.models import (
    Author,
    Conversation,
    CustomIntegration,
    ImageMessage,
    Message,
    TextMessage,
    User,
    Webhook,
)

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TRIGGERS = ["conversation:message", "switchboard:passControl"]

pytestmark = pytest.mark.anyio


@pytest.fixture
def ai_bot(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return importlib.import_module("ai_bot")


class Setup(SimpleNamespace):
    """A bot, and an end user who writes to it."""

    emulator: Emulator
    sunco: Sunco
    user: User

    async def say(self, *texts: str) -> list[str]:
        """Write messages, and return the texts that follow them."""
        for text in texts:
            self.emulator.say(self.user, text)
        await self.emulator.drain()
        return self.emulator.texts(await self.conversation())[-5:]

    async def conversation(self) -> Conversation:
        [conversation] = await self.sunco.conversations.list(user_id=self.user.id).collect()
        return await self.sunco.conversations.get(conversation.id)


@pytest.fixture
async def prepared(
    sunco: Sunco, sunco_emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> Setup:
    webhook = Webhook("https://bot.test/sunco", triggers=TRIGGERS)
    integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
    [created] = await sunco.webhooks.list(integration.id or "")
    monkeypatch.setenv("SUNCO_WEBHOOK_SECRET", created.secret or "")
    user = await sunco.users.create(external_id="ada")
    return Setup(emulator=sunco_emulator, sunco=sunco, user=user)


async def test_a_conversation_with_a_handoff_to_a_human_and_back(
    ai_bot: Any, prepared: Setup
) -> None:
    app = ai_bot.create_app(prepared.sunco, ai_bot.ScriptedModel(), debounce=0.02)
    prepared.emulator.deliver_to(app)

    assert await prepared.say("Hello!", "When are you open?") == [
        "Hello!",
        "When are you open?",
        "We are open from 9 to 5.",
        "Can I help with anything else?",
    ]

    await prepared.say("My order, please.")
    conversation = await prepared.conversation()
    [question] = await prepared.sunco.messages.list(conversation.id).collect(limit=1)
    assert isinstance(question.content, TextMessage)
    assert [getattr(each, "text", "") for each in question.content.actions or ()] == [
        "Track",
        "Cancel",
    ]

    texts = await prepared.say("I want a human.")
    assert texts[-1] == "One moment, I am connecting you with a colleague."
    conversation = await prepared.conversation()
    active = conversation.active_switchboard_integration
    assert active is not None
    assert active.name == "agent"
    assert (await prepared.say("Are you there?"))[-1] == "Are you there?"
    passed = [
        each["payload"]["metadata"]
        for each in prepared.emulator.delivered
        if each["type"] == "switchboard:passControl"
    ]
    assert passed == [{"summary": "The user wrote: I want a human."}]

    await prepared.sunco.switchboard_actions.pass_control(conversation.id, "bot")
    await prepared.emulator.drain()
    assert (await prepared.say())[-1] == "I am back, the bot. How can I help?"
    assert (await prepared.say("When are you open?"))[-1] == "Can I help with anything else?"


async def test_a_human_takes_over_when_the_budget_is_used_up(ai_bot: Any, prepared: Setup) -> None:
    app = ai_bot.create_app(prepared.sunco, ai_bot.ScriptedModel(), budget=1, debounce=0.01)
    prepared.emulator.deliver_to(app)
    await prepared.say("Hello!")
    assert (await prepared.say("And on Sunday?"))[-1] == "And on Sunday?"
    active = (await prepared.conversation()).active_switchboard_integration
    assert active is not None
    assert active.name == "agent"


async def test_a_reply_that_was_interrupted_is_not_repeated(ai_bot: Any, prepared: Setup) -> None:
    class Broken:
        failing = True

        async def reply(self, _: Sequence[Any]) -> AsyncGenerator[str]:
            yield "First.\n\n"
            if self.failing:
                self.failing = False
                raise ConnectionError
            yield "Second."

    prepared.emulator.deliver_to(ai_bot.create_app(prepared.sunco, Broken(), debounce=0.01))
    assert await prepared.say("Hello!") == ["Hello!", "First.", "Second."]


async def test_the_history_is_in_the_form_of_chat_models(ai_bot: Any) -> None:
    user, business = Author("user"), Author("business")
    messages = [
        Message(id="m", author=business, content=TextMessage("Welcome!")),
        Message(id="m", author=user, content=TextMessage("Hello!")),
        Message(id="m", author=user, content=ImageMessage("https://acme.test/cat.png")),
        Message(id="m", author=business, content=TextMessage("Nice cat.")),
    ]
    assert ai_bot.as_chat(messages) == [
        {"role": "user", "content": "Hello!\n[not a text message]"},
        {"role": "assistant", "content": "Nice cat."},
    ]
    assert ai_bot.as_chat([]) == []


class Stream:
    """What both packages return, as far as the example uses it."""

    def __init__(self, *items: Any, final: Any = None) -> None:
        self._items = items
        self._final = final

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self._items:
            yield item

    @property
    def text_stream(self) -> Stream:
        return self

    async def get_final_message(self) -> Any:
        return self._final

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...


async def test_the_replies_of_both_packages_are_read(
    ai_bot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = SimpleNamespace(type="tool_use", name="hand_off", input={"summary": "x"})
    final = SimpleNamespace(content=[SimpleNamespace(type="text"), tool])

    def stream(**_: object) -> Stream:
        return Stream("Hi", final=final)

    anthropic = SimpleNamespace(messages=SimpleNamespace(stream=stream))

    def delta(content: str | None, *calls: Any) -> Any:
        choice = SimpleNamespace(delta=SimpleNamespace(content=content, tool_calls=calls or None))
        return SimpleNamespace(choices=[choice])

    def call(name: str | None, arguments: str) -> Any:
        function = SimpleNamespace(name=name, arguments=arguments)
        return SimpleNamespace(index=0, function=function)

    async def create(**_: Any) -> Stream:
        parts = delta(None, call("hand_off", '{"summary"')), delta(None, call(None, ': "x"}'))
        return Stream(delta("Hi"), *parts)

    openai = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
    for name, client, factory in (
        ("anthropic", anthropic, "AsyncAnthropic"),
        ("openai", openai, "AsyncOpenAI"),
    ):
        module = SimpleNamespace(**{factory: lambda client=client: client})
        monkeypatch.setitem(sys.modules, name, module)
        with monkeypatch.context() as environment:
            environment.setenv(f"{name.upper()}_API_KEY", "key")
            environment.setenv("AI_MODEL", "model")
            model = ai_bot.model_from_env()
        parts = [part async for part in model.reply([{"role": "user", "content": "Hello"}])]
        assert parts == ["Hi", ai_bot.ToolCall("hand_off", {"summary": "x"})]
    assert isinstance(ai_bot.model_from_env(), ai_bot.ScriptedModel)


async def test_unknown_tools_are_ignored(ai_bot: Any) -> None:
    assert ai_bot.content_of(ai_bot.ToolCall("fly", {})) is None

    async def pieces() -> AsyncGenerator[Any]:
        yield "One "
        yield ai_bot.ToolCall("fly", {})
        yield " \n\n"

    parts = [part async for part in ai_bot.paragraphs(pieces())]
    assert parts == ["One", ai_bot.ToolCall("fly", {})]
