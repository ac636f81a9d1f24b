"""The API keys of apps, and those of custom integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import ANY_APP, INTEGRATION, integration_of
from sunco.emulator.api.operation import ACCOUNT, APP, Operations
from sunco.emulator.errors import bad_request, resource_not_found
from sunco.emulator.schemas.configuration import APP_KEY, INTEGRATION_KEY

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call
    from sunco.emulator.schemas.schema import Shape
    from sunco.emulator.state.account import Key

MOST_KEYS = 10

operations: Operations = Operations()


def _add_all(path: str, shape: Shape, scopes: tuple[str, ...]) -> None:
    operations.add("POST", path, status=201, body=shape, scopes=scopes)(create)
    operations.add("GET", path, scopes=scopes)(list_)
    operations.add("GET", f"{path}/{{keyId}}", scopes=scopes)(get)
    operations.add("DELETE", f"{path}/{{keyId}}", scopes=scopes)(delete)


def create(call: Call) -> Answer:
    """Create a key."""
    owner = _owner(call)
    if len(call.account.keys_of(call.app, owner)) >= MOST_KEYS:
        raise bad_request(f"The maximum number of keys ({MOST_KEYS}) has been reached")
    return {"key": call.account.create_key(call.app, call.body["displayName"], owner).to_json()}


def list_(call: Call) -> Answer:
    """List the keys."""
    return {"keys": [key.to_json() for key in call.account.keys_of(call.app, _owner(call))]}


def get(call: Call) -> Answer:
    """Return one key."""
    return {"key": _key(call).to_json()}


def delete(call: Call) -> Answer:
    """Delete a key, which opens nothing from then on."""
    del call.account.keys[_key(call).id]
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
    owner, key = _owner(call), call.account.keys.get(call.ids["keyId"])
    if key is None or (key.app_id, key.integration_id) != (call.app.id, owner):
        raise resource_not_found()
    return key


_add_all(f"{ANY_APP}/keys", APP_KEY, ACCOUNT)
_add_all(f"{INTEGRATION}/keys", INTEGRATION_KEY, APP)
