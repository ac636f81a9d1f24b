"""Reading rows to send, and what is wrong with them, before anything is sent."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias, cast

import attrs

from sunco._json import is_object
from sunco.bulk import InvalidKeyError
from sunco.cli.json_input import load_json, string_problem
from sunco.cli.template import InputError, Message, Template, fill

__all__ = ["AnyRow", "BadRow", "InputError", "Row", "key_of", "load_json", "opened", "read_rows"]

_CONVERSATION: Final = "conversation_id"
_COLUMNS: Final = frozenset({_CONVERSATION, "text", "content", "key", "metadata"})
_MAX_LINE: Final = 1 << 20
_MAX_TEXT: Final = 4096
_MAX_CONTENT: Final = 100_000
_TOO_LONG: Final = "\0"
_BAD_ENCODING: Final = "\0\0"


@attrs.frozen
class Row:
    """A message to send.

    Attributes:
        line: The line of the file.
        conversation: The conversation's id.
        message: The text, or content in the API's form.
        key: The key that identifies the row.
        metadata: Custom properties.
        schema: The schema of the content; None for the API's own.
        used: The columns that placeholders use.
        unused: The columns that nothing uses.
    """

    line: int = attrs.field(eq=False)
    conversation: str
    message: Message
    key: str
    metadata: dict[str, Any] | None = None
    schema: str | None = None
    used: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()


@attrs.frozen
class BadRow:
    """A row that cannot be sent.

    Attributes:
        line: The line of the file.
        reason: What is wrong with it.
    """

    line: int
    reason: str


AnyRow: TypeAlias = Row | BadRow


def key_of(row: AnyRow) -> str:
    """The key of a row.

    Raises:
        InvalidKeyError: The row cannot be sent.
    """
    if isinstance(row, BadRow):
        raise InvalidKeyError(f"line {row.line}: {row.reason}")
    return row.key


@contextmanager
def opened(path: str) -> Generator[BinaryIO]:
    """Open the input; `-` is standard input.

    Raises:
        InputError: It cannot be opened.
    """
    if path == "-":
        import sys  # noqa: PLC0415 - tests replace it

        if cast("object", sys.stdin) is None:
            raise InputError("Standard input cannot be read: it is closed.")
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def read_rows(
    file: BinaryIO,
    format: str,  # noqa: A002 - the word for it
    template: Template | None = None,
) -> Iterator[AnyRow]:
    """The rows of a CSV file or of JSON Lines, one at a time.

    Args:
        file: The file. UTF-8, or UTF-16 with a byte order mark.
        format: `"csv"` or `"jsonl"`.
        template: The message of all rows, if they have none of their own.

    Raises:
        InputError: The header of a CSV file cannot be used.
    """
    lines = _lines(file)
    return _json_rows(lines, template) if format == "jsonl" else _csv_rows(lines, template)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines as text. Bytes that are not UTF-8 become lone surrogates; long lines are cut off."""
    start = file.read(2)
    if start in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        yield from _utf16_lines(start + file.read())
        return
    line = start + file.readline(_MAX_LINE) if not start.endswith(b"\n") else start
    encoding = "utf-8-sig"
    while line:
        if len(line) >= _MAX_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(_MAX_LINE)
            yield _TOO_LONG
        else:
            yield line.decode(encoding, errors="surrogateescape")
        encoding = "utf-8"
        line = file.readline(_MAX_LINE)


def _utf16_lines(content: bytes) -> Iterator[str]:
    try:
        yield from io.StringIO(content.decode("utf-16"), newline="")
    except UnicodeDecodeError:
        yield _BAD_ENCODING


