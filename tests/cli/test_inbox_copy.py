"""`sunco inbox copy`, between SQLite and PostgreSQL in both directions."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import attrs
import pytest
from support import postgres

from cli.conftest import Commands
from sunco.webhooks import EventResult, NewEvent, PostgresInbox, SQLiteInbox
from sunco.webhooks.inbox import copying

T = TypeVar("T")

CONTENT = '{"type":"user:update","id":"ä"}'.encode()

# Copies with transactions of two events, and hangs in the second one.
HANGING = """
import sys, time
from sunco.cli import main
from sunco.webhooks import PostgresInbox, SQLiteInbox
from sunco.webhooks.inbox import copying

copying._CHUNK = 2
kind = SQLiteInbox if sys.argv[1] == "sqlite" else PostgresInbox
insert, calls = kind.insert, []

async def hang(self, rows):
    calls.append(rows)
    if len(calls) == 2:
        print("hanging", flush=True)
        time.sleep(600)
    return await insert(self, rows)

kind.insert = hang
sys.argv = ["sunco", "inbox", "copy", *sys.argv[2:]]
main()
"""


async def fill(inbox: SQLiteInbox | PostgresInbox) -> None:
    """A handled, a dead-lettered and three pending events, one of them attempted, and a state."""
    events = [("e0", "c1"), ("e1", "c1"), ("e2", "c1"), ("e3", "c2"), ("e4", "c1")]
    for key, ordering_key in events:
        await inbox.add([NewEvent(key=key, ordering_key=ordering_key, content=CONTENT)])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(9)}
    results = [
        EventResult(key="e0", status="handled", attempts=1, succeeded=["h"]),
        EventResult(key="e1", status="failed", attempts=3, repeated=True, error="ValueError: ä"),
        EventResult(key="e2", status="pending", attempts=2, repeated=True, succeeded=["h"]),
    ]
    await inbox.record(claims["c1"], results, state={"n": 1})


async def contents(inbox: SQLiteInbox | PostgresInbox) -> tuple[list[dict[str, Any]], Any]:
    """All that a copy is to keep."""
    rows = [attrs.asdict(row) for row in await inbox.rows(-1, 100)]
    for row in rows:
        del row["sequence"]
    return rows, [tuple(each) for each in await inbox.states("", 100)]


def approximately(found: tuple[list[dict[str, Any]], Any]) -> tuple[list[dict[str, Any]], Any]:
    """Contents to compare others with; PostgreSQL keeps times to the microsecond."""
    rows, states = found
    times = ("received", "changed")
    return [
        row | {each: pytest.approx(row[each], abs=1e-3) for each in times} for row in rows
    ], states


def using(
    inbox: SQLiteInbox | PostgresInbox, work: Callable[[Any], Awaitable[T]], *, handles: bool = True
) -> T:
    async def run() -> T:
        await inbox.open(handles=handles)
        try:
            return await work(inbox)
        finally:
            await inbox.close()

    return anyio.run(run)


@pytest.fixture
def shared(schema: str) -> PostgresInbox:
    return PostgresInbox(postgres.dsn(), schema=schema, name="shop")


def test_an_inbox_goes_to_postgresql_and_back(
    commands: Commands, tmp_path: Path, schema: str, shared: PostgresInbox
) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    options = ("--schema", schema, "--name", "shop")
    using(SQLiteInbox(first), fill)
    before = approximately(using(SQLiteInbox(first), contents, handles=False))
    assert len(before[0]) == 5
    assert before[1] == [("c1", '{"n": 1}')]

    assert commands("inbox", "copy", first, postgres.dsn(), *options) == 0
    assert commands.output == "5 events copied, 0 were known, 1 states\n"
    assert using(shared, contents, handles=False) == before

    assert commands("inbox", "copy", postgres.dsn(), second, *options) == 0
    assert using(SQLiteInbox(second), contents, handles=False) == before
    assert commands("inbox", "copy", postgres.dsn(), second, *options) == 0
    assert commands.output == "0 events copied, 5 were known, 1 states\n"
    assert using(SQLiteInbox(second), contents, handles=False) == before


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_what_was_copied_is_processed_in_order_with_its_attempts_and_state(
    commands: Commands, tmp_path: Path, schema: str, shared: PostgresInbox, target: str
) -> None:
    file = SQLiteInbox(tmp_path / "inbox.db")
    options = ("--schema", schema, "--name", "shop")
    if target == "sqlite":
        using(shared, fill)
        assert commands("inbox", "copy", postgres.dsn(), tmp_path / "inbox.db", *options) == 0
    else:
        using(file, fill)
        assert commands("inbox", "copy", tmp_path / "inbox.db", postgres.dsn(), *options) == 0

    async def check(inbox: SQLiteInbox) -> None:
        # A repeated delivery of a handled event.
        await inbox.add([NewEvent(key="e0", ordering_key="c1", content=CONTENT)])
        claims = {claim.ordering_key: claim for claim in await inbox.claim(9)}
        found = [(each.key, each.attempts, each.repeated) for each in claims["c1"].events]
        assert found == [("e2", 3, True), ("e4", 0, False)]
        assert list(claims["c1"].events[0].succeeded) == ["h"]
        assert claims["c1"].events[0].content == CONTENT
        assert claims["c1"].state == {"n": 1}
        assert [each.key for each in claims["c2"].events] == ["e3"]
        (dead,) = await inbox.failed()
        assert (dead.key, dead.attempts, dead.error) == ("e1", 3, "ValueError: ä")
        assert await inbox.retry("e1")

    using(file if target == "sqlite" else shared, check)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_copy_that_was_killed_is_completed_by_another(
    commands: Commands, tmp_path: Path, schema: str, shared: PostgresInbox, target: str
) -> None:
    file, path = SQLiteInbox(tmp_path / "inbox.db"), tmp_path / "inbox.db"
    places = [path, postgres.dsn()] if target == "postgres" else [postgres.dsn(), path]
    source, goal = (file, shared) if target == "postgres" else (shared, file)
    using(source, fill)
    before = approximately(using(source, contents, handles=False))
    arguments = [*map(str, places), "--schema", schema, "--name", "shop"]
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, target, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hanging\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert len(using(goal, contents, handles=False)[0]) == 2
    assert commands("inbox", "copy", *arguments) == 0
    assert commands.output == "3 events copied, 2 were known, 1 states\n"
    assert using(goal, contents, handles=False) == before


def test_what_the_target_has_processed_since_is_not_pending_again(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_CHUNK", 1)
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    using(SQLiteInbox(first), fill)
    assert commands("inbox", "copy", first, second) == 0

    async def handle(inbox: SQLiteInbox) -> None:
        claims = {claim.ordering_key: claim for claim in await inbox.claim(9)}
        await inbox.record(claims["c1"], [EventResult(key="e2", status="handled")], state={"n": 2})

    using(SQLiteInbox(second), handle)
    assert commands("inbox", "copy", first, second) == 0
    rows, states = using(SQLiteInbox(second), contents, handles=False)
    assert {row["key"]: row["status"] for row in rows} == {
        "e0": "handled",
        "e1": "failed",
        "e2": "handled",
        "e3": "pending",
        "e4": "pending",
    }
    assert states == [("c1", '{"n": 2}')]


def test_a_source_that_is_missing_is_an_error_and_nothing_is_created(
    commands: Commands, tmp_path: Path
) -> None:
    assert commands("inbox", "copy", tmp_path / "old.db", tmp_path / "new.db") == 3
    assert "There is no inbox at" in commands.errors
    assert list(tmp_path.iterdir()) == []


def test_an_inbox_is_not_copied_onto_itself(commands: Commands, tmp_path: Path) -> None:
    assert commands("inbox", "copy", tmp_path / "old.db", tmp_path / "old.db") == 2
    assert "the same inbox" in commands.errors


def test_copying_files_needs_no_schema(commands: Commands, tmp_path: Path) -> None:
    assert commands("inbox", "copy", tmp_path / "a", tmp_path / "b", "--schema", "x") == 2
    assert "are for inboxes in PostgreSQL" in commands.errors
