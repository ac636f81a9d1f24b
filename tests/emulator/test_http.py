from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from sunco.emulator import Emulator

from .api import BUSINESS, HELLO, Api

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message

pytestmark = pytest.mark.anyio

UNAUTHORIZED = {"errors": [{"code": "unauthorized", "title": "Authorization is required"}]}


def basic(credentials: str) -> str:
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic not-base64",
        "Basic /w==",
        basic("app_demo_key:wrong"),
        basic("app_demo_key"),
        basic("app_other:demo_secret"),
        basic("app_other:"),
        "Bearer token",
    ],
)
async def test_a_request_without_the_right_credentials_is_unauthorized(
    api: Api, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    response = await api.http.get("users/someone", headers=headers, auth=None)
    assert (response.status_code, response.json()) == (401, UNAUTHORIZED)
    assert response.headers["www-authenticate"].startswith("Basic ")


async def test_the_scheme_of_the_credentials_may_be_written_in_any_case(api: Api) -> None:
    header = basic("app_demo_key:demo_secret").replace("Basic", "bAsIc")
    response = await api.http.get("users/someone", headers={"authorization": header}, auth=None)
    assert response.status_code == 404


async def test_another_app_is_not_found(api: Api) -> None:
    error = await api.rejected(404, "GET", "http://emulator/v2/apps/another/users/someone")
    assert error == ("app_not_found", "App not found")


@pytest.mark.parametrize(
    "path",
    [
        "/v2",
        "/v2/apps/app_demo/nothing",
        "/v2/apps/app_demo/users//clients",
        "/v2/apps//users",
        "/v2/apps/app_demo/users/someone/clients/some/more",
    ],
)
async def test_an_unknown_path_is_not_found(api: Api, path: str) -> None:
    error = await api.rejected(404, "GET", f"http://emulator{path}")
    assert error == ("not_found", "Resource not found")


async def test_a_method_that_a_path_does_not_have_is_not_allowed(api: Api) -> None:
    response = await api.http.put("conversations/any")
    assert response.status_code == 405
    assert response.headers["allow"] == "DELETE, GET, PATCH"
    assert response.json()["errors"][0]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 50_000,
        b'{"metadata": {"a": NaN}}',
        b'{"metadata": {"a": 1e999}}',
        b"[]",
        b'"text"',
        b"null",
    ],
)
async def test_a_body_that_is_not_a_json_object_is_a_bad_request(api: Api, content: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await api.http.post("users", content=content, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "bad_request"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
async def test_a_body_must_say_that_it_is_json(api: Api, content_type: str) -> None:
    headers = {"content-type": content_type}
    response = await api.http.post("users", content=b"{}", headers=headers)
    assert response.status_code == 400
    assert "content-type" in response.json()["errors"][0]["title"]


async def test_a_content_type_may_have_parameters(api: Api) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    response = await api.http.post("users", content=b"{}", headers=headers)
    assert response.status_code == 201


async def test_a_body_may_be_100_kb_and_no_more(api: Api) -> None:
    def body(size: int) -> bytes:
        empty = json.dumps({"padding": ""}).encode()
        return json.dumps({"padding": "x" * (size - len(empty))}).encode()

    headers = {"content-type": "application/json"}
    fits = await api.http.post("users", content=body(100 * 1024), headers=headers)
    assert fits.status_code == 201
    exceeds = await api.http.post("users", content=body(100 * 1024 + 1), headers=headers)
    assert exceeds.status_code == 413
    assert exceeds.json()["errors"][0]["code"] == "payload_too_large"


async def test_a_body_may_come_in_pieces(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"external'
        yield b'Id": "ann"}'

    headers = {"content-type": "application/json"}
    response = await api.http.post("users", content=pieces(), headers=headers)
    assert response.json()["user"]["externalId"] == "ann"


async def test_every_problem_of_a_body_is_named(api: Api) -> None:
    assert await api.problems("POST", "users", {"externalId": 1, "toBeRetained": "yes"}) == [
        "externalId must be a string",
        "toBeRetained must be a boolean",
    ]


async def test_text_outside_ascii_is_returned_as_it_came(api: Api) -> None:
    conversation = await api.personal(await api.user())
    text = "Grüße 👋 \u2028"
    posted = await api.post(conversation, {"type": "text", "text": text})
    assert posted["content"]["text"] == text


async def test_half_a_character_does_not_break_the_response(api: Api) -> None:
    conversation = await api.personal(await api.user())
    body = json.dumps(
        {"author": BUSINESS, "content": HELLO | {"text": "\ud83d"}, "metadata": {"half": "\ud83d"}}
    ).encode()
    path = f"conversations/{conversation['id']}/messages"
    headers = {"content-type": "application/json"}
    response = await api.http.post(path, content=body, headers=headers)
    assert response.status_code == 201
    assert response.json()["messages"][0]["content"]["text"] == "?"


async def test_an_error_of_the_emulator_is_a_response_in_json() -> None:
    times = iter([datetime.now(UTC)])
    emulator = Emulator(clock=lambda: next(times))
    transport = httpx.ASGITransport(emulator.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        response = await http.post(
            "/v2/apps/app_demo/conversations",
            json={"type": "sdkGroup"},
            auth=("app_demo_key", "demo_secret"),
        )
    assert response.status_code == 500
    assert response.json()["errors"][0]["code"] == "internal_error"


async def test_a_client_that_disconnects_while_sending_gets_no_response(api: Api) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": "/v2/apps/app_demo/users",
        "query_string": b"",
        "headers": [
            (b"authorization", basic("app_demo_key:demo_secret").encode()),
            (b"content-type", b"application/json"),
        ],
    }
    await api.emulator.app(scope, receive, send)
    assert not sent


async def test_it_can_be_mounted_below_another_path(api: Api) -> None:
    ann = await api.user(externalId="a/n")
    app = Starlette(routes=[Mount("/sc", api.emulator.app)])
    await api.personal(ann)
    await api.personal(ann)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://host/sc/v2/apps/app_demo/"
    ) as http:
        http.auth = httpx.BasicAuth(api.emulator.key_id, api.emulator.key_secret)
        assert (await http.get("users/a%2Fn")).json() == {"user": ann}
        params = {"filter[userId]": ann["id"], "page[size]": "1"}
        first = (await http.get("conversations", params=params)).json()
        second = (await http.get(first["links"]["next"])).json()
    assert first["links"]["next"].startswith("http://host/sc/v2/apps/app_demo/conversations?")
    assert first["conversations"] != second["conversations"]
