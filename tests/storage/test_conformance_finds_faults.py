"""The public conformance suite rejects inboxes that keep lost claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from support.clock import FakeClock

from sunco.testing import InboxSubject, inbox_suite
from sunco.webhooks import Claim, ClaimLostError, EventResult, MemoryInbox

pytestmark = pytest.mark.anyio


class Recording(MemoryInbox):
    """Records results with claims that are lost."""

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        state: Mapping[str, Any] | None = None,
        starting: Sequence[str] = (),
    ) -> None:
        try:
            await super().record(claim, results, state=state, starting=starting)
        except ClaimLostError:
            return


class Holding(MemoryInbox):
    """Reports lost claims as held."""

    async def holds(self, claim: Claim) -> float:
        try:
            return await super().holds(claim)
        except ClaimLostError:
            return 1.0


@pytest.mark.parametrize("kind", [Recording, Holding])
async def test_an_inbox_that_keeps_lost_claims_fails(kind: type[MemoryInbox]) -> None:
    messages: list[str] = []
    for check in inbox_suite():
        clock = FakeClock()
        inbox = kind(clock=clock)

        def make(inbox: MemoryInbox = inbox) -> MemoryInbox:
            return inbox

        try:
            await check(InboxSubject(make=make, advance=clock.advance))
        except AssertionError as error:
            messages.append(str(error))
    assert any("lost" in message for message in messages)
