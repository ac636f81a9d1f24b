"""Schemas that many bodies share."""

from __future__ import annotations

from sunco.emulator.schemas.schema import Boolean, Metadata, Nullable, String

ANY_TEXT = String()
SHORT_TEXT = String(min_length=1, max_length=128)
ALT_TEXT = String(max_length=128)
TEXT = String(max_length=4096)
MESSAGE_TEXT = String(min_length=1, max_length=4096)
FLAG = Boolean()
METADATA = Nullable(Metadata())
DISPLAY_NAME = Nullable(String(min_length=1, max_length=100))
ICON = String(min_length=1, max_length=2048, uri=True)
TIMESTAMP = String(pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
BRAND_ID = Nullable(String(min_length=1, max_length=24))
PHONE_NUMBER = String(pattern=r"\+[0-9][0-9 ()-]{5,}")
