"""What the tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("operations.rows")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every test marked `anyio` runs on both."""
    backend: str = request.param
    return backend


@pytest.fixture
def schema() -> Iterator[str]:
    """The name of a schema in PostgreSQL that does not exist yet, and is dropped in the end."""
    from support import postgres  # noqa: PLC0415 - needs an extra

    _, name = postgres.fresh_schema()
    yield name
    postgres.drop_schema(name)
