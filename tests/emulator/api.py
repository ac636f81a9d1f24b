"""A thin hand for talking to an emulator in its own words: plain HTTP and plain JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from .spec import check_response

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType
    from typing import Self

    from sunco.emulator import Emulator

JSON = dict[str, Any]

HELLO: JSON = {"type": "text", "text": "Hello!"}
BUSINESS: JSON = {"type": "business"}


class Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self.token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = f"Bearer {self.token}"
        yield request


class Api:
    def __init__(
        self,
        emulator: Emulator,
        *,
        app_id: str | None = None,
        auth: tuple[str, str] | httpx.Auth | None = None,
    ) -> None:
        self.emulator = emulator
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(emulator.app),
            base_url=f"http://emulator/v2/apps/{app_id or emulator.app_id}/",
            auth=auth or (emulator.key_id, emulator.key_secret),
            event_hooks={"response": [check_response]},
        )

    def by(self, *auth: str) -> Api:
        """The same app, by another key or token."""
        *key_id, secret = auth
        return Api(self.emulator, auth=(key_id[0], secret) if key_id else Bearer(secret))

    @property
    def account(self) -> Api:
        return self.by(self.emulator.account_key_id, self.emulator.key_secret)

    async def __aenter__(self) -> Self:
        await self.http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.http.__aexit__(kind, error, traceback)

    async def call(
        self,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> JSON:
        response = await self.http.request(method, path, json=json, params=params)
        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/json"
        document: JSON = response.json()
        return document

    async def get(self, path: str, **params: Any) -> JSON:
        return await self.call("GET", path, params=params or None)

    async def rejected(
        self,
        status: int,
        method: str,
        path: str,
        json: Any = None,
        *,
        params: Mapping[str, Any] | None = None,
    ) -> tuple[str, str]:
        """The code and title of the only error."""
        document = await self.call(method, path, json, params=params, status=status)
        assert list(document) == ["errors"]
        (error,) = document["errors"]
        assert list(error) == ["code", "title"]
        return error["code"], error["title"]

    async def problems(self, method: str, path: str, json: Any) -> list[str]:
        """The titles of a 400."""
        document = await self.call(method, path, json, status=400)
        assert {error["code"] for error in document["errors"]} == {"bad_request"}
        return [error["title"] for error in document["errors"]]

    async def user(self, **body: Any) -> JSON:
        user: JSON = (await self.call("POST", "users", body, status=201))["user"]
        return user

    async def conversation(self, **body: Any) -> JSON:
        document = await self.call("POST", "conversations", body, status=201)
        conversation: JSON = document["conversation"]
        return conversation

    async def personal(self, user: JSON, **body: Any) -> JSON:
        participants = [{"userId": user["id"]}]
        return await self.conversation(type="personal", participants=participants, **body)

    async def group(self, *users: JSON, subscribe: bool = False) -> JSON:
        entries = [{"userId": user["id"], "subscribeSDKClient": subscribe} for user in users]
        return await self.conversation(type="sdkGroup", participants=entries)

    async def post(self, conversation: JSON, content: JSON | None = None, **body: Any) -> JSON:
        message = {"author": BUSINESS, "content": content or HELLO, **body}
        path = f"conversations/{conversation['id']}/messages"
        messages: list[JSON] = (await self.call("POST", path, message, status=201))["messages"]
        (posted,) = messages
        return posted
