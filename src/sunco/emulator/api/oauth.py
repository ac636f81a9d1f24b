"""OAuth: granting a partner access to an app, and revoking it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from sunco.emulator.api.operation import (
    EVERYONE,
    INTEGRATION,
    PUBLIC,
    Operations,
    Redirect,
)
from sunco.emulator.errors import ApiError, bad_request, forbidden, not_found
from sunco.emulator.schemas.configuration import TOKEN
from sunco.emulator.state.credentials import Grant

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

operations: Operations = Operations()


@operations.add("Authorize", "GET", "/oauth/authorize", status=302, scopes=PUBLIC, mutates=True)
def authorize(call: Call) -> Result:
    """Redirect the browser with a code. Access to the first app is granted without asking."""
    partner = call.account.credentials.partners.get(call.query.get("client_id", ""))
    if partner is None:
        raise bad_request("Unknown client_id")
    if call.query.get("response_type") != "code":
        raise bad_request("response_type must be code")
    uri = call.query.get("redirect_uri", partner.redirect_uris[0])
    if uri not in partner.redirect_uris:
        raise bad_request("redirect_uri is not one of the integration's")
    app = next(iter(call.account.listing), None)
    if app is None:
        raise not_found("App")
    code = call.account.clock.new_secret()
    call.account.credentials.codes[code] = Grant(
        partner.client_id, app.id, call.account.clock.new_id()
    )
    query = {"code": code} | {name: call.query[name] for name in ("state",) if name in call.query}
    return Redirect(f"{uri}{'&' if '?' in uri else '?'}{urlencode(query)}")


@operations.add("GetToken", "POST", "/oauth/token", body=TOKEN, scopes=PUBLIC, takes_form=True)
def get_token(call: Call) -> Result:
    """Exchange a code, once, for an access token of the partner's integration."""
    account, body = call.account, call.body
    credentials = account.credentials
    partner = credentials.partners.get(body["client_id"])
    if partner is None or partner.client_secret != body["client_secret"]:
        raise ApiError(401, "unauthorized", "The client credentials are invalid")
    grant = credentials.codes.get(body["code"])
    if grant is None or grant.client_id != partner.client_id:
        raise bad_request("The code is invalid")
    del credentials.codes[body["code"]]
    app = account.apps[grant.app_id]
    app.add_integration(
        {
            "id": grant.integration_id,
            "type": partner.client_id,
            "displayName": partner.client_id,
        }
    )
    token = account.clock.new_secret()
    credentials.tokens[token] = grant
    return {"access_token": token, "token_type": "Bearer"}


@operations.add("GetTokenInfo", "GET", "/v2/tokenInfo", scopes=EVERYONE)
def token_info(call: Call) -> Result:
    """Return the app that the credentials give access to."""
    app_id = call.principal.app_id
    if app_id is None:
        raise forbidden()
    return {"app": call.account.apps[app_id].to_json_with_subdomain()}


@operations.add("RevokeAccess", "DELETE", "/oauth/authorization", scopes=INTEGRATION)
def revoke_access(call: Call) -> Result:
    """Remove the caller's integration, with its webhooks and tokens."""
    account, principal = call.account, call.principal
    if principal.key_id not in account.credentials.partners:
        raise forbidden()
    app = account.apps[principal.app_id or ""]
    account.remove_integration(app, principal.integration_id or "")
    return {}
