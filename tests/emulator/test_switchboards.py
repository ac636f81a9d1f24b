from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator

from .api import Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .api import JSON

pytestmark = pytest.mark.anyio

AGENT = "000000005eed000000000006"
SEAT_NOT_FOUND = ("switchboard_integration_not_found", "SwitchboardIntegration not found")


@pytest.fixture
async def bare() -> AsyncIterator[Api]:
    async with Api(Emulator(switchboard=())) as api:
        yield api


async def create(api: Api) -> str:
    switchboard = (await api.call("POST", "switchboards", status=201))["switchboard"]
    assert switchboard == {"id": switchboard["id"], "enabled": False}
    return f"switchboards/{switchboard['id']}"


async def seat(api: Api, board: str, name: str, **body: Any) -> JSON:
    described = {"name": name, "integrationId": AGENT, **body}
    document = await api.call("POST", f"{board}/switchboardIntegrations", described, status=201)
    made: JSON = document["switchboardIntegration"]
    return made


async def test_there_is_one_switchboard_at_most(bare: Api) -> None:
    assert (await bare.get("switchboards"))["switchboards"] == []
    board = await create(bare)
    (one,) = (await bare.get("switchboards"))["switchboards"]
    assert board.endswith(one["id"])
    assert await bare.problems("POST", "switchboards", None) == [
        "Only one switchboard can be created per app"
    ]
    assert await bare.call("DELETE", board) == {}
    error = ("switchboard_not_found", "Switchboard not found")
    assert await bare.rejected(404, "DELETE", board) == error
    assert await bare.rejected(404, "GET", f"{board}/switchboardIntegrations") == error


async def test_an_integration_takes_a_seat(bare: Api) -> None:
    board = await create(bare)
    made = await seat(bare, board, "zd-agentWorkspace")
    assert made == {
        "id": made["id"],
        "name": "zd-agentWorkspace",
        "integrationId": AGENT,
        "integrationType": "zd:agentWorkspace",
        "deliverStandbyEvents": False,
    }
    by_type = {"name": "b", "integrationType": "custom", "messageHistoryCount": 5}
    path = f"{board}/switchboardIntegrations"
    other = (await bare.call("POST", path, by_type, status=201))["switchboardIntegration"]
    assert (other["integrationType"], other["messageHistoryCount"]) == ("custom", 5)
    assert (await bare.get(path))["switchboardIntegrations"] == [made, other]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"integrationId": AGENT}, "name is required"),
        ({"name": "a b", "integrationId": AGENT}, "name is not in the right format"),
        ({"name": "a"}, "exactly one of integrationId, integrationType is required"),
        (
            {"name": "a", "integrationId": AGENT, "messageHistoryCount": 11},
            "messageHistoryCount must be at most 10",
        ),
        (
            {"name": "taken", "integrationId": AGENT},
            "The name of a switchboardIntegration must be unique",
        ),
    ],
)
async def test_a_malformed_seat_is_rejected(bare: Api, body: JSON, problem: str) -> None:
    board = await create(bare)
    await seat(bare, board, "taken")
    path = f"{board}/switchboardIntegrations"
    assert await bare.problems("POST", path, body) == [problem]


async def test_what_a_seat_names_must_exist(bare: Api) -> None:
    board = await create(bare)
    path = f"{board}/switchboardIntegrations"
    for body in ({"integrationId": "none"}, {"integrationType": "none"}):
        code, _ = await bare.rejected(404, "POST", path, {"name": "a", **body})
        assert code == "integration_not_found"
    body = {"name": "a", "integrationId": AGENT, "nextSwitchboardIntegrationId": "none"}
    assert await bare.rejected(404, "POST", path, body) == SEAT_NOT_FOUND
    assert await bare.rejected(404, "PATCH", f"{path}/none", {}) == SEAT_NOT_FOUND


async def test_there_are_ten_seats_at_most(bare: Api) -> None:
    board = await create(bare)
    for number in range(10):
        await seat(bare, board, f"n{number}")
    body = {"name": "more", "integrationId": AGENT}
    assert await bare.rejected(400, "POST", f"{board}/switchboardIntegrations", body) == (
        "too_many_switchboard_integrations",
        "Switchboard has reached the max number of switchboard integrations (10)",
    )


