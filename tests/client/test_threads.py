"""Files where no thread can be started, as in WebAssembly or at the limit of a system."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import anyio.to_thread
import pytest

from sunco import ConfigurationError
from sunco._sync import in_thread
from sunco.emulator import Emulator
from sunco.testing import connect

pytestmark = pytest.mark.anyio


async def no_threads(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("can't start new thread")


async def test_a_file_cannot_be_uploaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "menu.txt"
    file.write_bytes(b"Soup")
    async with connect(Emulator()) as sunco:
        with monkeypatch.context() as patched:
            patched.setattr(anyio.to_thread, "run_sync", no_threads)
            with pytest.raises(ConfigurationError, match=r"needs a thread: can't start new thread"):
                await sunco.attachments.upload(file)
        # Bytes need no thread, and neither does a download of bytes.
        uploaded = await sunco.attachments.upload(b"Soup", filename="menu.txt")
        assert uploaded.media_url


async def test_a_download_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with connect(Emulator()) as sunco:
        uploaded = await sunco.attachments.upload(b"Soup", filename="menu.txt")
        assert uploaded.media_url is not None
        monkeypatch.setattr(anyio.to_thread, "run_sync", no_threads)
        with pytest.raises(ConfigurationError, match="needs a thread"):
            await sunco.attachments.download(uploaded.media_url, tmp_path / "menu.txt")
        assert await sunco.attachments.download(uploaded.media_url) == b"Soup"


async def test_an_error_of_what_runs_in_a_thread_is_its_own() -> None:
    def fail() -> NoReturn:
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        await in_thread(fail)
