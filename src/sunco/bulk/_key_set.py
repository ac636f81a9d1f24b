"""A set of keys that takes a few bytes per key."""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Final

__all__ = ["KeySet"]

_FIRST_SIZE: Final = 1 << 12
_WORD: Final = 8


class KeySet:
    """Remembers keys in 16 to 32 bytes each, where a `set` of str takes 150.

    Only a 64-bit hash of each key is kept: among a million keys, the probability of a collision is
    one in 37 million.
    """

    def __init__(self) -> None:
        # A full table is kept and a larger one added: nothing is rehashed, so that no call is slow.
        self._tables = [_table(_FIRST_SIZE)]
        self._room = _FIRST_SIZE // 2

    def add(self, key: str) -> bool:
        """Add a key; False if it is a member already."""
        digest = blake2b(key.encode(errors="surrogatepass"), digest_size=_WORD).digest()
        # Zero marks an empty slot.
        number = int.from_bytes(digest, "little") or 1
        if any(table[_slot(table, number)] for table in self._tables):
            return False
        if not self._room:
            size = 2 * len(self._tables[-1])
            self._tables.append(_table(size))
            self._room = size // 2
        table = self._tables[-1]
        table[_slot(table, number)] = number
        self._room -= 1
        return True


def _table(size: int) -> array[int]:
    return array("Q", bytes(size * _WORD))


def _slot(table: array[int], number: int) -> int:
    """The slot that holds the number, or the empty one where it belongs (linear probing)."""
    last = len(table) - 1
    slot = number & last
    while (found := table[slot]) and found != number:
        slot = (slot + 1) & last
    return slot
