"""Bodies that create and update users."""

from __future__ import annotations

from sunco.emulator.schemas.common import BRAND_ID, FLAG, ICON, METADATA, SHORT_TEXT, TIMESTAMP
from sunco.emulator.schemas.schema import Nullable, Object, String

PROFILE = Object(
    {
        "givenName": Nullable(SHORT_TEXT),
        "surname": Nullable(SHORT_TEXT),
        "email": Nullable(String(min_length=1, max_length=128, pattern=r"[^@\s]+@[^@\s]+")),
        "avatarUrl": Nullable(ICON),
        "locale": Nullable(String(min_length=1, max_length=64)),
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
        **USER_UPDATE.properties,
        "externalId": String(min_length=1, max_length=1024),
        "brandId": BRAND_ID,
    }
)
