"""The formats of exported conversations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias, cast

import attrs

from sunco import ConfigurationError
from sunco.bulk.errors import ExportError
from sunco.bulk.export.files import Place, create_private, is_there
from sunco.bulk.export.raw import RawItem, parse_time

__all__ = ["COLUMNS", "Format", "Kind", "Known", "Writer", "format_named", "rows_in"]

Kind: TypeAlias = Literal["conversation", "participant", "message"]

COLUMNS: Final = {
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
_ROWS_PER_GROUP: Final = 1000


@attrs.define
class Known:
    """The records that an earlier export has written; of each id, the last one counts."""

    records: dict[tuple[str, str], bytes] = attrs.field(factory=dict[tuple[str, str], bytes])

    def add(self, kind: str, value: Any) -> None:
        """Add a record."""
        self.records[kind, _identity(value)] = _digest(value)

    def is_new(self, kind: Kind, item: RawItem) -> bool:
        """Whether a record is unknown, or (messages aside) differs from the known one."""
        digest = self.records.get((kind, _identity(item.value)))
        return digest is None or (kind != "message" and digest != _digest(item.value))


def _identity(value: Any) -> str:
    identity = cast("dict[str, Any]", value).get("id") if isinstance(value, dict) else None
    return identity if isinstance(identity, str) else _digest(value).hex()


def _digest(value: Any) -> bytes:
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).digest()


class Writer(Protocol):
    """Writes the records of one conversation to a file."""

    def write(self, kind: Kind, items: Sequence[RawItem]) -> None:
        """Append records."""
        ...

    def close(self) -> None:
        """Complete the file."""
        ...


class Format(Protocol):
    """A format: where a conversation's records are, and how more are written."""

    def paths(self, folder: Place, name: str) -> list[Place]:
        """The existing files of a conversation, oldest first."""
        ...

    def next_path(self, folder: Place, name: str) -> Place:
        """The file that the next export writes: it is new, or replaces the one before."""
        ...

    def read(self, path: Place) -> Iterator[tuple[str, Any]]:
        """The records in a file: kind and value."""
        ...

    def writer(self, part: Path, conversation_id: str, before: Place | None) -> Writer:
        """A writer to a file; `before` is the file that it replaces."""
        ...


def format_named(name: str) -> Format:
    """The format with a name.

    Raises:
        ConfigurationError: There is no such format.
        ModuleNotFoundError: Its extra is not installed.
    """
    if name == "jsonl":
        return JsonLines()
    if name != "parquet":
        raise ConfigurationError(f'format must be "jsonl" or "parquet", not {name!r}.')
    return Parquet()


class JsonLines:
    """One JSON object per line, `{"kind": "message", "message": {...}}`: the JSON that came."""

    def paths(self, folder: Place, name: str) -> list[Place]:
        """The existing file, if there is one."""
        path = self.next_path(folder, name)
        return [path] if is_there(path) else []

    def next_path(self, folder: Place, name: str) -> Place:
        """The one file of a conversation."""
        return folder / f"{name}.jsonl"

    def read(self, path: Place) -> Iterator[tuple[str, Any]]:
        """The records in a file: kind and value."""
        with path.open("rb") as file:
            for line in file:
                try:
                    record: dict[str, Any] = json.loads(line)
                    kind = record["kind"]
                    yield kind, record[kind]
                except (ValueError, KeyError, TypeError):
                    raise ExportError(
                        f"{path} was not written by an export. Move it, or delete it to export "
                        "the conversation again."
                    ) from None

    def writer(self, part: Path, conversation_id: str, before: Place | None) -> Writer:  # noqa: ARG002 - of all formats
        """A writer that appends to a copy of the file before."""
        return _LineWriter(part, before)


class _LineWriter:
    def __init__(self, part: Path, before: Place | None) -> None:
        self._file = create_private(part)
        if before is not None:
            with before.open("rb") as file:
                shutil.copyfileobj(file, self._file)

    def write(self, kind: Kind, items: Sequence[RawItem]) -> None:
        head = f'{{"kind":"{kind}","{kind}":'
        self._file.write("".join([f"{head}{item.text}}}\n" for item in items]).encode())

    def close(self) -> None:
        self._file.close()


