"""`sunco worker`: a process that processes an inbox and serves no requests."""

from __future__ import annotations

import logging
import os
import signal
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import anyio
import click

from sunco import ConfigurationError
from sunco.cli.runtime import run_async

if TYPE_CHECKING:
    from sunco.webhooks import WebhookRouter

__all__ = ["load_router", "worker"]


@click.command()
@click.argument("router", metavar="MODULE:ROUTER")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least severe messages to log, on stderr.",
)
def worker(router: str, log_level: str) -> None:
    """Process the events in the inbox of a router, such as app:router.

    The web processes that store the events enter `router.running(handle=False)`. On SIGTERM or
    Ctrl-C, events in flight are finished, for as long as the router's shutdown_timeout.
    """
    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )

    async def run() -> int:
        found = load_router(router)
        async with found.running():
            logging.getLogger("sunco.webhooks").info("Processing the inbox of %s.", router)
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                await anext(signals)
        return 0

    run_async(run)


def load_router(name: str) -> WebhookRouter:
    """Import a router.

    Args:
        name: `module:attribute`.

    Raises:
        ConfigurationError: There is none of that name, or it has no inbox.
    """
    from sunco.webhooks import WebhookRouter  # noqa: PLC0415 - loaded when needed

    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ConfigurationError(f"{name!r} is not of the form module:router, such as app:router.")
    if os.getcwd() not in sys.path:  # noqa: PTH109 - entries are str
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as above
    try:
        found: object = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        message = f"There is no module {module_name!r} here: run this where it can be imported."
    else:
        for part in attribute.split("."):
            found = getattr(found, part, None)
        if isinstance(found, WebhookRouter):
            if found.inbox is None:
                raise ConfigurationError(f"{name} has no inbox: there is nothing to process.")
            return found
        message = f"{name} is not a WebhookRouter."
    raise ConfigurationError(message)
