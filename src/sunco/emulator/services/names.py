"""The display names of users without a name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from sunco.emulator.state.app import App
    from sunco.emulator.state.users import User

_COLORS = ("Amber", "Azure", "Coral", "Golden", "Indigo", "Olive", "Scarlet", "Silver")
_ANIMALS = ("Badger", "Crane", "Dolphin", "Fox", "Heron", "Lynx", "Otter", "Panda")
_CHANNELS = {
    "ios": "iOS",
    "mailgun": "Mail",
    "messagebird": "SMS",
    "twilio": "SMS",
    "whatsapp": "WhatsApp",
}


def display_name(app: App, user: User, channel: str = "web") -> str:
    """The name on the messages of a user.

    Users without a name are called by their channel and id, or by an animal if the app's setting
    `useAnimalNames` is on.

    Args:
        app: The app.
        user: The user.
        channel: The type of the integration that the user writes through.
    """
    if user.name is not None:
        return user.name
    if app.settings.get("useAnimalNames"):
        number = crc32(user.id.encode())
        color = _COLORS[number % len(_COLORS)]
        return f"{color} {_ANIMALS[number // len(_COLORS) % len(_ANIMALS)]}"
    return f"{_CHANNELS.get(channel, channel.capitalize())} User {user.id}"
