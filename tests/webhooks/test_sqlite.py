"""What is special about the inbox in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sunco import ConfigurationError, StorageError
from sunco.webhooks import NewEvent, SQLiteInbox

pytestmark = pytest.mark.anyio

EVENT = NewEvent(key="e1", ordering_key="c1", content=b"{}")


@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_what_is_stored_is_there_for_the_next_process(
    tmp_path: Path, synchronous: Any
) -> None:
    path = tmp_path / "inbox.db"
    for _ in range(2):
        inbox = SQLiteInbox(str(path), synchronous=synchronous)
        await inbox.open()
        await inbox.open()
        await inbox.add([EVENT])
        (claim,) = await inbox.claim(10)
        assert [event.key for event in claim.events] == ["e1"]
        assert repr(inbox) == f"SQLiteInbox({str(path)!r})"
        await inbox.close()
        await inbox.close()


@pytest.mark.parametrize(
    "arguments", [{"path": ":memory:"}, {"path": ""}, {"path": "a", "synchronous": "off"}]
)
def test_what_would_lose_events_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SQLiteInbox(**arguments)


async def test_nothing_is_stored_in_a_closed_inbox(tmp_path: Path) -> None:
    inbox = SQLiteInbox(tmp_path / "inbox.db")
    with pytest.raises(StorageError, match="is not open"):
        await inbox.add([EVENT])


async def test_one_process_claims_and_another_takes_over(tmp_path: Path) -> None:
    first, second = (SQLiteInbox(tmp_path / "inbox.db", synchronous="normal") for _ in range(2))
    for inbox in (first, second):
        await inbox.open()
    await second.add([EVENT])
    assert await second.next_due() is None
    assert len(await first.claim(10)) == 1
    assert await second.claim(10) == []
    await first.close()
    assert len(await second.claim(10)) == 1
    await second.close()
