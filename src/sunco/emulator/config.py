"""Reading the arguments of an emulator from a TOML file."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.common import ANY_TEXT
from sunco.emulator.schemas.schema import Array, Number, Object, String

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = ("demo", "zendesk", "empty")
_INTEGRATION = Object({"type": ANY_TEXT, "id": ANY_TEXT}, required=("type",))
_SWITCHBOARD_INTEGRATION = Object(
    dict.fromkeys(("name", "next", "id", "integrationId", "integrationType"), ANY_TEXT),
    required=("name",),
    additional_properties=False,
)
_PARTNER = Object(
    {"client_id": ANY_TEXT, "client_secret": ANY_TEXT, "redirect_uris": Array(ANY_TEXT, 1)},
    required=("client_id", "client_secret", "redirect_uris"),
    additional_properties=False,
)
CONFIG = Object(
    {
        **dict.fromkeys(("app_id", "key_id", "key_secret", "account_key_id", "state"), ANY_TEXT),
        "message_limit": Number(minimum=1, integer=True),
        "app_limit": Number(minimum=1, integer=True),
        "retry_scale": Number(minimum=0),
        "seed": String(enum=SEEDS),
        "integrations": Array(_INTEGRATION),
        "switchboard": Array(_SWITCHBOARD_INTEGRATION),
        "partners": Array(_PARTNER),
        "hosts": Array(ANY_TEXT),
    },
    additional_properties=False,
)


class ConfigError(ValueError):
    """The file cannot be used; the message says why."""


def read_config(path: str | Path) -> dict[str, Any]:
    """The arguments for `Emulator` in a TOML file.

    The keys are the names of the arguments; integrations, switchboard and partners are arrays of
    tables.

    Args:
        path: The file.

    Raises:
        ConfigError: The file cannot be read, or has unknown or invalid keys.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a str is a path, too
            config = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from None
    problems = list(CONFIG.problems(config, ""))
    for number, one in enumerate(config.get("switchboard", ()) if not problems else ()):
        names = [other["name"] for other in config["switchboard"]]
        if one.get("next", one["name"]) not in names:
            problems.append(f"switchboard[{number}].next is not the name of another")
    if problems:
        raise ConfigError("; ".join(problems))
    return config
