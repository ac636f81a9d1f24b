"""What channels other than the SDKs do with the next messages of the business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.users import Client

Result: TypeAlias = Literal["fail", "delay", "silence"]


@dataclass(slots=True)
class ChannelRule:
    """What happens to the next messages on a channel.

    Args:
        result: Whether they fail, are late, or are neither confirmed nor fail.
        remaining: To how many messages; None for all.
        channel: The type of the channel, None for all.
        integration_id: The integration, None for all.
        seconds: How late the events are.
        error: The error of a failure.
    """

    result: Result
    remaining: int | None
    channel: str | None = None
    integration_id: str | None = None
    seconds: float = 0.0
    error: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def matches(self, client: Client) -> bool:
        """Whether it is for the channel of this client."""
        return self.channel in (None, client.type) and self.integration_id in (
            None,
            client.integration_id,
        )

    def to_json(self) -> dict[str, Any]:
        """The rule by the names of the arguments that set it."""
        return {
            "result": self.result,
            "next": self.remaining,
            "channel": self.channel,
            "integration": self.integration_id,
            "seconds": self.seconds,
            "error": dict(self.error),
        }


class ChannelPlan:
    """The rules for the next messages; the oldest one that matches is used."""

    def __init__(self) -> None:
        self.rules: list[ChannelRule] = []

    def take(self, client: Client) -> ChannelRule | None:
        """The rule for a message to this client, None if there is none."""
        for rule in self.rules:
            if rule.matches(client):
                if rule.remaining is not None:
                    rule.remaining -= 1
                    if rule.remaining < 1:
                        self.rules.remove(rule)
                return rule
        return None
