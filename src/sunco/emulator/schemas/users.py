"""What is sent about users."""

from __future__ import annotations

from sunco.emulator.schemas.common import BRAND_ID, FLAG, ICON, METADATA, SHORT_TEXT, TIMESTAMP
from sunco.emulator.schemas.schema import Nullable, Object, String

PROFILE = Object(
    {
        "givenName": Nullable(SHORT_TEXT),
        "surname": Nullable(SHORT_TEXT),
        "email": Nullable(String(shortest=1, longest=128, pattern=r"[^@\s]+@[^@\s]+")),
        "avatarUrl": Nullable(ICON),
        "locale": Nullable(String(shortest=1, longest=64)),
    }
)
USER_UPDATE = Object(
    {
        "signedUpAt": TIMESTAMP,
        "toBeRetained": FLAG,
        "profile": PROFILE,
        "metadata": METADATA,
    }
)
USER_CREATE = Object(
    {
        **USER_UPDATE.fields,
        "externalId": String(shortest=1, longest=1024),
        "brandId": BRAND_ID,
    }
)