class Parquet:
    """One row per record; an update adds a file, because Parquet files cannot be appended to."""

    def __init__(self) -> None:
        try:
            self._arrow: Any = import_module("pyarrow")
            self._parquet: Any = import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Parquet needs pyarrow: install it with pip install 'sunco[parquet]'",
                name=error.name,
            ) from error
        types = {"string": self._arrow.string(), "time": self._arrow.timestamp("ms", tz="UTC")}
        self.schema: Any = self._arrow.schema(
            [(name, types[kind]) for name, kind in COLUMNS.items()]
        )

    def paths(self, folder: Place, name: str) -> list[Place]:
        """The existing files, oldest first."""
        found: list[Place] = []
        while is_there(path := self._path(folder, name, len(found) + 1)):
            found.append(path)
        return found

    def next_path(self, folder: Place, name: str) -> Place:
        """`NAME.parquet`, then `NAME+2.parquet` and so on."""
        return self._path(folder, name, len(self.paths(folder, name)) + 1)

    def _path(self, folder: Place, name: str, number: int) -> Place:
        return folder / (f"{name}.parquet" if number == 1 else f"{name}+{number}.parquet")

    def read(self, path: Place) -> Iterator[tuple[str, Any]]:
        """The records in a file: kind and value."""
        for row in self.rows(path):
            yield row["kind"], json.loads(row["json"])

    def rows(self, path: Place) -> Iterator[dict[str, Any]]:
        """The rows of a file."""
        try:
            with path.open("rb") as opened, self._parquet.ParquetFile(opened) as file:
                for batch in file.iter_batches(_ROWS_PER_GROUP):
                    yield from batch.select([*COLUMNS]).to_pylist()
        except (self._arrow.ArrowException, KeyError):
            raise ExportError(
                f"{path} was not written by an export. Move it, or delete it to export the "
                "conversation again."
            ) from None

    def writer(self, part: Path, conversation_id: str, before: Place | None = None) -> TableWriter:  # noqa: ARG002 - of all formats
        """A writer of a new file."""
        return TableWriter(self, part, conversation_id)

    def open(self, file: Any) -> Any:
        """The writer of a Parquet file."""
        return self._parquet.ParquetWriter(file, self.schema)

    def table(self, rows: list[dict[str, Any]]) -> Any:
        """Rows as a table of pyarrow."""
        return self._arrow.Table.from_pylist(rows, schema=self.schema)


class TableWriter:
    """Writes rows to a Parquet file, a thousand at a time: small row groups are slow."""

    def __init__(self, parquet: Parquet, part: Path, conversation_id: str) -> None:
        self._file = create_private(part)
        self._parquet = parquet
        self._writer = parquet.open(self._file)
        self._conversation_id = conversation_id
        self._rows: list[dict[str, Any]] = []

    def write(self, kind: Kind, items: Sequence[RawItem]) -> None:
        """Append records."""
        self.add([row_of(kind, item.value, self._conversation_id, item.text) for item in items])

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows."""
        self._rows.extend(rows)
        if len(self._rows) >= _ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._parquet.table(self._rows))
            self._rows = []

    def close(self) -> None:
        """Complete the file."""
        try:
            self._flush()
        finally:
            self._writer.close()
            self._file.close()


def row_of(kind: str, value: Any, conversation_id: str, text: str) -> dict[str, Any]:
    """A record as a row of `COLUMNS`."""
    fields = _object(value)
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {
        "kind": kind,
        "conversation_id": conversation_id,
        "id": _text(fields, "id"),
        # Parquet holds Unicode; lone surrogates can only come as escapes, and stay escapes.
        "json": text,
        "metadata": _json(fields.get("metadata")),
    }
    if kind == "participant":
        row["author_user_id"] = _text(fields, "userId")
    elif kind == "conversation":
        row["received"] = parse_time(fields.get("createdAt"))
    else:
        author, content, source = (
            _object(fields.get(name)) for name in ("author", "content", "source")
        )
        row |= {
            "received": parse_time(fields.get("received")),
            "author_type": _text(author, "type"),
            "author_user_id": _text(author, "userId"),
            "author_name": _text(author, "displayName"),
            "content_type": _text(content, "type"),
            "text": _text(content, "text"),
            "source_type": _text(source, "type"),
            "integration_id": _text(source, "integrationId"),
        }
    return row


def rows_in(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of an exported file, whatever its format.

    Raises:
        ExportError: The file was not written by an export.
    """
    if path.suffix == ".parquet":
        yield from Parquet().rows(path)
        return
    conversation_id = ""
    for kind, value in JsonLines().read(path):
        if kind == "conversation":
            conversation_id = _text(_object(value), "id") or ""
        yield row_of(kind, value, conversation_id, json.dumps(value, separators=(",", ":")))


def _object(value: Any) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if not isinstance(value, str):
        return None
    return value.encode(errors="replace").decode()


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True)
