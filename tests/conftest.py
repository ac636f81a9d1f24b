"""What the tests share."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("rows")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every test marked `anyio` runs on both."""
    backend: str = request.param
    return backend
