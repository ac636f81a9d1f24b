"""The records, and how they change. Nothing here knows of HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from sunco.emulator.records import Records
from sunco.emulator.switchboard import SwitchboardIntegration, build_switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Where a user can be reached, in the match criteria of the various channels.
_ADDRESSES = ("phoneNumber", "address")


@dataclass(slots=True)
class Client:
    """A user's presence on a channel."""

    id: str
    type: str
    status: str
    integration_id: str | None = None
    external_id: str | None = None
    linked_at: str | None = None
    last_seen: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The client as the API answers it."""
        return _present(
            id=self.id,
            type=self.type,
            status=self.status,
            integrationId=self.integration_id,
            externalId=self.external_id,
            lastSeen=self.last_seen,
            linkedAt=self.linked_at,
        )


def _no_conversations() -> Records[Conversation]:
    return Records()


@dataclass(slots=True)
class User:
    """An end user."""

    id: str
    external_id: str | None = None
    brand_id: str | None = None
    signed_up_at: str | None = None
    to_be_retained: bool | None = None
    profile: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    clients: Records[Client] = field(default_factory=Records[Client])
    conversations: Records[Conversation] = field(default_factory=_no_conversations)
    has_default_conversation: bool = False

    def to_json(self) -> dict[str, Any]:
        """The user as the API answers it."""
        return _present(
            id=self.id,
            authenticated=False,
            externalId=self.external_id,
            brandId=self.brand_id,
            signedUpAt=self.signed_up_at,
            toBeRetained=self.to_be_retained,
            hasPaymentInfo=False,
            identities=[],
            profile=self.profile,
            metadata=self.metadata,
        )

    @property
    def display_name(self) -> str | None:
        """The name that stands on the user's messages."""
        names = (self.profile.get("givenName"), self.profile.get("surname"))
        return " ".join(name for name in names if name) or None


@dataclass(slots=True)
class Participant:
    """A user in a conversation."""

    id: str
    user: User
    unread_count: int = 0
    last_read: str | None = None
    clients: list[Client] = field(default_factory=list[Client])

    def to_json(self) -> dict[str, Any]:
        """The participant as the API answers it."""
        return _present(
            id=self.id,
            userId=self.user.id,
            userExternalId=self.user.external_id,
            unreadCount=self.unread_count,
            lastRead=self.last_read,
            clientAssociations=[
                {"type": client.type, "clientId": client.id} for client in self.clients
            ],
        )


@dataclass(slots=True)
class Conversation:
    """A conversation with its participants, its messages and whoever is in control of it."""

    id: str
    type: str
    is_default: bool
    created_at: str
    last_updated_at: str
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    participants: Records[Participant] = field(default_factory=Records[Participant])
    messages: Records[dict[str, Any]] = field(default_factory=Records[dict[str, Any]])
    active: SwitchboardIntegration | None = None
    pending: SwitchboardIntegration | None = None

    def to_json(self) -> dict[str, Any]:
        """The conversation as the API answers it."""
        return _present(
            id=self.id,
            type=self.type,
            activeSwitchboardIntegration=self.active.to_json() if self.active else None,
            pendingSwitchboardIntegration=self.pending.to_json() if self.pending else None,
            isDefault=self.is_default,
            lastUpdatedAt=self.last_updated_at,
            createdAt=self.created_at,
            **self.details,
        )

    def participant_of(self, user: User) -> Participant | None:
        """The participant that is this user."""
        return next((one for one in self.participants if one.user is user), None)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given, and clear what is given as null."""
        for name in ("displayName", "description", "iconUrl", "metadata"):
            if name in changes:
                self.details[name] = changes[name]


class Clock:
    """Tells the time in the API's format, and makes ids that sort by creation.

    Args:
        now: Returns the current time, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._prefix = f"{int(now().timestamp() * 1000):012x}"
        self._numbers = count(1)

    def new_id(self) -> str:
        """An id greater than all before it: the start of the clock, then a number."""
        return f"{self._prefix}{next(self._numbers):012x}"

    def timestamp(self) -> str:
        """The current time as `YYYY-MM-DDThh:mm:ss.SSSZ`."""
        now = self._now().astimezone(UTC)
        return f"{now.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


