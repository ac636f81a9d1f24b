"""What integrations share, whatever they lead to."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from sunco.models.base import Model, json_key, model, read_only

__all__ = ["BaseIntegration", "ChannelIntegration", "DefaultResponder", "IntegrationStatus"]

IntegrationStatus: TypeAlias = Literal["active", "error", "inactive"] | str


@model
class DefaultResponder(Model):
    """The switchboard integration that responds first on a channel. Set by the API.

    Attributes:
        name: Its name in the switchboard.
        integration_id: The integration behind it.
        integration_type: That integration's type.
        deliver_standby_events: Whether its webhooks are called while it is not in control.
        next_switchboard_integration_id: Whom `"next"` means when it gives control away.
        message_history_count: How many messages of history it is given.
        inherited: True where the channel has none of its own and follows the switchboard.
    """

    name: str | None = None
    integration_id: str | None = None
    integration_type: str | None = None
    deliver_standby_events: bool | None = None
    next_switchboard_integration_id: str | None = None
    message_history_count: float | None = None
    inherited: bool | None = None


@model
class BaseIntegration(Model):
    """What every integration has.

    Attributes:
        id: The integration's id. Read-only: present in responses, never sent.
        status: `"active"`, `"error"` or `"inactive"`. Read-only.
        display_name: A name to show, 100 characters at most.
    """

    id: str | None = attrs.field(default=None, metadata=read_only())
    status: IntegrationStatus | None = attrs.field(default=None, metadata=read_only())
    display_name: str | None = None


@model
class ChannelIntegration(BaseIntegration):
    """What every integration has that users write through.

    Attributes:
        default_responder_id: The integration that responds first. Write-only.
        default_responder: The integration that responds first. Read-only.
        show_ai_disclaimer: Show users which messages an AI has written; true where absent.
            Turning it off may be unlawful where AI has to be disclosed.
    """

    default_responder_id: str | None = None
    default_responder: DefaultResponder | None = attrs.field(default=None, metadata=read_only())
    show_ai_disclaimer: bool | None = attrs.field(
        default=None, metadata=json_key("showAIDisclaimer")
    )
