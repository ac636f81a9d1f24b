"""A transport that plays a script, and a client over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sunco import RetryPolicy, Sunco
from sunco._json import dump
from sunco.wire import Request, Response

Step = Response | Exception


class ScriptedTransport:
    """Sends the responses of a script, and keeps the requests."""

    def __init__(self, *script: Step) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self.closed = 0

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def aclose(self) -> None:
        self.closed += 1


def response(
    document: Any = None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response with JSON; `{}` by default."""
    content = (
        document if isinstance(document, bytes) else dump({} if document is None else document)
    )
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, content)


def error_response(status: int, code: str, title: str, **headers: str) -> Response:
    """An error response of the API."""
    return response({"errors": [{"code": code, "title": title}]}, status, headers)


def scripted(
    *script: Step, retry: RetryPolicy | None = None, **options: Any
) -> tuple[Sunco, ScriptedTransport]:
    """A client that plays a script, and its transport."""
    transport = ScriptedTransport(*script)
    settings: dict[str, Any] = {
        "app_id": "app1",
        "key_id": "app_k",
        "key_secret": "s3cret",
        "base_url": "https://api.example.test/sc",
        # Waits of some microseconds keep the tests fast without taking the waiting away.
        "retry": retry or RetryPolicy(backoff=1e-6, max_backoff=1e-6),
        "transport": transport,
    }
    return Sunco(**(settings | options)), transport


def urls(requests: Sequence[Request]) -> list[str]:
    """The requests' URLs behind the base URL."""
    return [request.url.removeprefix("https://api.example.test/sc") for request in requests]
