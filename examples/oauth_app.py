"""Let customers install your integration by OAuth, in Starlette: `nox -s example -- oauth_app`.

Open the address that it prints. For partners: set `SUNCO_OAUTH_CLIENT_ID` and
`SUNCO_OAUTH_CLIENT_SECRET`, and register `http://localhost:8000/callback` as a redirect URI.
Without them, an emulator is used, in which every user consents.

Installing and uninstalling change state, so both are POST requests with a CSRF token of the
visitor's session. A session can only uninstall the apps that it installed. Sessions and tokens are
in memory here; use a session store and a secret store in production.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
from html import escape

import attrs
import playground
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sunco import BearerAuth, Sunco, SuncoError
from sunco.emulator import Emulator

COOKIE = "session"
PORT = 8000

# The first steps need no credentials, and none are sent with the code.
NO_TOKEN = "none-yet"  # noqa: S105

PAGE = """<!doctype html><title>Example</title>
<form method="post" action="/install"><input type="hidden" name="csrf" value="{csrf}">
<button>Install</button></form>{apps}"""
INSTALLED = """<form method="post" action="/uninstall/{id}">
<input type="hidden" name="csrf" value="{csrf}"><button>Uninstall from {name}</button></form>"""


@attrs.define
class Session:
    """What the app remembers of a visitor."""

    csrf: str = attrs.Factory(secrets.token_urlsafe)
    state: str | None = None
    apps: dict[str, tuple[str, str]] = attrs.field(factory=dict[str, tuple[str, str]], repr=False)


class Sessions:
    """The sessions of all visitors, by the value of their cookie."""

    def __init__(self) -> None:
        self._by_id: dict[str, Session] = {}

    def create(self) -> tuple[str, Session]:
        """Create a session, and return its id."""
        session_id, session = secrets.token_urlsafe(), Session()
        self._by_id[session_id] = session
        return session_id, session

    def of(self, request: Request) -> Session | None:
        """The session of a request."""
        return self._by_id.get(request.cookies.get(COOKIE, ""))

    async def checked(self, request: Request) -> Session | None:
        """The session of a form submission, if the form has the session's CSRF token."""
        session = self.of(request)
        async with request.form() as form:
            token = str(form.get("csrf", ""))
        return session if session and is_same(session.csrf, token) else None


def is_same(expected: str, actual: str) -> bool:
    return secrets.compare_digest(expected.encode(), actual.encode())


@attrs.frozen
class OAuthApp:
    """The routes of the app.

    Args:
        base_url: The URL of the API. The OAuth steps use it only with an emulator: all accounts
            share the API's OAuth host.
        client_id: The partner's client id.
        client_secret: The partner's client secret.
    """

    base_url: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    sessions: Sessions = attrs.field(factory=Sessions, repr=False)

    def client(self, token: str) -> Sunco:
        """Create a client that uses a token."""
        return Sunco(base_url=self.base_url, auth=BearerAuth(token))

    async def home(self, request: Request) -> Response:
        """The page with the forms to install and uninstall."""
        session = self.sessions.of(request)
        session_id = ""
        if session is None:
            session_id, session = self.sessions.create()
        apps = [
            INSTALLED.format(id=escape(app_id), name=escape(name), csrf=session.csrf)
            for app_id, (name, _) in session.apps.items()
        ]
        response = HTMLResponse(PAGE.format(csrf=session.csrf, apps="".join(apps)))
        if session_id:
            # For production, add secure=True: the cookie must not travel over plain HTTP.
            response.set_cookie(COOKIE, session_id, httponly=True, samesite="lax")
        return response

    async def install(self, request: Request) -> Response:
        """Start an installation: redirect to the API's consent page."""
        session = await self.sessions.checked(request)
        if session is None:
            return PlainTextResponse("The CSRF token is invalid. Reload the page.", 403)
        session.state = secrets.token_urlsafe()
        async with self.client(NO_TOKEN) as sunco:
            url = sunco.oauth.authorize_url(self.client_id, state=session.state)
        return RedirectResponse(url, 303)

    async def callback(self, request: Request) -> Response:
        """Finish an installation: exchange the code for a token."""
        session = self.sessions.of(request)
        expected = session.state if session else None
        if not session or not expected:
            return PlainTextResponse("No installation was started in this session.", 400)
        if not is_same(expected, request.query_params.get("state", "")):
            return PlainTextResponse("The state does not match.", 400)
        session.state = None
        try:
            async with self.client(NO_TOKEN) as sunco:
                token = await sunco.oauth.get_token(
                    request.query_params.get("code", ""),
                    client_id=self.client_id,
                    client_secret=self.client_secret,
                )
            async with self.client(token.access_token) as sunco:
                app = await sunco.oauth.token_info()
        except SuncoError as error:
            return PlainTextResponse(str(error), 502)
        session.apps[app.id] = (app.display_name or app.id, token.access_token)
        return RedirectResponse("/", 303)

    async def uninstall(self, request: Request) -> Response:
        """Revoke the access to an app."""
        session = await self.sessions.checked(request)
        if session is None:
            return PlainTextResponse("The CSRF token is invalid. Reload the page.", 403)
        app_id = request.path_params["app_id"]
        if app_id not in session.apps:
            return PlainTextResponse("It is not installed in this app.", 404)
        try:
            async with self.client(session.apps[app_id][1]) as sunco:
                await sunco.oauth.revoke_access()
        except SuncoError as error:
            return PlainTextResponse(str(error), 502)
        del session.apps[app_id]
        return RedirectResponse("/", 303)


def create_app(base_url: str, client_id: str, client_secret: str) -> Starlette:
    app = OAuthApp(base_url, client_id, client_secret)
    return Starlette(
        routes=[
            Route("/", app.home),
            Route("/install", app.install, methods=["POST"]),
            Route("/callback", app.callback),
            Route("/uninstall/{app_id}", app.uninstall, methods=["POST"]),
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
