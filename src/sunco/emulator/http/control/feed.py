"""The changes of an emulator, for pages that follow them live."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from anyio import WouldBlock, create_memory_object_stream, move_on_after

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.streams.memory import MemoryObjectSendStream

MAX_WAITING = 1000
KEEP_ALIVE_SECONDS = 15.0


class ChangeFeed:
    """Sends every change to all who follow; one that reads too slowly misses changes."""

    def __init__(self) -> None:
        self._followers: set[MemoryObjectSendStream[dict[str, Any]]] = set()

    def emit(self, kind: str, **details: Any) -> None:
        """Report a change.

        Args:
            kind: `state`, `request`, `delivery` or `activity`.
            details: What changed, as JSON values.
        """
        for follower in self._followers:
            try:
                follower.send_nowait({"kind": kind, **details})
            except WouldBlock:
                continue

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """The changes from now on, as server-sent events."""
        send, receive = create_memory_object_stream[dict[str, Any]](MAX_WAITING)
        self._followers.add(send)
        try:
            yield b": connected\n\n"
            with receive:
                while True:
                    change = None
                    with move_on_after(KEEP_ALIVE_SECONDS):
                        change = await receive.receive()
                    yield b": \n\n" if change is None else _event(change)
        finally:
            self._followers.discard(send)
            send.close()


def _event(change: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(change).encode() + b"\n\n"
