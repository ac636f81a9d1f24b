"""The small parts: what is remembered of items, results, errors and keys."""

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
from sunco.bulk._key_set import Seen
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
def test_items_are_told_apart(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)
    assert fingerprint(one) is not None


def test_order_is_no_difference_and_what_has_no_form_is_not_compared() -> None:
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
def test_of_results_is_kept_what_has_a_form_and_no_message(result: Any, text: str | None) -> None:
    assert encode_result(result) == text


def test_errors_are_one_line_of_some_length() -> None:
    assert describe_error(ValueError("two\nlines")) == "ValueError: two lines"
    assert describe_error(TimeoutError()) == "TimeoutError"
    assert describe_error(NotFoundError(status=404)).startswith("NotFoundError: responded 404")
    assert describe_error(ValueError("\ud800")) == "ValueError: \\ud800"
    assert len(describe_error(ValueError("x" * 9999))) == 500


def test_keys_are_seen_once() -> None:
    seen = Seen()
    keys = [f"key-{number}" for number in range(20_000)]
    assert all(seen.add(key) for key in keys)
    assert not any(seen.add(key) for key in keys)


@pytest.mark.anyio
async def test_a_watcher_that_raises_disturbs_no_job(caplog: pytest.LogCaptureFixture) -> None:
    def watch(_: Report) -> None:
        raise ValueError("a broken display")

    async def work(_: int) -> None:
        await anyio.lowlevel.checkpoint()

    with caplog.at_level(logging.ERROR, logger="sunco.bulk"):
        report = await run(work, range(3), key=str, progress=watch)
    assert report.done == 3
    assert len(caplog.records) == 1


@pytest.mark.anyio
async def test_no_more_than_a_hundred_problems_are_kept() -> None:
    async def fail(_: int) -> None:
        raise ValueError

    def items() -> Iterator[int]:
        yield from range(150)

    report = await run(fail, items(), key=str, progress=False)
    assert (report.failed, len(report.problems)) == (150, 100)
