"""What happens to the next webhook deliveries: delays, duplicates, another order, drops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["delay", "drop", "duplicate", "reorder"]


@dataclass(slots=True)
class Disturbance:
    """Something that happens to the next deliveries.

    Args:
        kind: What happens.
        remaining: To how many deliveries.
        seconds: How long a delay is.
    """

    kind: Kind
    remaining: int
    seconds: float = 0.0


@dataclass(slots=True)
class DeliveryPlan:
    """The disturbances of the next deliveries; the oldest of each kind is used."""

    disturbances: list[Disturbance] = field(default_factory=list[Disturbance])

    def add(self, kind: Kind, remaining: int, seconds: float = 0.0) -> None:
        """Add a disturbance; see `Disturbance`."""
        self.disturbances.append(Disturbance(kind, remaining, seconds))

    def clear(self) -> None:
        """Deliver as the platform does."""
        self.disturbances.clear()

    def apply(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events of a delivery after duplicates, reordering and drops.

        Args:
            events: The events, in order.
        """
        if self._take("drop"):
            return []
        step = -1 if self._take("reorder") else 1
        times = 2 if self._take("duplicate") else 1
        return events[::step] * times

    def take_delay(self) -> float:
        """The seconds to wait before a delivery."""
        found = self._take("delay")
        return found.seconds if found else 0.0

    def _take(self, kind: Kind) -> Disturbance | None:
        for one in self.disturbances:
            if one.kind == kind:
                one.remaining -= 1
                if one.remaining < 1:
                    self.disturbances.remove(one)
                return one
        return None
