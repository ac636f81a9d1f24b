"""Webhook events: one class for each trigger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import local, model
from sunco.models.content import UnknownContent
from sunco.models.events.base import IncomingEvent
from sunco.models.events.payloads import (
    ClientAddPayload,
    ClientRemovePayload,
    ClientUpdatePayload,
    ConversationActivityPayload,
    ConversationCreatePayload,
    ConversationMembershipPayload,
    ConversationMessagePayload,
    ConversationPostbackPayload,
    ConversationReferralPayload,
    ConversationRemovePayload,
    MessageDeliveryFailurePayload,
    MessageDeliveryPayload,
    SwitchboardFailurePayload,
    SwitchboardPayload,
    SwitchboardTransferPayload,
    UserMergePayload,
    UserRemovePayload,
    UserUpdatePayload,
)
from sunco.models.messages import Message

__all__ = [
    "ClientAddEvent",
    "ClientRemoveEvent",
    "ClientUpdateEvent",
    "ConversationCreateEvent",
    "ConversationJoinEvent",
    "ConversationLeaveEvent",
    "ConversationMessageDeliveryChannelEvent",
    "ConversationMessageDeliveryFailureEvent",
    "ConversationMessageDeliveryUserEvent",
    "ConversationMessageEvent",
    "ConversationPostbackEvent",
    "ConversationReadEvent",
    "ConversationReferralEvent",
    "ConversationRemoveEvent",
    "ConversationTypingEvent",
    "Event",
    "PassthroughMessagingEvent",
    "SwitchboardAcceptControlEvent",
    "SwitchboardAcceptControlFailureEvent",
    "SwitchboardOfferControlEvent",
    "SwitchboardOfferControlFailureEvent",
    "SwitchboardPassControlEvent",
    "SwitchboardPassControlFailureEvent",
    "SwitchboardReleaseControlEvent",
    "UnknownEvent",
    "UserMergeEvent",
    "UserRemoveEvent",
    "UserUpdateEvent",
    "WebhookEvent",
]


@model
class WebhookEvent(IncomingEvent):
    """The base class of known events. An event can be delivered twice, and out of order.

    Attributes:
        id: The event's id, the same in every delivery of it.
        created_at: The time of the event.
    """

    id: str
    created_at: datetime | None = None


@model
class ClientAddEvent(WebhookEvent):
    """A client was created, or is being linked.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["client:add"]] = "client:add"

    payload: ClientAddPayload


@model
class ClientRemoveEvent(WebhookEvent):
    """A client was removed, or could not be linked.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["client:remove"]] = "client:remove"

    payload: ClientRemovePayload


@model
class ClientUpdateEvent(WebhookEvent):
    """A client was matched, confirmed, blocked or unblocked.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["client:update"]] = "client:update"

    payload: ClientUpdatePayload


@model
class ConversationCreateEvent(WebhookEvent):
    """A conversation was created.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:create"]] = "conversation:create"

    payload: ConversationCreatePayload


@model
class ConversationJoinEvent(WebhookEvent):
    """A user joined an `sdkGroup` conversation.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:join"]] = "conversation:join"

    payload: ConversationMembershipPayload


@model
class ConversationLeaveEvent(WebhookEvent):
    """A user left an `sdkGroup` conversation.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:leave"]] = "conversation:leave"

    payload: ConversationMembershipPayload


@model
class ConversationRemoveEvent(WebhookEvent):
    """A conversation was deleted.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:remove"]] = "conversation:remove"

    payload: ConversationRemovePayload


@model
class ConversationMessageEvent(WebhookEvent):
    """A message was sent, by a user or by the business.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:message"]] = "conversation:message"

    payload: ConversationMessagePayload

    @property
    def conversation_id(self) -> str:
        """The id of the event's conversation."""
        return self.payload.conversation.id

    @property
    def message(self) -> Message:
        """The message."""
        return self.payload.message

    @property
    def text(self) -> str:
        """The text of the message, or the caption of a file; empty if it has none."""
        content = self.payload.message.content
        text = getattr(content, "text", None)
        if isinstance(content, UnknownContent):
            text = content.extra.get("text")
        return text if isinstance(text, str) else ""


@model
class ConversationMessageDeliveryChannelEvent(WebhookEvent):
    """A message was delivered to a channel.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:message:delivery:channel"]] = (
        "conversation:message:delivery:channel"
    )

    payload: MessageDeliveryPayload


@model
class ConversationMessageDeliveryFailureEvent(WebhookEvent):
    """A message could not be delivered.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:message:delivery:failure"]] = (
        "conversation:message:delivery:failure"
    )

    payload: MessageDeliveryFailurePayload


