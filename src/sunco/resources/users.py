"""Creating, finding, updating and deleting users."""

from __future__ import annotations

import builtins
from datetime import datetime
from types import NoneType

from sunco.models.base import UNSET, Metadata, Unset
from sunco.models.users import Profile, ProfileUpdate, User
from sunco.resources._resource import Resource, changes, given, required
from sunco.wire import Operation

__all__ = ["Users"]

_ALL = "/v2/apps/{app_id}/users"
_ONE = f"{_ALL}/{{user}}"

CREATE = Operation("CreateUser", "POST", _ALL, User, "user")
LIST = Operation("ListUsers", "GET", _ALL, list[User], "users")
GET = Operation("GetUser", "GET", _ONE, User, "user")
UPDATE = Operation("UpdateUser", "PATCH", _ONE, User, "user")
# `user` can be an external id, and another user can get it after the first attempt.
DELETE = Operation("DeleteUser", "DELETE", _ONE, NoneType, repeatable=False)
DELETE_PERSONAL_INFORMATION = Operation(
    "DeleteUserPersonalInformation",
    "DELETE",
    f"{_ONE}/personalinformation",
    User,
    "user",
    repeatable=False,
)
SYNC = Operation("SyncUser", "POST", f"{_ALL}/{{zendesk_id}}/sync", User, "user")


class Users(Resource):
    """The users of an app. `user` is a user's id or external id."""

    async def create(
        self,
        *,
        external_id: str | None = None,
        signed_up_at: datetime | None = None,
        to_be_retained: bool | None = None,
        profile: Profile | None = None,
        metadata: Metadata | None = None,
        brand_id: str | None = None,
    ) -> User:
        """Create a user (`CreateUser`).

        Args:
            external_id: Your own id for the user, 1,024 characters at most.
            signed_up_at: When the user signed up; an aware datetime.
            to_be_retained: Keep the user beyond the expiry for inactivity.
            profile: Name, email and the like.
            metadata: Custom properties, 4 kB at most.
            brand_id: The brand, for users that are separated by brand.

        Raises:
            ConfigurationError: `signed_up_at` has no time zone.
            ConflictError: There is a user with this external id.
        """
        body = given(
            externalId=external_id,
            brandId=brand_id,
            signedUpAt=signed_up_at,
            toBeRetained=to_be_retained,
            profile=profile,
            metadata=metadata,
        )
        return await self._session.call(CREATE, body=body)

    async def list(self, *, email: str, brand_id: str | None = None) -> builtins.list[User]:
        """List the users with an email address (`ListUsers`).

        Args:
            email: An address of the users' `identities`; that of their `profile` is not looked at.
            brand_id: The brand, for users that are separated by brand.
        """
        params = {"filter": required(**{"identities.email": email}), **given(brandId=brand_id)}
        return await self._session.call(LIST, params=params)

    async def get(self, user: str, *, brand_id: str | None = None) -> User:
        """Get a user (`GetUser`).

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        return await self._session.call(GET, params=given(brandId=brand_id), user=user)

    async def update(
        self,
        user: str,
        *,
        signed_up_at: datetime | Unset = UNSET,
        to_be_retained: bool | Unset = UNSET,
        profile: ProfileUpdate | Profile | Unset = UNSET,
        metadata: Metadata | Unset | None = UNSET,
        brand_id: str | None = None,
    ) -> User:
        """Update a user (`UpdateUser`): None clears a value.

        Args:
            user: The user's id or external id.
            signed_up_at: When the user signed up; an aware datetime.
            to_be_retained: Keep the user beyond the expiry for inactivity.
            profile: Name, email and the like. A `ProfileUpdate` can clear values; what is None in a
                `Profile` is left as it is.
            metadata: Custom properties, 4 kB at most.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            ConfigurationError: `signed_up_at` has no time zone.
            NotFoundError: The user does not exist.
        """
        body = changes(
            signedUpAt=signed_up_at,
            toBeRetained=to_be_retained,
            profile=profile,
            metadata=metadata,
        )
        return await self._session.call(
            UPDATE, params=given(brandId=brand_id), body=body, user=user
        )

    async def delete(self, user: str, *, brand_id: str | None = None) -> None:
        """Delete a user with clients and conversation history (`DeleteUser`).

        The user is deleted when the `user:remove` event comes. It is not repeated after an unknown
        outcome: another user could have the external id by then.

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        await self._session.call(DELETE, params=given(brandId=brand_id), user=user)

    async def delete_personal_information(self, user: str, *, brand_id: str | None = None) -> User:
        """Delete a user's personal information (`DeleteUserPersonalInformation`).

        Names, email, picture and custom properties are deleted, also those of the user's clients.
        The conversations stay.

        It is not repeated after an unknown outcome: another user could have the external id then.

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Returns:
            The user, without personal information.

        Raises:
            NotFoundError: The user does not exist.
        """
        return await self._session.call(
            DELETE_PERSONAL_INFORMATION, params=given(brandId=brand_id), user=user
        )

    async def sync(self, zendesk_id: str, *, surviving_zendesk_id: str | None = None) -> User:
        """Update a user from the record in Zendesk Support (`SyncUser`).

        Names, external id and primary email are taken over. Other users who have that external id
        or email are merged into this one, or lose it.

        Args:
            zendesk_id: The record, which the user has to be linked to.
            surviving_zendesk_id: The record that `zendesk_id` was merged into, if it was.

        Raises:
            NotFoundError: No user is linked to the record.
        """
        body = given(survivingZendeskId=surviving_zendesk_id)
        return await self._session.call(SYNC, body=body, zendesk_id=zendesk_id)
