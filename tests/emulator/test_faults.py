from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sunco.emulator.http import faults

if TYPE_CHECKING:
    from .api import Api
    from .conftest import Clock

pytestmark = pytest.mark.anyio


async def test_the_next_requests_fail(api: Api) -> None:
    api.emulator.fail(next=3, status=503)
    for _ in range(3):
        error = await api.rejected(503, "POST", "users", {})
        assert error == ("service_unavailable", "Service unavailable")
    assert await api.user()


async def test_only_what_it_is_for_fails(api: Api) -> None:
    api.emulator.fail(status=500, path="*/messages", method="POST")
    conversation = await api.personal(await api.user())
    path = f"conversations/{conversation['id']}/messages"
    assert await api.get(path)
    assert await api.rejected(500, "POST", path, {}) == (
        "internal_error",
        "Internal error",
    )
    assert await api.post(conversation)


async def test_everything_fails_until_it_recovers(api: Api) -> None:
    api.emulator.fail(next=None, status=502, html=True)
    for _ in range(3):
        response = await api.http.post("users", json={})
        assert response.status_code == 502
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        assert "Bad gateway" in response.text
    api.emulator.recover()
    assert await api.user()


async def test_too_many_requests(api: Api) -> None:
    api.emulator.fail(status=429, retry_after=1.5)
    response = await api.http.post("users", json={})
    assert (response.status_code, response.headers["retry-after"]) == (429, "1.5")
    assert response.json()["errors"][0]["code"] == "too_many_requests"


async def test_of_several_faults_the_oldest_happens_first(api: Api) -> None:
    api.emulator.fail(status=500)
    api.emulator.fail(status=502)
    statuses = [(await api.http.post("users", json={})).status_code for _ in range(3)]
    assert statuses == [500, 502, 201]


async def test_what_fails_may_have_taken_effect(api: Api) -> None:
    api.emulator.fail(status=504, applied=True)
    await api.rejected(504, "POST", "users", {"externalId": "ann"})
    api.emulator.fail(reset=True, applied=True)
    with pytest.raises(ConnectionResetError):
        await api.http.post("users", json={"externalId": "bob"})
    assert await api.get("users/ann")
    assert await api.get("users/bob")
    api.emulator.fail(status=504)
    await api.rejected(504, "POST", "users", {"externalId": "eve"})
    await api.rejected(404, "GET", "users/eve")


async def test_a_slow_response(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(faults, "sleep", sleep)
    api.emulator.fail(latency=1.5)
    assert await api.user()
    assert await api.user()
    assert slept == [1.5]


async def test_an_error_of_the_request_comes_before_a_fault(api: Api) -> None:
    api.emulator.fail(status=500, applied=True)
    await api.rejected(404, "GET", "users/none")


async def test_the_body_can_be_garbage(api: Api) -> None:
    api.emulator.fail(garbage=True)
    api.emulator.fail(garbage=True, status=502, applied=True)
    # By a client that does not compare responses with the specification.
    transport = httpx.ASGITransport(api.emulator.app)
    auth = (api.emulator.key_id, api.emulator.key_secret)
    async with httpx.AsyncClient(transport=transport, auth=auth) as http:
        for status in (200, 502):
            url = "http://emulator/v2/apps/app_demo/users"
            response = await http.post(url, json={"externalId": f"{status}"})
            assert response.status_code == status
            assert response.headers["content-type"] == "application/json"
            with pytest.raises(ValueError):  # noqa: PT011 - of several kinds
                response.json()
    await api.rejected(404, "GET", "users/200")
    assert await api.get("users/502")


async def test_more_requests_than_the_rate_are_rejected(api: Api, clock: Clock) -> None:
    api.emulator.limit_rate(2, path="*/users")

    async def create(times: int) -> list[tuple[int, str | None]]:
        responses = [await api.http.post("users", json={}) for _ in range(times)]
        return [(one.status_code, one.headers.get("retry-after")) for one in responses]

    assert await create(4) == [(201, None), (201, None), (429, "1"), (429, "1")]
    assert api.emulator.control("faults")["faults"] == [
        {"next": None, "path": "*/users", "status": 429, "retry_after": "1", "rate": 2}
    ]
    assert await api.get("integrations")
    clock.advance(0.5)
    assert await create(1) == [(429, "1")]
    clock.advance(0.5)
    assert await create(3) == [(201, None), (201, None), (429, "1")]
    # A clock that goes back does not lock anybody out.
    clock.advance(-3600)
    assert await create(1) == [(201, None)]
    api.emulator.recover()
    assert await create(3) == [(201, None)] * 3


@pytest.mark.parametrize(
    ("latency", "low", "high"),
    [
        ({"type": "uniform", "minimum": 1, "maximum": 2}, 1, 2),
        ({"type": "normal", "mean": 0, "deviation": 1}, 0, 5),
        ({"type": "exponential", "mean": 60}, 0, 60),
    ],
    ids=["uniform", "normal", "exponential"],
)
async def test_latency_follows_a_distribution(
    api: Api, monkeypatch: pytest.MonkeyPatch, latency: dict[str, Any], low: float, high: float
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(faults, "sleep", sleep)
    await api.call("POST", "http://emulator/_emulator/fail", {"next": None, "latency": latency})
    for _ in range(50):
        await api.http.get("users/ada")
    assert len({*slept}) > 10
    assert low <= min(slept) <= max(slept) <= high
    problems = await api.problems(
        "POST", "http://emulator/_emulator/fail", {"latency": {**latency, "type": "cauchy"}}
    )
    assert problems == ["latency.type must be one of uniform, normal, exponential"]
