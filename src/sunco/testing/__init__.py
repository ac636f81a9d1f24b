"""Clients for tests, connected to an emulator in the same process.

With pytest, nothing needs to be imported. The fixture `sunco` is a client of the fixture
`sunco_emulator`. Both are new for every test and use no socket; they work with `pytest-asyncio` and
with AnyIO's plugin:

```python
async def test_greeting(sunco: Sunco, sunco_emulator: Emulator) -> None:
    user = await sunco.users.create(external_id="ada")
    sunco_emulator.say(user, "Hi!")
    ...
    await sunco_emulator.drain()  # the webhooks, if there are any
```

Define a fixture `sunco_emulator_options` that returns other arguments for `Emulator`.
"""

from __future__ import annotations

from typing import Any

import httpx

from sunco.client import Sunco
from sunco.emulator import Emulator
from sunco.testing._inboxes import InboxCheck, InboxSubject, inbox_suite
from sunco.transport import HttpxTransport

__all__ = ["InboxCheck", "InboxSubject", "connect", "inbox_suite"]


def connect(emulator: Emulator, **options: Any) -> Sunco:
    """A client connected to an emulator in the same process.

    Args:
        emulator: The emulator.
        options: Arguments for `Sunco`, instead of the emulator's app and key: for instance
            `key_id=emulator.account_key_id`, to create apps.
    """
    settings: dict[str, Any] = {
        "app_id": emulator.app_id,
        "key_id": emulator.key_id,
        "key_secret": emulator.key_secret,
        "base_url": "http://localhost",
    }
    if "auth" in options:
        del settings["key_id"], settings["key_secret"]
    if "transport" not in options:
        client = httpx.AsyncClient(transport=_InProcess(app=emulator.app))
        settings["transport"] = HttpxTransport(client)
    return Sunco(**(settings | options))


class _InProcess(httpx.ASGITransport):
    """Calls the app, and reports broken connections as a network would."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error
