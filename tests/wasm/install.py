"""Installs what the tests in WebAssembly need: `python tests/wasm/install.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "docs" / "_try"))

if __name__ == "__main__":
    import assets

    folder = Path(sys.argv[1]).resolve()
    assets.install_npm(folder / "npm")
    assets.install_wheels(folder / "packages", HERE / "requirements.txt")
