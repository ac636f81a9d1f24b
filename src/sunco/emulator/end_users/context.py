"""What an action refers to: the app, the user, the channel and the conversation."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sunco.emulator.errors import ApiError, not_found, reject, resource_not_found
from sunco.emulator.services import clients
from sunco.emulator.services.conversations import create_conversation
from sunco.emulator.services.messages import expire, is_full, post
from sunco.emulator.services.names import display_name
from sunco.emulator.state.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import Client, User


def find_user(app: App, reference: str) -> User | None:
    """The user with this id or external id, or None."""
    return app.users.get(reference) or app.user_by_external_id(reference)


class Context:
    """The arguments of an action, and the records that they name.

    Args:
        account: The account.
        app_id: The app that is searched first.
        arguments: The arguments of the action.
        origin: The base URL of the emulator.
    """

    def __init__(
        self, account: Account, app_id: str, arguments: Mapping[str, Any], origin: str
    ) -> None:
        self.account = account
        self.origin = origin
        self.arguments = arguments
        self._app_id = app_id

    @cached_property
    def app(self) -> App:
        """The app that `app` names; without it, the first one that has the user.

        Raises:
            ApiError: 404 `app_not_found`.
        """
        apps = self.account.apps
        named = self.arguments.get("app")
        app = apps.get(self._app_id if named is None else named)
        reference = self.arguments.get("user")
        if named is None and reference is not None and not (app and find_user(app, reference)):
            others = (one for one in apps.values() if find_user(one, reference))
            app = next(others, app)
        if app is None:
            raise not_found("App")
        return app

    @cached_property
    def user(self) -> User:
        """The user that `user` names by its id or external id.

        Raises:
            ApiError: 404 `user_not_found`.
        """
        user = find_user(self.app, self.arguments["user"])
        if user is None:
            raise not_found("User")
        return user

    @cached_property
    def integration(self) -> dict[str, Any] | None:
        """The integration that `integration` names; without it, the first one of type `web`.

        Raises:
            ApiError: 404 `integration_not_found`.
        """
        identifier = self.arguments.get("integration")
        if identifier is None:
            return next((one for one in self.app.integrations if one["type"] == "web"), None)
        integration = self.app.integrations.get(identifier)
        if integration is None:
            raise not_found("Integration")
        return integration

    @cached_property
    def source(self) -> Source:
        """Where the action comes from: the integration with its client, and its device if any."""
        app, user, integration = self.app, self.user, self.integration
        if integration is None:
            return Source("web", client=clients.sdk_client(app, user))
        kind, identifier = integration["type"], integration["id"]
        if kind in clients.SDK_TYPES:
            client = clients.sdk_client(app, user)
            device = clients.device(app, user, client, integration)
            return Source(kind, identifier, client, device)
        return Source(kind, identifier, self._channel_client(identifier))

    def _channel_client(self, integration_id: str) -> Client | None:
        found = (one for one in self.user.clients if one.integration_id == integration_id)
        return next(found, None)

    @property
    def conversation(self) -> Conversation:
        """The conversation that `conversation` names; without it, the user's default.

        Raises:
            ApiError: 404 `conversation_not_found`.
        """
        identifier = self.arguments.get("conversation")
        if identifier is None:
            conversation = self.app.default_conversation_of(self.user)
        else:
            conversation = self.app.conversations_of(self.user).get(identifier)
        if conversation is None:
            raise not_found("Conversation")
        expire(self.app, conversation)
        return conversation

    def write_source(self) -> Source:
        """The source of a message: the channel's client is added, confirmed and made the primary.

        Messages from other channels than SDKs have the id and timestamp of the channel.
        """
        app, user, source = self.app, self.user, self.source
        integration, client = self.integration, self.source.client
        if client is None and integration and integration["type"] in clients.CHANNEL_TYPES:
            client = clients.add_channel_client(app, user, integration)
        if client is None:
            return source
        if client.status == "pending":
            clients.activate(app, user, client)
        client.last_seen = now = app.clock.timestamp()
        for participant in self.conversation.participants:
            if participant.user is user:
                participant.add_client(client, primary=True)
        if client.type == "sdk":
            return source
        identifier = f"{client.type}-{app.clock.new_id()}"
        return replace(source, client=client, original_id=identifier, original_timestamp=now)

    def start_conversation(
        self, reason: str, referral: Mapping[str, Any] | None = None
    ) -> Conversation | None:
        """Create the user's default conversation, unless there is one or another is named.

        Args:
            reason: The reason in the event.
            referral: The referral that started it.

        Returns:
            The new conversation, None if there was no need for it.
        """
        app, user, source = self.app, self.user, self.source
        if "conversation" in self.arguments or app.default_conversation_of(user) is not None:
            return None
        return create_conversation(
            app,
            {"type": "personal"},
            [(user, False)],
            reason=reason,
            source=source,
            referral=referral,
        )

    @property
    def message(self) -> dict[str, Any]:
        """The message that `message` names.

        Raises:
            ApiError: 404 `not_found`.
        """
        message = self.conversation.messages.get(self.arguments["message"])
        if message is None:
            raise resource_not_found("Message not found")
        return message

    @property
    def client(self) -> Client:
        """The client that `client` names.

        Raises:
            ApiError: 404 `client_not_found`.
        """
        client = self.user.clients.get(self.arguments["client"])
        if client is None:
            raise not_found("Client")
        return client

    @property
    def pending_client(self) -> Client:
        """The pending client that `client` names.

        Raises:
            ApiError: 404 `client_not_found`, or 400 if it is not pending.
        """
        client = self.client
        reject(["The client is not pending"] if client.status != "pending" else [])
        return client

    def post(self, message: Mapping[str, Any], source: Source | None = None) -> dict[str, Any]:
        """Post a message of the user, and return it.

        Args:
            message: The message in the form of the API, without its author.
            source: Where it comes from; by default `self.source`.

        Raises:
            ApiError: 423 if the conversation is full.
        """
        conversation = self.conversation
        if is_full(self.app, conversation):
            limit = self.app.limits.messages
            raise ApiError(423, "locked", f"Message limit of {limit} per conversation reached.")
        source = source or self.source
        self.note_inbound(source)
        name = display_name(self.app, self.user, source.type)
        author = {"type": "user", "userId": self.user.id, "displayName": name}
        posted = {"author": author, **message}
        return post(self.app, conversation, posted, self.user, source=source)

    def note_inbound(self, source: Source | None = None) -> None:
        """Note that the user has written on the channel of a source, by default `self.source`."""
        client = (source or self.source).client
        if client is not None:
            client.last_inbound = self.app.clock.timestamp()

    def announce_activity(self, trigger: str, kind: str) -> None:
        """Record and announce an activity of the user.

        Args:
            trigger: The trigger of the event.
            kind: The type of the activity.
        """
        author = {"type": "user", "userId": self.user.id}
        self.app.record_activity(self.conversation, kind, author)
        activity = {"type": kind, "author": {**author, "user": self.user}, "source": self.source}
        self.app.announce(trigger, self.conversation, activity=activity)
