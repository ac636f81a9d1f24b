"""One process of a scale trial, which writes a log: python -m scale.process ROLE JSON."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import anyio

from scale.log import Log

# A process imports only what its role needs.
ROLES = {
    "store": "scale.inboxes",
    "process": "scale.inboxes",
    "bulk": "scale.jobs",
    "campaign": "scale.jobs",
    "limit": "scale.limits",
}


def main() -> None:
    """Run a role."""
    role, options = sys.argv[1], json.loads(sys.argv[2])
    run = getattr(import_module(ROLES[role]), role)
    anyio.run(run, options, Log(options["log"]), backend=options.get("backend", "asyncio"))


if __name__ == "__main__":
    main()
