"""What is sent to post a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.common import ANY_TEXT, BRAND_ID, ICON, METADATA
from sunco.emulator.schemas.schema import (
    Array,
    Object,
    Shape,
    String,
    Tagged,
    at_least_one,
    exactly_one,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTHOR_LOOK: dict[str, Shape] = {
    # The subtypes agent and bot are documented as set by the platform only.
    "subtypes": Array(String(choices=("AI", "activity")), fewest=1, most=1),
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
        # Native content is let through, so the operation looks at the rest of it.
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
                            String(choices=("LIST", "TIME", "FORM", "QUICK", "AUTH2"))
                        ),
                    }
                ),
                "line": _OVERRIDE,
                "messenger": _OVERRIDE,
                "whatsapp": _OVERRIDE,
            },
            rules=(at_least_one("apple", "line", "messenger", "whatsapp"),),
        ),
        "schema": String(choices=("whatsapp",)),
    },
    required=("author", "content"),
)
