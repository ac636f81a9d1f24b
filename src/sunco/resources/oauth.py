"""OAuth, for partners whose customers install an integration."""

from __future__ import annotations

from types import NoneType

from sunco.errors import ConfigurationError
from sunco.models.apps import App
from sunco.models.oauth import AccessTokenRequest, OAuthToken
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation

__all__ = ["OAuth"]

AUTHORIZE = Operation("Authorize", "GET", "/oauth/authorize", NoneType, at_oauth_host=True)
GET_TOKEN = Operation(
    "GetToken", "POST", "/oauth/token", OAuthToken, at_oauth_host=True, authenticated=False
)
TOKEN_INFO = Operation("GetTokenInfo", "GET", "/v2/tokenInfo", App, "app", at_oauth_host=True)
REVOKE_ACCESS = Operation(
    "RevokeAccess", "DELETE", "/oauth/authorization", NoneType, repeatable=False
)


class OAuth(Resource):
    """The OAuth flow. Its first requests go to the OAuth host, whatever the account."""

    def authorize_url(
        self, client_id: str, *, state: str | None = None, redirect_uri: str | None = None
    ) -> str:
        """The URL of the page that asks a user for access (`Authorize`). Nothing is sent.

        Args:
            client_id: Your client id.
            state: Comes back with the code; make it unguessable and check it.
            redirect_uri: Where the user comes back to; by default what is on file.
        """
        params = required(client_id=client_id) | {"response_type": "code"}
        params |= given(state=state, redirect_uri=redirect_uri)
        return self._session.request(AUTHORIZE, params=params).url

    async def get_token(self, code: str, *, client_id: str, client_secret: str) -> OAuthToken:
        """Exchange a code for an access token (`GetToken`).

        A code can be used once, so an attempt with an unknown outcome is not repeated. The client's
        credential is not sent.

        Args:
            code: What came back with the user.
            client_id: Your client id.
            client_secret: Your secret.

        Raises:
            BadRequestError: The code is not valid, or was used.
            AuthenticationError: The client id or secret is wrong.
        """
        problem = _code_problem(code=code, client_id=client_id, client_secret=client_secret)
        body = AccessTokenRequest(code=code, client_id=client_id, client_secret=client_secret)
        # An error's frames can be shown with their variables.
        del code, client_secret
        if problem is not None:
            del body
            raise ConfigurationError(problem)
        return await self._session.call(GET_TOKEN, body=body)

    async def token_info(self) -> App:
        """The app that the client's access token is for, with its subdomain (`GetTokenInfo`).

        Raises:
            AuthenticationError: The token is not valid.
        """
        return await self._session.call(TOKEN_INFO)

    async def revoke_access(self) -> None:
        """Revoke the client's access token (`RevokeAccess`).

        Raises:
            AuthenticationError: The token is not valid.
        """
        await self._session.call(REVOKE_ACCESS)


def _code_problem(**values: object) -> str | None:
    """Why a code cannot be exchanged, without its values; None if it can."""
    for name, value in values.items():
        if not isinstance(value, str):
            return f"{name} must be a str, not {type(value).__name__}."
    return None
