"""Where messages and activities come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.rendering import Detail, Renderable, omit_none

if TYPE_CHECKING:
    from sunco.emulator.state.users import Client, Device


@dataclass(frozen=True, slots=True)
class Source(Renderable):
    """The channel of a message or an activity, and the client and device that it came from.

    Args:
        type: The integration's type, or `api:conversations`.
        integration_id: The integration.
        client: The client.
        device: The device, for SDKs.
        original_id: The id that the channel gave to the message.
        original_timestamp: When the channel received the message.
    """

    type: str
    integration_id: str | None = None
    client: Client | None = None
    device: Device | None = None
    original_id: str | None = None
    original_timestamp: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The source in API responses."""
        return omit_none(
            type=self.type,
            integrationId=self.integration_id,
            originalMessageId=self.original_id,
            originalMessageTimestamp=self.original_timestamp,
        )

    def render(self, detail: Detail) -> dict[str, Any]:
        """The source in events; with full detail, including client and device."""
        if not detail.full_source:
            return self.to_json()
        return self.to_json() | omit_none(
            client=self.client.to_json() if self.client else None,
            device=self.device.to_json() if self.device else None,
        )


API = Source("api:conversations")
