"""The short form of `nox -s fuzz`, without the times."""

from __future__ import annotations

import itertools

import pytest

from models import fuzzing
from sunco import codec


def test_nothing_but_a_sunco_error_escapes_from_made_up_documents() -> None:
    found = fuzzing.fuzz(1_000, seed=7, timed=False)
    assert found.escaped == []
    assert found.documents == 1_000
    assert 500 < found.read < 1_000


def test_the_fuzzer_notices_what_it_looks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    encode, spaces = codec.encode, itertools.count()

    def pad(value: object) -> bytes:
        return encode(value) + b" " * next(spaces)

    monkeypatch.setattr(codec, "encode", pad)
    assert "another document came back" in fuzzing.fuzz(20, seed=7, timed=False).escaped[0]

    def fail(*_: object, **__: object) -> None:
        raise IndexError

    monkeypatch.setattr(codec, "decode", fail)
    assert "IndexError" in fuzzing.fuzz(1, seed=7, timed=False).escaped[0]
