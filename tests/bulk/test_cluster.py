"""A job on a Dask cluster, whose workers Dask only starts."""

# pyright: reportPrivateUsage=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias, cast

import anyio
import anyio.to_thread
import pytest
from support import postgres

from bulk import dask_job
from sunco import ConfigurationError, StorageError
from sunco.bulk import PostgresJournal, Report, cluster, run
from sunco.bulk.shared import SharedJob

distributed: Any = pytest.importorskip("distributed", reason="needs the extra sunco[dask]")

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("quick_polls"),
    # A worker closes its sockets when the garbage collector says so.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

needs_processes = pytest.mark.skipif(
    "SUNCO_DASK" not in os.environ, reason="starts Dask workers, which takes long: nox -s dask"
)
TESTS = Path(__file__).parent.parent
ITEMS = 60

Run: TypeAlias = Callable[..., Any]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A cluster in this process, with two workers."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
        ) as local,
        distributed.Client(local, set_as_default=False) as connected,
    ):
        yield connected


@pytest.fixture
def make(schema: str) -> Callable[..., PostgresJournal]:
    def journal(**options: Any) -> PostgresJournal:
        return PostgresJournal(postgres.dsn(), schema=schema, part_size=5, **options)

    return journal


async def send_all(
    journal: PostgresJournal,
    folder: Path,
    on: Any,
    fn: Callable[[Any], Any] = dask_job.send_together,
    job: str = "j",
    **options: Any,
) -> Report:
    items = [(str(folder), number) for number in range(ITEMS)]
    return await run(
        fn,
        items,
        key=lambda item: str(item[1]),
        journal=journal,
        job=job,
        cluster=on,
        concurrency=2,
        **options,
    )


def calls(folder: Path) -> dict[str, list[str]]:
    """For each item, the processes that were called for it."""
    return {file.name: file.read_text().split() for file in folder.glob("item-*")}


async def jobs_of(make: Callable[..., PostgresJournal]) -> list[str]:
    journal = make()
    try:
        return [each.job for each in await journal.jobs()]
    finally:
        await journal.close()


@needs_processes
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_each_worker_of_a_local_cluster_takes_part_and_each_item_is_done_once(
    make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    def start() -> Any:
        return distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        )

    local = await anyio.to_thread.run_sync(start)
    try:
        report = await send_all(make(), tmp_path, local.scheduler_address)
    finally:
        await anyio.to_thread.run_sync(local.close)
    assert (report.done, report.total, report.ok) == (ITEMS, ITEMS, True)
    found = calls(tmp_path)
    assert len(found) == ITEMS
    assert Counter(map(len, found.values())) == {1: ITEMS}
    assert len({process for (process,) in found.values()}) == 3
    assert str(os.getpid()) in {process for (process,) in found.values()}


@contextmanager
def dask(folder: Path, *arguments: str) -> Generator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "dask", *arguments]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def worker(folder: Path, file: Path, *arguments: str) -> Any:
    options = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--host", "127.0.0.1")
    return dask(folder, "worker", "--scheduler-file", str(file), *options, *arguments)


NO_SUNCO = ("--preload", str(Path(__file__).with_name("no_sunco.py")))


