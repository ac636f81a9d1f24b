"""What the control API can do besides the actions: looking inside, deliveries, time and state."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sunco.emulator.persistence import snapshot
from sunco.emulator.services.messages import expire
from sunco.emulator.state.channels import ChannelRule
from sunco.emulator.state.clock import format_time
from sunco.emulator.state.rendering import omit_none
from sunco.emulator.state.switchboard import Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from sunco.emulator.delivery.dispatcher import WebhookDispatcher
    from sunco.emulator.http.faults import FaultInjector
    from sunco.emulator.http.request_journal import RequestJournal
    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App
    from sunco.emulator.state.channels import Result
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import User

PREVIEW_LENGTH = 80
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2900, 1, 1, tzinfo=UTC)
TYPING = timedelta(seconds=10)
# How many of the last messages can end a typing indicator.
RECENT = 20


class Controls:
    """The controls that are no actions: one method each, `get_` and `post_` with its name.

    Args:
        account: The account.
        app_id: The app that is meant where none is named.
        webhooks: Delivers webhooks.
        faults: The faults to inject.
        journal: The requests to the API.
        fill: Makes an account as it is at the start.
        changed: Called when the state was replaced.
    """

    def __init__(
        self,
        account: Account,
        app_id: str,
        *,
        webhooks: WebhookDispatcher,
        faults: FaultInjector,
        journal: RequestJournal,
        fill: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        self._account = account
        self._app_id = app_id
        self._webhooks = webhooks
        self._faults = faults
        self._journal = journal
        self._fill = fill
        self._changed = changed

    def get_health(self) -> dict[str, Any]:
        """Whether the emulator works."""
        return {"status": "ok"}

    def get_overview(
        self,
        app: str | None = None,
        search: str | None = None,
        conversation: str | None = None,
        limit: int = 100,
    ) -> dict[str, Any]:
        """The apps, and the channels, conversations and users of one, the newest first.

        Args:
            app: The app.
            search: A text that the title, the preview or the id contains, in any case.
            conversation: A conversation that is included in any case.
            limit: The maximum number of conversations, and of users.

        Raises:
            LookupError: There is no such app.
        """
        chosen = self._app(app)
        typing = _typing(chosen)
        newest = sorted(
            chosen.conversations, key=lambda one: (one.last_updated_at, one.id), reverse=True
        )
        summaries = (_summary(one, typing) for one in newest)
        found = list(islice(_matching(summaries, search, "preview"), limit))
        named = chosen.conversations.get(conversation or "")
        if named is not None and all(one["id"] != named.id for one in found):
            found.append(_summary(named, typing))
        users = (_user(chosen, one) for one in reversed(list(chosen.users)))
        return {
            "apps": [
                {"id": one.id, "displayName": one.display_name}
                for one in self._account.apps.values()
            ],
            "app": chosen.id,
            "channels": [
                omit_none(id=one["id"], type=one["type"], displayName=one.get("displayName"))
                for one in sorted(chosen.integrations, key=lambda one: one["type"] != "web")
                if one["type"] not in ("custom", "zd:agentWorkspace")
            ],
            "conversations": found,
            "users": list(islice(_matching(users, search, "externalId"), limit)),
            "total": {"conversations": len(newest), "users": len(chosen.users)},
        }

    def get_messages(
        self, conversation: str, before: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """The messages of a conversation, the oldest first.

        Args:
            conversation: The id of the conversation.
            before: The id of a message; only older ones.
            limit: The maximum number, the latest ones.

        Raises:
            LookupError: There is no such conversation.
        """
        app, found = self._conversation(conversation)
        expire(app, found)
        messages = found.messages
        start, stop = messages.positions_before(before, len(messages) if limit is None else limit)
        _, shown = messages.between(start, stop)
        return {"messages": shown, "total": len(messages)}

    def get_activities(self) -> dict[str, Any]:
        """Typing indicators and read receipts, the oldest first."""
        found = [one for app in self._account.apps.values() for one in app.activities]
        return {"activities": sorted(found, key=lambda one: one["createdAt"])}

    def get_deliveries(self, limit: int | None = None) -> dict[str, Any]:
        """The attempts to call webhooks, the oldest first."""
        log = list(self._webhooks.log)
        shown = log if limit is None else log[-limit:]
        return {"deliveries": [{**asdict(one), "succeeded": one.succeeded} for one in shown]}

    def get_requests(self, **wanted: Any) -> dict[str, Any]:
        """The requests to the API, the oldest first; see `RequestJournal.find`."""
        return {"requests": [entry.to_json() for entry in self._journal.find(**wanted)]}

    def get_faults(self) -> dict[str, Any]:
        """The active faults, and the disturbances of the next deliveries."""
        plan = [asdict(one) for one in self._webhooks.plan.disturbances]
        return {"faults": self._faults.active, "deliveries": plan}

    def get_channels(self) -> dict[str, Any]:
        """What channels do with the next messages of the business, the oldest rule first."""
        return {"rules": [rule.to_json() for rule in self._account.channels.rules]}

    def get_switchboard(
        self, app: str | None = None, conversation: str | None = None
    ) -> dict[str, Any]:
        """The integrations of a switchboard, and which of them control a conversation.

        Raises:
            LookupError: There is no such app or conversation.
        """
        board = self._app(app).switchboard or Switchboard()
        control = self._conversation(conversation)[1].control if conversation else None
        return {
            "integrations": [one.settings_to_json() for one in board.integrations],
            "default": board.default_id,
            "active": control.active.id if control and control.active else None,
            "pending": control.pending.id if control and control.pending else None,
        }

    def get_clock(self) -> dict[str, Any]:
        """The current time, and the seconds by which it differs from the machine's."""
        clock = self._account.clock
        return {"now": clock.timestamp(), "offset": clock.offset.total_seconds()}

    def get_state(self) -> dict[str, Any]:
        """The state, as `post_state` takes it. It contains secrets."""
        return {"state": snapshot.dump(self._account)}

    def post_recover(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    async def post_drain(self) -> None:
        """Deliver webhooks until nothing is waiting or in flight.

        Raises:
            TimeoutError: It takes longer than 10 seconds.
        """
        await self._webhooks.drain(10.0)

    def post_reset(self) -> None:
        """Start anew: without conversations, users, faults and logs."""
        self._faults.clear()
        self._webhooks.plan.clear()
        self._webhooks.log.clear()
        self._journal.entries.clear()
        self._account.clock.offset = timedelta()
        self._account.clear()
        self._fill()
        self._changed()

    def post_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state by one that was exported.

        Raises:
            ValueError: It is not the state of an emulator.
        """
        clock = self._account.clock
        try:
            loaded = snapshot.load(state, clock.source, self._account.limits)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError(f"state is not an exported state: {type(error).__name__}") from None
        self._account.replace(loaded)
        self._changed()

    def post_clock(
        self,
        set: str | None = None,  # noqa: A002 - the name of the argument
        advance: float | None = None,
    ) -> dict[str, Any]:
        """Set the clock or advance it, and return the new time.

        Args:
            set: The time, in the format of the API.
            advance: Seconds.

        Raises:
            ValueError: The time is not from 1970 to 2900.
        """
        clock = self._account.clock
        now = clock.now()
        moment = now if set is None else datetime.fromisoformat(set)
        # Far from the limits of dates, so that calculations stay within them.
        if not EARLIEST <= moment <= LATEST:
            raise ValueError("set must be a time from 1970 to 2900")
        moment += timedelta(seconds=advance or 0)
        if moment > LATEST:
            raise ValueError("advance must not go beyond the year 2900")
        clock.offset += moment - now
        self._changed()
        return self.get_clock()

    async def post_deliveries_redeliver(self, delivery: int) -> dict[str, Any]:
        """Deliver once more what a delivery contained, and return the new attempt.

        Raises:
            LookupError: There is no such delivery, or its webhook was deleted.
        """
        return {"delivery": asdict(await self._webhooks.redeliver(delivery))}

    def post_deliveries_delay(self, seconds: float = 5.0, next: int = 1) -> None:  # noqa: A002
        """Wait before the next deliveries."""
        self._webhooks.plan.add("delay", next, seconds)

    def post_deliveries_duplicate(self, next: int = 1) -> None:  # noqa: A002
        """Send the events of the next deliveries twice."""
        self._webhooks.plan.add("duplicate", next)

    def post_deliveries_reorder(self, next: int = 1) -> None:  # noqa: A002
        """Reverse the events of the next deliveries."""
        self._webhooks.plan.add("reorder", next)

    def post_deliveries_drop(self, next: int = 1) -> None:  # noqa: A002
        """Never send the events of the next deliveries."""
        self._webhooks.plan.add("drop", next)

    def post_channels_fail(
        self,
        *,
        channel: str | None = None,
        integration: str | None = None,
        next: int | None = 1,  # noqa: A002
        code: str = "uncategorized_error",
        message: str = "The channel rejected the message",
        underlyingError: Mapping[str, Any] | None = None,  # noqa: N803 - as in the event
    ) -> None:
        """Fail the delivery of the next messages of the business on a channel.

        Args:
            channel: The type of the channel, as `whatsapp`; None for all but the SDKs.
            integration: The integration, None for all.
            next: The number of messages, None for all.
            code: The code of the error in the event.
            message: Its message.
            underlyingError: The error of the channel.
        """
        error = omit_none(code=code, message=message, underlyingError=underlyingError)
        self._add_rule("fail", next, channel, integration, error=error)

    def post_channels_delay(
        self,
        *,
        channel: str | None = None,
        integration: str | None = None,
        next: int | None = 1,  # noqa: A002
        seconds: float = 5.0,
    ) -> None:
        """Wait before the delivery events of the next messages on a channel."""
        self._add_rule("delay", next, channel, integration, seconds=seconds)

    def post_channels_silence(
        self,
        *,
        channel: str | None = None,
        integration: str | None = None,
        next: int | None = 1,  # noqa: A002
    ) -> None:
        """Send no delivery events for the next messages on a channel."""
        self._add_rule("silence", next, channel, integration)

    def post_channels_recover(self) -> None:
        """Let channels deliver as they do."""
        self._account.channels.rules.clear()

    def _add_rule(
        self,
        result: Result,
        remaining: int | None,
        channel: str | None,
        integration: str | None,
        **members: Any,
    ) -> None:
        rule = ChannelRule(result, remaining, channel, integration, **members)
        self._account.channels.rules.append(rule)

    def post_deliveries_recover(self) -> None:
        """Deliver as the platform does."""
        self._webhooks.plan.clear()

    def _app(self, app_id: str | None) -> App:
        app = self._account.apps.get(app_id or self._app_id)
        if app is None:
            raise LookupError("App not found")
        return app

    def _conversation(self, identifier: str) -> tuple[App, Conversation]:
        for app in self._account.apps.values():
            found = app.conversations.get(identifier)
            if found is not None:
                return app, found
        raise LookupError("Conversation not found")


def _matching(
    summaries: Iterable[dict[str, Any]], search: str | None, detail: str
) -> Iterator[dict[str, Any]]:
    wanted = (search or "").strip().lower()
    for one in summaries:
        text = f"{one['title']} {one.get(detail, '')} {one['id']}"
        if wanted in text.lower():
            yield one


def _summary(conversation: Conversation, typing: Mapping[str, list[str]]) -> dict[str, Any]:
    last = conversation.messages.last
    users = [participant.user for participant in conversation.participants]
    names = [_name(user) for user in users]
    control = conversation.control.active
    return {
        "id": conversation.id,
        "type": conversation.type,
        "title": conversation.details.get("displayName") or ", ".join(names) or "Nobody",
        "users": [{"id": user.id, "name": name} for user, name in zip(users, names, strict=True)],
        "channels": [client.type for user in users for client in user.clients] or ["web"],
        "clients": [client for user in users for client in _clients(user)],
        "preview": _preview(last) if last else "",
        "lastUpdatedAt": conversation.last_updated_at,
        "unread": sum(participant.unread_count for participant in conversation.participants),
        "readUntil": max((one.last_read or "" for one in conversation.participants), default=""),
        "control": control.name if control else None,
        "messages": len(conversation.messages),
        "typing": typing.get(conversation.id, []),
    }


def _user(app: App, user: User) -> dict[str, Any]:
    conversation = app.default_conversation_of(user)
    return {
        "id": user.id,
        "externalId": user.external_id or "",
        "title": _name(user),
        "channels": [client.type for client in user.clients],
        "conversation": conversation.id if conversation else None,
    }


def _name(user: User) -> str:
    return user.name or user.external_id or f"User {user.id[-4:]}"


def _clients(user: User) -> list[dict[str, Any]]:
    return [
        {"id": client.id, "type": client.type, "status": client.status, "user": user.id}
        for client in user.clients
    ]


def _typing(app: App) -> dict[str, list[str]]:
    """The names of those who type, by conversation: for 10 seconds, or until they write."""
    earliest = format_time(app.clock.now() - TYPING)
    latest = {(one["conversationId"], str(one["author"])): one for one in app.activities}
    found: dict[str, list[str]] = {}
    for one in latest.values():
        conversation = app.conversations.get(one["conversationId"])
        author = one["author"]
        if conversation is None or one["type"] != "typing:start" or one["createdAt"] < earliest:
            continue
        _, recent = conversation.messages.between(
            *conversation.messages.positions_before(None, RECENT)
        )
        if any(
            message["author"]["type"] == author["type"] and message["received"] >= one["createdAt"]
            for message in recent
        ):
            continue
        user = app.users.get(author.get("userId", ""))
        found.setdefault(conversation.id, []).append(_name(user) if user else "The business")
    return found


def _preview(message: Mapping[str, Any]) -> str:
    content: Mapping[str, Any] = message["content"]
    text: str = content.get("text") or f"[{content.get('type', 'message')}]"
    return text[:PREVIEW_LENGTH]
