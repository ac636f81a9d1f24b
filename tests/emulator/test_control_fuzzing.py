"""A short form of `nox -s schemathesis`, for the control API and the console."""

from __future__ import annotations

import pytest

from .control_fuzzing import fuzz


@pytest.mark.anyio
@pytest.mark.parametrize("seed", [1, 2])
async def test_no_request_ends_in_a_server_error(seed: int) -> None:
    statuses = await fuzz(seed, 300)
    assert statuses[200] > 50
    assert statuses[400] > 50
    assert {403, 404, 405} <= set(statuses)