@needs_processes
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_separate_workers_take_part_one_is_killed_and_one_has_no_sunco(
    make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    file, items = tmp_path / "scheduler.json", tmp_path / "items"
    items.mkdir()
    with ExitStack() as stack:
        start = stack.enter_context
        # The scheduler does not need sunco.
        start(dask(tmp_path, "scheduler", "--scheduler-file", str(file), "--host", "127.0.0.1",
                   "--port", "0", "--no-dashboard", *NO_SUNCO))  # fmt: skip
        first = start(worker(tmp_path, file))
        start(worker(tmp_path, file))

        def connect() -> Any:
            while not file.exists():
                assert all(process.poll() is None for process in [first])
                threading.Event().wait(0.05)
            connected = distributed.Client(scheduler_file=str(file), set_as_default=False)
            connected.wait_for_workers(2, timeout=120)
            return connected

        with anyio.fail_after(240):
            connected = await anyio.to_thread.run_sync(connect)
            try:
                await check_separate_workers(make, items, connected, first)
                start(worker(tmp_path, file, *NO_SUNCO))
                await anyio.to_thread.run_sync(connected.wait_for_workers, 2, 120)
                with pytest.raises(ConfigurationError) as rejected:
                    await send_all(make(), items, connected, job="other")
            finally:
                await anyio.to_thread.run_sync(connected.close)
    assert "cannot run the job: ModuleNotFoundError" in str(rejected.value)
    assert "Install sunco[postgres]" in str(rejected.value)
    assert await jobs_of(make) == ["j"]


async def check_separate_workers(
    make: Callable[..., PostgresJournal],
    folder: Path,
    connected: Any,
    victim: subprocess.Popen[bytes],
) -> None:
    async def kill() -> None:
        await dask_job.all_take_part(folder)
        victim.send_signal(signal.SIGKILL)

    reports: list[Report] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(kill)
        journal = make(lease=2.0)
        reports.append(await send_all(journal, folder, connected, grace_period=0.0))
    assert [(each.done, each.total) for each in reports] == [(ITEMS, ITEMS)]
    found = calls(folder)
    assert len(found) == ITEMS
    # Only what the victim had in hand is done twice.
    repeated = [processes for processes in found.values() if len(processes) > 1]
    assert len(repeated) <= 2
    assert all(processes[0] == str(victim.pid) for processes in repeated)


async def call(item: Any) -> Any:
    return item


async def test_threads_of_this_process_can_be_a_cluster(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    report = await send_all(make(), tmp_path, client, call)
    assert (report.done, report.ok) == (ITEMS, True)


async def test_a_cluster_can_be_an_address(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    report = await send_all(make(), tmp_path, client.scheduler.address, call)
    assert (report.done, report.ok) == (ITEMS, True)


async def test_workers_stop_when_the_process_that_started_them_is_cancelled(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    started, stopped = _started, _stopped
    started.clear()
    stopped.clear()
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send_all, make(), tmp_path, client, hang_here)
            while len(set(started)) < 3:  # noqa: ASYNC110 - in other threads
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()
    assert sorted(stopped) == sorted(started)
    assert await jobs_of(make) == ["j"]


async def test_a_worker_that_fails_is_logged_and_the_others_finish(
    client: Any,
    make: Callable[..., PostgresJournal],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cluster, "_work", fail)
    with caplog.at_level(logging.WARNING, logger="sunco.bulk"):
        report = await send_all(make(), tmp_path, client, call)
    assert report.done == ITEMS
    failures = [each for each in caplog.records if each.name == "sunco.bulk"]
    assert len(failures) == 2
    assert "failed: no database here" in failures[0].getMessage()


async def test_workers_that_do_not_leave_are_given_up(
    client: Any,
    make: Callable[..., PostgresJournal],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(cluster, "_LEAVE_SECONDS", 0.0)
    monkeypatch.setattr(cluster, "_work", linger)
    _leave.clear()
    try:
        report = await send_all(make(), tmp_path, client, call)
    finally:
        _leave.set()
    assert report.done == ITEMS
    assert "Not all workers of the Dask cluster have left the job" in caplog.text


async def test_a_function_that_cannot_be_pickled_is_rejected_before_anything_is_stored(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    lock = threading.Lock()

    async def locked(item: Any) -> Any:
        with lock:
            return item

    with pytest.raises(ConfigurationError, match="cannot be sent to other processes"):
        await send_all(make(), tmp_path, client, locked)
    assert await jobs_of(make) == []


async def test_a_worker_that_cannot_load_the_function_is_named_before_anything_is_stored(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as rejected:
        await send_all(make(), tmp_path, client, Elsewhere())
    assert "cannot run the job: ModuleNotFoundError: No module named 'mine'" in str(rejected.value)
    assert "Install sunco[postgres] and the function's module" in str(rejected.value)
    assert await jobs_of(make) == []


async def test_a_cluster_without_workers_is_rejected(
    make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    def start() -> Any:
        return distributed.LocalCluster(
            n_workers=0, processes=False, dashboard_address="127.0.0.1:0"
        )

    local = await anyio.to_thread.run_sync(start)
    try:
        with pytest.raises(ConfigurationError, match="has no workers: start some"):
            await send_all(make(), tmp_path, local.scheduler_address, call)
    finally:
        await anyio.to_thread.run_sync(local.close)


async def test_a_scheduler_that_cannot_be_reached_is_an_error_with_its_address(
    make: Callable[..., PostgresJournal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.2)
    with pytest.raises(ConfigurationError, match=r"'tcp://127\.0\.0\.1:1' cannot be reached"):
        await send_all(make(), tmp_path, "tcp://127.0.0.1:1", call)
    assert await jobs_of(make) == []


@pytest.mark.parametrize("wrong", [8786, object()], ids=["number", "object"])
async def test_what_is_no_cluster_is_rejected(
    make: Callable[..., PostgresJournal], tmp_path: Path, wrong: object
) -> None:
    with pytest.raises(ConfigurationError, match="needs the address of a Dask scheduler"):
        await send_all(make(), tmp_path, wrong, call)


async def test_without_dask_the_extra_is_named(
    make: Callable[..., PostgresJournal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'sunco\[dask\]'"):
        await send_all(make(), tmp_path, "tcp://127.0.0.1:1", call)


async def test_a_cluster_needs_a_journal_that_its_workers_share() -> None:
    with pytest.raises(ConfigurationError, match="cluster= needs a PostgresJournal"):
        await run(call, [1], key=str, cluster="tcp://127.0.0.1:1")


async def test_a_journal_is_sent_without_what_this_process_holds(
    make: Callable[..., PostgresJournal],
) -> None:
    journal = make()
    await journal.open("j", "call")
    sent = pickle.loads(pickle.dumps(journal))  # noqa: S301 - our own
    try:
        await sent.open("j", "call", join=True)
        assert sent._worker not in {None, journal._worker}
    finally:
        await sent.close()
        await journal.close()


async def test_a_job_of_that_name_with_another_function_is_rejected(
    client: Any, make: Callable[..., PostgresJournal], tmp_path: Path
) -> None:
    await send_all(make(), tmp_path, client, call)
    with pytest.raises(StorageError, match="has the function 'call', not 'hang_here'"):
        await send_all(make(), tmp_path, client, hang_here)


async def test_a_worker_asks_until_it_is_to_stop() -> None:
    class Share:
        async def run(self) -> None:
            await anyio.sleep_forever()

    results = [False, False, True]

    class Stop:
        def wait(self, timeout: float) -> bool:
            assert timeout > 0
            return results.pop(0)

    with anyio.fail_after(60):
        await cluster._work_until(cast("SharedJob", Share()), Stop())
    assert results == []


async def test_a_worker_fails_with_the_error_of_its_share(
    make: Callable[..., PostgresJournal],
) -> None:
    share = SharedJob(
        fn=call,
        function="call",
        job="missing",
        journal=make(),
        concurrency=1,
        stop_after_failures=None,
        grace_period=0.0,
        on_uncertain="retry",
        callback=None,
    )
    with pytest.raises(StorageError, match="There is no job 'missing'"):
        await cluster._work_until(share, threading.Event())


def test_other_processes_read_the_function_and_call_it() -> None:
    check, run_there = cluster._tasks()
    payload = pickle.dumps(called)
    check(payload)
    assert _called == []
    run_there(payload, "stop")
    assert _called == ["stop"]


_started: list[int] = []
_stopped: list[int] = []
_called: list[str] = []
_leave = threading.Event()


async def hang_here(_: Any) -> None:
    _started.append(threading.get_ident())
    try:
        await anyio.sleep_forever()
    finally:
        _stopped.append(threading.get_ident())


class Elsewhere:
    """A function whose module other processes do not have."""

    async def __call__(self, item: Any) -> Any:
        return item

    def __reduce__(self) -> Any:
        return find_mine, ()


def find_mine() -> None:
    raise ModuleNotFoundError("No module named 'mine'")


def called(stop: str) -> None:
    _called.append(stop)


def fail(*_: Any) -> None:
    raise StorageError("no database here")


def linger(*_: Any) -> None:
    _leave.wait(60)
