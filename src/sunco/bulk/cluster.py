"""Dask as a launcher: it starts a process's share of a job on each worker of a cluster."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib import import_module
from time import monotonic
from typing import Any, Final, TypeVar

import anyio
import anyio.to_thread
import attrs

from sunco import ConfigurationError
from sunco.bulk.outcome import Report
from sunco.bulk.runner import primary_error
from sunco.bulk.shared import SharedJob

__all__ = ["run_on_cluster"]

T = TypeVar("T")

_CONNECT_SECONDS: Final = 10
_POLL_SECONDS: Final = 1.0
_LEAVE_SECONDS: Final = 15.0
"""Seconds that workers have to leave a job that has ended."""

_logger: Final = logging.getLogger("sunco.bulk")


async def run_on_cluster(
    job: SharedJob,
    items: Iterable[T] | AsyncIterable[T],
    key: Callable[[T], str],
    cluster: Any,
) -> Report:
    """Load items, and work on them here and on each worker of a Dask cluster.

    Dask only starts the work. A worker that dies is replaced by those that remain, through the
    database. When this process fails or is cancelled, the workers stop.

    Args:
        job: This process's share.
        items: The items.
        key: Returns an item's key.
        cluster: A `distributed.Client`, or the address of a scheduler.

    Raises:
        ConfigurationError: Dask is not installed, or cannot be reached, or its workers cannot run
            the function. Nothing was called.
        StorageError: The database cannot be used.
    """
    share = attrs.evolve(job, callback=None)
    stop = f"sunco-{uuid.uuid4().hex}"
    async with _client(cluster) as client:
        payload = _pickled(share)
        workers = await anyio.to_thread.run_sync(_checked_workers, client, payload)
        futures: dict[str, Any] = {}

        async def start() -> None:
            futures.update(await anyio.to_thread.run_sync(_start, client, workers, payload, stop))

        finished = False
        try:
            report = await job.run(items, key, on_open=start)
            finished = True
        finally:
            with anyio.CancelScope(shield=True):
                leave = partial(_leave, client, futures, None if finished else stop)
                await anyio.to_thread.run_sync(leave)
        return report


@asynccontextmanager
async def _client(cluster: Any) -> AsyncGenerator[Any]:
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigurationError("cluster= needs an extra: pip install 'sunco[dask]'.") from None
    if not isinstance(cluster, str):
        if not isinstance(cluster, distributed.Client) or cluster.asynchronous:
            raise ConfigurationError(
                "cluster= needs the address of a Dask scheduler, or a distributed.Client that is "
                "not asynchronous."
            )
        yield cluster
        return
    connect = partial(distributed.Client, cluster, timeout=_CONNECT_SECONDS, set_as_default=False)
    message = f"The Dask scheduler at {cluster!r} cannot be reached"
    try:
        client = await anyio.to_thread.run_sync(connect)
    except (OSError, TimeoutError, ValueError) as error:
        message = f"{message}: {error}."
    else:
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(client.close)
        return
    raise ConfigurationError(message)


def _pickled(share: SharedJob) -> bytes:
    try:
        payload: bytes = import_module("cloudpickle").dumps(partial(_work, share))
    except Exception as error:  # noqa: BLE001 - any object can be part of it
        raise ConfigurationError(
            f"The function cannot be sent to other processes: {error}. {_ADVICE}"
        ) from None
    return payload


def _tasks() -> tuple[Callable[[bytes], None], Callable[[bytes, str], None]]:
    """Functions for other processes.

    Local ones are sent by value: the scheduler reads them as well, and may have no sunco.
    """

    def check(payload: bytes) -> None:
        from importlib import import_module  # noqa: PLC0415 - in the other process

        import_module("cloudpickle").loads(payload)

    def run(payload: bytes, stop: str) -> None:
        from importlib import import_module  # noqa: PLC0415 - as above

        import_module("cloudpickle").loads(payload)(stop)

    return check, run


def _checked_workers(client: Any, payload: bytes) -> list[str]:
    """The addresses of the workers, each of which can load the function."""
    check, _ = _tasks()
    results: Mapping[str, object] = client.run(check, payload, on_error="return")
    if not results:
        raise ConfigurationError("The Dask cluster has no workers: start some, and try again.")
    for worker, error in results.items():
        if isinstance(error, Exception):
            raise ConfigurationError(
                f"The worker of the Dask cluster at {worker} cannot run the job: "
                f"{type(error).__name__}: {error}. {_ADVICE}"
            )
    return list(results)


def _start(client: Any, workers: Iterable[str], payload: bytes, stop: str) -> dict[str, Any]:
    _, run = _tasks()
    return {
        worker: client.submit(run, payload, stop, workers=[worker], pure=False, retries=0)
        for worker in workers
    }


def _leave(client: Any, futures: Mapping[str, Any], stop: str | None) -> None:
    """Wait for the workers to leave the job, after asking them to stop if it has not finished."""
    distributed = import_module("distributed")
    if not futures:
        return
    try:
        if stop is not None:
            distributed.Event(stop, client=client).set()
        _wait(client, futures)
    except (OSError, TimeoutError) as error:
        _logger.warning("Not all workers of the Dask cluster have left the job: %s", error)
    for worker, future in futures.items():
        if future.status == "error":
            _logger.warning(
                "The worker of the Dask cluster at %s failed: %s", worker, future.exception()
            )
    client.cancel(list(futures.values()))


def _wait(client: Any, futures: Mapping[str, Any]) -> None:
    ended = monotonic() + _LEAVE_SECONDS
    while monotonic() < ended:
        # The task of a worker that died waits for it forever.
        alive = client.nthreads()
        left = [each for worker, each in futures.items() if worker in alive and not each.done()]
        if not left:
            return
        with client.as_current(), suppress(TimeoutError):
            import_module("distributed").wait(left, timeout=_POLL_SECONDS)
    raise TimeoutError(f"they have not responded for {_LEAVE_SECONDS:g} s")


def _work(share: SharedJob, stop: str) -> None:
    """Work on the job, in a process of the cluster, until it is finished or stopped."""
    distributed = import_module("distributed")
    event = distributed.Event(stop, client=distributed.get_client())
    anyio.run(_work_until, share, event)


async def _work_until(share: SharedJob, event: Any) -> None:
    async def watch() -> None:
        wait = partial(event.wait, _POLL_SECONDS)
        while not await anyio.to_thread.run_sync(wait, abandon_on_cancel=True):
            pass
        tasks.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            await share.run()
            tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise primary_error(group) from None


_ADVICE: Final = (
    "Install sunco[postgres] and the function's module on every worker; the function and the "
    "journal must be picklable: a client belongs into the function, not into a partial."
)
