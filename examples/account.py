"""The client of the other examples: for your account, or for an emulator in this process."""

from __future__ import annotations

import os

from sunco import Sunco


def open_account() -> Sunco:
    """A client: from the environment if `SUNCO_KEY_ID` is set, otherwise for a new emulator."""
    if is_emulated():
        from sunco.emulator import Emulator  # noqa: PLC0415 - an extra
        from sunco.testing import connect  # noqa: PLC0415 - an extra

        return connect(Emulator())
    return Sunco.from_env()


def is_emulated() -> bool:
    return not os.environ.get("SUNCO_KEY_ID")
