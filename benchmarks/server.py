"""A server with minimal overhead: prepared responses, so that the client is measured.

It prints its port, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys

PAGE_SIZE = 100
PAGES = 300


def reply(number: int) -> dict[str, object]:
    """A quick reply."""
    return {"type": "reply", "text": f"Choice {number}", "payload": f"c{number}"}


def link(number: int) -> dict[str, object]:
    """A link."""
    return {"type": "link", "text": f"Look {number}", "uri": f"https://acme.test/{number}"}


def media(kind: str, suffix: str) -> dict[str, object]:
    """An image or file."""
    url = f"https://media.smooch.io/apps/5ec41e8ba67f98/conversations/c93bb9c1/1.{suffix}"
    return {"type": kind, "mediaUrl": url, "mediaType": "x/y", "mediaSize": 1234, "altText": "It"}


def item(number: int) -> dict[str, object]:
    """A carousel's card."""
    return {
        "title": f"Offer {number}",
        "description": "Good for you",
        "mediaUrl": "https://acme.test/offer.png",
        "mediaType": "image/png",
        "actions": [link(number), {"type": "postback", "text": "Buy", "payload": "buy"}],
    }


FIELDS = [
    {"type": "text", "name": "name", "label": "Name", "placeholder": "Your name"},
    {"type": "email", "name": "email", "label": "Email"},
    {"type": "select", "name": "why", "label": "Why", "options": [{"name": "a", "label": "A"}]},
]
SPECIAL: list[dict[str, object]] = [
    {"type": "text", "text": "Which one?", "actions": [reply(1), reply(2), reply(3)]},
    {"type": "text", "text": "How about this?", "actions": [reply(1), reply(2)]},
    {"type": "text", "text": "See here", "actions": [link(1), link(2)]},
    media("image", "png"),
    media("image", "jpg"),
    media("file", "pdf"),
    {"type": "carousel", "items": [item(1), item(2), item(3)]},
    {"type": "form", "fields": FIELDS},
]
EVERY = 20


def message(number: int) -> dict[str, object]:
    """A message as the API sends it: of twenty, twelve are plain text and one is a carousel."""
    place = number % EVERY
    if place < len(SPECIAL):
        content: dict[str, object] = SPECIAL[place]
        author: dict[str, object] = {"type": "business", "displayName": "Acme"}
    else:
        content = {"type": "text", "text": f"Hello, I need help with order {number}."}
        author = {"type": "user", "userId": "61259f36c63ed300d8a95e45", "displayName": "Steve"}
    return {
        "id": f"61259f36c63ed300d8a{number:05x}",
        "received": "2024-05-01T12:00:00.000Z",
        "author": author,
        "content": content,
        "source": {"type": "ios", "integrationId": "582dedf230e788746891281a"},
        "metadata": {"lang": "en-ca"},
    }


def page(number: int) -> bytes:
    """One page of a long conversation, walked backwards; the last has nothing before it."""
    start = number * PAGE_SIZE
    meta = {"hasMore": number + 1 < PAGES, "beforeCursor": str(number + 1)}
    listed = [message(start + offset) for offset in range(PAGE_SIZE)]
    return json.dumps({"messages": listed, "meta": meta, "links": {}}).encode()


def http_response(status: str, body: bytes) -> bytes:
    """A complete HTTP response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


POSTED = http_response("201 Created", json.dumps({"messages": [message(EVERY - 1)]}).encode())
PAGE_RESPONSES = [http_response("200 OK", page(number)) for number in range(PAGES)]


class Serving(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request."""
        self.received += data
        while True:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.received[:end].lower()
            length = 0
            if (at := head.find(b"\r\ncontent-length:")) >= 0:
                length = int(head[at + 17 :].partition(b"\r\n")[0])
            if len(self.received) < end + 4 + length:
                return
            self.received = self.received[end + 4 + length :]
            self.transport.write(self.response_to(head))

    def response_to(self, head: bytes) -> bytes:
        """The response to a request."""
        if head.startswith(b"post"):
            return POSTED
        target = head.partition(b" http/")[0]
        cursor = target.rpartition(b"before%5d=")[2] or b"0"
        return PAGE_RESPONSES[int(cursor) if cursor.isdigit() else 0]


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Serving, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
