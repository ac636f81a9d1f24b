"""The job that is killed: posts numbered messages, by `post_once` or `post`, with a journal."""

from __future__ import annotations

import sys

import anyio

from sunco import RetryPolicy, Sunco
from sunco.bulk import attempt, run

A_CONVERSATION = 100


async def send_all(url: str, posts: int, journal: str | None, way: str) -> None:
    """Post them, and print what became of them."""
    retry = RetryPolicy(max_attempts=20, backoff=0.05, max_backoff=0.5)
    async with Sunco(
        app_id="a", key_id="k", key_secret="s", base_url=url, retry=retry, timeout=10
    ) as sunco:

        async def once(number: int) -> None:
            this = attempt()
            await sunco.messages.post_once(
                f"c{number // A_CONVERSATION}",
                f"message {number}",
                key=this.key,
                maybe_sent=this.maybe_done,
                grace_period=0.2,
            )

        async def plain(number: int) -> None:
            await sunco.messages.post(f"c{number // A_CONVERSATION}", f"message {number}")

        fn = once if way == "once" else plain
        report = await run(fn, range(posts), key=str, journal=journal, job=way, grace_period=0.5)
    sys.stdout.write(f"{report}\n")
    for problem in report.problems[:3]:
        sys.stdout.write(f"{problem.key} {problem.error!r}\n")
    sys.exit(0 if report.ok else 1)


if __name__ == "__main__":
    anyio.run(send_all, sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
