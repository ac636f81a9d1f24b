"""The records of one app, and how they change. Nothing here knows of HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.services.receipts import deliver
from sunco.emulator.state.conversations import Conversation, Participant
from sunco.emulator.state.records import Records
from sunco.emulator.state.rendering import API, Source, present, render
from sunco.emulator.state.switchboard import Switchboard, SwitchboardIntegration, build_switchboard
from sunco.emulator.state.users import Client, Device, User

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sunco.emulator.state.account import Account
    from sunco.emulator.state.clock import Clock
    from sunco.emulator.state.webhooks import Webhook

SUBDOMAIN = "emulator"

# Where a user can be reached, in the match criteria of the various channels.
_ADDRESSES = ("phoneNumber", "address")


class App:
    """All that belongs to one app.

    Args:
        app_id: The app's id.
        place: Where it stands among the apps.
        account: What the app belongs to.
        display_name: The app's name.
        settings: The app's settings.
        metadata: What its owner noted.
        integrations: The integrations at the start, as the API writes them.
        switchboard: The switchboard's integrations at the start, the default first.
    """

    def __init__(
        self,
        app_id: str,
        place: str,
        account: Account,
        *,
        display_name: str | None,
        settings: dict[str, Any],
        metadata: dict[str, Any],
        integrations: Sequence[Mapping[str, Any]],
        switchboard: Sequence[Mapping[str, Any]],
    ) -> None:
        self.id = app_id
        self.place = place
        self.account = account
        self.clock: Clock = account.clock
        self.display_name: str | None = display_name
        self.settings: dict[str, Any] = settings
        self.metadata: dict[str, Any] = metadata
        self.users: Records[User] = Records()
        self.conversations: Records[Conversation] = Records()
        self.integrations: Records[dict[str, Any]] = Records()
        self.webhooks: Records[Webhook] = Records()
        for description in integrations:
            self.add_integration(description)
        self.switchboard: Switchboard | None = build_switchboard(switchboard, self.clock.new_id)
        self._users_by_external_id: dict[tuple[str | None, str], User] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for conversation in self.conversations:
            for participant in conversation.participants:
                participant.user.conversations.add(conversation.id, conversation)

    def to_json(self) -> dict[str, Any]:
        """The app as the API answers it."""
        return {
            "id": self.id,
            "displayName": self.display_name,
            "settings": self.settings,
            "metadata": self.metadata,
        }

    def to_json_with_subdomain(self) -> dict[str, Any]:
        """The app, and where it can be reached."""
        return {**self.to_json(), "subdomain": SUBDOMAIN}

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given; settings that are left out stay."""
        self.display_name = changes.get("displayName", self.display_name)
        self.settings = {**self.settings, **changes.get("settings", {})}
        if "metadata" in changes:
            metadata: dict[str, Any] | None = changes["metadata"]
            self.metadata = metadata or {}

    def announce(self, kind: str, conversation: Conversation | None = None, **payload: Any) -> None:
        """Put an event into the outbox, for every webhook that is to be told.

        Args:
            kind: The trigger.
            conversation: Where it happened.
            payload: What else the event tells; records in it are written as each webhook wants.
        """
        for webhook in self.webhooks:
            if kind in webhook.triggers and self._hears(webhook, kind, conversation):
                members = present(conversation=conversation) | payload
                event = {
                    "id": self.clock.new_id(),
                    "createdAt": self.clock.timestamp(),
                    "type": kind,
                    "payload": render(members, webhook.detail),
                }
                self.account.outbox.put(webhook.id, event)

    def _hears(self, webhook: Webhook, kind: str, conversation: Conversation | None) -> bool:
        if self.switchboard is None or conversation is None or kind.startswith("switchboard:"):
            return True
        return self.switchboard.hears(conversation, webhook.integration_id)

    def add_integration(self, description: Mapping[str, Any]) -> dict[str, Any]:
        """Add an integration, from what the API writes."""
        identifier = description.get("id") or self.clock.new_id()
        integration = {"status": "active", **description, "id": identifier}
        self.integrations.add(identifier, integration)
        return integration

    def remove_integration(self, integration_id: str) -> None:
        """Remove an integration with its webhooks, keys and tokens."""
        self.integrations.remove(integration_id)
        for webhook in [one for one in self.webhooks if one.integration_id == integration_id]:
            self.webhooks.remove(webhook.id)
        self.account.revoke(self, integration_id)

    def responder_of(self, integration_id: str | None) -> SwitchboardIntegration | None:
        """Who gets control of a conversation that begins on this integration."""
        if self.switchboard is None or self.switchboard.default is None:
            return None
        integration = self.integrations.get(integration_id or "") or {}
        chosen = self.switchboard.find(integration.get("defaultResponderId"))
        return chosen or self.switchboard.default

    def user_by_external_id(self, external_id: str, brand_id: str | None = None) -> User | None:
        """The user with this external id; each brand has external ids of its own."""
        return self._users_by_external_id.get((brand_id, external_id))

    def create_user(self, description: Mapping[str, Any]) -> User:
        """Add a user, from what the API was sent."""
        user = User(self.clock.new_id(), brand_id=description.get("brandId"))
        user.update(description)
        self.users.add(user.id, user)
        self.set_external_id(user, description.get("externalId"))
        return user

    def set_external_id(self, user: User, external_id: str | None) -> None:
        """Give a user an external id, or none."""
        if user.external_id is not None:
            del self._users_by_external_id[user.brand_id, user.external_id]
        user.external_id = external_id
        if external_id is not None:
            self._users_by_external_id[user.brand_id, external_id] = user

    def delete_user(self, user: User) -> None:
        """Remove a user with its clients and personal conversations, and from all others."""
        for conversation in list(user.conversations):
            if conversation.type == "personal":
                self.delete_conversation(conversation)
            else:
                self.leave(conversation, user)
        self.announce("user:remove", user=user)
        self.users.remove(user.id)
        self.set_external_id(user, None)

    def create_conversation(
        self,
        description: Mapping[str, Any],
        entries: Sequence[tuple[User, bool]],
        *,
        reason: str = "none",
        source: Source = API,
    ) -> Conversation:
        """Add a conversation, in the default integration's control.

        Args:
            description: What the API was sent.
            entries: The users in it, each with whether to subscribe its SDK client.
            reason: Why it came about.
            source: Where that happened.
        """
        now = self.clock.timestamp()
        conversation = Conversation(
            self.clock.new_id(),
            type=description["type"],
            is_default=False,
            created_at=now,
            last_updated_at=now,
            active=self.responder_of(source.integration_id),
        )
        conversation.update(description)
        self.conversations.add(conversation.id, conversation)
        for user, subscribe in entries:
            self._add_participant(conversation, user, subscribe_sdk_client=subscribe)
        first = {"user": entries[0][0]} if entries else {}
        self.announce(
            "conversation:create", conversation, creationReason=reason, source=source, **first
        )
        return conversation

    def delete_conversation(self, conversation: Conversation) -> None:
        """Remove a conversation, and the files that were uploaded for its messages."""
        self.delete_all_messages(conversation)
        self.conversations.remove(conversation.id)
        for participant in conversation.participants:
            participant.user.conversations.remove(conversation.id)
        self.announce("conversation:remove", conversation)

    def join(
        self, conversation: Conversation, user: User, *, subscribe_sdk_client: bool
    ) -> Participant:
        """Add a user to an sdkGroup conversation."""
        participant = self._add_participant(
            conversation, user, subscribe_sdk_client=subscribe_sdk_client
        )
        self.announce("conversation:join", conversation, user=user)
        return participant

    def _add_participant(
        self, conversation: Conversation, user: User, *, subscribe_sdk_client: bool
    ) -> Participant:
        participant = Participant(self.clock.new_id(), user)
        if subscribe_sdk_client:
            participant.clients.append(self.sdk_client(user, conversation))
        # A user's first personal conversation becomes the default.
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
        if conversation.type == "sdkGroup":
            self.announce("conversation:leave", conversation, user=user)

    def post(
        self,
        conversation: Conversation,
        message: Mapping[str, Any],
        author: User | None,
        *,
        source: Source = API,
        destination: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Add a message, and return it with its id and time.

        Args:
            conversation: Where it goes.
            message: The message, as the API will answer it.
            author: The user who sent it, or nobody for the business.
            source: Where it was sent from.
            destination: The integration that it is to be delivered by, if not by all.
        """
        now = self.clock.timestamp()
        identifier = self.clock.new_id()
        posted: dict[str, Any] = {
            "id": identifier,
            "received": now,
            **message,
            "source": source.to_json(),
        }
        conversation.messages.add(identifier, posted)
        conversation.last_updated_at = now
        for participant in conversation.participants:
            if participant.user is not author:
                participant.unread_count += 1
        if author is not None:
            conversation.mark_read(author, now)
            conversation.active = conversation.active or self.responder_of(source.integration_id)
        shown_author: dict[str, Any] = {**posted["author"], **present(user=author)}
        self.announce(
            "conversation:message",
            conversation,
            message={**posted, "author": shown_author, "source": source},
        )
        if author is None:
            deliver(self, conversation, posted, destination or {})
        return posted

    def delete_message(self, conversation: Conversation, message_id: str) -> bool:
        """Remove a message with the files uploaded for it; whether there was one."""
        message = conversation.messages.remove(message_id)
        if message is None:
            return False
        self._forget_files(message)
        return True

    def delete_all_messages(self, conversation: Conversation) -> None:
        """Remove every message of a conversation."""
        if self.account.attachments:
            for message in conversation.messages:
                self._forget_files(message)
        conversation.messages.clear()
        for participant in conversation.participants:
            participant.unread_count = 0

    def _forget_files(self, message: dict[str, Any]) -> None:
        content = message["content"]
        for part in (content, *content.get("items", ())):
            # The last part but one of the address is the file's id.
            file_id = str(part.get("mediaUrl", "")).rpartition("/")[0].rpartition("/")[2]
            attachment = self.account.attachments.get(file_id)
            if attachment is not None and attachment.of_message:
                del self.account.attachments[file_id]

    def link(self, user: User, criteria: Mapping[str, Any], target: Conversation) -> Client:
        """Add a client that waits for its confirmation."""
        external_id = next(criteria[name] for name in _ADDRESSES if name in criteria)
        client = Client(
            self.clock.new_id(),
            type=criteria["type"],
            status="pending",
            integration_id=criteria["integrationId"],
            external_id=external_id,
            target_id=target.id,
        )
        user.clients.add(client.id, client)
        self.announce(
            "client:add", target, user=user, client=client, reason="channelLinking", source=API
        )
        return client

    def remove_client(
        self, user: User, client: Client, *, reason: str = "api", source: Source = API
    ) -> None:
        """Remove a client, from all conversations too."""
        user.clients.remove(client.id)
        for conversation in user.conversations:
            for participant in conversation.participants:
                participant.clients = [one for one in participant.clients if one is not client]
        self.announce("client:remove", user=user, client=client, reason=reason, source=source)

    def sdk_client(self, user: User, conversation: Conversation | None = None) -> Client:
        """The client that is the user's SDK, which comes to be when it is first needed."""
        for client in user.clients:
            if client.type == "sdk":
                return client
        now = self.clock.timestamp()
        client = Client(self.clock.new_id(), "sdk", "active", linked_at=now, last_seen=now)
        user.clients.add(client.id, client)
        self.announce(
            "client:add",
            conversation,
            user=user,
            client=client,
            reason="sdkLogin",
            source=Source("sdk"),
        )
        return client

    def device(self, user: User, client: Client, integration: Mapping[str, Any]) -> Device:
        """The device in which a user's SDK runs, which comes to be when it is first needed."""
        now = self.clock.timestamp()
        for device in user.devices:
            if device.integration_id == integration["id"]:
                device.last_seen = now
                return device
        identifier = self.clock.new_id()
        kind = integration["type"]
        device = Device(identifier, kind, f"{identifier:0>32}", client.id, integration["id"], now)
        user.devices.add(identifier, device)
        return device
