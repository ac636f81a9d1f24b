"""Bulk jobs: a million calls that can be stopped, gone on with and watched.

`run` carries out a job, `stream` yields its outcomes as they come, `export_conversations` writes
conversations to disk. A wing of its own: it uses the client as everybody can.
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
from sunco.bulk.outcome import Fate, Outcome, Report
from sunco.bulk.stream import Stream

__all__ = [
    "Attempt",
    "Claim",
    "DuplicateKeyError",
    "Entry",
    "ExportError",
    "ExportReport",
    "Fate",
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
    "Stream",
    "UncertainError",
    "Verdict",
    "attempt",
    "export_conversations",
    "run",
    "stream",
    "verdict_on",
]
