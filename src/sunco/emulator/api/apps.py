"""Apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.operation import ACCOUNT, APP, Operations
from sunco.emulator.api.pagination import read_page, select
from sunco.emulator.api.paths import ANY_APP, APPS
from sunco.emulator.errors import ApiError
from sunco.emulator.schemas.configuration import APP_CREATE, APP_UPDATE
from sunco.emulator.state.app import App

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

operations: Operations = Operations()


@operations.add("CreateApp", "POST", APPS, status=201, body=APP_CREATE, scopes=ACCOUNT)
def create(call: Call) -> Result:
    """Create an app, without integrations or a switchboard."""
    if len(call.account.apps) >= call.account.limits.apps:
        raise ApiError(
            402,
            "payment_required",
            "Your account has reached the maximum number of apps for your subscription plan",
        )
    return {"app": call.account.create_app(call.body).to_json()}


@operations.add("ListApps", "GET", APPS, scopes=ACCOUNT)
def list_(call: Call) -> Result:
    """List the apps."""
    page = read_page(call.query)
    service_account = call.query.get("filter[serviceAccountId]")
    own = call.principal.key_id
    if service_account not in (None, own, own.removeprefix("svc_")):
        raise ApiError(
            403,
            "forbidden",
            "The serviceAccountId provided does not match supplied credentials",
        )
    return select(call.account.listing, page).to_json("apps", App.to_json, call.url, call.query)


@operations.add("GetApp", "GET", ANY_APP, scopes=APP)
def get(call: Call) -> Result:
    """Return one app."""
    return {"app": call.app.to_json_with_subdomain()}


@operations.add("UpdateApp", "PATCH", ANY_APP, body=APP_UPDATE, scopes=APP)
def update(call: Call) -> Result:
    """Update an app: missing members are kept."""
    call.app.update(call.body)
    return {"app": call.app.to_json()}


@operations.add("DeleteApp", "DELETE", ANY_APP, scopes=ACCOUNT, erases=True)
def delete(call: Call) -> Result:
    """Delete an app with everything in it."""
    call.account.delete_app(call.app)
    return {}
