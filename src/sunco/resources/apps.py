"""Creating, listing, updating and deleting apps."""

from __future__ import annotations

from types import NoneType

from sunco.models.apps import App, AppSettings
from sunco.models.base import UNSET, Metadata, Unset
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, changes, given, required
from sunco.wire import Operation

__all__ = ["Apps"]

_ALL = "/v2/apps"
_ONE = "/v2/apps/{app_id}"

CREATE = Operation("CreateApp", "POST", _ALL, App, "app")
LIST = Operation("ListApps", "GET", _ALL, list[App], "apps")
GET = Operation("GetApp", "GET", _ONE, App, "app")
UPDATE = Operation("UpdateApp", "PATCH", _ONE, App, "app")
DELETE = Operation("DeleteApp", "DELETE", _ONE, NoneType)


class Apps(Resource):
    """Apps, to which users, conversations and integrations belong."""

    async def create(
        self,
        display_name: str,
        *,
        settings: AppSettings | None = None,
        metadata: Metadata | None = None,
    ) -> App:
        """Create an app (`CreateApp`); needs an account's credential.

        A service account that creates an app can use it at once.

        Args:
            display_name: A name to show, 1 to 100 characters.
            settings: How it behaves.
            metadata: Custom properties, 4 kB at most.

        Raises:
            PaymentRequiredError: The account has as many apps as its plan allows.
        """
        body = required(displayName=display_name)
        body |= given(settings=settings, metadata=metadata)
        return await self._session.call(CREATE, body=body)

    def list(
        self,
        *,
        service_account_id: str | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> Paginator[App]:
        """List the apps of the credential (`ListApps`); needs an account's credential.

        Args:
            service_account_id: Only what this service account has access to.
            after: List what follows this cursor.
            before: List what precedes this cursor, backwards.
            page_size: Items per request, 1 to 100; 25 by default.

        Raises:
            ConfigurationError: Both cursors were given.
            PermissionDeniedError: The credential is not the service account's; raised when the list
                is read.
        """
        return self._paginate(
            LIST,
            after=after,
            before=before,
            page_size=page_size,
            params={"filter": given(serviceAccountId=service_account_id)},
        )

    async def get(self, app_id: str | None = None) -> App:
        """Get an app, with its subdomain (`GetApp`).

        Args:
            app_id: The app; by default the client's own.

        Raises:
            NotFoundError: It does not exist.
        """
        return await self._session.call(GET, **given(app_id=app_id))

    async def update(
        self,
        app_id: str | None = None,
        *,
        display_name: str | Unset | None = UNSET,
        settings: AppSettings | Unset = UNSET,
        metadata: Metadata | Unset | None = UNSET,
    ) -> App:
        """Update an app (`UpdateApp`): None clears a value.

        Args:
            app_id: The app; by default the client's own.
            display_name: A name to show, 1 to 100 characters.
            settings: How it behaves; what is None in there is left as it is.
            metadata: Custom properties, 4 kB at most.

        Raises:
            NotFoundError: The app does not exist.
        """
        body = changes(displayName=display_name, settings=settings, metadata=metadata)
        return await self._session.call(UPDATE, body=body, **given(app_id=app_id))

    async def delete(self, app_id: str) -> None:
        """Delete an app with all its integrations (`DeleteApp`); needs an account's credential.

        Args:
            app_id: The app. It has no default, lest the client's own is deleted by mistake.

        Raises:
            NotFoundError: It does not exist.
        """
        await self._session.call(DELETE, app_id=app_id)
