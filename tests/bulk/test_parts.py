"""How items, results, errors and keys are stored."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any

import anyio
import pytest

from sunco import NotFoundError
from sunco.bulk import Report, run
from sunco.bulk._key_set import KeySet
from sunco.bulk.journal.serialize import describe_error, encode_result, fingerprint
from sunco.models import Conversation, Message, TextMessage


@dataclass
class Row:
    id: str
    text: str


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "b"),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}),
        (Row("a", "x"), Row("a", "y")),
        (Conversation(id="a"), Conversation(id="b")),
        (b"a", b"b"),
        (Colour.RED, "blue"),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)),
        (Decimal("1.0"), Decimal("1.1")),
        (MappingProxyType({"a": 1}), MappingProxyType({"a": 2})),
        ("\ud800", "\ud801"),
    ],
)
def test_different_items_have_different_fingerprints(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    assert fingerprint(one) is not None


def test_key_order_does_not_count_and_some_items_have_no_fingerprint() -> None:
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(object()) is None
    loop: list[Any] = []
    loop.append(loop)
    assert fingerprint(loop) is None


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "null"),
        ({"n": [1, "é"]}, '{"n": [1, "\\u00e9"]}'),
        ([Message(id="m1", content=TextMessage("private")), Message(id="m2")], '["m1", "m2"]'),
        (object(), None),
        ({1: {2}}, None),
    ],
)
def test_results_are_stored_without_the_text_of_messages(result: Any, text: str | None) -> None:
    assert encode_result(result) == text


def test_errors_are_stored_as_one_line_of_bounded_length() -> None:
    assert describe_error(ValueError("two\nlines")) == "ValueError: two lines"
    assert describe_error(TimeoutError()) == "TimeoutError"
    assert describe_error(NotFoundError(status=404)).startswith("NotFoundError: responded 404")
    assert describe_error(ValueError("\ud800")) == "ValueError: \\ud800"
    assert len(describe_error(ValueError("x" * 9999))) == 500


def test_a_key_is_added_once() -> None:
    key_set = KeySet()
    keys = [f"key-{number}" for number in range(20_000)]
    assert all(key_set.add(key) for key in keys)
    assert not any(key_set.add(key) for key in keys)


@pytest.mark.anyio
async def test_a_callback_that_raises_does_not_end_the_job(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def watch(_: Report) -> None:
        raise ValueError("a broken display")

    async def work(_: int) -> None:
        await anyio.lowlevel.checkpoint()

    with caplog.at_level(logging.ERROR, logger="sunco.bulk"):
        report = await run(work, range(3), key=str, progress=watch)
    assert report.done == 3
    assert len(caplog.records) == 1


@pytest.mark.anyio
async def test_at_most_a_hundred_problems_are_kept() -> None:
    async def fail(_: int) -> None:
        raise ValueError

    def items() -> Iterator[int]:
        yield from range(150)

    report = await run(fail, items(), key=str, progress=False)
    assert (report.failed, len(report.problems)) == (150, 100)
