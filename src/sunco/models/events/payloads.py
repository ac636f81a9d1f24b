"""What webhook events carry."""

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
        code: A word for programs.
        message: A sentence for people.
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
    """A message as the channel knows it.

    Attributes:
        id: The channel's own id.
    """

    id: str | None = None


@model
class DeliveryDestination(Model):
    """Where a message was delivered.

    Attributes:
        type: The channel.
        integration_id: The integration.
    """

    type: str | None = None
    integration_id: str | None = None


@model
class PostbackContent(Model):
    """What a tapped button carries.

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
        source: Where it came from.
        author: Whose doing it is.
    """

    type: ActivityType | None = None
    source: Source | None = None
    author: Author | None = None


@model
class ReferralDetails(Model):
    """Where a user came from.

    Attributes:
        source: The kind of place, such as an ad.
        type: The kind of referral.
        ad_id: The ad.
    """

    source: str | None = None
    type: str | None = None
    ad_id: str | None = None


@model
class Referral(Model):
    """What led a user to a conversation.

    Attributes:
        code: The code of the link that was followed.
        details: Where the link was.
    """

    code: str | None = None
    details: ReferralDetails | None = None


@model
class MergedUsers(Model):
    """Two users who became one.

    Attributes:
        surviving: Who is left.
        discarded: Who is gone.
    """

    surviving: User | None = None
    discarded: User | None = None


@model
class MergedConversations(Model):
    """Two conversations that became one.

    Attributes:
        surviving: Which is left.
        discarded: Which is gone.
    """

    surviving: Conversation | None = None
    discarded: Conversation | None = None


@model
class MergedClients(Model):
    """Two clients that became one.

    Attributes:
        surviving: Which is left.
        discarded: Which is gone.
    """

    surviving: Client | None = None
    discarded: Client | None = None


@model
class ClientAddPayload(Model):
    """A client that came.

    Attributes:
        conversation: The conversation, if the client has one.
        user: The user.
        client: The client.
        reason: Why it came.
        source: Where it came from.
    """

    conversation: Conversation | None = None
    user: User | None = None
    client: Client | None = None
    reason: Literal["channelLinking", "sdkLogin", "authCode"] | str | None = None
    source: Source | None = None


@model
class ClientRemovePayload(Model):
    """A client that went.

    Attributes:
        conversation: The conversation, if the client has one.
        user: The user.
        client: The client.
        reason: Why it went.
        error: Why linking failed.
        source: Where it came from.
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
    """A conversation that began.

    Attributes:
        conversation: The conversation.
        creation_reason: What began it.
        source: Where it came from.
        user: The user who began it, if one did.
        referral: What led the user here.
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
        conversation: What it was.
    """

    conversation: Conversation | None = None


@model
class MessageDeliveryPayload(Model):
    """A message that was delivered.

    Attributes:
        user: The user.
        conversation: The conversation.
        message: The message.
        destination: Where it went.
        external_messages: What the channel made of it.
        is_final_event: Whether no more news of this delivery will come.
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
        destination: Where it went.
        external_messages: What the channel made of it.
        is_final_event: Whether no more news of this delivery will come.
        error: Why not.
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
        recent_notifications: Notifications that the user got shortly before.
    """

    conversation: Conversation
    message: Message
    recent_notifications: Sequence[Message] | None = None


@model
class ConversationPostbackPayload(Model):
    """A button that was tapped.

    Attributes:
        postback: What the button carries.
        conversation: The conversation.
        user: The user.
        source: Where it came from.
    """

    postback: PostbackContent | None = None
    conversation: Conversation | None = None
    user: User | None = None
    source: Source | None = None


@model
class ConversationActivityPayload(Model):
    """What somebody is doing.

    Attributes:
        conversation: The conversation.
        activity: What they do.
    """

    conversation: Conversation | None = None
    activity: Activity | None = None


@model
class ConversationReferralPayload(Model):
    """A user who was led to a conversation.

    Attributes:
        conversation: The conversation.
        user: The user.
        source: Where it came from.
        referral: What led the user here.
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
        reason: Why, where the system did it.
    """

    conversation: Conversation | None = None
    metadata: Metadata | None = None
    reason: Literal["ticketClosed", "transferToEmail"] | str | None = None


@model
class SwitchboardFailurePayload(Model):
    """A switchboard action that failed.

    Attributes:
        error: Why.
        conversation: The conversation.
        metadata: The custom properties that the switchboard action was given.
    """

    error: EventError | None = None
    conversation: Conversation | None = None
    metadata: Metadata | None = None


@model
class UserMergePayload(Model):
    """Users who became one.

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
    """A user who changed.

    Attributes:
        user: The user.
        reason: What changed.
        source: Where it came from.
    """

    user: User | None = None
    reason: Literal["authentication", "localeDetection"] | str | None = None
    source: Source | None = None


@model
class UserRemovePayload(Model):
    """A user who was deleted.

    Attributes:
        user: Who it was.
    """

    user: User | None = None
