from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from sunco.emulator import Emulator
from sunco.emulator.delivery import dispatcher
from sunco.emulator.delivery.dispatcher import MAX_EVENTS
from sunco.emulator.state.webhooks import MAX_WAITING, Outbox

from .api import Api
from .webhooks import TARGET, Target, subscribe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

pytestmark = pytest.mark.anyio

MESSAGE = ["conversation:message"]


@pytest.fixture
async def eager() -> AsyncIterator[Api]:
    """An emulator that waits for nothing between attempts."""
    async with Api(Emulator(retry_scale=0)) as api:
        yield api


async def test_a_delivery_is_as_the_specification_says(eager: Api) -> None:
    target = Target()
    eager.emulator.deliver_to(target)
    webhook = await subscribe(eager, MESSAGE)
    conversation = await eager.personal(await eager.user())
    message = await eager.post(conversation)
    await eager.emulator.drain()
    (body,) = target.bodies
    assert body["app"] == {"id": "app_demo"}
    assert body["webhook"] == {"id": webhook["id"], "version": "v2"}
    (event,) = body["events"]
    assert event["payload"]["message"] == message
    assert event["payload"]["conversation"]["id"] == conversation["id"]
    (scope,) = target.scopes
    headers = dict(scope["headers"])
    assert headers[b"x-api-key"].decode() == webhook["secret"]
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"host"] == b"bot.test:8080"
    assert (scope["method"], scope["path"]) == ("POST", "/hooks/a b")
    assert (scope["raw_path"], scope["query_string"]) == (b"/hooks/a%20b", b"c=d")
    (delivery,) = eager.emulator.deliveries
    assert (delivery.url, delivery.attempt, delivery.status) == (TARGET, 1, 200)
    assert delivery.body == body
    assert eager.emulator.delivered == [event]


async def test_only_what_was_subscribed_to_is_delivered(eager: Api) -> None:
    target = Target()
    eager.emulator.deliver_to(target)
    await subscribe(eager, ["conversation:create"])
    await eager.post(await eager.personal(await eager.user()))
    await eager.emulator.drain()
    assert target.kinds == ["conversation:create"]


async def test_what_waits_goes_in_batches_and_in_order(eager: Api) -> None:
    target = Target()
    eager.emulator.deliver_to(target)
    await subscribe(eager, MESSAGE)
    ann = await eager.user()
    sent = [eager.emulator.say(ann, f"{number}") for number in range(MAX_EVENTS + 1)]
    await eager.emulator.drain()
    assert [len(body["events"]) for body in target.bodies] == [MAX_EVENTS, 1]
    shown = [event["payload"]["message"]["id"] for event in target.events]
    assert shown == [message["id"] for message in sent]


async def test_a_failed_delivery_has_five_attempts(eager: Api) -> None:
    target = Target(*[500] * 9)
    eager.emulator.deliver_to(target)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    attempts = eager.emulator.deliveries
    assert [one.attempt for one in attempts] == [1, 2, 3, 4, 5]
    assert len({str(one.body) for one in attempts}) == 1
    assert eager.emulator.delivered == []


async def test_a_failed_delivery_ends_with_success(eager: Api) -> None:
    target = Target(500, 429, 302)
    eager.emulator.deliver_to(target)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    assert [one.status for one in eager.emulator.deliveries] == [500, 429, 302, 200]
    assert len(eager.emulator.delivered) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 406])
async def test_a_final_status_is_not_retried(eager: Api, status: int) -> None:
    eager.emulator.deliver_to(Target(status))
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    assert [one.status for one in eager.emulator.deliveries] == [status]


async def test_the_gaps_grow_as_they_are_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(dispatcher, "sleep", sleep)
    async with Api(Emulator(retry_scale=0.1)) as api:
        api.emulator.deliver_to(Target(*[503] * 5))
        await subscribe(api, MESSAGE)
        api.emulator.say(await api.user(), "hi")
        await api.emulator.drain()
    assert slept == [1.5, 6.0, 18.0, 60.0]


async def test_what_failed_does_not_hold_up_what_comes_after() -> None:
    async with Api(Emulator(retry_scale=1)) as api:
        target = Target(500)
        api.emulator.deliver_to(target)
        await subscribe(api, MESSAGE)
        ann = await api.user()
        api.emulator.say(ann, "first")
        with pytest.raises(TimeoutError):
            await api.emulator.drain(0.01)
        assert len(target.bodies) == 1
        # The first waits in the outbox again, since nothing runs that could try it later.
        api.emulator.say(ann, "second")
        await api.emulator.drain()
        texts = [event["payload"]["message"]["content"]["text"] for event in target.events]
        assert texts == ["first", "first", "second"]


