"""A bot that replies with a language model. Run it with `nox -s bots -- ai_bot`.

The model is an object with one method, `reply`, which gets the history of the conversation and
yields text and tool calls. The bot sends each paragraph as soon as it is complete, shows a typing
indicator meanwhile, and processes several messages in quick succession together. Tools let the
model offer choices (as quick replies) and hand off to a human agent, with a summary. When the
agent passes control back, the bot continues. Each conversation has a budget of model calls.

Without `ANTHROPIC_API_KEY` or `OPENAI_API_KEY`, a scripted model is used. With one, install the
package `anthropic` or `openai`, and set the model's name in `AI_MODEL`. Without `SUNCO_KEY_ID`, you
chat with the bot in the terminal. For your account, set the variables of `Sunco.from_env`, the
webhook's secret in `SUNCO_WEBHOOK_SECRET` and a path in `SUNCO_INBOX`. The webhook's target is
`https://your.host/sunco`, its triggers `conversation:message` and `switchboard:passControl`.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, Protocol, TypedDict

import attrs
import playground
from starlette.applications import Starlette
from starlette.routing import Route

from sunco import Sunco
from sunco.models import (
    Conversation,
    ConversationMessageEvent,
    Message,
    Reply,
    SwitchboardPassControlEvent,
    TextMessage,
)
from sunco.webhooks import Context, SQLiteInbox, WebhookRouter

ME: Final = "bot"
HISTORY: Final = 30
SYSTEM: Final = (
    "You are the assistant of a shop. Reply briefly, in plain text. Call offer_choices when a "
    "question has a few possible replies. Call hand_off when the user asks for a human, or when "
    "you cannot help."
)
TOOLS: Final[Mapping[str, tuple[str, dict[str, Any]]]] = {
    "offer_choices": (
        "Ask a question with up to ten quick replies.",
        {
            "type": "object",
            "properties": {
                "question": {"type": "string"},
                "choices": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
            },
            "required": ["question", "choices"],
        },
    ),
    "hand_off": (
        "Pass the conversation to a human agent.",
        {
            "type": "object",
            "properties": {"summary": {"type": "string", "maxLength": 500}},
            "required": ["summary"],
        },
    ),
}


class ChatMessage(TypedDict):
    """A message of the history, in the form that model APIs expect."""

    role: Literal["user", "assistant"]
    content: str


@attrs.frozen
class ToolCall:
    """A tool that the model calls."""

    name: str
    arguments: Mapping[str, Any]


class Model(Protocol):
    """A language model."""

    def reply(self, history: Sequence[ChatMessage]) -> AsyncIterator[str | ToolCall]:
        """Yield the reply: text in pieces of any size, and tool calls."""
        ...


class ScriptedModel:
    """A model without a network: it looks for a word in the last message."""

    async def reply(self, history: Sequence[ChatMessage]) -> AsyncGenerator[str | ToolCall]:
        """Yield the scripted reply."""
        text = history[-1]["content"].lower()
        if "human" in text:
            yield ToolCall("hand_off", {"summary": f"The user wrote: {history[-1]['content']}"})
        elif "order" in text:
            question = "What would you like to do with your order?"
            yield ToolCall("offer_choices", {"question": question, "choices": ["Track", "Cancel"]})
        else:
            for piece in ("We are open ", "from 9 to 5.\n", "\nCan I help", " with anything else?"):
                yield piece


@attrs.frozen
class AnthropicModel:
    """A model of Anthropic; needs the package `anthropic`."""

    client: Any = attrs.field(repr=False)
    model: str

    async def reply(self, history: Sequence[ChatMessage]) -> AsyncGenerator[str | ToolCall]:
        """Stream the reply, then yield its tool calls."""
        tools = [
            {"name": name, "description": text, "input_schema": schema}
            for name, (text, schema) in TOOLS.items()
        ]
        options = {"model": self.model, "max_tokens": 1000, "system": SYSTEM, "tools": tools}
        async with self.client.messages.stream(messages=list(history), **options) as stream:
            async for text in stream.text_stream:
                yield text
            final = await stream.get_final_message()
        for block in final.content:
            if block.type == "tool_use":
                yield ToolCall(block.name, block.input)


@attrs.frozen
class OpenAIModel:
    """A model of OpenAI; needs the package `openai`."""

    client: Any = attrs.field(repr=False)
    model: str

    async def reply(self, history: Sequence[ChatMessage]) -> AsyncGenerator[str | ToolCall]:
        """Stream the reply, then yield its tool calls."""
        functions = [
            {"name": name, "description": text, "parameters": schema}
            for name, (text, schema) in TOOLS.items()
        ]
        stream = await self.client.chat.completions.create(
            model=self.model,
            messages=[{"role": "system", "content": SYSTEM}, *history],
            tools=[{"type": "function", "function": each} for each in functions],
            stream=True,
        )
        names: dict[int, str] = {}
        arguments: dict[int, str] = {}
        async for chunk in stream:
            for choice in chunk.choices:
                if choice.delta.content:
                    yield choice.delta.content
                for call in choice.delta.tool_calls or ():
                    names[call.index] = names.get(call.index, "") + (call.function.name or "")
                    arguments[call.index] = arguments.get(call.index, "") + (
                        call.function.arguments or ""
                    )
        for index, name in names.items():
            yield ToolCall(name, json.loads(arguments[index] or "{}"))


def model_from_env() -> Model:
    """The model that the environment selects."""
    if os.environ.get("ANTHROPIC_API_KEY"):
        client = importlib.import_module("anthropic").AsyncAnthropic()
        return AnthropicModel(client, os.environ["AI_MODEL"])
    if os.environ.get("OPENAI_API_KEY"):
        client = importlib.import_module("openai").AsyncOpenAI()
        return OpenAIModel(client, os.environ["AI_MODEL"])
    return ScriptedModel()


def as_chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """The history for a model: the oldest message first, consecutive messages of a role merged."""
    history: list[ChatMessage] = []
    for message in messages:
        author = message.author
        role: Literal["user", "assistant"] = (
            "user" if author is not None and author.type == "user" else "assistant"
        )
        text = message.content.text if isinstance(message.content, TextMessage) else None
        content = text or "[not a text message]"
        if history and history[-1]["role"] == role:
            history[-1]["content"] += f"\n{content}"
        else:
            history.append({"role": role, "content": content})
    # The APIs of models expect the first message to be the user's.
    return history[1:] if history and history[0]["role"] == "assistant" else history


async def paragraphs(pieces: AsyncIterator[str | ToolCall]) -> AsyncGenerator[str | ToolCall]:
    """Join streamed text into paragraphs, each yielded as soon as it is complete."""
    text = ""
    async for piece in pieces:
        if isinstance(piece, ToolCall):
            if text.strip():
                yield text.strip()
            text = ""
            yield piece
            continue
        *complete, text = (text + piece).split("\n\n")
        for paragraph in filter(str.strip, complete):
            yield paragraph.strip()
    if text.strip():
        yield text.strip()


@attrs.frozen
class AIBot:
    """Replies to the messages of end users while it is in control of the conversation."""

    model: Model
    budget: int

    async def reply(self, events: Sequence[ConversationMessageEvent], ctx: Context) -> None:
        """Reply to one or more messages of a conversation."""
        used = ctx.state["used"] = ctx.state.get("used", 0) + 1
        if used > self.budget:
            await self.hand_off(ctx, "The bot's budget is used up.")
            return
        newest = await ctx.client.messages.list(events[0].conversation_id).collect(limit=HISTORY)
        async with ctx.typing():
            async for part in paragraphs(self.model.reply(as_chat(newest[::-1]))):
                content = content_of(part)
                if content is not None:
                    # Not repeated when the event is processed again after a crash.
                    await ctx.reply(content)
                if isinstance(part, ToolCall) and part.name == "hand_off":
                    await self.hand_off(ctx, str(part.arguments.get("summary", "")))

    async def hand_off(self, ctx: Context, summary: str) -> None:
        """Pass control to the next integration of the switchboard."""
        await ctx.pass_control("next", metadata={"summary": summary[:1000]})

    async def resume(self, _: SwitchboardPassControlEvent, ctx: Context) -> None:
        """Continue when an agent passes control back, with a new budget."""
        ctx.state["used"] = 0
        await ctx.reply("I am back, the bot. How can I help?")


def content_of(part: str | ToolCall) -> TextMessage | None:
    """The message for a part of the model's reply."""
    if isinstance(part, str):
        return TextMessage(part)
    if part.name == "offer_choices":
        choices = [str(each)[:20] for each in part.arguments.get("choices", ())][:10]
        actions = [Reply(each, payload=each) for each in choices]
        return TextMessage(str(part.arguments.get("question", "")), actions=actions)
    if part.name == "hand_off":
        return TextMessage("One moment, I am connecting you with a colleague.")
    return None


