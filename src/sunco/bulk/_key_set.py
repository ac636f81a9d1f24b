"""Which keys there were, in a few bytes each."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

__all__ = ["Seen"]

_FIRST_SIZE: Final = 1 << 12
_WORD: Final = 8


class Seen:
    """Remembers keys without keeping them: 16 to 32 bytes each, where a set takes 150.

    It keeps 64 bits of each. Among a million keys, the chance that two different ones are taken for
    the same is one in 37 million.
    """

    def __init__(self) -> None:
        # Full tables are kept and a larger one begun, so that no addition takes long.
        self._tables = [_table(_FIRST_SIZE)]
        self._room = _FIRST_SIZE // 2

    def add(self, key: str) -> bool:
        """Add a key; False if it was there."""
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=_WORD).digest()
        # Zero marks an empty place.
        number = int.from_bytes(digest, "little") or 1
        if any(table[_place(table, number)] for table in self._tables):
            return False
        if not self._room:
            size = 2 * len(self._tables[-1])
            self._tables.append(_table(size))
            self._room = size // 2
        table = self._tables[-1]
        table[_place(table, number)] = number
        self._room -= 1
        return True


def _table(size: int) -> array[int]:
    return array("Q", bytes(size * _WORD))


def _place(table: array[int], number: int) -> int:
    """Where the number is, or the empty place where it belongs."""
    last = len(table) - 1
    place = number & last
    while (found := table[place]) and found != number:
        place = (place + 1) & last
    return place
