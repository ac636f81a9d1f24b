from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import httpx
import pytest

import sunco_pytest
from sunco import APIConnectionError, AuthenticationError, BearerAuth, RetryPolicy, ServerError
from sunco.emulator import Emulator
from sunco.models import ConversationMessageEvent, ParticipantUser, TextMessage
from sunco.testing import connect
from sunco.transport import HttpxTransport
from sunco.webhooks import WebhookRouter

if TYPE_CHECKING:
    from sunco import Sunco

pytest_plugins = ["pytester"]

ONCE = RetryPolicy(max_attempts=1)


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.mark.anyio
async def test_a_client_and_a_user_talk(emulator: Emulator) -> None:
    async with connect(emulator) as sunco:
        user = await sunco.users.create(external_id="ada")
        said = emulator.say(user, "Hi!")
        (conversation,) = await sunco.conversations.list(user_id=user.id).collect()
        (message,) = await sunco.messages.list(conversation.id)
        assert message.id == said["id"]
        await sunco.messages.post(conversation.id, "Hello!")
        assert emulator.texts(conversation) == ["Hi!", "Hello!"]


@pytest.mark.anyio
async def test_a_bot_replies_to_what_its_router_receives(emulator: Emulator) -> None:
    async with connect(emulator) as sunco:
        webhook = {"target": "https://bot.test/", "triggers": ["conversation:message"]}
        body = {"type": "custom", "webhooks": [webhook]}
        path = f"/v2/apps/{emulator.app_id}/integrations"
        made = (await sunco.request("POST", path, json=body)).json()["integration"]
        router = WebhookRouter(made["webhooks"][0]["secret"])

        @router.on(ConversationMessageEvent)
        async def reply(event: ConversationMessageEvent) -> None:
            conversation, message = event.payload.conversation, event.payload.message
            assert conversation is not None
            assert message is not None
            assert message.author is not None
            if message.author.type == "user":
                assert isinstance(message.content, TextMessage)
                await sunco.messages.post(str(conversation.id), f"{message.content.text}, too!")

        emulator.deliver_to(router)
        user = await sunco.users.create()
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        emulator.say(user, "Hi")
        await emulator.drain()
        assert emulator.texts(conversation) == ["Hi", "Hi, too!"]
        assert {delivery.status for delivery in emulator.deliveries} == {200}


@pytest.mark.anyio
async def test_the_key_may_be_another(emulator: Emulator) -> None:
    async with connect(emulator, key_id=emulator.account_key_id) as sunco:
        assert (await sunco.apps.create("Shop")).display_name == "Shop"
    async with connect(emulator, auth=BearerAuth("nothing")) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.users.get("ada")


@pytest.mark.anyio
async def test_the_transport_may_be_another(emulator: Emulator) -> None:
    def response(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503)

    transport = HttpxTransport(httpx.AsyncClient(transport=httpx.MockTransport(response)))
    async with connect(emulator, transport=transport, retry=ONCE) as sunco:
        with pytest.raises(ServerError):
            await sunco.users.get("ada")


@pytest.mark.anyio
async def test_a_broken_connection_is_one_to_the_client_too(emulator: Emulator) -> None:
    async with connect(emulator, retry=ONCE) as sunco:
        emulator.fail(reset=True)
        with pytest.raises(APIConnectionError) as caught:
            await sunco.users.create()
        assert caught.value.maybe_delivered


def test_a_new_state_takes_less_than_five_milliseconds() -> None:
    connect(Emulator())
    took: list[float] = []
    for _ in range(20):
        start = time.perf_counter()
        connect(Emulator())
        took.append(time.perf_counter() - start)
    assert min(took) < 0.005


INI = """
[pytest]
filterwarnings =
    error
    ignore::pytest.PytestDeprecationWarning
"""
SUITE = """
import pytest

pytestmark = pytest.mark.{marker}
seen = []

async def test_there_is_a_client(sunco, sunco_emulator):
    user = await sunco.users.create(external_id="ada")
    assert sunco_emulator.say(user, "Hi!")

async def test_of_a_new_emulator(sunco, sunco_emulator):
    await sunco.users.create(external_id="ada")
    assert sunco_emulator.deliveries == []

class TestOtherwise:
    @pytest.fixture
    def sunco_emulator_options(self):
        return {{"app_id": "app_mine"}}

    async def test_made_otherwise(self, sunco, sunco_emulator):
        assert sunco_emulator.app_id == "app_mine"
        assert await sunco.users.create()
"""


@pytest.mark.parametrize(
    ("plugin", "marker", "tests"),
    [("pytest_asyncio.plugin", "asyncio", 3), ("anyio.pytest_plugin", "anyio", 6)],
)
def test_the_fixtures_work_with_either_plugin(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    plugin: str,
    marker: str,
    tests: int,
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(SUITE.format(marker=marker))
    pytester.makeini(INI)
    plugins = ("-p", "sunco_pytest", "-p", plugin, "-p", "no:cacheprovider")
    pytester.runpytest_inprocess(*plugins).assert_outcomes(passed=tests)


def test_the_plugin_costs_nothing_until_it_is_asked_for() -> None:
    code = (
        "import sys, sunco_pytest; print(sorted({'sunco', 'starlette', 'httpx'} & {*sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_pytest_finds_the_fixtures_by_itself(sunco: Sunco, sunco_emulator: Emulator) -> None:
    (entry_point,) = entry_points(group="pytest11", name="sunco")
    assert entry_point.load() is sunco_pytest
    assert sunco_emulator.app_id in repr(sunco)
