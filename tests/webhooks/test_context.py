"""What a handler gets besides its event: idempotent replies, state, typing, control, logging."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from sunco import APIConnectionError, ConfigurationError, Sunco
from sunco.emulator import Emulator
from sunco.models import (
    Author,
    ConversationMessageEvent,
    CustomIntegration,
    Event,
    Webhook,
)
from sunco.observe import Observation
from sunco.testing import connect
from sunco.webhooks import (
    ClaimLostError,
    Context,
    DeadLetter,
    Inbox,
    MemoryInbox,
    RetryLater,
    WebhookRouter,
    is_from_user,
)
from webhooks.support import SECRET, FakeClock, Platform, Record, bounded, eventually, key, message

pytestmark = pytest.mark.anyio


class Bot:
    """A user, a router and the emulator between them."""

    def __init__(self, emulator: Emulator, sunco: Sunco, secret: str, inbox: Inbox | None) -> None:
        self.emulator = emulator
        self.sunco = sunco
        self.router = WebhookRouter(secret, client=sunco, inbox=inbox, retry_delay=0)
        self.requests: list[str] = []
        emulator.deliver_to(self.router)

    def running(self) -> AbstractAsyncContextManager[None]:
        return self.router.running()

    async def say(self, text: str = "Hello!") -> None:
        self.emulator.say("ada", text)
        await self.emulator.drain()
        await self.router.drain()

    def replies(self) -> list[str]:
        conversation = self.emulator.conversation("ada")
        return [
            each["content"]["text"]
            for each in self.emulator.messages(conversation)
            if each["author"]["type"] == "business"
        ]


@pytest.fixture(params=["inline", "inbox"])
async def bot(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncGenerator[Bot]:  # noqa: ARG001
    emulator = Emulator(retry_scale=0)
    requests: list[str] = []

    def note(event: Observation) -> None:
        if type(event).__name__ == "RequestSent":
            requests.append(str(event.operation))

    async with connect(emulator, observers=[note]) as sunco:
        webhook = Webhook("http://bot.test/sunco", triggers=["conversation:message"])
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        (created,) = await sunco.webhooks.list(integration.id or "")
        await sunco.users.create(external_id="ada")
        inbox = MemoryInbox() if request.param == "inbox" else None
        bot = Bot(emulator, sunco, created.secret or "", inbox)
        # Events of the emulator's first second count as older than the router otherwise.
        requests.clear()
        bot.requests = requests
        yield bot


async def reached(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(holds)


async def test_the_first_reply_costs_one_request(bot: Bot) -> None:
    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def greet(event: ConversationMessageEvent, ctx: Context) -> None:
        assert ctx.attempt == 1
        (posted,) = await ctx.reply(f"Hello, {event.user_id}!", metadata={"a": 1})
        assert posted.metadata is not None
        assert posted.metadata["a"] == 1

    with bounded():
        async with bot.running():
            await bot.say()
    assert len(bot.replies()) == 1
    assert bot.requests == ["PostMessage"]


@pytest.mark.parametrize("way", ["ctx", "event"])
async def test_a_reply_whose_response_was_lost_is_read_once(bot: Bot, way: str) -> None:
    bot.emulator.fail(method="POST", path="*/messages", reset=True, applied=True)

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def charge(event: ConversationMessageEvent, ctx: Context) -> None:
        if way == "ctx":
            await ctx.reply("You will be charged once.")
        else:
            await event.reply(bot.sunco, "You will be charged once.")

    with bounded():
        async with bot.running():
            await bot.say()
    assert bot.replies() == ["You will be charged once."]


@pytest.mark.parametrize("way", ["ctx", "event"])
async def test_replies_before_a_failure_are_not_repeated(bot: Bot, way: str) -> None:
    attempts: list[int] = []

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def stumble(event: ConversationMessageEvent, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        for text in ("One", "Two", "Three")[: len(attempts)]:
            await (ctx.reply(text) if way == "ctx" else event.reply(bot.sunco, text))
        if len(attempts) < 3:
            raise ZeroDivisionError

    with bounded():
        async with bot.running():
            await bot.say()
            await reached(lambda: len(attempts) >= 3)
            await bot.router.drain()
    assert attempts == [1, 2, 3]
    assert bot.replies() == ["One", "Two", "Three"]


async def test_different_handlers_and_events_reply_for_themselves(bot: Bot) -> None:
    for name in ("first", "second"):

        async def reply(_: ConversationMessageEvent, ctx: Context) -> None:
            await ctx.reply("Same text")

        reply.__qualname__ = name
        bot.router.on(ConversationMessageEvent, where=is_from_user)(reply)
    with bounded():
        async with bot.running():
            await bot.say()
            await bot.say()
    assert bot.replies() == ["Same text"] * 4


async def test_an_error_handler_can_apologize_once(bot: Bot) -> None:
    attempts: list[int] = []

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def stumble(_: ConversationMessageEvent, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        if len(attempts) < 3:
            raise ZeroDivisionError

    @bot.router.on_error
    async def apologize(error: BaseException, event: Any, ctx: Context) -> None:
        assert isinstance(error, ZeroDivisionError)
        assert isinstance(event, ConversationMessageEvent)
        await ctx.reply("Sorry!")

    with bounded():
        async with bot.running():
            await bot.say()
            await reached(lambda: len(attempts) >= 3)
            await bot.router.drain()
    assert bot.replies() == ["Sorry!"]


async def test_typing_is_shown_and_control_is_passed(bot: Bot) -> None:
    calls = Record()

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def think(_: ConversationMessageEvent, ctx: Context) -> None:
        async with ctx.typing():
            await anyio.lowlevel.checkpoint()
        for control in (ctx.pass_control, ctx.release_control):
            try:
                await control(metadata={"a": 1})
            except ConfigurationError:
                raise
            except Exception as error:  # noqa: BLE001 - whether there is a switchboard is the emulator's
                calls.add(type(error))

    with bounded():
        async with bot.running():
            await bot.say()
    assert {"PassControl", "ReleaseControl"} <= set(bot.requests)
    assert bot.emulator.activities


async def test_state_is_kept_between_events_and_dropped_by_failures(bot: Bot) -> None:
    seen: list[tuple[int, int]] = []

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def count(_: ConversationMessageEvent, ctx: Context) -> None:
        before = ctx.state.get("count", 0)
        seen.append((ctx.attempt, before))
        ctx.state["count"] = before + 1
        if ctx.attempt == 1 and before == 1:
            raise ZeroDivisionError

    with bounded():
        async with bot.running():
            for _ in range(3):
                await bot.say()
            await reached(lambda: len(seen) >= 4)
    assert seen == [(1, 0), (1, 1), (2, 1), (1, 2)]


class Client:
    """A client that records what it is asked to post."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, Any, dict[str, Any]]] = []
        self.messages = self

    async def post_once(self, conversation_id: str, content: Any, **options: Any) -> list[Any]:
        self.posted.append((conversation_id, content, options))
        return []


