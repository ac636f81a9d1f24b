"""Commands for several machines: worker, jobs and postgres."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from support import postgres

from sunco import ConfigurationError
from sunco.bulk import PostgresJournal, run
from sunco.cli.worker import load_router
from sunco.webhooks import PostgresInbox
from sunco.webhooks.inbox.base import NewEvent

pytestmark = pytest.mark.usefixtures("measured_processes")


def test_postgres_migrate_and_check(
    commands: Any, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNCO_POSTGRES", postgres.dsn())
    assert commands("postgres", "migrate", "--schema", schema) == 0
    assert "were migrated from version 0 (version 1)" in commands.output
    assert commands("postgres", "migrate", postgres.dsn(), "--schema", schema) == 0
    assert "are up to date" in commands.output
    assert commands("postgres", "check", "--schema", schema) == 0
    assert "is ready: PostgreSQL" in commands.output
    assert postgres.PASSWORD not in commands.output
    wrong = f"postgresql://ada:secret-word@127.0.0.1:{postgres.free_port()}/app"
    assert commands("postgres", "check", wrong) == 3
    assert "cannot be reached" in commands.errors
    assert "secret-word" not in commands.errors
    assert commands("postgres", "check", "not an address") == 3


def test_jobs(commands: Any, schema: str) -> None:
    arguments = ("jobs", "--journal", postgres.dsn(), "--schema", schema)
    assert commands(*arguments) == 0
    assert commands.output == "There are no jobs.\n"

    async def fail_odd(item: int) -> None:
        if item % 2:
            raise ValueError

    async def work() -> None:
        journal = PostgresJournal(postgres.dsn(), schema=schema)
        await run(fail_odd, range(5), key=str, journal=journal, job="odd")
        await journal.open("loading", "f")
        await journal.start_loading()
        await journal.close()

    anyio.run(work)
    assert commands(*arguments) == 0
    assert commands.output.splitlines() == [
        "odd: 3 of 5 done, 2 failed, 0 uncertain (finished)",
        "loading: 0 of 0 done, 0 failed, 0 uncertain (0 workers, loading)",
    ]
    assert commands(*arguments, "--json") == 0
    assert json.loads(commands.output.splitlines()[0])["failed"] == 2


PROGRAM = "from sunco.cli import main; main()"
BOT = """
import os
from pathlib import Path

from sunco.webhooks import PostgresInbox, WebhookRouter

inbox = PostgresInbox(os.environ["DSN"], schema=os.environ["SCHEMA"])
router = WebhookRouter("secret", inbox=inbox)


@router.on()
async def handle(event):
    Path(event.id).touch()
"""


def test_a_worker_processes_the_inbox_until_it_is_terminated(tmp_path: Path, schema: str) -> None:
    (tmp_path / "bot.py").write_text(BOT, "utf-8")

    async def store() -> None:
        inbox = PostgresInbox(postgres.dsn(), schema=schema)
        await inbox.open(handles=False)
        content = b'{"type": "user:merge", "id": "e1"}'
        await inbox.add([NewEvent(key="e1", ordering_key="k", content=content)])
        await inbox.close()

    anyio.run(store)
    environment = {**os.environ, "DSN": postgres.dsn(), "SCHEMA": schema}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "worker", "bot:router"],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            deadline = time.monotonic() + 30
            while not (tmp_path / "e1").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (tmp_path / "e1").exists(), errors
    assert process.returncode == 0, errors
    assert "Processing the inbox of bot:router" in errors
    assert postgres.PASSWORD not in errors


def test_routers_that_a_worker_cannot_use(
    commands: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_bot.py").write_text(
        "from sunco.webhooks import WebhookRouter\nbare = WebhookRouter('s')\nother = 5\n", "utf-8"
    )
    (tmp_path / "broken_bot.py").write_text("import a_module_that_is_missing\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    wrong = {
        "a_bot": "not of the form",
        "a_bot:": "not of the form",
        "nowhere:router": "no module 'nowhere'",
        "a_bot:missing": "not a WebhookRouter",
        "a_bot:other": "not a WebhookRouter",
        "a_bot:bare": "has no inbox",
    }
    for name, message in wrong.items():
        with pytest.raises(ConfigurationError, match=message):
            load_router(name)
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_missing"):
        load_router("broken_bot:router")
    assert commands("worker", "nowhere:router") == 3


def test_two_processes_send_one_file_at_one_rate(commands: Any, tmp_path: Path) -> None:
    # The commands use the default schema.
    server = postgres.PostgresServer()
    try:
        _, conversation = commands.talk()
        rows = [{"conversation_id": conversation, "text": f"m{n}"} for n in range(20)]
        file = tmp_path / "rows.jsonl"
        file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
        arguments = ("--journal", server.dsn, "--rate", "200")
        assert commands("send", file, *arguments, "--job", "spring") == 0
        assert "20 sent" in commands.output
        assert sorted(commands.texts(conversation)) == sorted(f"m{n}" for n in range(20))
        assert commands("send", "--join", "spring", *arguments) == 0
        assert commands("send", file, "--journal", server.dsn, "--job", "spring") == 0
        assert "0 sent, 20 done before" in commands.output
        assert len(commands.texts(conversation)) == 20
        assert commands("send", "--join", "autumn", *arguments) != 0
        assert "There is no job 'autumn'" in commands.errors
        assert server.dsn not in commands.output + commands.errors
        # A row that fails on another machine has no line number here.
        bad = tmp_path / "bad.jsonl"
        bad.write_text(json.dumps({"conversation_id": "0" * 24, "text": "x"}), "utf-8")
        assert commands("send", bad, *arguments, "--job", "bad") == 1
    finally:
        server.remove()


def test_send_takes_a_file_or_a_job_and_join_needs_a_database(commands: Any) -> None:
    assert commands("send") == 2
    assert commands("send", "rows.csv", "--join", "spring") == 2
    assert commands("send", "--join", "spring", "--journal", "journal.sqlite") == 3
    assert "needs a PostgresJournal" in commands.errors
