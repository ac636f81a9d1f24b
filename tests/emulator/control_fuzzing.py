"""Made-up requests to the control API and the console: `python -m emulator.control_fuzzing N SEED`.

No response may have a status of 500 or more, nor may an exception escape.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sized
from random import Random
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpx

from sunco.emulator import Emulator
from sunco.emulator.http.control.table import CONTROLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.http.control.table import Control

# `drain` waits for what is in flight, so that it may rightly end in 504.
NAMES = sorted(key for key in CONTROLS if key[1] != "drain")
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2.5,
    10**30,
    1e308,
    "",
    "ada",
    "\ud800",
    "\x00",
    "../../etc/passwd",
    "<img src=x onerror=alert(1)>",
    "x" * 5000,
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "2026-02-31T00:00:00.000Z",
    [],
    {},
    [[]],
    {"type": "text", "text": "Hi"},
    {"type": "image", "mediaUrl": "http://[::1"},
    {"type": "carousel", "items": [{"title": "a", "actions": [{"type": "buy"}]}]},
    {"content": "YQ=="},
    {"path": "/dev/zero"},
    {"type": "exponential", "mean": 0},
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def keys_of(value: Any) -> list[Any]:
    """The keys of an object or the indices of an array, none for other values."""
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value))
    return list(range(len(cast("Sized", value)))) if isinstance(value, list) else []


class Fuzzer:
    """Makes requests from a seed, among them many that are nearly right."""

    def __init__(self, http: httpx.AsyncClient, seed: int) -> None:
        self._http = http
        self._random = Random(seed)  # noqa: S311
        self._ids: list[str] = []
        self._state: dict[str, Any] = {}
        self.statuses: dict[int, int] = {}

    async def prepare(self) -> None:
        """Make records, whose ids are among the arguments."""
        form = {"type": "form", "fields": [{"type": "text", "name": "a", "label": "A"}]}
        arguments = {"content": form, "externalId": "ada"}
        # An end user can send any content that is not a response to a form.
        arrived = (await self._http.post("arrive", json=arguments)).json()
        for record in ("user", "conversation", "message"):
            self._ids.append(arrived[record]["id"])
        overview = (await self._http.get("overview")).json()
        self._ids += [one["id"] for one in overview["channels"]]
        self._ids += [one["id"] for one in overview["conversations"][0]["clients"]]
        self._state = (await self._http.get("state")).json()["state"]

    async def step(self) -> None:
        """Make a request, and check its response."""
        random = self._random
        kind = random.random()
        if kind < 0.85:
            control = CONTROLS[random.choice(NAMES)]
            response = await self._call(control, self._arguments(control))
        elif kind < 0.9:
            response = await self._call(CONTROLS["POST", "state"], {"state": self._mutated()})
            assert response.status_code < 500, response.text
            if response.status_code == 200:
                for _ in range(6):
                    control = CONTROLS[random.choice(NAMES)]
                    shown = await self._call(control, self._arguments(control))
                    assert shown.status_code < 500, shown.text
            shown = await self._http.get("overview")
            assert shown.status_code < 500, shown.text
            response = await self._http.post("reset", json={})
            await self.prepare()
        else:
            response = await self._unlike_any_control()
        status = response.status_code
        assert status < 500, (response.request, response.request.content, response.text)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    async def _call(self, control: Control, arguments: Mapping[str, Any]) -> httpx.Response:
        if control.method == "GET":
            query = {
                name: f"{value}".encode("utf-8", "replace") for name, value in arguments.items()
            }
            return await self._http.get(control.name, params=query)
        body = json.dumps(arguments)
        headers = {"content-type": "application/json"}
        return await self._http.post(control.name, content=body, headers=headers)

    def _arguments(self, control: Control) -> dict[str, Any]:
        random, names = self._random, list(control.schema.properties)
        chosen = set(random.sample(names, random.randint(0, len(names))))
        chosen |= set(control.schema.required) if random.random() < 0.9 else set()
        arguments = {name: self._value(name) for name in sorted(chosen)}
        if random.random() < 0.03:
            arguments["unknown"] = 1
        return arguments

    def _value(self, name: str) -> Any:
        random = self._random
        likely: dict[str, list[Any]] = {
            "user": [*self._ids, "ada"],
            "text": ["Hi"],
            "latency": [0],
            "seconds": [0],
            "app": ["app_demo"],
            "profile": [{"givenName": "Ada"}],
            "fields": [{"a": "b"}],
            "next": [1, None],
            "state": [self._state],
            "type": ["user:remove", "conversation:message"],
            "switchboardIntegration": ["bot", "agent", "next"],
        }
        usual = likely.get(name, self._ids)
        return copy.deepcopy(random.choice(usual if random.random() < 0.7 else ODD))

    def _mutated(self) -> Any:
        """The exported state with a value somewhere in it replaced or removed."""
        state = copy.deepcopy(self._state)
        place: Any = state
        for _ in range(self._random.randint(0, 6)):
            inner = [key for key in keys_of(place) if keys_of(place[key])]
            if not inner:
                break
            place = place[self._random.choice(inner)]
        key = self._random.choice(keys_of(place))
        if self._random.random() < 0.3:
            del place[key]
        else:
            place[key] = copy.deepcopy(self._random.choice(ODD))
        return state

    async def _unlike_any_control(self) -> httpx.Response:
        random = self._random
        name = random.choice(
            [
                "",
                "console/",
                "console/main.js",
                "console/../x",
                "console/%2e%2e",
                "say",
                "nothing",
                "a/b",
            ]
        )
        content = random.choice(
            [
                b"",
                b"{",
                b"[]",
                b"\xff",
                b"[" * 20_000,
                b'{"a": NaN}',
                b'{"a": 1e999}',
                b"{}" * 60_000,
            ]
        )
        headers = {
            "content-type": random.choice(["application/json", "text/plain", ""]),
            "x-emulator-token": random.choice(["", "guess", "\x7f"]),
            "origin": "http://evil.test",
            "host": random.choice(["emulator", "evil.test", "[::1", "127.0.0.1:99999", "a b"]),
        }
        kept = {key: text for key, text in headers.items() if random.random() < 0.5}
        method = random.choice(METHODS)
        return await self._http.request(method, name, content=content, headers=kept)


async def fuzz(seed: int, requests: int) -> dict[int, int]:
    """Make requests to a new emulator, and return how often each status was the response."""
    emulator = Emulator()
    transport = httpx.ASGITransport(emulator.app)
    base_url = "http://emulator/_emulator/"
    async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
        fuzzer = Fuzzer(http, seed)
        await fuzzer.prepare()
        for _ in range(requests):
            await fuzzer.step()
    return fuzzer.statuses


def main(requests: str = "5000", seed: str = "1") -> None:
    """Fuzz, and print the statuses."""
    statuses = anyio.run(fuzz, int(seed), int(requests))
    shown = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    sys.stdout.write(f"{requests} requests from seed {seed}: {shown}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
