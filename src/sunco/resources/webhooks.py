"""Webhooks: the URLs to which events are delivered."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from types import NoneType
from typing import Final

from sunco._literals import check_values, known_values
from sunco.models.base import UNSET, Unset
from sunco.models.webhooks import Webhook, WebhookTrigger
from sunco.resources._resource import Resource, changes, given, required
from sunco.wire import Operation

__all__ = ["Webhooks"]

_ALL = "/v2/apps/{app_id}/integrations/{integration_id}/webhooks"
_ONE = f"{_ALL}/{{webhook_id}}"

CREATE = Operation("CreateWebhook", "POST", _ALL, Webhook, "webhook")
LIST = Operation("ListWebhooks", "GET", _ALL, list[Webhook], "webhooks")
GET = Operation("GetWebhook", "GET", _ONE, Webhook, "webhook")
UPDATE = Operation("UpdateWebhook", "PATCH", _ONE, Webhook, "webhook")
DELETE = Operation("DeleteWebhook", "DELETE", _ONE, NoneType)

_TRIGGERS: Final = known_values(WebhookTrigger)


class Webhooks(Resource):
    """The webhooks of custom integrations and of OAuth (Connect) integrations."""

    async def create(
        self,
        integration_id: str,
        *,
        target: str,
        triggers: Sequence[WebhookTrigger],
        include_full_user: bool | None = None,
        include_full_source: bool | None = None,
    ) -> Webhook:
        """Create a webhook (`CreateWebhook`); an app has ten at most.

        Args:
            integration_id: The integration.
            target: The URL that events are posted to.
            triggers: Which events to report; case matters.
            include_full_user: Put the whole user into events. The API's default is false.
            include_full_source: Put client and device into events. The API's default is false.

        Returns:
            The webhook, with the secret that its deliveries carry.

        Raises:
            ConfigurationError: A trigger is misspelt.
            NotFoundError: The integration does not exist.
        """
        body = required(target=target, triggers=triggers) | given(
            includeFullUser=include_full_user, includeFullSource=include_full_source
        )
        check_values("triggers", triggers, _TRIGGERS)
        return await self._session.call(CREATE, body=body, integration_id=integration_id)

    async def list(self, integration_id: str) -> builtins.list[Webhook]:
        """List an integration's webhooks (`ListWebhooks`).

        Args:
            integration_id: The integration.

        Raises:
            NotFoundError: The integration does not exist.
        """
        return await self._session.call(LIST, integration_id=integration_id)

    async def get(self, integration_id: str, webhook_id: str) -> Webhook:
        """Get a webhook, with its secret (`GetWebhook`).

        Args:
            integration_id: The integration.
            webhook_id: The webhook.

        Raises:
            NotFoundError: The integration or the webhook does not exist.
        """
        return await self._session.call(GET, integration_id=integration_id, webhook_id=webhook_id)

    async def update(
        self,
        integration_id: str,
        webhook_id: str,
        *,
        target: str | Unset = UNSET,
        triggers: Sequence[WebhookTrigger] | Unset = UNSET,
        include_full_user: bool | Unset = UNSET,
        include_full_source: bool | Unset = UNSET,
    ) -> Webhook:
        """Update a webhook (`UpdateWebhook`).

        Args:
            integration_id: The integration.
            webhook_id: The webhook.
            target: The URL that events are posted to.
            triggers: Which events to report, in place of those before; case matters.
            include_full_user: Put the whole user into events.
            include_full_source: Put client and device into events.

        Raises:
            ConfigurationError: A trigger is misspelt.
            NotFoundError: The integration or the webhook does not exist.
        """
        if triggers is not UNSET:
            check_values("triggers", triggers, _TRIGGERS)
        body = changes(
            target=target,
            triggers=triggers,
            includeFullUser=include_full_user,
            includeFullSource=include_full_source,
        )
        return await self._session.call(
            UPDATE, body=body, integration_id=integration_id, webhook_id=webhook_id
        )

    async def delete(self, integration_id: str, webhook_id: str) -> None:
        """Delete a webhook (`DeleteWebhook`).

        Args:
            integration_id: The integration.
            webhook_id: The webhook.

        Raises:
            NotFoundError: The integration or the webhook does not exist.
        """
        await self._session.call(DELETE, integration_id=integration_id, webhook_id=webhook_id)
