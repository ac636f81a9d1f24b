"""API keys of apps and of custom integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import integration_of
from sunco.emulator.api.operation import ACCOUNT, APP, Operations
from sunco.emulator.api.paths import ANY_APP, INTEGRATION
from sunco.emulator.errors import bad_request, resource_not_found
from sunco.emulator.schemas.configuration import APP_KEY, INTEGRATION_KEY

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result
    from sunco.emulator.schemas.schema import Schema
    from sunco.emulator.state.credentials import Key

MAX_KEYS = 10

operations: Operations = Operations()


def _add_all(kind: str, path: str, schema: Schema, scopes: tuple[str, ...]) -> None:
    add = operations.add
    add(f"Create{kind}", "POST", path, status=201, body=schema, scopes=scopes)(create)
    add(f"List{kind}s", "GET", path, scopes=scopes)(list_)
    add(f"Get{kind}", "GET", f"{path}/{{keyId}}", scopes=scopes)(get)
    add(f"Delete{kind}", "DELETE", f"{path}/{{keyId}}", scopes=scopes)(delete)


def create(call: Call) -> Result:
    """Create a key."""
    owner = _owner(call)
    if len(call.account.credentials.keys_of(call.app.id, owner)) >= MAX_KEYS:
        raise bad_request(f"The maximum number of keys ({MAX_KEYS}) has been reached")
    credentials, name = call.account.credentials, call.body["displayName"]
    return {"key": credentials.create_key(call.account.clock, call.app.id, name, owner).to_json()}


def list_(call: Call) -> Result:
    """List the keys."""
    keys = call.account.credentials.keys_of(call.app.id, _owner(call))
    return {"keys": [key.to_json() for key in keys]}


def get(call: Call) -> Result:
    """Return one key."""
    return {"key": _key(call).to_json()}


def delete(call: Call) -> Result:
    """Delete a key."""
    del call.account.credentials.keys[_key(call).id]
    return {}


def _owner(call: Call) -> str | None:
    if "integrationId" not in call.ids:
        return None
    integration = integration_of(call)
    if integration["type"] != "custom":
        raise bad_request("API keys are available only for custom integrations")
    identifier: str = integration["id"]
    return identifier


def _key(call: Call) -> Key:
    owner, key = _owner(call), call.account.credentials.keys.get(call.ids["keyId"])
    if key is None or (key.app_id, key.integration_id) != (call.app.id, owner):
        raise resource_not_found()
    return key


_add_all("AppKey", f"{ANY_APP}/keys", APP_KEY, ACCOUNT)
_add_all("CustomIntegrationKey", f"{INTEGRATION}/keys", INTEGRATION_KEY, APP)