async def test_a_retry_does_not_hold_up_other_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "MAX_RETRYING", 0)
    async with Api(Emulator()) as api:
        api.emulator.deliver_to(Target(500))
        await subscribe(api, MESSAGE)
        api.emulator.say(await api.user(), "hi")
        await api.emulator.drain()
        assert len(api.emulator.deliveries) == 1


async def test_a_target_that_hangs_is_given_up(eager: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "TIMEOUT_SECONDS", 0.001)

    async def hang(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers, body
        await anyio.sleep_forever()
        raise AssertionError

    eager.emulator.deliver_with(hang)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    errors = [one.error for one in eager.emulator.deliveries]
    assert errors == ["no response within 0.001 s"] * 5


async def test_a_target_that_raises_is_logged_and_harms_no_other(
    eager: Api, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del headers, body
        raise LookupError(url)

    other = Target()
    eager.emulator.deliver_to(other)
    eager.emulator.deliver_with(broken, prefix=TARGET)
    await subscribe(eager, MESSAGE)
    await subscribe(eager, MESSAGE, target="http://other.test/")
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    assert other.kinds == MESSAGE
    failed = [one for one in eager.emulator.deliveries if one.url == TARGET]
    assert [(one.status, one.error) for one in failed] == [(None, f"LookupError: {TARGET}")] * 5
    assert "could not be called" in caplog.text


async def test_an_app_that_does_not_respond_has_failed(eager: Api) -> None:
    async def silent(*_: object) -> None:
        pass

    eager.emulator.deliver_to(silent)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    await eager.emulator.drain()
    assert {one.error for one in eager.emulator.deliveries} == {
        "ConnectionError: The app returned without a response"
    }


async def test_what_a_deleted_webhook_waits_for_is_not_delivered(eager: Api) -> None:
    target = Target()
    eager.emulator.deliver_to(target)
    webhook = await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    path = f"integrations/{webhook['integrationId']}/webhooks/{webhook['id']}"
    await eager.call("DELETE", path)
    await eager.emulator.drain()
    assert target.bodies == []
    assert eager.emulator.deliveries == []


async def test_running_delivers_in_the_background(eager: Api) -> None:
    came = anyio.Event()

    async def note(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers, body
        came.set()
        return 200

    eager.emulator.deliver_with(note)
    await subscribe(eager, MESSAGE)
    ann = await eager.user()
    async with eager.emulator.running(), eager.emulator.running():
        await eager.post(await eager.personal(ann))
        with anyio.fail_after(60):
            await came.wait()
            await eager.emulator.drain()
    eager.emulator.say(ann, "nobody listens")
    assert len(eager.emulator.deliveries) == 1


async def test_several_may_wait_for_the_same_deliveries(eager: Api) -> None:
    target = Target(500)
    eager.emulator.deliver_to(target)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(eager.emulator.drain)
    assert len(eager.emulator.delivered) == 1


async def test_who_still_waits_takes_over(eager: Api) -> None:
    begun = anyio.Event()
    statuses = [200]

    async def hang_once(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers, body
        if not begun.is_set():
            begun.set()
            await anyio.sleep_forever()
        return statuses.pop()

    eager.emulator.deliver_with(hang_once)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    async with anyio.create_task_group() as tasks, eager.emulator.running():
        tasks.start_soon(eager.emulator.drain)
        await begun.wait()
        await anyio.wait_all_tasks_blocked()
    assert len(eager.emulator.delivered) == 1


async def test_what_was_in_flight_when_it_stops_is_delivered_later(eager: Api) -> None:
    begun = anyio.Event()

    async def hang(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers, body
        begun.set()
        await anyio.sleep_forever()
        raise AssertionError

    eager.emulator.deliver_with(hang)
    await subscribe(eager, MESSAGE)
    eager.emulator.say(await eager.user(), "hi")
    with anyio.fail_after(60):
        async with eager.emulator.running():
            await begun.wait()
    target = Target()
    eager.emulator.deliver_to(target)
    await eager.emulator.drain()
    assert target.kinds == MESSAGE


async def test_a_bot_can_reply_during_its_delivery(eager: Api) -> None:
    async def reply(url: str, headers: Mapping[str, str], body: bytes) -> int:
        del url, headers
        if b"ping" in body:
            await eager.post(conversation, {"type": "text", "text": "pong"})
        return 200

    eager.emulator.deliver_with(reply)
    await subscribe(eager, MESSAGE)
    ann = await eager.user()
    conversation = await eager.personal(ann)
    eager.emulator.say(ann, "ping")
    await eager.emulator.drain()
    assert eager.emulator.texts(conversation["id"]) == ["ping", "pong"]
    assert len(eager.emulator.delivered) == 2


def test_the_oldest_go_when_too_many_wait() -> None:
    outbox = Outbox()
    for number in range(MAX_WAITING + 1):
        outbox.put("a", {"id": number})
    assert outbox.take("a", 1) == [{"id": 1}]
    assert outbox.take("b", 1) == []
