"""Taking turns: in each lane one at a time, in the order of arrival."""

from __future__ import annotations

from collections import deque

import anyio

__all__ = ["Turns"]


class Turns:
    """A lock for each lane, of which there are as many as are in use."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[anyio.Event]] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def try_take(self, lane: str) -> bool:
        """Have one's turn at once if nobody has it; says whether it is so."""
        if lane in self._queues:
            return False
        self._queues[lane] = deque()
        return True

    async def take(self, lane: str) -> None:
        """Wait for one's turn in a lane, and have it until `give` is called."""
        if self.try_take(lane):
            return
        queue = self._queues[lane]
        turn = anyio.Event()
        queue.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():
                self.give(lane)
            else:
                queue.remove(turn)
            raise

    def give(self, lane: str) -> None:
        """End one's turn; whoever has waited longest comes next."""
        queue = self._queues[lane]
        if queue:
            queue.popleft().set()
        else:
            del self._queues[lane]
