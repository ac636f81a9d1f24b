"""The state of an account as JSON, and back. Reading it can only make the emulator's records."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sunco.emulator.state.account import Account, CoreUser
from sunco.emulator.state.attachments import Attachment
from sunco.emulator.state.clock import Clock
from sunco.emulator.state.conversations import Conversation, Participant
from sunco.emulator.state.credentials import Grant, Key, Partner
from sunco.emulator.state.switchboard import Control, Switchboard, SwitchboardIntegration
from sunco.emulator.state.users import Client, Device, User
from sunco.emulator.state.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sunco.emulator.state.app import App, Limits

Record = TypeVar("Record")


def dump(account: Account) -> dict[str, Any]:
    """The state as JSON values. Waiting events and activities are not part of it."""
    clock, credentials = account.clock, account.credentials
    return {
        "clock": {"prefix": clock.prefix, "seed": clock.seed.hex(), "number": clock.number},
        "keys": [_members(key) for key in credentials.keys.values()],
        "partners": [_members(partner) for partner in credentials.partners.values()],
        "codes": {name: _members(grant) for name, grant in credentials.codes.items()},
        "tokens": {name: _members(grant) for name, grant in credentials.tokens.items()},
        "core_users": {name: _members(user) for name, user in account.core_users.items()},
        "attachments": [
            {**_members(one), "content": b64encode(one.content).decode()}
            for one in account.attachments
        ],
        "apps": [_dump_app(app) for app in account.apps.values()],
    }


def load(state: Mapping[str, Any], now: Callable[[], datetime], limits: Limits) -> Account:
    """Rebuild an account.

    Args:
        state: What `dump` returned.
        now: Returns the current time, aware.
        limits: The limits of the account.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `state` is not what `dump` returns.
    """
    saved = state["clock"]
    seed = bytes.fromhex(saved["seed"])
    clock = Clock(now, prefix=saved["prefix"], seed=seed, number=saved["number"])
    account = Account(clock, limits)
    credentials = account.credentials
    credentials.keys = {row["id"]: Key(**row) for row in state["keys"]}
    credentials.partners = {
        row["client_id"]: Partner(**_replaced(row, redirect_uris=tuple(row["redirect_uris"])))
        for row in state["partners"]
    }
    credentials.codes = {name: Grant(**row) for name, row in state["codes"].items()}
    credentials.tokens = {name: Grant(**row) for name, row in state["tokens"].items()}
    account.core_users = {name: CoreUser(**row) for name, row in state["core_users"].items()}
    for row in state["attachments"]:
        account.attachments.add(Attachment(**_replaced(row, content=b64decode(row["content"]))))
    for row in state["apps"]:
        _load_app(account, row)
    return account


def _dump_app(app: App) -> dict[str, Any]:
    board = app.switchboard
    return {
        "id": app.id,
        "sort_id": app.sort_id,
        "display_name": app.display_name,
        "settings": app.settings,
        "metadata": app.metadata,
        "integrations": list(app.integrations),
        "webhooks": [_members(webhook) for webhook in app.webhooks],
        "switchboard": board
        and {**_members(board), "integrations": [_members(one) for one in board.integrations]},
        "users": [
            {
                **_members(user),
                "clients": [_members(client) for client in user.clients],
                "devices": [_members(device) for device in user.devices],
            }
            for user in app.users
        ],
        "conversations": [_dump_conversation(one) for one in app.conversations],
    }


def _load_app(account: Account, row: Mapping[str, Any]) -> None:
    names = ("display_name", "settings", "metadata")
    app = account.add_app(row["id"], row["sort_id"], **{name: row[name] for name in names})
    for integration in row["integrations"]:
        app.integrations.add(integration["id"], integration)
    for one in row["webhooks"]:
        app.webhooks.add(one["id"], Webhook(**one))
    if row["switchboard"] is not None:
        integrations = [SwitchboardIntegration(**one) for one in row["switchboard"]["integrations"]]
        app.switchboard = Switchboard(**_replaced(row["switchboard"], integrations=integrations))
    for one in row["users"]:
        plain = {name: one[name] for name in one if name not in ("clients", "devices")}
        user = User(**plain)
        for client in one["clients"]:
            user.clients.add(client["id"], Client(**client))
        for device in one["devices"]:
            user.devices.add(device["id"], Device(**device))
        app.add_user(user)
    for one in row["conversations"]:
        _load_conversation(app, one)


def _dump_conversation(conversation: Conversation) -> dict[str, Any]:
    control = conversation.control
    return {
        **_members(conversation),
        "participants": [
            {
                **_members(one),
                "user": one.user.id,
                "clients": [client.id for client in one.clients],
            }
            for one in conversation.participants
        ],
        "messages": list(conversation.messages),
        "control": [one and one.id for one in (control.active, control.pending)],
    }


def _load_conversation(app: App, row: Mapping[str, Any]) -> None:
    board = app.switchboard or Switchboard()
    active, pending = (board.find(identifier) for identifier in row["control"])
    nested = ("participants", "messages", "control")
    plain = {name: row[name] for name in row if name not in nested}
    conversation = Conversation(**plain, control=Control(active, pending))
    for one in row["participants"]:
        user = _existing(app.users.get(one["user"]))
        clients = [_existing(user.clients.get(identifier)) for identifier in one["clients"]]
        participant = Participant(**_replaced(one, user=user, clients=clients))
        conversation.participants.add(participant.id, participant)
    for message in row["messages"]:
        conversation.messages.add(message["id"], message)
    app.add_conversation(conversation)


def _existing(record: Record | None) -> Record:
    if record is None:
        raise ValueError("a record is missing")
    return record


def _replaced(row: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {**row, **members}


def _members(record: Any) -> dict[str, Any]:
    names: Iterable[str] = (one.name for one in fields(record))
    return {name: getattr(record, name) for name in names}
