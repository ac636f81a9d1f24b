"""The records of one app, their indexes, and the events that they cause."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.conversations import Conversation
from sunco.emulator.state.records import SortedRecords
from sunco.emulator.state.rendering import omit_none, render
from sunco.emulator.state.users import User
from sunco.emulator.state.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.attachments import Attachments
    from sunco.emulator.state.channels import ChannelPlan
    from sunco.emulator.state.clock import Clock
    from sunco.emulator.state.switchboard import Switchboard, SwitchboardIntegration
    from sunco.emulator.state.webhooks import Outbox

SUBDOMAIN = "emulator"
MAX_ACTIVITIES = 1000


@dataclass(slots=True)
class Limits:
    """The limits of an account.

    Args:
        messages: The messages per conversation; a full conversation is locked.
        apps: The number of apps.
    """

    messages: int = 30_000
    apps: int = 100


class App:
    """The records of one app.

    Args:
        app_id: The id of the app.
        sort_id: Its position in listings.
        clock: Makes ids and timestamps.
        outbox: Where events go.
        attachments: The uploaded files of all apps.
        channels: What channels do with messages.
        limits: The limits of the account.
        display_name: The name of the app.
        settings: The settings of the app.
        metadata: The metadata of the app.
    """

    def __init__(
        self,
        app_id: str,
        sort_id: str,
        *,
        clock: Clock,
        outbox: Outbox,
        attachments: Attachments,
        channels: ChannelPlan,
        limits: Limits,
        display_name: str | None,
        settings: dict[str, Any],
        metadata: dict[str, Any],
    ) -> None:
        self.id = app_id
        self.sort_id = sort_id
        self.clock = clock
        self.outbox = outbox
        self.attachments = attachments
        self.channels = channels
        self.limits = limits
        self.display_name: str | None = display_name
        self.settings: dict[str, Any] = settings
        self.metadata: dict[str, Any] = metadata
        self.switchboard: Switchboard | None = None
        self.users: SortedRecords[User] = SortedRecords()
        self.conversations: SortedRecords[Conversation] = SortedRecords()
        self.integrations: SortedRecords[dict[str, Any]] = SortedRecords()
        self.webhooks: SortedRecords[Webhook] = SortedRecords()
        self.activities: deque[dict[str, Any]] = deque(maxlen=MAX_ACTIVITIES)
        self._users_by_external_id: dict[tuple[str | None, str], User] = {}
        self._conversations_by_user: dict[str, SortedRecords[Conversation]] = {}

    def to_json(self) -> dict[str, Any]:
        """The app in API responses."""
        return {
            "id": self.id,
            "displayName": self.display_name,
            "settings": self.settings,
            "metadata": self.metadata,
        }

    def to_json_with_subdomain(self) -> dict[str, Any]:
        """The app with its subdomain."""
        return {**self.to_json(), "subdomain": SUBDOMAIN}

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given; other settings are kept."""
        self.display_name = changes.get("displayName", self.display_name)
        self.settings = {**self.settings, **changes.get("settings", {})}
        if "metadata" in changes:
            metadata: dict[str, Any] | None = changes["metadata"]
            self.metadata = metadata or {}

    def announce(
        self,
        kind: str,
        conversation: Conversation | None = None,
        *,
        delay: float = 0.0,
        **payload: Any,
    ) -> None:
        """Put an event into the outbox of every webhook that receives it.

        Args:
            kind: The trigger.
            conversation: Where it happened.
            delay: The seconds to wait before it is delivered.
            payload: The other members of the payload; each webhook has its own detail of records.
        """
        for webhook in self.webhooks:
            if kind in webhook.triggers and self._receives(webhook, kind, conversation):
                members = omit_none(conversation=conversation) | payload
                event = {
                    "id": self.clock.new_id(),
                    "createdAt": self.clock.timestamp(),
                    "type": kind,
                    "payload": render(members, webhook.detail),
                }
                self.outbox.put(webhook.id, event, delay)

    def _receives(self, webhook: Webhook, kind: str, conversation: Conversation | None) -> bool:
        if self.switchboard is None or conversation is None or kind.startswith("switchboard:"):
            return True
        return self.switchboard.receives_events(conversation.control, webhook.integration_id)

    def record_activity(
        self, conversation: Conversation, kind: str, author: dict[str, Any]
    ) -> None:
        """Record a typing indicator or a read receipt; the last thousand are kept.

        Args:
            conversation: Where it happened.
            kind: `conversation:read`, `typing:start` or `typing:stop`.
            author: The author as in API requests.
        """
        self.activities.append(
            {
                "conversationId": conversation.id,
                "type": kind,
                "author": author,
                "createdAt": self.clock.timestamp(),
            }
        )

    def add_integration(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """Add an integration in the form of the API, and return it with its id and status."""
        identifier = description.get("id") or self.clock.new_id()
        integration = {"status": "active", **description, "id": identifier}
        self.integrations.add(identifier, integration)
        return integration

    def add_webhook(
        self, integration_id: str, description: Mapping[str, Any], *, secret: str | None = None
    ) -> Webhook:
        """Add a webhook to an integration.

        Args:
            integration_id: The integration.
            description: The webhook in the form of the API.
            secret: Its secret; a new one by default.
        """
        webhook = Webhook(
            self.clock.new_id(),
            integration_id,
            target=description["target"],
            triggers=description["triggers"],
            secret=secret or self.clock.new_secret(),
        )
        webhook.update(description)
        self.webhooks.add(webhook.id, webhook)
        return webhook

    def remove_integration(self, integration_id: str) -> None:
        """Remove an integration with its webhooks."""
        self.integrations.remove(integration_id)
        for webhook in [one for one in self.webhooks if one.integration_id == integration_id]:
            self.webhooks.remove(webhook.id)

    def responder_of(self, integration_id: str | None) -> SwitchboardIntegration | None:
        """The switchboard integration that controls conversations started on an integration."""
        if self.switchboard is None or self.switchboard.default is None:
            return None
        integration = self.integrations.get(integration_id or "") or {}
        chosen = self.switchboard.find(integration.get("defaultResponderId"))
        return chosen or self.switchboard.default

    def user_by_external_id(self, external_id: str, brand_id: str | None = None) -> User | None:
        """The user with this external id. External ids are unique per brand."""
        return self._users_by_external_id.get((brand_id, external_id))

    def add_user(self, user: User) -> None:
        """Add a user, and index its external id."""
        self.users.add(user.id, user)
        if user.external_id is not None:
            self._users_by_external_id[user.brand_id, user.external_id] = user

    def remove_user(self, user: User) -> None:
        """Remove a user that is in no conversation any more."""
        self.users.remove(user.id)
        self._conversations_by_user.pop(user.id, None)
        self.set_external_id(user, None)

    def set_external_id(self, user: User, external_id: str | None) -> None:
        """Set or clear the external id of a user."""
        if user.external_id is not None:
            del self._users_by_external_id[user.brand_id, user.external_id]
        user.external_id = external_id
        if external_id is not None:
            self._users_by_external_id[user.brand_id, external_id] = user

    def add_conversation(self, conversation: Conversation) -> None:
        """Add a conversation, and index its participants."""
        self.conversations.add(conversation.id, conversation)
        for participant in conversation.participants:
            self.link(participant.user, conversation)

    def remove_conversation(self, conversation: Conversation) -> None:
        """Remove a conversation."""
        self.conversations.remove(conversation.id)
        for participant in conversation.participants:
            self.unlink(participant.user, conversation)

    def link(self, user: User, conversation: Conversation) -> None:
        """Index a conversation by a user that is in it."""
        found = self._conversations_by_user.setdefault(user.id, SortedRecords())
        found.add(conversation.id, conversation)

    def unlink(self, user: User, conversation: Conversation) -> None:
        """Undo `link`. A user whose default conversation it was can get a new default."""
        self.conversations_of(user).remove(conversation.id)
        if conversation.is_default:
            conversation.is_default = user.has_default_conversation = False

    def conversations_of(self, user: User) -> SortedRecords[Conversation]:
        """The conversations that a user is in."""
        return self._conversations_by_user.get(user.id) or SortedRecords()

    def default_conversation_of(self, user: User) -> Conversation | None:
        """The conversation that the channels of a user write to."""
        return next((one for one in self.conversations_of(user) if one.is_default), None)
