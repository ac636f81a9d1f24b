"""Switchboards: which integrations can control conversations."""

from __future__ import annotations

from sunco.models.base import Model, model

__all__ = ["Switchboard", "SwitchboardIntegration"]


@model
class Switchboard(Model):
    """Passes control of conversations between integrations; an app has one at most.

    Attributes:
        id: The switchboard's id.
        enabled: Whether it is at work. While it is not, all its integrations get all events.
        default_switchboard_integration_id: The integration that controls new conversations, unless
            the channel's integration names a default responder.
    """

    id: str
    enabled: bool | None = None
    default_switchboard_integration_id: str | None = None


@model
class SwitchboardIntegration(Model):
    """An integration's place in a switchboard.

    Attributes:
        id: The switchboard integration's id.
        name: Its name in control transfers: letters, digits, `-` and `_`, 128 characters at most.
        integration_id: The integration behind it.
        integration_type: That integration's type; for OAuth integrations their client id.
        deliver_standby_events: Whether its webhooks are called while it is not in control.
        next_switchboard_integration_id: The integration that `"next"` names when it passes control.
        message_history_count: How many messages of history it is given, 1 to 10.
    """

    id: str
    name: str | None = None
    integration_id: str | None = None
    integration_type: str | None = None
    deliver_standby_events: bool | None = None
    next_switchboard_integration_id: str | None = None
    message_history_count: int | None = None
