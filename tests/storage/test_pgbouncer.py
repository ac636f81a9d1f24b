"""Inbox, journal and limiter behind PgBouncer in transaction mode, if it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import psycopg
import pytest
from support import postgres
from webhooks.support import SECRET, Platform, Record, message

from storage.test_postgres_conformance import conform, tables
from sunco.bulk import PostgresJournal, run, work
from sunco.models import ConversationMessageEvent
from sunco.ratelimit import PostgresRateLimiter
from sunco.testing import InboxCheck, inbox_suite
from sunco.webhooks import PostgresInbox, WebhookRouter

__all__ = ["tables"]

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed"),
]


@pytest.fixture(scope="module")
def bouncer() -> Iterator[str]:
    """The DSN of a PgBouncer that shares two server connections among all its clients."""
    assert PGBOUNCER is not None
    server, port = urlsplit(postgres.dsn()), postgres.free_port()
    folder = Path(tempfile.mkdtemp(prefix="sunco-pgbouncer-"))
    file = folder / "pgbouncer.ini"
    file.write_text(
        f"""
[databases]
{server.path[1:]} = host={server.hostname} port={server.port or 5432} user={server.username} \
password={server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
""".replace("\\\n", ""),
        encoding="utf-8",
    )
    options = postgres.unprivileged()
    if options:
        # PgBouncer does not run as root, either.
        for path in (folder, file):
            shutil.chown(path, options["user"], options["group"])
    dsn = f"postgresql://any@127.0.0.1:{port}{server.path}"
    with subprocess.Popen[bytes]([PGBOUNCER, "-q", str(file)], **options) as process:
        try:
            wait_for(dsn, process)
            yield dsn
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(folder)


def wait_for(dsn: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "PgBouncer did not start"
        try:
            psycopg.connect(dsn, connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("PgBouncer does not accept connections")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("check", inbox_suite(), ids=lambda check: check.__name__)
async def test_an_inbox_conforms(check: InboxCheck, bouncer: str, tables: str) -> None:
    await conform(check, bouncer, tables)


async def test_events_that_one_process_stores_are_processed_by_another(
    bouncer: str, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No notification passes PgBouncer.
    monkeypatch.setattr("sunco.webhooks.processing.worker._POLL_INTERVAL", 0.01)
    storing, processing = (
        WebhookRouter(SECRET, inbox=PostgresInbox(bouncer, schema=schema)) for _ in range(2)
    )
    record = Record()
    for router in (storing, processing):

        @router.on(ConversationMessageEvent)
        async def handle(event: ConversationMessageEvent) -> None:
            record.add(event.text)

    async with storing.running(handle=False), processing.running():
        for number in range(20):
            events = [message(f"e{number}-{c}", c, f"{c} {number}") for c in ("c1", "c2")]
            assert await Platform(storing).post(*events) == 200
        await record.reach(40, seconds=120)
        await processing.drain()
    for conversation in ("c1", "c2"):
        texts = [text for text in record.items if text.startswith(conversation)]
        assert texts == [f"{conversation} {number}" for number in range(20)]


async def test_a_job_is_shared(bouncer: str, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sunco.bulk.shared._POLL_SECONDS", 0.005)
    calls, loaded = Counter[int](), anyio.Event()

    async def send(item: int) -> None:
        calls[item] += 1
        loaded.set()
        await anyio.sleep(0.001)

    def journal() -> PostgresJournal:
        return PostgresJournal(bouncer, schema=schema, part_size=10)

    async def join() -> None:
        await loaded.wait()
        await work(send, job="j", journal=journal())

    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(join)
            report = await run(send, range(200), key=str, journal=journal(), job="j")
            assert (report.done, report.total) == (200, 200)
    assert calls == dict.fromkeys(range(200), 1)


async def test_a_rate_limit_is_shared(bouncer: str, schema: str) -> None:
    limiters = [PostgresRateLimiter(bouncer, rate=500, name="app", schema=schema) for _ in range(2)]
    with anyio.fail_after(120):
        for _ in range(20):
            for limiter in limiters:
                await limiter.acquire()
    for limiter in limiters:
        await limiter.aclose()