class App:
    """All that belongs to one app.

    Args:
        app_id: The app's id.
        clock: Tells the time and makes ids.
        message_limit: How many messages a conversation may hold.
        integrations: The integrations at the start, as the API writes them.
        switchboard: The switchboard's integrations at the start, the default first.
    """

    def __init__(
        self,
        app_id: str,
        clock: Clock,
        *,
        message_limit: int,
        integrations: Sequence[Mapping[str, Any]],
        switchboard: Sequence[Mapping[str, Any]],
    ) -> None:
        self.id = app_id
        self.clock = clock
        self.message_limit = message_limit
        self.users: Records[User] = Records()
        self.conversations: Records[Conversation] = Records()
        self.integrations: Records[dict[str, Any]] = Records()
        for description in integrations:
            identifier = description.get("id") or clock.new_id()
            integration = {"status": "active", **description, "id": identifier}
            self.integrations.add(identifier, integration)
        self.switchboard = build_switchboard(switchboard, clock.new_id)
        self._users_by_external_id: dict[tuple[str | None, str], User] = {}

    def user_by_external_id(self, external_id: str, brand_id: str | None = None) -> User | None:
        """The user with this external id; each brand has external ids of its own."""
        return self._users_by_external_id.get((brand_id, external_id))

    def create_user(self, description: Mapping[str, Any]) -> User:
        """Add a user, from what the API was sent."""
        user = User(
            self.clock.new_id(),
            external_id=description.get("externalId"),
            brand_id=description.get("brandId"),
            signed_up_at=description.get("signedUpAt"),
            to_be_retained=description.get("toBeRetained"),
            profile=_present(**description.get("profile", {})),
            metadata=description.get("metadata") or {},
        )
        self.users.add(user.id, user)
        if user.external_id is not None:
            self._users_by_external_id[user.brand_id, user.external_id] = user
        return user

    def delete_user(self, user: User) -> None:
        """Remove a user with its clients and personal conversations, and from all others."""
        self.users.remove(user.id)
        if user.external_id is not None:
            del self._users_by_external_id[user.brand_id, user.external_id]
        for conversation in list(user.conversations):
            if conversation.type == "personal":
                self.delete_conversation(conversation)
            else:
                self.leave(conversation, user)

    def create_conversation(self, description: Mapping[str, Any]) -> Conversation:
        """Add a conversation without participants, in the default integration's control."""
        now = self.clock.timestamp()
        conversation = Conversation(
            self.clock.new_id(),
            type=description["type"],
            is_default=False,
            created_at=now,
            last_updated_at=now,
            active=self.switchboard.default,
        )
        conversation.update(description)
        self.conversations.add(conversation.id, conversation)
        return conversation

    def delete_conversation(self, conversation: Conversation) -> None:
        """Remove a conversation."""
        self.conversations.remove(conversation.id)
        for participant in conversation.participants:
            participant.user.conversations.remove(conversation.id)

    def join(
        self, conversation: Conversation, user: User, *, subscribe_sdk_client: bool
    ) -> Participant:
        """Add a user to a conversation; a user's first personal one becomes the default."""
        participant = Participant(self.clock.new_id(), user)
        if subscribe_sdk_client:
            participant.clients.append(self._sdk_client(user))
        if conversation.type == "personal" and not user.has_default_conversation:
            conversation.is_default = user.has_default_conversation = True
        conversation.participants.add(participant.id, participant)
        user.conversations.add(conversation.id, conversation)
        return participant

    def leave(self, conversation: Conversation, user: User) -> None:
        """Remove a user from a conversation."""
        for participant in [one for one in conversation.participants if one.user is user]:
            conversation.participants.remove(participant.id)
        user.conversations.remove(conversation.id)

    def post(
        self, conversation: Conversation, message: Mapping[str, Any], author: User | None
    ) -> dict[str, Any]:
        """Add a message, and return it with its id and time.

        Args:
            conversation: Where it goes.
            message: The message, as the API will answer it.
            author: The user who sent it, or nobody for the business.
        """
        now = self.clock.timestamp()
        posted = {"id": self.clock.new_id(), "received": now, **message}
        conversation.messages.add(posted["id"], posted)
        conversation.last_updated_at = now
        for participant in conversation.participants:
            if participant.user is author:
                participant.unread_count = 0
                participant.last_read = now
            else:
                participant.unread_count += 1
        if author is not None and conversation.active is None:
            conversation.active = self.switchboard.default
        return posted

    def delete_all_messages(self, conversation: Conversation) -> None:
        """Remove every message of a conversation."""
        conversation.messages.clear()
        for participant in conversation.participants:
            participant.unread_count = 0

    def link(self, user: User, criteria: Mapping[str, Any]) -> Client:
        """Add a client that waits for its confirmation."""
        external_id = next(criteria[name] for name in _ADDRESSES if name in criteria)
        client = Client(
            self.clock.new_id(),
            type=criteria["type"],
            status="pending",
            integration_id=criteria["integrationId"],
            external_id=external_id,
        )
        user.clients.add(client.id, client)
        return client

    def remove_client(self, user: User, client: Client) -> None:
        """Remove a client, from all conversations too."""
        user.clients.remove(client.id)
        for conversation in user.conversations:
            for participant in conversation.participants:
                participant.clients = [one for one in participant.clients if one is not client]

    def _sdk_client(self, user: User) -> Client:
        for client in user.clients:
            if client.type == "sdk":
                return client
        now = self.clock.timestamp()
        client = Client(self.clock.new_id(), "sdk", "active", linked_at=now, last_seen=now)
        user.clients.add(client.id, client)
        return client


def _present(**members: Any) -> dict[str, Any]:
    return {name: member for name, member in members.items() if member is not None}
