"""A platform behind the transport seam: it accepts messages, and fails as a test says."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.lowlevel

from sunco import APIConnectionError, Request, Response, RetryPolicy, Sunco

__all__ = ["Fault", "Platform", "after_taking", "before_taking", "client", "gateway"]

PAGE = 100

# Takes the message or not, and returns the response's status or raises.
Fault = Callable[[Callable[[], None]], int]


def before_taking(_take: Callable[[], None]) -> int:
    raise APIConnectionError("reset", maybe_delivered=True)


def after_taking(take: Callable[[], None]) -> int:
    take()
    raise APIConnectionError("reset", maybe_delivered=True)


def gateway(status: int, *, taking: bool) -> Fault:
    def fault(take: Callable[[], None]) -> int:
        if taking:
            take()
        return status

    return fault


class Platform:
    """Messages by conversation, the oldest first, and how posts and reads fail, in order."""

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {}
        self.post_faults: list[Fault] = []
        self.read_faults: list[int] = []
        self.hidden_reads = 0
        self.posts = 0
        self.reads = 0
        self.descending = False
        self.now = datetime.now(UTC)

    def add(self, conversation: str, text: str, **fields: Any) -> None:
        stored = self.messages.setdefault(conversation, [])
        content = {"type": "text", "text": text}
        received = self.now.isoformat().replace("+00:00", "Z")
        number = sum(map(len, self.messages.values()))
        author = {"type": "business"}
        stored.append(
            {"id": f"m{number}", "received": received, "author": author, "content": content}
            | fields
        )
        self.now += timedelta(milliseconds=1)

    async def send(self, request: Request) -> Response:
        await anyio.lowlevel.checkpoint()
        url = urlsplit(request.url)
        conversation = url.path.split("/")[5]
        if request.method == "POST":
            return self._post(conversation, request)
        return self._read(conversation, parse_qs(url.query))

    def _post(self, conversation: str, request: Request) -> Response:
        self.posts += 1
        assert isinstance(request.content, bytes)
        body = json.loads(request.content)

        def take() -> None:
            known = {"metadata": body["metadata"]} if "metadata" in body else {}
            self.add(conversation, body["content"]["text"], **known)

        if self.post_faults:
            return Response(self.post_faults.pop(0)(take))
        take()
        return responding({"messages": self.messages[conversation][-1:]}, 201)

    def _read(self, conversation: str, query: dict[str, list[str]]) -> Response:
        self.reads += 1
        if self.read_faults:
            return Response(self.read_faults.pop(0))
        stored = self.messages.get(conversation, [])
        if self.hidden_reads:
            self.hidden_reads -= 1
            stored = []
        end = int(query.get("page[before]", [str(len(stored))])[0])
        start = max(0, end - PAGE)
        meta = {"hasMore": start > 0, "beforeCursor": str(start)}
        page = stored[start:end]
        return responding({"messages": page[::-1] if self.descending else page, "meta": meta})

    async def aclose(self) -> None:
        """Nothing is held."""

    def texts(self, conversation: str = "c1") -> list[str]:
        return [message["content"]["text"] for message in self.messages.get(conversation, [])]


def responding(document: Any, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())


def client(platform: Platform, **options: Any) -> Sunco:
    settings: dict[str, Any] = {
        "app_id": "a",
        "key_id": "k",
        "key_secret": "s3cret",
        "base_url": "http://localhost",
        "transport": platform,
        "retry": RetryPolicy(backoff=1e-6, max_backoff=1e-6),
    }
    return Sunco(**(settings | options))
