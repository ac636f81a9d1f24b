"""How many webhook events per second one process handles, compared with only parsing them.

Run it with `nox -s bench-webhooks`. Each kind of delivery is processed by sunco inline (key
verified, parsed, handler called, id remembered) and with a SQLite inbox (stored, acknowledged,
handled, recorded). The vendor's Python package has no receiver, so there only the JSON is parsed
and each event converted to the class of its trigger.

`receiving.py PYTHON` measures everything, with a Python that has the vendor's package for its part;
`receiving.py WAY KIND` measures one, and prints events per second of processor time, so that other
load matters less; with the inbox, of wall-clock time, which includes the disk. Compare ratios: the
figures depend on the machine.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

SECRET = "8564b3e6a8b20a4bdb68b05ce9bc5936"  # noqa: S105 - opens nothing
SECONDS = 1.0
ROUNDS = 3
IN_FLIGHT = 8

KINDS = {
    "text": "deliveries of one text",
    "texts": "deliveries of ten texts, of ten conversations",
    "sorts": "deliveries of ten messages of all sorts, of ten conversations",
}

TEXT: dict[str, Any] = {"type": "text", "text": "Hello, I need help with order 1234."}
LINK = {"type": "link", "text": "Read more", "uri": "https://example.org/"}
CONTENTS: list[dict[str, Any]] = [
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    TEXT,
    {"type": "text", "text": "Yes", "payload": "YES"},
    {"type": "image", "mediaUrl": "https://example.org/a.jpg", "mediaType": "image/jpeg"},
    {"type": "file", "mediaUrl": "https://example.org/a.pdf", "mediaType": "application/pdf"},
    {"type": "location", "coordinates": {"lat": 45.5, "long": -73.6}},
    {"type": "carousel", "items": [{"title": "A", "actions": [LINK]}] * 3},
]


def event(number: int, content: dict[str, Any]) -> dict[str, Any]:
    """A message of an end user, as the API's documentation shows one."""
    return {
        "id": f"5f74a0d52b5315fc{number:08x}",
        "createdAt": "2020-09-30T15:14:29.834Z",
        "type": "conversation:message",
        "payload": {
            "conversation": {
                "id": f"f52b01137aa6c250{number % 1000:08x}",
                "type": "personal",
                "activeSwitchboardIntegration": {
                    "id": "5eecde2dcdbffb08f5c3ed37",
                    "name": "bot",
                    "integrationId": "5f11a650e4e987667c2051d1",
                    "integrationType": "custom",
                },
            },
            "message": {
                "id": f"5f74c7d84a146f3a{number:08x}",
                "received": "2020-09-30T18:00:56.820Z",
                "author": {
                    "userId": "26508c10541a4b0ff472e5e2",
                    "avatarUrl": "https://example.org/avatar.jpg",
                    "displayName": "Steve Rogers",
                    "type": "user",
                    "user": {
                        "id": "26508c10541a4b0ff472e5e2",
                        "externalId": "912382197",
                        "authenticated": True,
                    },
                },
                "content": content,
                "source": {
                    "integrationId": "5ec69c6e12dda33be985cb1a",
                    "originalMessageId": "374",
                    "originalMessageTimestamp": "2020-09-30T18:00:56.000Z",
                    "type": "telegram",
                },
            },
        },
    }


def deliveries(kind: str, count: int) -> list[bytes]:
    """A number of deliveries of a kind."""
    size = 1 if kind == "text" else 10
    contents = CONTENTS if kind == "sorts" else [TEXT]
    return [
        json.dumps(
            {
                "app": {"id": "5ebee0975ac5304b664a12fa"},
                "webhook": {"id": "5f4eaef81e3dcc117c7ba48a", "version": "v2"},
                "events": [
                    event(first + offset, contents[offset % len(contents)])
                    for offset in range(size)
                ],
            }
        ).encode()
        for first in range(0, count * size, size)
    ]


def rate(parse: Callable[[bytes], int], bodies: list[bytes]) -> float:
    """Events per second of a function that returns how many it parsed; the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        parsed, began = 0, time.process_time()
        while time.process_time() - began < SECONDS:
            for body in bodies:
                parsed += parse(body)
        best = max(best, parsed / (time.process_time() - began))
    return best


def vendor(kind: str) -> float:
    """Parsing with the vendor's package."""
    module = importlib.import_module(
        "sunshine_conversations_client.model.conversation_message_event"
    )
    read = module.ConversationMessageEvent.from_dict

    def parse(body: bytes) -> int:
        return len([read(each) for each in json.loads(body)["events"]])

    return rate(parse, deliveries(kind, 100))


def parsing(kind: str) -> float:
    """Parsing with sunco."""
    from sunco.webhooks import parse

    return rate(lambda body: len(parse(body).events), deliveries(kind, 100))


def inline(kind: str) -> float:
    """Processing with sunco before the response."""
    return max(_handle(kind, None) for _ in range(ROUNDS))


def inbox(kind: str) -> float:
    """Processing with sunco after the response, flushed to disk."""
    from sunco.webhooks import SQLiteInbox

    best = 0.0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            best = max(best, _handle(kind, SQLiteInbox(f"{folder}/inbox.db")))
    return best


def _handle(kind: str, kept_in: Any) -> float:
    import anyio

    from sunco.models import ConversationMessageEvent
    from sunco.webhooks import WebhookRouter

    router = WebhookRouter(SECRET, inbox=kept_in)
    bodies = deliveries(kind, 2_000 if kept_in else 20_000 if kind == "text" else 2_000)
    total = len(bodies) * (1 if kind == "text" else 10)
    headers = [
        (b"host", b"bot.example.org"),
        (b"content-type", b"application/json"),
        (b"x-api-key", SECRET.encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    handled = 0

    async def run() -> float:
        done = anyio.Event()

        @router.on(ConversationMessageEvent)
        async def handle(_: ConversationMessageEvent) -> None:
            nonlocal handled
            handled += 1
            if handled == total:
                done.set()

        async def send(message: Any) -> None:
            if message.get("status", 200) != 200:  # noqa: PLR2004
                sys.exit(f"responded {message['status']}")

        async def deliver(remaining: Any) -> None:
            for body in remaining:
                request = {"type": "http.request", "body": body}

                async def receive(request: Any = request) -> Any:
                    return request

                await router(scope, receive, send)

        clock = time.perf_counter if kept_in else time.process_time
        async with router.running():
            began = clock()
            remaining = iter(bodies)
            async with anyio.create_task_group() as tasks:
                for _ in range(IN_FLIGHT):
                    tasks.start_soon(deliver, remaining)
            await done.wait()
            return total / (clock() - began)

    return anyio.run(run)


def compare(python_with_vendor: str) -> None:
    """Measure all ways and kinds, each in its own process, and print the ratios."""
    for kind, what in KINDS.items():
        rates = {
            way: float(
                subprocess.run(
                    [
                        python_with_vendor if way == "vendor" else sys.executable,
                        __file__,
                        way,
                        kind,
                    ],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
            )
            for way in WAYS
        }
        sys.stdout.write(f"{what}:\n")
        for way, found in rates.items():
            ratio = found / rates["vendor"]
            sys.stdout.write(f"  {way:>8} {found:>9,.0f} events/s  {ratio:.1f} x the vendor's\n")


WAYS = {each.__name__: each for each in (vendor, parsing, inline, inbox)}

if __name__ == "__main__":
    if len(sys.argv) == 2:  # noqa: PLR2004
        compare(sys.argv[1])
    else:
        sys.stdout.write(f"{WAYS[sys.argv[1]](sys.argv[2]):.0f}\n")
