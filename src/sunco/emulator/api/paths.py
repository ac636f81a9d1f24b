"""The paths that several namespaces share."""

from __future__ import annotations

APPS = "/v2/apps"
ANY_APP = f"{APPS}/{{appId}}"
CONVERSATIONS = f"{ANY_APP}/conversations"
CONVERSATION = f"{CONVERSATIONS}/{{conversationId}}"
USERS = f"{ANY_APP}/users"
USER = f"{USERS}/{{userIdOrExternalId}}"
INTEGRATIONS = f"{ANY_APP}/integrations"
INTEGRATION = f"{INTEGRATIONS}/{{integrationId}}"
