"""Dask as a launcher: it starts a process's share of a job on each worker of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from importlib import import_module
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import attrs

from sunco import ConfigurationError
from sunco.bulk.outcome import Report
from sunco.bulk.shared import SharedJob

__all__ = ["run_on_cluster"]

T = TypeVar("T")


async def run_on_cluster(
    job: SharedJob,
    items: Iterable[T] | AsyncIterable[T],
    key: Callable[[T], str],
    cluster: Any,
) -> Report:
    """Load items, and work on them here and on each worker of a Dask cluster.

    Dask only starts the work. What happens when a worker dies is up to the database, as without
    Dask.

    Args:
        job: This process's share.
        items: The items.
        key: Returns an item's key.
        cluster: A `distributed.Client`, or the address of a scheduler.

    Raises:
        ConfigurationError: Dask is not installed, or cannot be reached, or its workers cannot run
            the function.
    """
    client, own = await anyio.to_thread.run_sync(_connect, cluster)
    try:
        share = attrs.evolve(job, callback=None)
        workers = await anyio.to_thread.run_sync(_workers_of, client, share)
        futures = [
            client.submit(_work, share, workers=[worker], pure=False, retries=0)
            for worker in workers
        ]
        try:
            return await job.run(items, key)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_cancel, client, futures)
    finally:
        if own:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(client.close)


def _connect(cluster: Any) -> tuple[Any, bool]:
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigurationError("cluster= needs an extra: pip install 'sunco[dask]'.") from None
    if not isinstance(cluster, str):
        return cluster, False
    try:
        return distributed.Client(cluster, timeout=10, set_as_default=False), True
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigurationError(
            f"The Dask scheduler at {cluster} cannot be reached: {error}."
        ) from None


def _workers_of(client: Any, share: SharedJob) -> list[str]:
    workers = list(client.scheduler_info(n_workers=-1)["workers"])
    if not workers:
        raise ConfigurationError("The Dask cluster has no workers.")
    try:
        # Before anything is sent: each has sunco, and can load the function.
        for worker in workers:
            client.submit(_check, share, workers=[worker], pure=False, retries=0).result(timeout=30)
    except Exception as error:  # noqa: BLE001 - whatever the worker raised
        message = (
            f"A worker of the Dask cluster cannot run the job: {type(error).__name__}: {error}. "
            "Install sunco[postgres] and the function's module on each."
        )
    else:
        return workers
    raise ConfigurationError(message)


def _check(share: SharedJob) -> bool:
    return callable(share.fn)


def _work(share: SharedJob) -> None:
    anyio.run(share.run)


def _cancel(client: Any, futures: list[Any]) -> None:
    # The others see that the job is finished; those of a job that failed end with it.
    import_module("distributed").wait(futures, timeout=5) if futures else None
    client.cancel(futures)
