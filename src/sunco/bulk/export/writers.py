"""The forms in which a conversation is written to a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from sunco import ConfigurationError, codec
from sunco.models import Conversation, Message, Participant

__all__ = ["Record", "Writer", "writer_of"]

Record = Conversation | Participant | Message


class Writer(Protocol):
    """Writes one conversation to a file, a page at a time."""

    def write(self, records: Sequence[Record]) -> None:
        """Append records."""
        ...

    def close(self) -> None:
        """End the file, and see that it is on the disk."""
        ...


def writer_of(format: str) -> Any:  # noqa: A002 - the word for it
    """What makes the writer of a file in a format.

    Raises:
        ConfigurationError: There is no such format.
        ModuleNotFoundError: What it needs is not installed.
    """
    if format == "jsonl":
        return JsonLines
    if format != "parquet":
        raise ConfigurationError(f'format is "jsonl" or "parquet", not {format!r}.')
    try:
        import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Parquet needs pyarrow: install it with pip install 'sunco[parquet]'", name=error.name
        ) from error
    return Parquet


def kind_of(record: Record) -> str:
    """What a record is: `conversation`, `participant` or `message`."""
    return type(record).__name__.lower()


class JsonLines:
    """One JSON object a line: `{"kind": "message", "message": {...}}`, as the API gives it."""

    def __init__(self, path: Path, conversation_id: str) -> None:  # noqa: ARG002 - as all writers
        self._file = path.open("wb")

    def write(self, records: Sequence[Record]) -> None:
        """Append records."""
        for record in records:
            kind = kind_of(record)
            head = f'{{"kind":"{kind}","{kind}":'.encode()
            self._file.write(head + codec.encode(record) + b"}\n")

    def close(self) -> None:
        """End the file."""
        self._file.close()


_COLUMNS: Final = {
    "kind": "string",
    "conversation_id": "string",
    "id": "string",
    "received": "time",
    "author_type": "string",
    "author_user_id": "string",
    "author_name": "string",
    "content_type": "string",
    "text": "string",
    "source_type": "string",
    "integration_id": "string",
    "metadata": "string",
    "json": "string",
}


class Parquet:
    """One row a record, in columns for what is asked most; `json` holds all of it."""

    def __init__(self, path: Path, conversation_id: str) -> None:
        self._arrow: Any = import_module("pyarrow")
        types = {"string": self._arrow.string(), "time": self._arrow.timestamp("ms", tz="UTC")}
        self._schema = self._arrow.schema([(name, types[kind]) for name, kind in _COLUMNS.items()])
        parquet: Any = import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(path, self._schema)
        self._conversation_id = conversation_id
        self._rows: list[dict[str, Any]] = []

    def write(self, records: Sequence[Record]) -> None:
        """Append records; they are written a thousand at a time, as groups of a row are slow."""
        self._rows.extend(_row(record, self._conversation_id) for record in records)
        if len(self._rows) >= _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []

    def close(self) -> None:
        """End the file."""
        try:
            self._flush()
        finally:
            self._writer.close()


_ROW_GROUP: Final = 1000


def _row(record: Record, conversation_id: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "kind": kind_of(record),
        "conversation_id": conversation_id,
        "id": record.id,
        "json": codec.encode(record).decode(),
    }
    if isinstance(record, Message):
        row |= _message_columns(record)
    elif isinstance(record, Participant):
        row["author_user_id"] = record.user_id
    else:
        row |= {"received": record.created_at, "metadata": _json(record.metadata)}
    return row


def _message_columns(message: Message) -> dict[str, str | datetime | None]:
    author, source, content = message.author, message.source, message.content
    return {
        "received": message.received,
        "author_type": author.type if author else None,
        "author_user_id": author.user_id if author else None,
        "author_name": author.display_name if author else None,
        "content_type": content.type if content else None,
        "text": getattr(content, "text", None),
        "source_type": source.type if source else None,
        "integration_id": source.integration_id if source else None,
        "metadata": _json(message.metadata),
    }


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
