"""The base classes of all integrations."""

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
        deliver_standby_events: Whether it receives events while it is not in control.
        next_switchboard_integration_id: The integration that `"next"` names when it passes control.
        message_history_count: The number of earlier messages it receives.
        inherited: Whether the channel has no responder of its own and uses the switchboard's.
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
    """The base class of all integrations.

    Attributes:
        id: The integration's id. Read-only: always present in responses, never in requests.
        status: `"active"`, `"error"` or `"inactive"`. Read-only.
        display_name: The display name, 100 characters at most.
    """

    id: str | None = attrs.field(default=None, metadata=read_only())
    status: IntegrationStatus | None = attrs.field(default=None, metadata=read_only())
    display_name: str | None = None


@model
class ChannelIntegration(BaseIntegration):
    """The base class of the integrations that users write through.

    Attributes:
        default_responder_id: The responder that responds first. Write-only.
        default_responder: The responder that responds first. Read-only.
        show_ai_disclaimer: Mark messages that an AI has written; true where absent. Turning it off
            can conflict with laws on AI.
    """

    default_responder_id: str | None = None
    default_responder: DefaultResponder | None = attrs.field(default=None, metadata=read_only())
    show_ai_disclaimer: bool | None = attrs.field(
        default=None, metadata=json_key("showAIDisclaimer")
    )
