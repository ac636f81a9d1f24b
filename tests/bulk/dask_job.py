"""Functions that workers of a Dask cluster import, and a module that keeps sunco from them."""

from __future__ import annotations

import os
from pathlib import Path

import anyio

__all__ = ["all_take_part", "send", "send_together"]


async def send(item: tuple[str, int]) -> int:
    """Note in the item's file that this process was called for it."""
    folder, number = item
    async with await anyio.open_file(Path(folder) / f"item-{number}", "a") as file:
        await file.write(f"{os.getpid()}\n")
    return number


async def send_together(item: tuple[str, int]) -> int:
    """As `send`, once three processes take part."""
    await anyio.Path(item[0], f"process-{os.getpid()}").touch()
    await all_take_part(item[0])
    return await send(item)


async def all_take_part(folder: str | Path) -> None:
    """Wait until three processes take part."""
    with anyio.fail_after(120):
        found = anyio.Path(folder)
        while len([each async for each in found.glob("process-*")]) < 3:  # noqa: ASYNC110 - files
            await anyio.sleep(0.02)
