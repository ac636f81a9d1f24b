"""Users: making, finding and deleting them."""

from __future__ import annotations

from datetime import datetime
from types import NoneType

from sunco.models._model import Metadata
from sunco.models.users import Profile, User
from sunco.resources._resource import Resource, given
from sunco.wire import Operation

__all__ = ["Users"]

_ALL = "/v2/apps/{app_id}/users"
_ONE = f"{_ALL}/{{user}}"

CREATE = Operation("CreateUser", "POST", _ALL, User, "user")
GET = Operation("GetUser", "GET", _ONE, User, "user")
DELETE = Operation("DeleteUser", "DELETE", _ONE, NoneType)


class Users(Resource):
    """The people that the business talks to. `user` is a user's id or external id."""

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

    async def get(self, user: str, *, brand_id: str | None = None) -> User:
        """Get a user (`GetUser`).

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        return await self._session.call(GET, params={"brandId": brand_id}, user=user)

    async def delete(self, user: str, *, brand_id: str | None = None) -> None:
        """Delete a user with clients and conversation history (`DeleteUser`).

        The user is gone once the `user:remove` event comes.

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        await self._session.call(DELETE, params={"brandId": brand_id}, user=user)
