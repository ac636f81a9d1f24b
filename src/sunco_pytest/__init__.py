"""Fixtures for pytest: a client and its emulator, new for every test.

pytest loads this plugin wherever sunco is installed, so it must cost nothing until a fixture is
used. It is outside the package `sunco`, because any import from there imports the client.
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
    """The arguments for `Emulator`; define a fixture with this name to change them."""
    return {"retry_scale": 0}


@pytest.fixture
def sunco_emulator(sunco_emulator_options: dict[str, Any]) -> Emulator:
    """An emulator in its initial state.

    The fixture is synchronous, so that it works with every plugin for asynchronous tests.
    """
    from sunco.emulator import Emulator  # noqa: PLC0415

    return Emulator(**sunco_emulator_options)


@pytest.fixture
def sunco(sunco_emulator: Emulator) -> Sunco:
    """A client of the emulator. It has no sockets, so it need not be closed."""
    from sunco.testing import connect  # noqa: PLC0415

    return connect(sunco_emulator)
