"""Users: the business's contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from sunco.models.base import UNSET, Metadata, Model, Unset, model, read_only

__all__ = ["Identity", "Profile", "ProfileUpdate", "User"]


@model
class Identity(Model):
    """An identity of a user. Set by the API.

    Attributes:
        type: `"email"`.
        value: The address, 128 characters at most.
        verification: How it was verified.
    """

    type: str | None = None
    value: str | None = None
    verification: str | None = None


@model
class Profile(Model):
    """A user's profile, as returned and as passed to create a user.

    Attributes:
        given_name: 128 characters at most.
        surname: 128 characters at most.
        email: 128 characters at most.
        avatar_url: A picture, 2,048 characters at most.
        locale: In BCP 47 form, `"fr-CA"`.
    """

    given_name: str | None = None
    surname: str | None = None
    email: str | None = None
    avatar_url: str | None = None
    locale: str | None = None


@model
class ProfileUpdate(Model):
    """Changes to a user's profile: `None` clears a value, `UNSET` leaves it unchanged.

    Attributes:
        given_name: 128 characters at most.
        surname: 128 characters at most.
        email: 128 characters at most.
        avatar_url: A picture, 2,048 characters at most.
        locale: In BCP 47 form, `"fr-CA"`.
    """

    given_name: str | Unset | None = UNSET
    surname: str | Unset | None = UNSET
    email: str | Unset | None = UNSET
    avatar_url: str | Unset | None = UNSET
    locale: str | Unset | None = UNSET


@model
class User(Model):
    """An end user.

    Attributes:
        id: The user's id.
        authenticated: Whether the user has signed in, by JWT or in the help center. Read-only.
        external_id: The business's own id for the user.
        zendesk_id: The user's record in Zendesk Support.
        brand_id: The brand, if users are separated by brand.
        signed_up_at: When the user signed up.
        to_be_retained: Keep the user beyond the expiry for inactivity.
        profile: Name, email and the like.
        metadata: Custom properties.
        identities: Verified addresses. Read-only.
    """

    id: str
    authenticated: bool | None = attrs.field(default=None, metadata=read_only())
    external_id: str | None = None
    zendesk_id: str | None = None
    brand_id: str | None = None
    signed_up_at: datetime | None = None
    to_be_retained: bool | None = None
    profile: Profile | None = None
    metadata: Metadata | None = None
    identities: Sequence[Identity] | None = attrs.field(default=None, metadata=read_only())
