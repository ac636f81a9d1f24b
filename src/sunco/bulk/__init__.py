"""Bulk jobs: many calls with bounded concurrency, a journal to resume from, and progress reports.

`run` runs a job to its end, `stream` yields its outcomes, `export_conversations` writes
conversations to files. This package uses only the public client.
"""

from __future__ import annotations

from sunco.bulk.attempt import Attempt, attempt
from sunco.bulk.errors import (
    DuplicateKeyError,
    ExportError,
    InvalidKeyError,
    ItemChangedError,
    JournalError,
    RowError,
    UncertainError,
)
from sunco.bulk.export.conversations import ExportReport, export_conversations
from sunco.bulk.jobs import run, stream
from sunco.bulk.journal.base import (
    Claim,
    Entry,
    Journal,
    MemoryJournal,
    Settlement,
    State,
    Verdict,
    verdict_on,
)
from sunco.bulk.journal.sqlite import SQLiteJournal
from sunco.bulk.outcome import Outcome, Report, Status
from sunco.bulk.stream import Stream

__all__ = [
    "Attempt",
    "Claim",
    "DuplicateKeyError",
    "Entry",
    "ExportError",
    "ExportReport",
    "InvalidKeyError",
    "ItemChangedError",
    "Journal",
    "JournalError",
    "MemoryJournal",
    "Outcome",
    "Report",
    "RowError",
    "SQLiteJournal",
    "Settlement",
    "State",
    "Status",
    "Stream",
    "UncertainError",
    "Verdict",
    "attempt",
    "export_conversations",
    "run",
    "stream",
    "verdict_on",
]
