"""JSON is read to the same values and errors, with orjson and without."""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sunco import DecodeError, _json


def without_orjson() -> Any:
    """A second copy of the module, which finds no orjson."""
    assert _json.__spec__ is not None
    spec = importlib.util.spec_from_file_location("plain_jsontext", _json.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "orjson", None)
        spec.loader.exec_module(module)
    return module


PLAIN = without_orjson()


def outcome(module: Any, content: bytes) -> tuple[str, str]:
    """What reading gives: the value with the types of all that is in it, or the error."""
    try:
        return "value", repr(module.load(content))
    except DecodeError as error:
        return "error", str(error)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**62, 2**66)
    | st.integers(-(2**66), -(2**62))
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010))
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(document=DOCUMENTS, ascii_only=st.booleans())
def test_documents(document: Any, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    text = json.dumps(document, ensure_ascii=ascii_only)
    content = text.encode("utf-8", "surrogatepass")
    assert outcome(_json, content) == outcome(PLAIN, content)


@given(content=st.binary())
@example(b"")
@example(b"NaN")
@example(b"[Infinity, -Infinity]")
@example(b"1e999")
@example(b"-1E400")
@example(b"-0")
@example(b"-0.0")
@example(b"01")
@example(b"[1,]")
@example(b"18446744073709551615")
@example(b"18446744073709551616")
@example(b"-9223372036854775808")
@example(b"-9223372036854775809")
@example(b"1" * 5000)
@example(b'"\\ud800"')
@example(b'"\\ud83d\\ude00"')
@example(b"\xed\xa0\x80")
@example(b"\xef\xbb\xbf{}")
@example(b'{"a": 1, "a": 2}')
@example(b'"\x00"')
@example(b"\x0c1")
@example(b"<html>")
@example(b"[" * 500 + b"]" * 500)
@example(b"[" * 100_000)
@example(b"[" * 100_000 + b"]" * 100_000)
def test_anything(content: bytes) -> None:
    assert outcome(_json, content) == outcome(PLAIN, content)


@given(document=DOCUMENTS, cut=st.integers(0, 200), noise=st.binary(max_size=2))
def test_documents_that_were_damaged(document: Any, cut: int, noise: bytes) -> None:
    whole = json.dumps(document).encode()
    content = whole[:cut] + noise + whole[cut + 1 :]
    assert outcome(_json, content) == outcome(PLAIN, content)


@given(text=st.text(st.characters(min_codepoint=0xD7F0, max_codepoint=0xE010)), key=st.text())
def test_half_of_a_surrogate_pair_is_written_back_as_it_came(text: str, key: str) -> None:
    received = json.dumps({key: [text]}).encode()
    written = _json.dump(_json.load(received))
    assert json.loads(written) == json.loads(received)
    written.decode("utf-8")


def test_each_copy_reads_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the tests above compare what they say they compare."""
    monkeypatch.setattr("sunco._json._decoder", None)
    assert _json.load(b"[1]") == [1]
    monkeypatch.setattr(PLAIN, "_decoder", None)
    with pytest.raises(AttributeError):
        PLAIN.load(b"[1]")
