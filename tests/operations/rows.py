"""A call of the client, and the request that it has to make, byte for byte."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

import attrs
import httpx
import respx

from sunco import Paginator, RetryPolicy, Sunco, __version__

__all__ = ["APP", "CONVERSATION", "USER", "Row", "Sent", "check"]

T = TypeVar("T")

APP = "/sc/v2/apps/app1"
CONVERSATION = f"{APP}/conversations/c1"
USER = f"{APP}/users/u1"
CREDENTIAL = base64.b64encode(b"app_k:s3cret").decode()

Call = Callable[[Sunco], "Awaitable[Any] | Paginator[Any]"]


@attrs.frozen
class Row:
    """A call, the request that it makes, the response, and what the call returns."""

    name: str
    call: Call
    method: str
    target: str
    body: str | None = None
    response: Mapping[str, Any] = attrs.Factory(dict[str, Any])
    returns: Any = None
    status: int = 200


@attrs.frozen
class Sent(Generic[T]):
    """A value, and the body that it is sent as."""

    value: T
    body: str


async def check(row: Row, respx_mock: respx.MockRouter) -> None:
    """Make the row's call, and compare what goes out and what comes back with what it says."""
    route = respx_mock.route().mock(httpx.Response(row.status, json=dict(row.response)))

    async with Sunco(
        subdomain="acme",
        app_id="app1",
        key_id="app_k",
        key_secret="s3cret",
        retry=RetryPolicy(max_attempts=1),
    ) as sunco:
        result = await row.call(sunco)

    assert route.call_count == 1
    sent = route.calls.last.request
    assert sent.method == row.method
    assert sent.url.host == "acme.zendesk.com"
    assert sent.url.raw_path.decode() == row.target
    assert sent.content.decode() == (row.body or "")
    expected_headers = {
        "accept": "application/json",
        "authorization": f"Basic {CREDENTIAL}",
        "user-agent": f"sunco/{__version__}",
    }
    if row.body is not None:
        expected_headers |= {
            "content-type": "application/json",
            "content-length": str(len(row.body.encode())),
        }
    elif row.method == "POST":
        expected_headers["content-length"] = "0"
    library = {"host", "accept-encoding", "connection"}
    assert {k: v for k, v in sent.headers.items() if k not in library} == expected_headers
    assert (list(result) if hasattr(result, "next_page") else result) == row.returns
