"""One table of many exported conversations, for analysis."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from sunco import ConfigurationError
from sunco._sync import in_thread
from sunco.bulk.errors import ExportError
from sunco.bulk.export.files import is_url, replace_durably
from sunco.bulk.export.writers import Parquet, rows_in

__all__ = ["write_table"]


async def write_table(folder: str | os.PathLike[str], to: str | os.PathLike[str]) -> int:
    """Write all records of an exported folder to one Parquet file (`sunco[parquet]`).

    The columns are those of `export_conversations`. Where updates have written a conversation or
    participant several times, only the last record is taken.

    Args:
        folder: The folder, with files of either format.
        to: The file. It is replaced when the new one is complete.

    Returns:
        The number of rows.

    Raises:
        ConfigurationError: A path is a URL.
        ExportError: A file was not written by an export, or `to` cannot be written.
    """
    if is_url(folder) or is_url(to):
        raise ConfigurationError("write_table needs local paths, not URLs.")
    return await in_thread(_write, Path(folder), Path(to))


def _write(folder: Path, to: Path) -> int:
    count = 0
    part = to.with_name(f"{to.name}.part")
    try:
        writer = Parquet().writer(part, "")
        try:
            for rows in _conversations(folder, to):
                writer.add(rows)
                count += len(rows)
        finally:
            writer.close()
        replace_durably(part, to)
    except OSError as error:
        raise ExportError(f"{to} cannot be written: {error}.") from error
    return count


def _conversations(folder: Path, to: Path) -> Iterator[list[dict[str, Any]]]:
    """The rows of each conversation."""
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix in {".jsonl", ".parquet"} and path.resolve() != to.resolve()
    ]
    for _, files in groupby(sorted(paths, key=_order), key=_name):
        about: dict[tuple[str, Any], dict[str, Any]] = {}
        messages: list[dict[str, Any]] = []
        for row in (row for path in files for row in rows_in(path)):
            if row["kind"] == "message":
                messages.append(row)
            else:
                about[row["kind"], row["id"]] = row
        yield [*about.values(), *messages]


def _name(path: Path) -> str:
    return path.stem.partition("+")[0] + path.suffix


def _order(path: Path) -> tuple[str, int]:
    return _name(path), int(path.stem.partition("+")[2] or 1)
