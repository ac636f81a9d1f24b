"""The operations, one file for each namespace of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.routes import (
    clients,
    conversations,
    messages,
    participants,
    switchboard_actions,
    users,
)

if TYPE_CHECKING:
    from sunco.emulator.operations import Operation

ALL: tuple[Operation, ...] = tuple(
    operation
    for namespace in (
        conversations,
        participants,
        messages,
        switchboard_actions,
        users,
        clients,
    )
    for operation in namespace.operations.all
)