class Router:
    """A router with an inbox, a fake clock and a recording client."""

    def __init__(self, inbox: Inbox | None, clock: FakeClock, **options: Any) -> None:
        self.client = Client()
        self.clock = clock
        self.inbox = inbox
        self.router = WebhookRouter(
            SECRET, client=cast("Sunco", self.client), inbox=inbox, clock=clock, **options
        )
        self.platform = Platform(self.router)

    async def process(self, *events: dict[str, Any], seconds: float = 100) -> None:
        with bounded():
            async with self.router.running():
                await self.platform.post(*events)
                for _ in range(int(seconds * 4)):
                    if self.inbox is None or not (await self.inbox.stats()).pending:
                        break
                    await self.clock.advance(0.25)


async def test_a_later_attempt_reads_back_from_the_time_of_the_event(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Router(inbox, clock)

    @bot.router.on(ConversationMessageEvent)
    async def stumble(_: ConversationMessageEvent, ctx: Context) -> None:
        await ctx.reply("Hi", author=Author("business"))
        if ctx.attempt == 1:
            raise ZeroDivisionError

    await bot.process(message("e1"))
    (_, _, first), (_, _, second) = bot.client.posted
    assert (first["maybe_sent"], first["since"]) == (False, None)
    assert second["maybe_sent"]
    assert second["since"].year == 2020
    assert first["key"] == second["key"]
    assert first["key"].startswith("reply-")
    assert first["author"] == Author("business")


async def test_an_event_older_than_the_router_may_be_a_repetition(clock: FakeClock) -> None:
    clock.time += 365 * 86400
    bot = Router(None, clock)

    @bot.router.on(ConversationMessageEvent)
    async def greet(_: ConversationMessageEvent, ctx: Context) -> None:
        await ctx.reply("Hi")

    await bot.process(message("e1"))
    assert bot.client.posted[0][2]["maybe_sent"]


async def test_a_postponed_attempt_may_have_replied(inbox: Inbox, clock: FakeClock) -> None:
    bot = Router(inbox, clock, max_attempts=1)
    attempts: list[int] = []

    @bot.router.on(ConversationMessageEvent)
    async def postpone(_: ConversationMessageEvent, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        await ctx.reply("Hi")
        if len(attempts) < 3:
            raise RetryLater(5)

    await bot.process(message("e1"))
    assert attempts == [1, 1, 1]
    assert [options["maybe_sent"] for _, _, options in bot.client.posted] == [False, True, True]
    assert (await stats(inbox)) == (0, 0, 1)


async def stats(inbox: Inbox) -> tuple[int, int, int]:
    await inbox.open(handles=False)
    found = await inbox.stats()
    await inbox.close()
    return found.pending, found.failed, found.handled


async def test_a_batch_replies_once_for_its_events(inbox: Inbox, clock: FakeClock) -> None:
    bot = Router(inbox, clock)
    batches: list[list[str]] = []

    @bot.router.on(ConversationMessageEvent, debounce=2)
    async def together(events: Sequence[ConversationMessageEvent], ctx: Context) -> None:
        batches.append([event.id for event in events])
        await ctx.reply("Both")
        await events[1].reply(bot.client, "Second")
        if ctx.attempt == 1:
            raise ZeroDivisionError

    await bot.process(message("e1"), message("e2"))
    assert batches == [["e1", "e2"]] * 2
    keys = [options["key"] for _, _, options in bot.client.posted]
    assert keys[:2] == keys[2:]
    assert keys[0] != keys[1]


async def test_a_reply_after_the_claim_is_lost_is_not_sent(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    bot = Router(inbox, clock)
    errors = Record()

    @bot.router.on(ConversationMessageEvent)
    async def slow(_: ConversationMessageEvent, ctx: Context) -> None:
        # Another process takes the ordering key over.
        await inbox.close()
        for send in (ctx.reply("Hi"), ctx.pass_control(), ctx.release_control()):
            with pytest.raises(ClaimLostError):
                await send
        errors.add(1)
        await inbox.close()

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await errors.reach(2)
    assert bot.client.posted == []


class UncertainClient(Client):
    async def post_once(self, conversation_id: str, content: Any, **options: Any) -> list[Any]:
        await super().post_once(conversation_id, content, **options)
        if len(self.posted) == 1:
            await anyio.sleep_forever()
        return []


async def test_a_reply_cut_off_has_time_to_arrive_before_the_next_attempt(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Router(inbox, clock, handler_timeout=0.01)
    client = UncertainClient()
    times: list[float] = []

    @bot.router.on(ConversationMessageEvent)
    async def greet(event: ConversationMessageEvent, _: Context) -> None:
        times.append(clock.time)
        await event.reply(client, "Hi")

    await bot.process(message("e1"))
    assert len(client.posted) == 2
    assert times[1] - times[0] >= 10


async def test_a_context_needs_a_client_and_a_conversation(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    router = WebhookRouter(SECRET, clock=clock)
    raised: list[str] = []

    @router.on()
    async def use(event: Event, ctx: Context) -> None:
        for attempt in (lambda: ctx.client, ctx.typing):
            with pytest.raises(ConfigurationError) as caught:
                attempt()
            raised.append(str(caught.value))
        with pytest.raises(ConfigurationError) as caught:
            await ctx.reply("Hi")
        raised.append(str(caught.value))
        ctx.logger.warning("It is %d%%", 100, extra={"own": 1})
        assert repr(ctx) == f"<Context of event {key(event.id or '')}, attempt 1>"

    assert await Platform(router).post(message("e1")) == 200
    assert await Platform(router).post(message("e2", conversation=None)) == 200
    assert await Platform(router).post(message("e3", author="business")) == 200
    needs_client = "Pass client= to WebhookRouter to use it in handlers."
    assert raised[:3] == [needs_client] * 3
    assert raised[5] == "The event belongs to no conversation."
    assert "would cause the next event" in raised[8]
    record = next(each for each in caplog.records if each.name == "sunco.webhooks.handlers")
    assert record.getMessage() == "Event a1/w1/e1: It is 100%"
    fields = record.__dict__
    assert (fields["event_key"], fields["conversation_id"], fields["attempt"], fields["own"]) == (
        key("e1"),
        "c1",
        1,
        1,
    )
    assert fields["handler"].endswith("use")
    assert record.levelno == logging.WARNING


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x" * 70_000, "the maximum is 65536"),
        (object(), "must be a JSON object"),
        (float("nan"), "must be a JSON object"),
    ],
    ids=["large", "no JSON", "not a number"],
)
async def test_state_that_cannot_be_stored_is_a_failure(
    inbox: Inbox, clock: FakeClock, value: Any, reason: str
) -> None:
    bot = Router(inbox, clock, max_attempts=1)

    @bot.router.on(ConversationMessageEvent)
    async def keep(_: ConversationMessageEvent, ctx: Context) -> None:
        ctx.state["value"] = value

    await bot.process(message("e1"))
    await inbox.open(handles=False)
    (failed,) = await inbox.failed()
    await inbox.close()
    assert reason in failed.error


async def test_state_is_stored_with_the_result_and_shared_by_handlers(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Router(inbox, clock)
    seen: list[dict[str, Any]] = []

    @bot.router.on(ConversationMessageEvent)
    async def first(event: ConversationMessageEvent, ctx: Context) -> None:
        ctx.state["first"] = event.id

    @bot.router.on(ConversationMessageEvent)
    async def second(event: ConversationMessageEvent, ctx: Context) -> None:
        seen.append(dict(ctx.state))
        ctx.state["second"] = [event.id]

    await bot.process(message("e1"), message("e2"))
    await bot.process(message("e3"))
    assert seen == [
        {"first": "e1"},
        {"first": "e2", "second": ["e1"]},
        {"first": "e3", "second": ["e2"]},
    ]


@pytest.mark.parametrize("stored", [False, True])
async def test_events_without_an_ordering_key_share_no_state(
    clock: FakeClock,
    stored: bool,  # noqa: FBT001 - with an inbox
) -> None:
    inbox = MemoryInbox(clock=clock) if stored else None
    bot = Router(inbox, clock)
    event: dict[str, Any] = {"id": "e1", "type": "user:update", "payload": {}}
    seen: list[dict[str, Any]] = []

    @bot.router.on()
    async def keep(_: Event, ctx: Context) -> None:
        seen.append(dict(ctx.state))
        ctx.state["a"] = 1

    await bot.process(event, event | {"id": "e2"})
    assert seen == [{}, {}]


async def test_without_an_inbox_the_oldest_states_are_forgotten(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco.webhooks.processing.inline._MAX_STATES", 2)
    bot = Router(None, clock)
    seen: list[tuple[str | None, int]] = []

    @bot.router.on(ConversationMessageEvent)
    async def count(event: ConversationMessageEvent, ctx: Context) -> None:
        seen.append((event.conversation_id, ctx.state.get("count", 0)))
        ctx.state["count"] = ctx.state.get("count", 0) + 1

    for number, conversation in enumerate(["a", "b", "a", "c", "a", "b"]):
        await bot.process(message(f"e{number}", conversation))
    assert seen == [("a", 0), ("b", 0), ("a", 1), ("c", 0), ("a", 2), ("b", 0)]


async def test_a_dead_letter_is_not_attempted_again(bot: Bot) -> None:
    attempts = Record()

    @bot.router.on(ConversationMessageEvent, where=is_from_user)
    async def reject(event: ConversationMessageEvent) -> None:
        attempts.add(event.id)
        raise DeadLetter("not an order")

    with bounded():
        async with bot.running():
            await bot.say("one")
            await bot.say("two")
    assert len(attempts.items) == len(set(attempts.items)) == 2


async def test_replying_to_an_event_of_another_call_is_not_idempotent(clock: FakeClock) -> None:
    bot = Router(None, clock)
    old: list[ConversationMessageEvent] = []
    posts: list[str] = []

    async def post(conversation_id: str, *_: Any, **__: Any) -> list[Any]:
        posts.append(conversation_id)
        return []

    vars(bot.client)["post"] = post

    @bot.router.on(ConversationMessageEvent)
    async def reply(event: ConversationMessageEvent) -> None:
        old.append(event)
        await old[0].reply(bot.client, "Hi")

    await bot.process(message("e1"))
    await bot.process(message("e2"))
    assert (len(bot.client.posted), posts) == (1, ["c1"])


class FailingClient(Client):
    """A client whose first request gets no response."""

    def __init__(self, *, maybe_delivered: bool) -> None:
        super().__init__()
        self._maybe_delivered = maybe_delivered

    async def post_once(self, conversation_id: str, content: Any, **options: Any) -> list[Any]:
        await super().post_once(conversation_id, content, **options)
        if len(self.posted) == 1:
            raise APIConnectionError("reset", maybe_delivered=self._maybe_delivered)
        return []


@pytest.mark.parametrize("maybe_delivered", [False, True])
async def test_a_reply_with_an_unknown_outcome_delays_the_next_attempt(
    inbox: Inbox,
    clock: FakeClock,
    maybe_delivered: bool,  # noqa: FBT001 - the outcome
) -> None:
    bot = Router(inbox, clock)
    client = FailingClient(maybe_delivered=maybe_delivered)
    times: list[float] = []

    @bot.router.on(ConversationMessageEvent)
    async def greet(event: ConversationMessageEvent) -> None:
        times.append(clock.time)
        await event.reply(client, "Hi")

    await bot.process(message("e1"))
    assert len(client.posted) == 2
    assert (times[1] - times[0] >= 10) is maybe_delivered
