"""The fixtures of sunco, for pytest: a client and what it talks to, new for every test.

pytest loads this module by itself wherever sunco is installed, so it must cost nothing until a
fixture is asked for: it stands beside the package because to import anything from `sunco` is to
import all of the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sunco import Sunco
    from sunco.emulator import Emulator

__all__ = ["sunco", "sunco_emulator", "sunco_emulator_options"]


@pytest.fixture
def sunco_emulator_options() -> dict[str, Any]:
    """What the emulator is made with; define a fixture of this name to make it otherwise."""
    return {"retry_scale": 0}


@pytest.fixture
def sunco_emulator(sunco_emulator_options: dict[str, Any]) -> Emulator:
    """A Sunshine Conversations in this process, in the state that it starts in.

    It is no coroutine's, so that it works with every plugin that runs asynchronous tests.
    """
    from sunco.emulator import Emulator  # noqa: PLC0415

    return Emulator(**sunco_emulator_options)


@pytest.fixture
def sunco(sunco_emulator: Emulator) -> Sunco:
    """A client of the emulator, without a socket: it holds nothing that would have to be closed."""
    from sunco.testing import connect  # noqa: PLC0415

    return connect(sunco_emulator)
