"""Bodies are decompressed piece by piece, and never beyond their limit."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import DecodeError
from sunco.transport._response_body import ResponseBody

TEXT = b'{"messages": []}' * 100


def read(*chunks: bytes, encoding: str = "", limit: int = 1_000_000, length: str = "") -> bytes:
    body = ResponseBody(201, {"content-encoding": encoding, "content-length": length}, limit)
    for chunk in chunks:
        body.add(chunk)
    return body.result()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "X-GZIP": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
}


@given(sizes=st.lists(st.integers(1, 40), min_size=1), encoding=st.sampled_from(sorted(PACKED)))
def test_wherever_it_is_cut_it_reads_the_same(sizes: list[int], encoding: str) -> None:
    packed, chunks = PACKED[encoding], list[bytes]()
    for size in sizes:
        chunks.append(packed[:size])
        packed = packed[size:]
    assert read(*chunks, packed, encoding=encoding) == TEXT


def test_pieces_without_anything_in_them() -> None:
    for encoding, packed in PACKED.items():
        assert read(b"", packed[:9], b"", packed[9:], b"", encoding=encoding) == TEXT


def test_deflate_without_its_header() -> None:
    assert read(raw_deflate(TEXT), encoding="deflate") == TEXT


def test_several_members_and_padding() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two") + b"\0\0\0"
    assert read(packed, encoding="gzip") == b"onetwo"


def test_nothing_at_all_is_nothing_in_any_encoding() -> None:
    assert read(encoding="gzip") == b""


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (b"abc", "gzip"),
        (gzip.compress(TEXT)[:-4], "gzip"),
        (gzip.compress(TEXT)[:-8] + b"12345678", "gzip"),
        (gzip.compress(TEXT), "deflate"),
        (b"\xff\xff\xff\xff", "deflate"),
    ],
    ids=["plain", "truncated", "wrong checksum", "another encoding", "garbage"],
)
def test_what_is_not_what_it_promises(packed: bytes, encoding: str) -> None:
    with pytest.raises(DecodeError, match="compression is broken") as caught:
        read(packed, encoding=encoding)
    assert caught.value.status == 201


def test_compressed_in_some_other_way() -> None:
    with pytest.raises(DecodeError, match="not requested"):
        read(b"x", encoding="br")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_the_limit_is_exact(encoding: str) -> None:
    assert read(PACKED[encoding], encoding=encoding, limit=len(TEXT)) == TEXT
    with pytest.raises(DecodeError, match="longer than max_response_bytes, 1599"):
        read(PACKED[encoding], encoding=encoding, limit=len(TEXT) - 1)


def test_a_small_gzip_that_grows_is_not_inflated() -> None:
    body = ResponseBody(200, {"content-encoding": "gzip"}, 1000)
    bomb = gzip.compress(b"\0" * 10_000_000)
    tracemalloc.start()
    body.add(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert body.rejected
    assert peak < 200_000
    body.add(b"more")
    with pytest.raises(DecodeError, match="longer than max_response_bytes, 1000"):
        body.result()


def test_members_that_say_nothing_end_as_well() -> None:
    body = ResponseBody(200, {"content-encoding": "gzip"}, 1000)
    rounds = 0
    while not body.rejected:
        body.add(gzip.compress(b"") * 100)
        rounds += 1
    assert rounds < 40


def test_what_is_announced_as_too_long_is_not_read() -> None:
    assert ResponseBody(200, {"content-length": "3000000000"}, 1000).rejected
    assert not ResponseBody(200, {"content-length": "1000"}, 1000).rejected
    assert not ResponseBody(200, {"content-length": "nonsense"}, 1000).rejected


def test_garbage_after_a_gzip_is_ignored_at_a_cost_that_is_linear() -> None:
    """Counted in calls of the decompressor, which copies what follows a member."""

    class Counting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.calls = 0

        def decompress(self, data: bytes, room: int) -> Any:
            self.calls += 1
            return self.inner.decompress(data, room)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    body = ResponseBody(200, {"content-encoding": "gzip"}, 1_000_000)
    counting = Counting(vars(body)["_inflater"])
    vars(body)["_inflater"] = counting
    body.add(gzip.compress(b"text"))
    for _ in range(10_000):
        body.add(b"\x00")
    assert counting.calls == 1
    assert body.result() == b"text"


def test_members_in_pieces_of_any_size_are_read() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two") + b"\x1f\x00"
    for size in range(1, 50):
        chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert read(*chunks, encoding="gzip") == b"onetwo"


def test_too_many_members_are_rejected() -> None:
    with pytest.raises(DecodeError, match="compression is broken"):
        read(gzip.compress(b"") * 1001, encoding="gzip")


def test_the_body_of_an_error_response_that_cannot_be_read_is_empty() -> None:
    for status in (302, 404, 429, 503):
        for headers in ({"content-encoding": "br"}, {"content-length": "99999"}):
            body = ResponseBody(status, headers, 1000)
            body.add(b"garbage")
            assert body.rejected
            assert body.result() == b""


def test_a_length_of_thousands_of_digits_is_not_a_number() -> None:
    for text in ("9" * 5000, "\u0663", "-1"):
        assert not ResponseBody(200, {"content-length": text}, 1000).rejected
