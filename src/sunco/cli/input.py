"""Reading what is to be sent, and finding what is wrong with it before anything is."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

import attrs

from sunco import SuncoError

__all__ = ["BadRow", "InputError", "Row", "key_of", "opened", "read_rows"]

CONVERSATION: Final = "conversation_id"
_COLUMNS: Final = frozenset({CONVERSATION, "text", "content", "key", "metadata"})
_LONGEST_LINE: Final = 1 << 20
_LONGEST_TEXT: Final = 4096
_LONGEST_CONTENT: Final = 100_000


class InputError(SuncoError):
    """Input that cannot be read as rows at all."""


@attrs.frozen
class Row:
    """A message to send.

    Attributes:
        line: The line that it stands in, or ends in.
        conversation: The conversation's id.
        content: What it says: a text, or content in the API's own form.
        key: The row's key.
        metadata: Custom properties.
    """

    line: int = attrs.field(eq=False)
    conversation: str
    content: str | dict[str, Any]
    key: str
    metadata: dict[str, Any] | None = None


@attrs.frozen
class BadRow:
    """A row that cannot be sent.

    Attributes:
        line: The line that it stands in, or ends in.
        reason: What is wrong with it.
    """

    line: int
    reason: str


AnyRow: TypeAlias = Row | BadRow


def key_of(row: AnyRow) -> str:
    """A row's key; what is no row has none.

    Raises:
        InputError: It is no row.
    """
    if isinstance(row, BadRow):
        raise InputError(f"line {row.line}: {row.reason}")
    return row.key


@contextmanager
def opened(path: str) -> Generator[BinaryIO]:
    """The input's bytes; `-` is standard input.

    Raises:
        InputError: It cannot be opened.
    """
    if path == "-":
        import sys  # noqa: PLC0415 - tests replace it

        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def read_rows(file: BinaryIO, format: str) -> Iterator[AnyRow]:  # noqa: A002 - the word for it
    """The rows of a CSV or of JSON Lines, one at a time.

    Args:
        file: Where from.
        format: `"csv"` or `"jsonl"`.

    Raises:
        InputError: A CSV's header lacks what is needed.
    """
    return _json_rows(file) if format == "jsonl" else _csv_rows(file)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines as text. What is no UTF-8 stays recognisable, a line that never ends does not grow."""
    first = True
    while line := file.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            while not line.endswith(b"\n") and line:
                line = file.readline(_LONGEST_LINE)
            yield "\0too long\n"
            continue
        yield line.decode("utf-8-sig" if first else "utf-8", errors="surrogateescape")
        first = False


def _csv_rows(file: BinaryIO) -> Iterator[AnyRow]:
    reader = csv.reader(_lines(file), strict=True)
    try:
        header = [name.strip() for name in next(reader, list[str]())]
    except csv.Error as error:
        raise InputError(f"The header cannot be read: {error}.") from error
    if CONVERSATION not in header or not {"text", "content"} & {*header}:
        raise InputError(
            f"The first line must name the columns, {CONVERSATION!r} and 'text' or 'content' among "
            f"them; it names {', '.join(map(ascii, header)) or 'none'}."
        )
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, f"it is no CSV: {error}")
            continue
        if not cells:
            continue
        problem = _unreadable("".join(cells))
        if problem is not None:
            yield BadRow(reader.line_num, problem)
            continue
        if len(cells) != len(header):
            yield BadRow(reader.line_num, f"it has {len(cells)} cells, the header {len(header)}")
            continue
        fields: dict[str, Any] = {
            name: cell for name, cell in zip(header, cells, strict=True) if cell
        }
        yield _row(reader.line_num, fields, text_cells=True)


def _json_rows(file: BinaryIO) -> Iterator[AnyRow]:
    for number, line in enumerate(_lines(file), 1):
        if not line.strip():
            continue
        try:
            fields: Any = json.loads(line)
        except (ValueError, RecursionError):
            yield BadRow(number, _unreadable(line) or "it is no JSON")
            continue
        if isinstance(fields, dict):
            yield _row(number, cast("dict[str, Any]", fields), text_cells=False)
        else:
            yield BadRow(number, "it is no JSON object")


def _unreadable(text: str) -> str | None:
    if "\0" in text:
        return f"it has NUL characters, or is longer than {_LONGEST_LINE:,} bytes"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it is not UTF-8"
    return None


def _row(line: int, fields: Mapping[str, Any], *, text_cells: bool) -> AnyRow:
    try:
        return _checked_row(line, fields, text_cells=text_cells)
    except InputError as error:
        return BadRow(line, error.message)


def _checked_row(line: int, fields: Mapping[str, Any], *, text_cells: bool) -> Row:
    problem = _unreadable(json.dumps(fields, ensure_ascii=False))
    if problem is not None:
        raise InputError(problem)
    unknown = fields.keys() - _COLUMNS
    if unknown and not text_cells:
        raise InputError(f"{min(unknown)!a} is none of {', '.join(sorted(_COLUMNS))}")
    conversation = fields.get(CONVERSATION)
    if not isinstance(conversation, str) or not conversation.strip():
        raise InputError(f"{CONVERSATION} is missing")
    content = _content(fields, text_cells=text_cells)
    metadata = _object(fields.get("metadata"), "metadata", text_cells=text_cells)
    key = fields.get("key")
    if key is None:
        whole = json.dumps([conversation, content, metadata], sort_keys=True)
        key = blake2b(whole.encode(), digest_size=16).hexdigest()
    elif isinstance(key, bool) or not isinstance(key, (str, int)) or not str(key).strip():
        raise InputError("key must be text or a whole number")
    return Row(line, conversation, content, str(key), metadata)


def _content(fields: Mapping[str, Any], *, text_cells: bool) -> str | dict[str, Any]:
    text, content = fields.get("text"), fields.get("content")
    if (text is None) == (content is None):
        raise InputError("one of text and content is needed, and not both")
    if text is None:
        whole = _object(content, "content", text_cells=text_cells) or {}
        if len(json.dumps(whole)) > _LONGEST_CONTENT:
            raise InputError(f"content is longer than {_LONGEST_CONTENT:,} bytes")
        return whole
    if not isinstance(text, str) or not text.strip():
        raise InputError("text is empty")
    if len(text) > _LONGEST_TEXT:
        raise InputError(f"text has {len(text):,} characters, and {_LONGEST_TEXT:,} is the most")
    return text


def _object(value: Any, name: str, *, text_cells: bool) -> dict[str, Any] | None:
    if value is None:
        return None
    if text_cells:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise InputError(f"{name} is no JSON") from None
    if not isinstance(value, dict):
        raise InputError(f"{name} is no JSON object")
    return cast("dict[str, Any]", value)
