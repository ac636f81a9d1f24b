from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator

from .api import Api

if TYPE_CHECKING:
    from .api import JSON

pytestmark = pytest.mark.anyio

BOT = {
    "id": "000000005eed000000000101",
    "name": "bot",
    "integrationId": "000000005eed000000000005",
    "integrationType": "custom",
}
AGENT = {
    "id": "000000005eed000000000102",
    "name": "agent",
    "integrationId": "000000005eed000000000006",
    "integrationType": "zd:agentWorkspace",
}
TRIO = (
    {"name": "first", "next": "second"},
    {"name": "second", "id": "0" * 24, "integrationType": "first"},
    {"name": "third", "integrationId": "1" * 24},
)


class Control:
    """The switchboard as one conversation shows it."""

    def __init__(self, api: Api, conversation: JSON) -> None:
        self.api = api
        self.path = f"conversations/{conversation['id']}"

    async def do(self, action: str, target: str | None = None, **body: Any) -> None:
        if target is not None:
            body["switchboardIntegration"] = target
        assert await self.api.call("POST", f"{self.path}/{action}", body) == {}

    async def rejected(self, action: str, target: str | None = None) -> str:
        body = {} if target is None else {"switchboardIntegration": target}
        (problem,) = await self.api.problems("POST", f"{self.path}/{action}", body)
        return problem

    async def state(self) -> tuple[Any, Any]:
        conversation = (await self.api.get(self.path))["conversation"]
        names = ("activeSwitchboardIntegration", "pendingSwitchboardIntegration")
        active, pending = (conversation.get(name) for name in names)
        return active, pending

    async def names(self) -> tuple[str | None, str | None]:
        active, pending = await self.state()
        return active and active["name"], pending and pending["name"]


@pytest.fixture
async def control(api: Api) -> Control:
    return Control(api, await api.personal(await api.user()))


async def test_the_default_integration_begins_in_control(control: Control) -> None:
    assert await control.state() == (BOT, None)


async def test_passing_control(control: Control) -> None:
    await control.do("passControl", "agent", metadata={"why": "angry"})
    assert await control.state() == (AGENT, None)


async def test_passing_control_again_changes_nothing(control: Control) -> None:
    await control.do("passControl", "agent")
    await control.do("passControl", "agent")
    assert await control.names() == ("agent", None)


async def test_passing_control_withdraws_an_offer(control: Control) -> None:
    await control.do("offerControl", "agent")
    await control.do("passControl", "bot")
    assert await control.names() == ("bot", None)


async def test_offering_and_accepting_control(control: Control) -> None:
    await control.do("offerControl", "next")
    assert await control.state() == (BOT, AGENT)
    await control.do("acceptControl", metadata={"by": "Bo"})
    assert await control.state() == (AGENT, None)


async def test_control_is_not_offered_to_who_has_it(control: Control) -> None:
    problem = "Cannot offer control to the active switchboard integration."
    assert await control.rejected("offerControl", "bot") == problem


async def test_a_new_offer_takes_the_place_of_the_last() -> None:
    async with Api(Emulator(switchboard=TRIO)) as api:
        control = Control(api, await api.group())
        await control.do("offerControl", "second")
        await control.do("offerControl", "third")
        assert await control.names() == ("first", "third")


async def test_what_was_not_offered_cannot_be_accepted(control: Control) -> None:
    problem = "There is no pendingSwitchboardIntegration"
    assert await control.rejected("acceptControl") == problem


async def test_released_control_is_nobodys(control: Control) -> None:
    await control.do("offerControl", "agent")
    await control.do("releaseControl")
    assert await control.state() == (None, None)


async def test_control_can_be_released_without_a_body(control: Control) -> None:
    response = await control.api.http.post(f"{control.path}/releaseControl")
    assert (response.status_code, response.json()) == (200, {})


async def test_the_default_gets_released_control_when_the_user_writes(api: Api) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    control = Control(api, conversation)
    await control.do("releaseControl")
    await api.post(conversation)
    assert await control.names() == (None, None)
    await api.post(conversation, author={"type": "user", "userId": ann["id"]})
    assert await control.names() == ("bot", None)


@pytest.mark.parametrize(
    "reference", ["next", AGENT["id"], AGENT["name"], AGENT["integrationType"]]
)
async def test_the_ways_to_name_an_integration(control: Control, reference: str) -> None:
    await control.do("passControl", reference)
    assert await control.state() == (AGENT, None)


async def test_a_name_goes_before_a_type() -> None:
    async with Api(Emulator(switchboard=TRIO)) as api:
        control = Control(api, await api.group())
        await control.do("passControl", "0" * 24)
        assert await control.names() == ("second", None)
        await control.do("passControl", "first")
        assert await control.names() == ("first", None)


async def test_an_ambiguous_type_is_rejected() -> None:
    async with Api(Emulator(switchboard=TRIO)) as api:
        control = Control(api, await api.group())
        problem = "More than one switchboard integration matches custom"
        assert await control.rejected("passControl", "custom") == problem
        assert await control.rejected("offerControl", "custom") == problem
        assert await control.names() == ("first", None)


async def test_an_unknown_integration_is_rejected(control: Control) -> None:
    problem = "No switchboard integration matches nobody"
    assert await control.rejected("passControl", "nobody") == problem
    assert await control.rejected("offerControl", "nobody") == problem


async def test_there_may_be_nothing_next(control: Control) -> None:
    await control.do("passControl", "agent")
    assert (
        await control.rejected("passControl", "next") == "There is no next switchboard integration"
    )
    await control.do("releaseControl")
    assert (
        await control.rejected("offerControl", "next") == "There is no next switchboard integration"
    )


async def test_there_may_be_no_switchboard() -> None:
    async with Api(Emulator(switchboard=())) as api:
        control = Control(api, await api.group())
        assert await control.state() == (None, None)
        assert (
            await control.rejected("passControl", "bot") == "No switchboard integration matches bot"
        )


@pytest.mark.parametrize("action", ["passControl", "offerControl"])
async def test_a_transfer_must_say_to_whom(control: Control, action: str) -> None:
    assert await control.rejected(action) == "switchboardIntegration is required"


async def test_accepting_takes_a_body(control: Control) -> None:
    response = await control.api.http.post(f"{control.path}/acceptControl")
    assert response.status_code == 400
