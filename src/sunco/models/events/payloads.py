"""The payloads of webhook events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from sunco.models.base import Metadata, Model, model
from sunco.models.clients import Client
from sunco.models.conversations import Conversation
from sunco.models.messages import ActivityType, Author, Message, Source
from sunco.models.users import User

__all__ = [
    "Activity",
    "ClientAddPayload",
    "ClientRemovePayload",
    "ClientUpdatePayload",
    "ConversationActivityPayload",
    "ConversationCreatePayload",
    "ConversationMembershipPayload",
    "ConversationMessagePayload",
    "ConversationPostbackPayload",
    "ConversationReferralPayload",
    "ConversationRemovePayload",
    "CreationReason",
    "DeliveryDestination",
    "EventError",
    "ExternalMessage",
    "MergedClients",
    "MergedConversations",
    "MergedUsers",
    "MessageDeliveryFailurePayload",
    "MessageDeliveryPayload",
    "MessageReference",
    "PostbackContent",
    "Referral",
    "ReferralDetails",
    "SwitchboardFailurePayload",
    "SwitchboardPayload",
    "SwitchboardTransferPayload",
    "UserMergePayload",
    "UserRemovePayload",
    "UserUpdatePayload",
]

CreationReason: TypeAlias = (
    Literal[
        "linkRequest",
        "message",
        "none",
        "notification",
        "prechatCapture",
        "proactiveMessaging",
        "startConversation",
    ]
    | str
)


@model
class EventError(Model):
    """The cause of a failure.

    Attributes:
        code: A code for programs.
        message: A text for humans.
    """

    code: str | None = None
    message: str | None = None


@model
class MessageReference(Model):
    """A message, by its id.

    Attributes:
        id: The message's id.
    """

    id: str | None = None


@model
class ExternalMessage(Model):
    """A message on the channel.

    Attributes:
        id: The message's id on the channel.
    """

    id: str | None = None


@model
class DeliveryDestination(Model):
    """The channel that a message was delivered to.

    Attributes:
        type: The channel.
        integration_id: The integration.
    """

    type: str | None = None
    integration_id: str | None = None


@model
class PostbackContent(Model):
    """The payload of a tapped button.

    Attributes:
        payload: The button's payload.
        metadata: The button's custom properties.
    """

    payload: str | None = None
    metadata: Metadata | None = None


@model
class Activity(Model):
    """Reading or typing.

    Attributes:
        type: `"conversation:read"`, `"typing:start"` or `"typing:stop"`.
        source: The channel it came from.
        author: The author of the activity.
    """

    type: ActivityType | None = None
    source: Source | None = None
    author: Author | None = None


@model
class ReferralDetails(Model):
    """The origin of a referral.

    Attributes:
        source: The kind of origin, such as an ad.
        type: The kind of referral.
        ad_id: The ad.
    """

    source: str | None = None
    type: str | None = None
    ad_id: str | None = None


@model
class Referral(Model):
    """A referral of a user to a conversation.

    Attributes:
        code: The code of the followed link.
        details: The origin of the link.
    """

    code: str | None = None
    details: ReferralDetails | None = None


@model
class MergedUsers(Model):
    """Two users that were merged.

    Attributes:
        surviving: The user that remains.
        discarded: The user that was removed.
    """

    surviving: User | None = None
    discarded: User | None = None


@model
class MergedConversations(Model):
    """Two conversations that were merged.

    Attributes:
        surviving: The one that remains.
        discarded: The one that was removed.
    """

    surviving: Conversation | None = None
    discarded: Conversation | None = None


@model
class MergedClients(Model):
    """Two clients that were merged.

    Attributes:
        surviving: The one that remains.
        discarded: The one that was removed.
    """

    surviving: Client | None = None
    discarded: Client | None = None


@model
class ClientAddPayload(Model):
    """A client that was added.

    Attributes:
        conversation: The conversation, if the client has one.
        user: The user.
        client: The client.
        reason: Why it was added.
        source: The channel it came from.
    """

    conversation: Conversation | None = None
    user: User | None = None
    client: Client | None = None
    reason: Literal["channelLinking", "sdkLogin", "authCode"] | str | None = None
    source: Source | None = None


@model
class ClientRemovePayload(Model):
    """A client that was removed.

    Attributes:
        conversation: The conversation, if the client has one.
        user: The user.
        client: The client.
        reason: Why it was removed.
        error: Why linking failed.
        source: The channel it came from.
    """

    conversation: Conversation | None = None
    user: User | None = None
    client: Client | None = None
    reason: Literal["api", "linkCancelled", "linkFailed", "sdk", "theft"] | str | None = None
    error: EventError | None = None
    source: Source | None = None


@model
class ClientUpdatePayload(Model):
    """A client that changed.

    Attributes:
        conversation: The conversation.
        user: The user.
        client: The client.
        reason: What changed.
    """

    conversation: Conversation | None = None
    user: User | None = None
    client: Client | None = None
    reason: Literal["confirmed", "blocked", "unblocked", "matched"] | str | None = None


@model
class ConversationCreatePayload(Model):
    """A conversation that was created.

    Attributes:
        conversation: The conversation.
        creation_reason: Why it was created.
        source: The channel it came from.
        user: The user who started it, if one did.
        referral: The user's referral.
    """

    conversation: Conversation | None = None
    creation_reason: CreationReason | None = None
    source: Source | None = None
    user: User | None = None
    referral: Referral | None = None


@model
class ConversationMembershipPayload(Model):
    """A user who joined or left.

    Attributes:
        conversation: The conversation.
        user: The user.
    """

    conversation: Conversation | None = None
    user: User | None = None


@model
class ConversationRemovePayload(Model):
    """A conversation that was deleted.

    Attributes:
        conversation: The deleted conversation.
    """

    conversation: Conversation | None = None


@model
class MessageDeliveryPayload(Model):
    """A message that was delivered.

    Attributes:
        user: The user.
        conversation: The conversation.
        message: The message.
        destination: The channel it was sent to.
        external_messages: Its messages on the channel.
        is_final_event: Whether this is the last event of this delivery.
    """

    user: User | None = None
    conversation: Conversation | None = None
    message: MessageReference | None = None
    destination: DeliveryDestination | None = None
    external_messages: Sequence[ExternalMessage] | None = None
    is_final_event: bool | None = None


@model
class MessageDeliveryFailurePayload(Model):
    """A message that was not delivered.

    Attributes:
        user: The user.
        conversation: The conversation.
        message: The message.
        destination: The channel it was sent to.
        external_messages: Its messages on the channel.
        is_final_event: Whether this is the last event of this delivery.
        error: The cause.
    """

    user: User | None = None
    conversation: Conversation | None = None
    message: MessageReference | None = None
    destination: DeliveryDestination | None = None
    external_messages: Sequence[ExternalMessage] | None = None
    is_final_event: bool | None = None
    error: EventError | None = None


@model
class ConversationMessagePayload(Model):
    """A message that was sent.

    Attributes:
        conversation: The conversation.
        message: The message.
        recent_notifications: Notifications that the user received shortly before.
    """

    conversation: Conversation
    message: Message
    recent_notifications: Sequence[Message] | None = None


@model
class ConversationPostbackPayload(Model):
    """A button that was tapped.

    Attributes:
        postback: The payload of the button.
        conversation: The conversation.
        user: The user.
        source: The channel it came from.
    """

    postback: PostbackContent | None = None
    conversation: Conversation | None = None
    user: User | None = None
    source: Source | None = None


@model
class ConversationActivityPayload(Model):
    """A read or typing activity.

    Attributes:
        conversation: The conversation.
        activity: The activity.
    """

    conversation: Conversation | None = None
    activity: Activity | None = None


@model
class ConversationReferralPayload(Model):
    """A user's referral to a conversation.

    Attributes:
        conversation: The conversation.
        user: The user.
        source: The channel it came from.
        referral: The user's referral.
    """

    conversation: Conversation | None = None
    user: User | None = None
    source: Source | None = None
    referral: Referral | None = None


@model
class SwitchboardPayload(Model):
    """Control that was offered or accepted.

    Attributes:
        conversation: The conversation.
        metadata: The custom properties that the switchboard action was given.
    """

    conversation: Conversation | None = None
    metadata: Metadata | None = None


@model
class SwitchboardTransferPayload(Model):
    """Control that was passed or released.

    Attributes:
        conversation: The conversation.
        metadata: The custom properties that the switchboard action was given.
        reason: The cause, if the system did it.
    """

    conversation: Conversation | None = None
    metadata: Metadata | None = None
    reason: Literal["ticketClosed", "transferToEmail"] | str | None = None


@model
class SwitchboardFailurePayload(Model):
    """A switchboard action that failed.

    Attributes:
        error: The cause.
        conversation: The conversation.
        metadata: The custom properties that the switchboard action was given.
    """

    error: EventError | None = None
    conversation: Conversation | None = None
    metadata: Metadata | None = None


@model
class UserMergePayload(Model):
    """Users that were merged.

    Attributes:
        merged_users: The users.
        merged_conversations: Their conversations, where any were merged.
        merged_clients: Their clients, where any were merged.
        discarded_metadata: Custom properties that did not fit into 4 kB.
        reason: Why.
    """

    merged_users: MergedUsers | None = None
    merged_conversations: MergedConversations | None = None
    merged_clients: MergedClients | None = None
    discarded_metadata: Metadata | None = None
    reason: Literal["api", "channelLinking", "sdkLogin"] | str | None = None


@model
class UserUpdatePayload(Model):
    """A user that changed.

    Attributes:
        user: The user.
        reason: What changed.
        source: The channel it came from.
    """

    user: User | None = None
    reason: Literal["authentication", "localeDetection"] | str | None = None
    source: Source | None = None


@model
class UserRemovePayload(Model):
    """A user that was deleted.

    Attributes:
        user: The deleted user.
    """

    user: User | None = None
