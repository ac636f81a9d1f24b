"""All operations, from one file per namespace of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api import (
    activities,
    apps,
    attachments,
    clients,
    conversations,
    devices,
    integrations,
    keys,
    messages,
    oauth,
    participants,
    switchboard_actions,
    switchboards,
    users,
    webhooks,
)

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Operation

ALL: tuple[Operation, ...] = tuple(
    operation
    for namespace in (
        apps,
        keys,
        attachments,
        conversations,
        participants,
        messages,
        activities,
        switchboard_actions,
        integrations,
        webhooks,
        switchboards,
        users,
        clients,
        devices,
        oauth,
    )
    for operation in namespace.operations.all
)