async def test_an_enabled_switchboard_has_a_default(bare: Api) -> None:
    board = await create(bare)
    assert await bare.problems("PATCH", board, {"enabled": True}) == [
        "Enabled switchboard must have an associated default switchboardIntegration"
    ]
    wrong = {"defaultSwitchboardIntegrationId": "none"}
    assert await bare.rejected(404, "PATCH", board, wrong) == SEAT_NOT_FOUND
    first = await seat(bare, board, "first")
    body = {"enabled": True, "defaultSwitchboardIntegrationId": first["id"]}
    changed = (await bare.call("PATCH", board, body))["switchboard"]
    assert changed == {"id": board.rpartition("/")[2], **body}
    conversation = await bare.personal(await bare.user())
    assert conversation["activeSwitchboardIntegration"]["name"] == "first"
    await bare.call("PATCH", board, {"enabled": False})
    conversation = await bare.personal(await bare.user())
    assert "activeSwitchboardIntegration" not in conversation


async def test_a_seat_changes_where_it_says_so(api: Api) -> None:
    (board,) = (await api.get("switchboards"))["switchboards"]
    path = f"switchboards/{board['id']}/switchboardIntegrations"
    bot, agent = (await api.get(path))["switchboardIntegrations"]
    conversation = await api.personal(await api.user())
    body = {
        "name": "robot",
        "deliverStandbyEvents": True,
        "nextSwitchboardIntegrationId": None,
        "integrationType": "zd:agentWorkspace",
    }
    changed = (await api.call("PATCH", f"{path}/{bot['id']}", body))["switchboardIntegration"]
    assert changed == {
        "id": bot["id"],
        "name": "robot",
        "integrationId": AGENT,
        "integrationType": "zd:agentWorkspace",
        "deliverStandbyEvents": True,
    }
    assert await api.call("PATCH", f"{path}/{bot['id']}", {"name": "robot"})
    shown = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
    assert shown["activeSwitchboardIntegration"]["name"] == "robot"
    both = {"integrationId": AGENT, "integrationType": "custom"}
    assert await api.problems("PATCH", f"{path}/{agent['id']}", both) == [
        "only one of integrationId, integrationType is allowed"
    ]


async def test_a_seat_is_taken_away_only_if_nothing_needs_it(api: Api) -> None:
    (board,) = (await api.get("switchboards"))["switchboards"]
    path = f"switchboards/{board['id']}/switchboardIntegrations"
    bot, agent = (await api.get(path))["switchboardIntegrations"]
    assert await api.problems("DELETE", f"{path}/{bot['id']}", None) == [
        "The default switchboardIntegration cannot be deleted"
    ]
    assert await api.problems("DELETE", f"{path}/{agent['id']}", None) == [
        "A switchboardIntegration that is the next of another one cannot be deleted"
    ]


async def test_who_lost_its_seat_loses_control(api: Api) -> None:
    (board,) = (await api.get("switchboards"))["switchboards"]
    path = f"switchboards/{board['id']}/switchboardIntegrations"
    third = await seat(api, f"switchboards/{board['id']}", "third")
    ann = await api.user()
    given, offered = await api.personal(ann), await api.personal(ann)
    for conversation, action in ((given, "pass"), (offered, "offer")):
        body = {"switchboardIntegration": "third"}
        await api.call("POST", f"conversations/{conversation['id']}/{action}Control", body)
    await api.call("DELETE", f"{path}/{third['id']}")
    shown = (await api.get(f"conversations/{given['id']}"))["conversation"]
    assert "activeSwitchboardIntegration" not in shown
    shown = (await api.get(f"conversations/{offered['id']}"))["conversation"]
    assert "pendingSwitchboardIntegration" not in shown
    await api.post(given, author={"type": "user", "userId": ann["id"]})
    shown = (await api.get(f"conversations/{given['id']}"))["conversation"]
    assert shown["activeSwitchboardIntegration"]["name"] == "bot"


async def test_a_deleted_switchboard_leaves_nobody_in_control(api: Api) -> None:
    conversation = await api.personal(await api.user())
    (board,) = (await api.get("switchboards"))["switchboards"]
    await api.call("DELETE", f"switchboards/{board['id']}")
    shown = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
    assert "activeSwitchboardIntegration" not in shown
