"""Files that have been uploaded."""

from __future__ import annotations

from sunco.models.base import Model, model

__all__ = ["Attachment"]


@model
class Attachment(Model):
    """A file that has been uploaded. All of it is set by the API.

    Attributes:
        media_url: Where it is; what messages take as their `media_url`.
        media_type: Its MIME type.
    """

    media_url: str
    media_type: str | None = None
