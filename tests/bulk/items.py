"""Items for jobs, and what to do with them."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel

from sunco.bulk import (
    stream,
)
from sunco.bulk.outcome import Outcome


def by_text(item: object) -> str:
    return str(item)


def by_id(item: Any) -> str:
    key: str = item["id"]
    return key


async def echo(item: Any) -> Any:
    await anyio.lowlevel.checkpoint()
    return item


async def outcomes_of(items: Any, fn: Any = echo, **options: Any) -> dict[str, Outcome[Any, Any]]:
    settings: dict[str, Any] = {"key": by_text, **options}
    async with stream(fn, items, **settings) as outcomes:
        return {outcome.key: outcome async for outcome in outcomes}
