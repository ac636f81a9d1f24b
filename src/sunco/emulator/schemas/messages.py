"""The body that posts a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.common import ANY_TEXT, BRAND_ID, ICON, METADATA
from sunco.emulator.schemas.schema import (
    Array,
    Object,
    Schema,
    String,
    Tagged,
    at_least_one,
    exactly_one,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTHOR_LOOK: dict[str, Schema] = {
    # Only the platform sets the subtypes agent and bot.
    "subtypes": Array(String(enum=("AI", "activity")), min_items=1, max_items=1),
    "displayName": ANY_TEXT,
    "avatarUrl": ICON,
}


def _no_user(author: Mapping[str, Any]) -> str | None:
    if "userId" in author or "userExternalId" in author:
        return "userId and userExternalId are only supported when the type is user"
    return None


AUTHOR = Tagged(
    {
        "business": Object(_AUTHOR_LOOK, rules=(_no_user,)),
        "user": Object(
            {
                **_AUTHOR_LOOK,
                "userId": ANY_TEXT,
                "userExternalId": ANY_TEXT,
                "brandId": BRAND_ID,
            },
            rules=(exactly_one("userId", "userExternalId"),),
        ),
    }
)

_OVERRIDE = Object({"payload": Object()})
MESSAGE = Object(
    {
        "author": AUTHOR,
        # Native content is not validated here; the operation validates the rest.
        "content": Object(),
        "destination": Object(
            {"integrationId": ANY_TEXT, "integrationType": ANY_TEXT},
            rules=(exactly_one("integrationId", "integrationType"),),
        ),
        "metadata": METADATA,
        "override": Object(
            {
                "apple": Object(
                    {
                        "payload": Object(),
                        "withCapabilities": Array(
                            String(enum=("LIST", "TIME", "FORM", "QUICK", "AUTH2"))
                        ),
                    }
                ),
                "line": _OVERRIDE,
                "messenger": _OVERRIDE,
                "whatsapp": _OVERRIDE,
            },
            rules=(at_least_one("apple", "line", "messenger", "whatsapp"),),
        ),
        "schema": String(enum=("whatsapp",)),
    },
    required=("author", "content"),
)
