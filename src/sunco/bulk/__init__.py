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
    RowError,
    UncertainError,
)
from sunco.bulk.export.conversations import ExportReport, export_conversations
from sunco.bulk.export.table import write_table
from sunco.bulk.jobs import run, stream, work
from sunco.bulk.journal.base import (
    Claim,
    Completion,
    Decision,
    Entry,
    EntryState,
    Journal,
    decide,
)
from sunco.bulk.journal.memory import MemoryJournal
from sunco.bulk.journal.postgres import JobSummary, PostgresJournal
from sunco.bulk.journal.sqlite import SQLiteJournal
from sunco.bulk.outcome import Outcome, Report, Status
from sunco.bulk.stream import Stream

__all__ = [
    "Attempt",
    "Claim",
    "Completion",
    "Decision",
    "DuplicateKeyError",
    "Entry",
    "EntryState",
    "ExportError",
    "ExportReport",
    "InvalidKeyError",
    "ItemChangedError",
    "JobSummary",
    "Journal",
    "MemoryJournal",
    "Outcome",
    "PostgresJournal",
    "Report",
    "RowError",
    "SQLiteJournal",
    "Status",
    "Stream",
    "UncertainError",
    "attempt",
    "decide",
    "export_conversations",
    "run",
    "stream",
    "work",
    "write_table",
]