@model
class ConversationMessageDeliveryUserEvent(WebhookEvent):
    """A message was delivered to a user.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:message:delivery:user"]] = (
        "conversation:message:delivery:user"
    )

    payload: MessageDeliveryPayload


@model
class ConversationPostbackEvent(WebhookEvent):
    """A user tapped a `Postback` button.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:postback"]] = "conversation:postback"

    payload: ConversationPostbackPayload

    @property
    def is_from_user(self) -> bool:
        """Always True: only users cause this event."""
        return True


@model
class ConversationReadEvent(WebhookEvent):
    """A user read the conversation.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:read"]] = "conversation:read"

    payload: ConversationActivityPayload


@model
class ConversationReferralEvent(WebhookEvent):
    """A user reached a conversation through a referral.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:referral"]] = "conversation:referral"

    payload: ConversationReferralPayload

    @property
    def is_from_user(self) -> bool:
        """Always True: only users cause this event."""
        return True


@model
class ConversationTypingEvent(WebhookEvent):
    """A user started or stopped typing.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["conversation:typing"]] = "conversation:typing"

    payload: ConversationActivityPayload


@model
class PassthroughMessagingEvent(WebhookEvent):
    """A channel's own event, passed on unchanged. The API describes no payload.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["passthrough:messaging"]] = "passthrough:messaging"

    payload: Mapping[str, Any]


@model
class SwitchboardAcceptControlEvent(WebhookEvent):
    """Control was accepted.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:acceptControl"]] = "switchboard:acceptControl"

    payload: SwitchboardPayload


@model
class SwitchboardAcceptControlFailureEvent(WebhookEvent):
    """Control could not be accepted.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:acceptControl:failure"]] = (
        "switchboard:acceptControl:failure"
    )

    payload: SwitchboardFailurePayload


@model
class SwitchboardOfferControlEvent(WebhookEvent):
    """Control was offered.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:offerControl"]] = "switchboard:offerControl"

    payload: SwitchboardPayload


@model
class SwitchboardOfferControlFailureEvent(WebhookEvent):
    """Control could not be offered.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:offerControl:failure"]] = "switchboard:offerControl:failure"

    payload: SwitchboardFailurePayload


@model
class SwitchboardPassControlEvent(WebhookEvent):
    """Control was passed.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:passControl"]] = "switchboard:passControl"

    payload: SwitchboardTransferPayload


@model
class SwitchboardPassControlFailureEvent(WebhookEvent):
    """Control could not be passed.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:passControl:failure"]] = "switchboard:passControl:failure"

    payload: SwitchboardFailurePayload


@model
class SwitchboardReleaseControlEvent(WebhookEvent):
    """Control was released.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["switchboard:releaseControl"]] = "switchboard:releaseControl"

    payload: SwitchboardTransferPayload


@model
class UserMergeEvent(WebhookEvent):
    """Users were merged into one.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["user:merge"]] = "user:merge"

    payload: UserMergePayload


@model
class UserRemoveEvent(WebhookEvent):
    """A user was deleted.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["user:remove"]] = "user:remove"

    payload: UserRemovePayload


@model
class UserUpdateEvent(WebhookEvent):
    """A user was authenticated, or their language was detected.

    Attributes:
        payload: The details.
    """

    type: ClassVar[Literal["user:update"]] = "user:update"

    payload: UserUpdatePayload


@model
class UnknownEvent(IncomingEvent):
    """An event of a type that is unknown to this version of sunco, or that cannot be read.

    Attributes:
        type: The trigger in the API's words.
        id: The event's id, if it has one.
        created_at: The time of the event.
        payload: The details, as they were received.
        error: Why it could not be read; None where only its type is unknown.
    """

    type: str | None = attrs.field(default=None, kw_only=False)
    id: str | None = None
    created_at: datetime | None = None
    payload: Any = None
    error: str | None = attrs.field(default=None, metadata=local())


Event: TypeAlias = (
    ClientAddEvent
    | ClientRemoveEvent
    | ClientUpdateEvent
    | ConversationCreateEvent
    | ConversationJoinEvent
    | ConversationLeaveEvent
    | ConversationRemoveEvent
    | ConversationMessageEvent
    | ConversationMessageDeliveryChannelEvent
    | ConversationMessageDeliveryFailureEvent
    | ConversationMessageDeliveryUserEvent
    | ConversationPostbackEvent
    | ConversationReadEvent
    | ConversationReferralEvent
    | ConversationTypingEvent
    | PassthroughMessagingEvent
    | SwitchboardAcceptControlEvent
    | SwitchboardAcceptControlFailureEvent
    | SwitchboardOfferControlEvent
    | SwitchboardOfferControlFailureEvent
    | SwitchboardPassControlEvent
    | SwitchboardPassControlFailureEvent
    | SwitchboardReleaseControlEvent
    | UserMergeEvent
    | UserRemoveEvent
    | UserUpdateEvent
    | UnknownEvent
)
"""A webhook event."""
