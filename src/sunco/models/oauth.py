"""OAuth tokens."""

from __future__ import annotations

import attrs

from sunco.models.base import Model, json_key, model

__all__ = ["AccessTokenRequest", "OAuthToken"]


@model
class OAuthToken(Model):
    """An access token, of `integration` scope. All of it is set by the API.

    Attributes:
        access_token: What `BearerAuth` takes. It is not shown.
        token_type: `"Bearer"`.
    """

    access_token: str = attrs.field(repr=False, metadata=json_key("access_token"))
    token_type: str | None = attrs.field(default=None, metadata=json_key("token_type"))


@model
class AccessTokenRequest(Model):
    """A request to exchange a code for an access token.

    Attributes:
        code: What the user's browser brought back. It is not shown.
        client_id: The partner's client id.
        client_secret: The partner's secret. It is not shown.
        grant_type: How the token is asked for.
    """

    code: str = attrs.field(repr=False)
    client_id: str = attrs.field(metadata=json_key("client_id"))
    client_secret: str = attrs.field(repr=False, metadata=json_key("client_secret"))
    grant_type: str = attrs.field(default="authorization_code", metadata=json_key("grant_type"))
