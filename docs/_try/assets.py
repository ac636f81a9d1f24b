"""Builds what `docs/try.md` loads: `python docs/_try/assets.py TARGET WORK`.

Python in WebAssembly and the editor are npm packages, pinned in `package-lock.json`; sunco's
dependencies are wheels, pinned in `requirements.txt`. Nothing of it is in the repository, and the
page loads nothing from elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "pyodide-lock.json")
STDLIB = "python_stdlib.zip"
# Wheels for any platform, since Pyodide's is not the one that this runs on.
PURE = (
    "--only-binary=:all:",
    "--platform=any",
    "--implementation=py",
    "--abi=none",
    "--python-version=3.14",
)


def install_npm(folder: Path) -> Path:
    """Install the npm packages, and return the folder that they are in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, folder)
    _run("npm", "ci", "--no-audit", "--no-fund", "--silent", f"--prefix={folder}")
    return folder / "node_modules"


def install_wheels(folder: Path, *more: Path) -> None:
    """Install sunco, what the page needs, and further files of requirements into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}")
    files = [f"--requirement={path}" for path in (HERE / "requirements.txt", *more)]
    _run(*pip, *PURE, "--require-hashes", *files)
    _run(*pip, str(PROJECT))


def build(target: Path, work: Path) -> None:
    """Build the files of the page into a folder."""
    node_modules = install_npm(work / "npm")
    pyodide = node_modules / "pyodide"
    packages = work / "packages"
    install_wheels(packages)
    for module in ("runner.py", "timer_loop.py"):
        shutil.copy(HERE / module, packages)
    stdlib = work / "stdlib"
    shutil.rmtree(stdlib, ignore_errors=True)
    with zipfile.ZipFile(pyodide / STDLIB) as archive:
        archive.extractall(stdlib)

    shutil.rmtree(target, ignore_errors=True)
    (target / "pyodide").mkdir(parents=True)
    for folder, name in ((stdlib, f"pyodide/{STDLIB}"), (packages, "packages.zip")):
        _run("node", str(HERE / "compile.mjs"), str(pyodide), str(folder))
        _pack(folder, target / name)
    for name in PYODIDE:
        shutil.copy(pyodide / name, target / "pyodide")
    for name in ("worker.js", "try.css"):
        shutil.copy(HERE / name, target)
    program = HERE / "programs" / "conversation.py"
    _run("node", str(HERE / "snapshot.mjs"), str(target), str(program))
    size = sum(
        path.stat().st_size
        for path in target.rglob("*")
        if path.suffix in {".bin", ".wasm", ".zip"}
    )
    _run(
        str(node_modules / ".bin" / "esbuild"),
        str(HERE / "page.js"),
        "--bundle",
        "--format=esm",
        "--minify",
        "--loader:.py=text",
        "--legal-comments=eof",
        "--log-level=warning",
        f"--define:TOTAL_BYTES={size}",
        f"--outfile={target / 'page.js'}",
        env_node_path=node_modules,
    )


def _pack(folder: Path, archive: Path) -> None:
    """Pack what is compiled, without its sources; AnyIO reads its own."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            is_source = path.suffix == ".py" and name.parts[0] != "anyio"
            if path.is_file() and not is_source and "__pycache__" not in name.parts:
                packed.write(path, name)


def _run(*command: str, env_node_path: Path | None = None) -> None:
    env = os.environ | ({"NODE_PATH": str(env_node_path)} if env_node_path else {})
    subprocess.run(command, check=True, env=env)  # noqa: S603


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
