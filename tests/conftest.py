"""What the tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest

pytest.register_assert_rewrite("operations.rows")

# Shells start what runs in the background with SIGINT ignored, and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape lone surrogates in captured output: reports are sent between processes as UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode())
        for title, text in report.sections
    ]
    return report


# With it in the environment, coverage also measures the processes that tests start.
_MEASURE = "COVERAGE_PROCESS_CONFIG"


@pytest.fixture(scope="session", autouse=True)
def measurement() -> str | None:
    """What has coverage measure processes; not set, as measuring doubles their time."""
    return os.environ.pop(_MEASURE, None)


@pytest.fixture(scope="module")
def measured_processes(measurement: str | None) -> Iterator[None]:
    """The processes that a module starts are measured: some lines run only in them."""
    with pytest.MonkeyPatch.context() as patched:
        if measurement is not None:
            patched.setenv(_MEASURE, measurement)
        yield


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
