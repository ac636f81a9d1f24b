from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from cli.conftest import Commands
from sunco.webhooks import EventResult, NewEvent, SQLiteInbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An inbox with three dead-lettered events, a handled and a pending one."""
    path = tmp_path / "inbox.db"

    async def fill() -> None:
        inbox = SQLiteInbox(path)
        await inbox.open()
        content = b'{"type":"user:update","id":"e","payload":{"secret":"text"}}'
        await inbox.add(
            [NewEvent(key=f"e{number}", ordering_key="c1", content=content) for number in range(5)]
        )
        (claim,) = await inbox.claim(1)
        failed = [
            EventResult(key=f"e{n}", status="failed", attempts=n + 1, error=f"ValueError: ä{n}")
            for n in range(3)
        ]
        await inbox.record(claim, [*failed, EventResult(key="e3", status="handled", attempts=1)])
        await inbox.close()

    anyio.run(fill)
    return path


def counts(commands: Commands, path: Path) -> tuple[int, int, int]:
    stats = commands.json("inbox", "stats", path)
    return stats["pending"], stats["failed"], stats["handled"]


def test_stats_are_json(commands: Commands, path: Path) -> None:
    stats = commands.json("inbox", "stats", path)
    assert stats.pop("oldest_pending_seconds") >= 0
    assert stats == {"pending": 1, "failed": 3, "handled": 1}


def test_the_dead_letter_list_is_json_lines_without_content(commands: Commands, path: Path) -> None:
    assert commands("inbox", "failed", path, "--limit", 2) == 0
    first, second = map(json.loads, commands.output.splitlines())
    assert first["failed"] >= first["received"] > "2020"
    assert (first["key"], first["type"], first["attempts"]) == ("e0", "user:update", 1)
    assert (second["key"], second["error"]) == ("e1", "ValueError: ä1")
    assert "secret" not in commands.output


def test_events_are_retried_and_discarded_by_key(commands: Commands, path: Path) -> None:
    assert commands("inbox", "retry", path, "e0") == 0
    assert commands.output == "1 retried\n"
    assert commands("inbox", "discard", path, "e1", "e9") == 1
    assert commands.output == "1 discarded\n  not in the dead-letter list: e9\n"
    assert counts(commands, path) == (2, 1, 2)


@pytest.mark.parametrize(("command", "after"), [("retry", (4, 0, 1)), ("discard", (1, 0, 4))])
def test_all_events_are_retried_or_discarded(
    commands: Commands, path: Path, command: str, after: tuple[int, int, int]
) -> None:
    assert commands("inbox", command, path, "--all") == 0
    assert commands.output.startswith("3 ")
    assert counts(commands, path) == after


@pytest.mark.parametrize("arguments", [[], ["e1", "--all"]])
def test_either_keys_or_all_are_needed(
    commands: Commands, path: Path, arguments: list[str]
) -> None:
    assert commands("inbox", "retry", path, *arguments) == 2
    assert "Pass keys, or --all" in commands.errors


@pytest.mark.parametrize(
    ("older_than", "purged"), [("0", 4), ("90", 0), ("15m", 0), ("12h", 0), ("30d", 0)]
)
def test_old_events_are_purged(
    commands: Commands, path: Path, older_than: str, purged: int
) -> None:
    assert commands("inbox", "purge", path, "--older-than", older_than) == 0
    assert commands.output == f"{purged} purged\n"
    assert counts(commands, path)[0] == 1


@pytest.mark.parametrize("older_than", ["", "m", "-1", "1.5h", "1w"])
def test_a_duration_that_cannot_be_read_is_a_usage_error(
    commands: Commands, path: Path, older_than: str
) -> None:
    assert commands("inbox", "purge", path, "--older-than", older_than) == 2
    assert "is no duration such as" in commands.errors


def test_a_missing_inbox_is_not_created(commands: Commands, tmp_path: Path) -> None:
    assert commands("inbox", "stats", tmp_path / "inbox.db") == 3
    assert "There is no inbox at" in commands.errors
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_inbox_is_left_as_it_is(commands: Commands, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no database" * 100, encoding="ascii")
    mode = stat.S_IMODE(path.stat().st_mode)
    assert commands("inbox", "stats", path) == 3
    assert "file is not a database" in commands.errors
    assert path.read_text(encoding="ascii") == "no database" * 100
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_dsn_names_a_postgresql_inbox(
    commands: Commands, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str, str]] = []

    def postgres(dsn: str, *, schema: str, name: str) -> SQLiteInbox:
        opened.append((dsn, schema, name))
        return SQLiteInbox(path)

    module = SimpleNamespace(PostgresInbox=postgres)
    monkeypatch.setitem(sys.modules, "sunco.webhooks.inbox.postgres", cast("Any", module))
    assert commands.json("inbox", "stats", "postgresql://localhost/app")["failed"] == 3
    dsn = "postgresql://localhost/app"
    assert commands("inbox", "failed", dsn, "--schema", "bots", "--name", "shop") == 0
    assert commands("inbox", "retry", dsn, "--all", "--name", "shop") == 0
    assert opened == [(dsn, "sunco", "default"), (dsn, "bots", "shop"), (dsn, "sunco", "shop")]


@pytest.mark.parametrize("option", ["--schema", "--name"])
def test_a_file_has_no_schema_and_no_name(commands: Commands, path: Path, option: str) -> None:
    assert commands("inbox", "stats", path, option, "x") == 2
    assert "are for inboxes in PostgreSQL" in commands.errors
