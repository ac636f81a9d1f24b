"""Calls that make several requests, none, or one whose body is not JSON: every byte of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import attrs
import pytest
from support.scripted import ScriptedTransport

from operations.rows import APP, CONVERSATION, CREDENTIAL
from sunco import BasicAuth, BearerAuth, Response, Sunco, resources
from sunco._json import dump
from sunco.models import App, Attachment, Message, OAuthToken, TextMessage

pytestmark = pytest.mark.anyio

ACME = "https://acme.zendesk.com"
BRIDGE = "https://oauth-bridge.zendesk.com/sc"
MEDIA = "/sc/attachments/cat.txt"
TOKEN = "Bearer t0ken"
BOUNDARY = "0123456789abcdef0123456789abcdef"


@attrs.frozen
class Step:
    """A request, and the response to it. A response of type bytes is not JSON."""

    method: str
    url: str
    body: str | None = None
    response: Mapping[str, Any] | bytes = attrs.Factory(dict[str, Any])
    status: int = 200
    content_type: str = "application/json"
    authorization: str | None = f"Basic {CREDENTIAL}"


@attrs.frozen
class Exchange:
    """A call, the requests that it makes, their responses, and what the call returns."""

    name: str
    call: Callable[[Sunco], Awaitable[Any] | str]
    steps: Sequence[Step] = ()
    returns: Any = None


async def think() -> str:
    await anyio.wait_all_tasks_blocked()
    return "Here you are."


async def typing(sunco: Sunco) -> None:
    async with sunco.activities.typing("c1"):
        await think()


UPLOADED = {"attachment": {"mediaUrl": f"{ACME}{MEDIA}", "mediaType": "text/plain"}}
POSTED = {
    "id": "m1",
    "received": "2026-01-01T12:00:00.000Z",
    "author": {"type": "business"},
    "content": {"type": "text", "text": "Your order is on its way."},
    "metadata": {"sunco_once": "order-42"},
}
ACTIVITY = '{{"author":{{"type":"business"}},"type":"typing:{}"}}'

EXCHANGES = [
    Exchange(
        "activities.typing",
        typing,
        [
            Step("POST", f"{ACME}{CONVERSATION}/activity", ACTIVITY.format("start")),
            Step("POST", f"{ACME}{CONVERSATION}/activity", ACTIVITY.format("stop")),
        ],
    ),
    Exchange(
        "attachments.upload",
        lambda s: s.attachments.upload(b"A cat, asleep.", filename="cat.txt", used_for="message"),
        [
            Step(
                "POST",
                f"{ACME}{APP}/attachments?access=public&for=message",
                f"--{BOUNDARY}\r\n"
                'Content-Disposition: form-data; name="source"; filename="cat.txt"\r\n'
                "Content-Type: text/plain\r\n"
                "\r\n"
                "A cat, asleep.\r\n"
                f"--{BOUNDARY}--\r\n",
                UPLOADED,
                201,
                f"multipart/form-data; boundary={BOUNDARY}",
            )
        ],
        Attachment(media_url=f"{ACME}{MEDIA}", media_type="text/plain"),
    ),
    Exchange(
        "attachments.download",
        lambda s: s.attachments.download("https://acme.zendesk.com/sc/attachments/cat.txt"),
        [Step("GET", f"{ACME}{MEDIA}", response=b"A cat, asleep.")],
        b"A cat, asleep.",
    ),
    Exchange(
        "attachments.delete",
        lambda s: s.attachments.delete("https://acme.zendesk.com/sc/attachments/cat.txt"),
        [
            Step(
                "POST",
                f"{ACME}{APP}/attachments/remove",
                f'{{"mediaUrl":"{ACME}{MEDIA}"}}',
            )
        ],
    ),
    Exchange(
        "messages.post_once",
        lambda s: s.messages.post_once("c1", "Your order is on its way.", key="order-42"),
        [
            Step("GET", f"{ACME}{CONVERSATION}/messages", response={"messages": []}),
            Step(
                "POST",
                f"{ACME}{CONVERSATION}/messages",
                '{"author":{"type":"business"},"content":{"type":"text",'
                '"text":"Your order is on its way."},"metadata":{"sunco_once":"order-42"}}',
                {"messages": [POSTED]},
                201,
            ),
        ],
        [Message.from_dict(POSTED)],
    ),
    Exchange(
        "messages.post_once when the key was sent",
        lambda s: s.messages.post_once("c1", TextMessage("Hello again!"), key="order-42"),
        [Step("GET", f"{ACME}{CONVERSATION}/messages", response={"messages": [POSTED]})],
        [Message.from_dict(POSTED)],
    ),
    Exchange(
        "oauth.authorize_url",
        lambda s: s.oauth.authorize_url("acme_shop", state="k7Qz"),
        returns=f"{BRIDGE}/oauth/authorize?client_id=acme_shop&response_type=code&state=k7Qz",
    ),
    Exchange(
        "oauth.get_token",
        lambda s: s.oauth.get_token("c0de", client_id="acme_shop", client_secret="s3cret"),
        [
            Step(
                "POST",
                f"{BRIDGE}/oauth/token",
                '{"code":"c0de","client_id":"acme_shop","client_secret":"s3cret",'
                '"grant_type":"authorization_code"}',
                {"access_token": "t0ken", "token_type": "Bearer"},
                authorization=None,
            )
        ],
        OAuthToken(access_token="t0ken", token_type="Bearer"),
    ),
    Exchange(
        "oauth.token_info",
        lambda s: s.oauth.token_info(),
        [
            Step(
                "GET",
                f"{BRIDGE}/v2/tokenInfo",
                response={"app": {"id": "app1", "subdomain": "acme"}},
                authorization=TOKEN,
            )
        ],
        App(id="app1", subdomain="acme"),
    ),
    Exchange(
        "oauth.revoke_access",
        lambda s: s.oauth.revoke_access(),
        [Step("DELETE", f"{ACME}/sc/oauth/authorization", authorization=TOKEN)],
    ),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
async def test_exchanges(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sunco.multipart.uuid.uuid4", lambda: UUID(BOUNDARY))
    transport = ScriptedTransport(
        *(
            Response(
                step.status,
                {},
                step.response if isinstance(step.response, bytes) else dump(step.response),
            )
            for step in exchange.steps
        )
    )
    partner = any(step.authorization == TOKEN for step in exchange.steps)
    auth = BearerAuth("t0ken") if partner else BasicAuth("app_k", "s3cret")
    sunco = Sunco(subdomain="acme", app_id="app1", auth=auth, transport=transport)
    result = exchange.call(sunco)
    assert (result if isinstance(result, str) else await result) == exchange.returns
    assert transport.script == []
    for sent, step in zip(transport.requests, exchange.steps, strict=True):
        assert (sent.method, sent.url) == (step.method, step.url)
        assert sent.headers.get("authorization") == step.authorization
        if step.body is None:
            assert sent.content is None
            continue
        assert sent.headers["content-type"] == step.content_type
        body = sent.content if isinstance(sent.content, bytes) else await read(sent.content)
        assert body.decode() == step.body


def test_every_method_has_an_example_for_the_reference() -> None:
    folder = Path(__file__).parent
    examples = {
        re.split(r"[ ,]", row.name)[0]
        for path in folder.glob("test_*.py")
        for row in getattr(import_module(f"operations.{path.stem}"), "ROWS", ())
    } | {exchange.name for exchange in EXCHANGES}
    methods = {
        f"{cls.__module__.rpartition('.')[2]}.{name}"
        for cls in (getattr(resources, name) for name in resources.__all__)
        for name, _ in inspect.getmembers(cls, inspect.isfunction)
        if not name.startswith("_")
    }
    assert methods - examples == set()


async def read(stream: Any) -> bytes:
    return b"".join([part async for part in stream])
