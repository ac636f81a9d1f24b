"""Lets others install your integration by OAuth, in Starlette: `nox -s example -- oauth_app`.

Then open the address that it prints. For partners of the platform: set `SUNCO_OAUTH_CLIENT_ID` and
`SUNCO_OAUTH_CLIENT_SECRET`, and have `http://localhost:8000/callback` on file as where users come
back to. Without them, an emulator plays the platform, and whoever is asked says yes.

Tokens are kept in memory here. Keep yours where secrets are kept.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket

import playground
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sunco import BearerAuth, Sunco, SuncoError
from sunco.emulator import Emulator

COOKIE = "oauth_state"
PORT = 8000

# The first steps need no credential, and none is sent with the code.
NO_TOKEN = "none-yet"  # noqa: S105


def create_app(base_url: str, client_id: str, client_secret: str) -> Starlette:
    """The app.

    Args:
        base_url: Where the API is. For the OAuth steps that matters only with an emulator: all
            accounts share the platform's OAuth host.
        client_id: The partner's.
        client_secret: The partner's.
    """
    tokens: dict[str, str] = {}

    def client(token: str) -> Sunco:
        return Sunco(base_url=base_url, auth=BearerAuth(token))

    async def install(_: Request) -> Response:
        state = secrets.token_urlsafe()
        async with client(NO_TOKEN) as sunco:
            answer = RedirectResponse(sunco.oauth.authorize_url(client_id, state=state))
        answer.set_cookie(COOKIE, state, httponly=True, samesite="lax", max_age=600)
        return answer

    async def callback(request: Request) -> Response:
        expected, given = request.cookies.get(COOKIE, ""), request.query_params.get("state", "")
        if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
            return PlainTextResponse("This is no answer to a question of ours.", 400)
        try:
            async with client(NO_TOKEN) as sunco:
                token = await sunco.oauth.get_token(
                    request.query_params.get("code", ""),
                    client_id=client_id,
                    client_secret=client_secret,
                )
            async with client(token.access_token) as sunco:
                app = await sunco.oauth.token_info()
        except SuncoError as error:
            return PlainTextResponse(str(error), 502)
        tokens[app.id] = token.access_token
        answer = PlainTextResponse(f"Installed in {app.display_name}.")
        answer.delete_cookie(COOKIE)
        return answer

    async def uninstall(request: Request) -> Response:
        token = tokens.pop(request.path_params["app_id"], None)
        if token is None:
            return PlainTextResponse("It is not installed there.", 404)
        async with client(token) as sunco:
            await sunco.oauth.revoke_access()
        return PlainTextResponse("Uninstalled.")

    return Starlette(
        routes=[
            Route("/", install),
            Route("/callback", callback),
            Route("/uninstall/{app_id}", uninstall, methods=["POST"]),
        ]
    )


def serve(app: Starlette, listener: socket.socket) -> None:
    print(f"Open http://localhost:{listener.getsockname()[1]}/", flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def main(port: int) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener:
        client_id = os.environ.get("SUNCO_OAUTH_CLIENT_ID")
        if client_id:
            secret = os.environ["SUNCO_OAUTH_CLIENT_SECRET"]
            serve(create_app("https://api.smooch.io", client_id, secret), listener)
            return
        address = f"http://localhost:{listener.getsockname()[1]}/callback"
        partner = {"client_id": "demo", "client_secret": "opens-nothing"}
        emulator = Emulator(partners=[{**partner, "redirect_uris": [address]}])
        with (
            socket.create_server(("127.0.0.1", 0)) as platform,
            playground.served(emulator.app, platform),
        ):
            base_url = f"http://127.0.0.1:{platform.getsockname()[1]}"
            serve(create_app(base_url, **partner), listener)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Install an integration by OAuth.")
    parser.add_argument("--port", type=int, default=PORT, help="port to listen on, 0 for any")
    main(parser.parse_args().port)