def is_mine(conversation: Conversation | None) -> bool:
    active = conversation.active_switchboard_integration if conversation else None
    return active is not None and active.name == ME


def is_for_me(event: ConversationMessageEvent) -> bool:
    return event.is_from_user and is_mine(event.payload.conversation)


def is_passed_to_me(event: SwitchboardPassControlEvent) -> bool:
    return is_mine(event.payload.conversation)


def create_app(
    sunco: Sunco | None = None,
    model: Model | None = None,
    *,
    inbox: SQLiteInbox | None = None,
    budget: int = 50,
    debounce: float = 1.0,
) -> Starlette:
    """Create the app.

    Args:
        sunco: The client; from the environment by default.
        model: The model; the one that the environment selects by default.
        inbox: Where events are stored until they are processed. Without one, the model must reply
            within 15 s.
        budget: Model calls per conversation before a human takes over.
        debounce: Seconds to wait for further messages before the bot replies.
    """
    client = sunco or Sunco.from_env()
    bot = AIBot(model or model_from_env(), budget)
    router = WebhookRouter(os.environ["SUNCO_WEBHOOK_SECRET"], client=client, inbox=inbox)
    router.on(ConversationMessageEvent, where=is_for_me, debounce=debounce)(bot.reply)
    router.on(SwitchboardPassControlEvent, where=is_passed_to_me)(bot.resume)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with client, router.running():
            yield

    return Starlette(routes=[Route("/sunco", router)], lifespan=lifespan)


if __name__ == "__main__":
    playground.run(
        lambda: create_app(inbox=SQLiteInbox(os.environ["SUNCO_INBOX"])), path="/sunco", patience=60
    )