def _csv_rows(lines: Iterator[str], template: Template | None) -> Iterator[AnyRow]:
    first = next(lines, "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(_chain(first, lines), strict=True, delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, list[str]())]
    except csv.Error as error:
        raise InputError(f"The header cannot be read: {error}.") from error
    _check_header(header, template)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(reader.line_num, f"it is not CSV: {error}")
            continue
        if not cells:
            continue
        line = reader.line_num
        problem = _encoding_problem("".join(cells))
        if problem is not None:
            yield BadRow(line, problem)
        elif len(cells) != len(header):
            yield BadRow(line, f"it has {len(cells)} cells, the header {len(header)}")
        else:
            fields = {name: cell or None for name, cell in zip(header, cells, strict=True)}
            yield _row(line, fields, template, cells_are_text=True)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _check_header(header: Sequence[str], template: Template | None) -> None:
    names = ", ".join(map(ascii, header)) or "none"
    problem = _encoding_problem("".join(header))
    if problem is not None:
        raise InputError(f"The header cannot be read: {problem}.")
    if _CONVERSATION not in header:
        raise InputError(f"The first line must name the column {_CONVERSATION!r}; it has {names}.")
    if template is None and not {"text", "content"} & {*header}:
        raise InputError(
            f"The first line must name a column 'text' or 'content'; it has {names}. With one "
            "message for all rows, pass --template."
        )
    repeated = next((name for name in header if header.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f"The column {repeated!a} is there more than once.")


def _json_rows(lines: Iterator[str], template: Template | None) -> Iterator[AnyRow]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        problem = _encoding_problem(line)
        if problem is not None:
            yield BadRow(number, problem)
            continue
        try:
            fields = _decoder.decode(line)
        except RecursionError:
            yield BadRow(number, "it is nested too deeply")
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            yield BadRow(number, f"it is not JSON: {reason}")
        else:
            if is_object(fields):
                yield _row(number, fields, template, cells_are_text=False)
            else:
                yield BadRow(number, "it is not a JSON object")


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{repeated!a} is there more than once")
    return fields


_decoder: Final = json.JSONDecoder(parse_constant=_reject_constant, object_pairs_hook=_unique)


def _encoding_problem(text: str) -> str | None:
    if text == _TOO_LONG:
        return f"it is longer than {_MAX_LINE:,} bytes"
    if text == _BAD_ENCODING:
        return "it is not UTF-16"
    if "\0" in text:
        return "it contains NUL characters: is it UTF-16 without a byte order mark?"
    if any("\udc80" <= character <= "\udcff" for character in text):
        return "it is not UTF-8"
    return None


def _row(
    line: int, fields: Mapping[str, Any], template: Template | None, *, cells_are_text: bool
) -> AnyRow:
    try:
        return _checked_row(line, fields, template, cells_are_text=cells_are_text)
    except InputError as error:
        return BadRow(line, error.message)


def _checked_row(
    line: int, fields: Mapping[str, Any], template: Template | None, *, cells_are_text: bool
) -> Row:
    problem = string_problem(dict(fields))
    if problem is not None:
        raise InputError(problem)
    conversation = fields.get(_CONVERSATION)
    if not isinstance(conversation, str) or not conversation.strip():
        raise InputError(f"{_CONVERSATION} is missing")
    used: set[str] = set()
    message = _message(fields, template, used, cells_are_text=cells_are_text)
    metadata = _object(fields.get("metadata"), "metadata", cells_are_text=cells_are_text)
    schema = None if template is None else template.schema
    key = fields.get("key")
    if key is None:
        whole = json.dumps([conversation, message, metadata], sort_keys=True)
        key = blake2b(whole.encode(), digest_size=16).hexdigest()
    elif isinstance(key, bool) or not isinstance(key, (str, int)) or not str(key).strip():
        raise InputError("key must be a text or an integer")
    return Row(
        line,
        conversation,
        message,
        str(key),
        metadata,
        schema,
        frozenset(used),
        frozenset(fields.keys() - _COLUMNS - used),
    )


def _message(
    fields: Mapping[str, Any], template: Template | None, used: set[str], *, cells_are_text: bool
) -> Message:
    text, content = fields.get("text"), fields.get("content")
    if template is not None:
        if text is not None or content is not None:
            raise InputError("it has a message of its own, and --template is the message of all")
        message: Message = fill(template.message, fields, used)
        return _checked_message(message)
    if (text is None) == (content is None):
        raise InputError("it needs one of text and content, not both")
    if text is None:
        return _checked_message(_object(content, "content", cells_are_text=cells_are_text) or {})
    if not isinstance(text, str):
        raise InputError("text is not a string")
    return _checked_message(fill(text, fields, used))


def _checked_message(message: Message) -> Message:
    if not isinstance(message, str):
        if len(json.dumps(message)) > _MAX_CONTENT:
            raise InputError(f"content is longer than {_MAX_CONTENT:,} bytes")
        return message
    if not message.strip():
        raise InputError("text is empty")
    if len(message) > _MAX_TEXT:
        raise InputError(f"text has {len(message):,} characters; the maximum is {_MAX_TEXT:,}")
    return message


def _object(value: Any, name: str, *, cells_are_text: bool) -> dict[str, Any] | None:
    if value is None:
        return None
    if cells_are_text:
        try:
            value = load_json(value)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name} is not JSON: {error}") from None
        problem = string_problem(value)
        if problem is not None:
            raise InputError(f"{name}: {problem}")
    if not is_object(value):
        raise InputError(f"{name} is not a JSON object")
    return value
