"""Ways to a server that can be cut off, so that nothing gets through and no connection ends."""

from __future__ import annotations

import contextlib
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final

import attrs

__all__ = ["Network", "has_namespaces", "namespace", "proxy"]


@attrs.frozen
class Network:
    """How processes reach a server on this machine.

    Attributes:
        address: The server's host and port, as they see it.
        command: What comes before a process's own command.
        cut: Nothing gets through from now on.
        restore: Everything gets through again.
    """

    address: str
    command: Sequence[str]
    cut: Callable[[], object]
    restore: Callable[[], object]


@contextmanager
def proxy(port: int) -> Generator[Network]:
    """A proxy that holds back what it receives."""
    forwarder = Forwarder(port)
    try:
        yield Network(
            f"127.0.0.1:{forwarder.port}",
            (),
            forwarder.connected.clear,
            forwarder.connected.set,
        )
    finally:
        forwarder.close()


IP: Final = shutil.which("ip") or "ip"


def has_namespaces() -> bool:
    """Whether network namespaces can be made here."""
    try:
        with namespace(9):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def ip(*arguments: str) -> None:
    subprocess.run([IP, *arguments], check=True, capture_output=True)


@contextmanager
def namespace(port: int) -> Generator[Network]:
    """A network namespace, whose only way out is a link that can be taken down."""
    chance = random.Random()  # noqa: S311 - no secret
    name, subnet = f"sunco-{chance.randrange(16**6):06x}", f"10.213.{chance.randrange(256)}"
    near, far = f"{name[6:]}n", f"{name[6:]}f"
    inside = ("netns", "exec", name, "ip")
    with contextlib.ExitStack() as stack:
        ip("netns", "add", name)
        stack.callback(ip, "netns", "delete", name)
        ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        ip("address", "add", f"{subnet}.1/30", "dev", near)
        ip("link", "set", near, "up")
        ip(*inside, "address", "add", f"{subnet}.2/30", "dev", far)
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "link", "set", far, "up")
        # The server itself listens on loopback alone.
        forwarder = Forwarder(port, f"{subnet}.1")
        stack.callback(forwarder.close)
        stack.callback(ip, "link", "set", near, "up")
        yield Network(
            f"{subnet}.1:{forwarder.port}",
            (IP, "netns", "exec", name),
            lambda: ip("link", "set", near, "down"),
            lambda: ip("link", "set", near, "up"),
        )


class Forwarder:
    """Forwards connections to a server, but for the time when `connected` is not set."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = port
        self._host = host
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.connected = threading.Event()
        self.connected.set()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, function: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                here, _ = self._listener.accept()
                if self._closed:
                    here.close()
                    return
                self._start(self._forward, here)

    def _forward(self, here: socket.socket) -> None:
        with here:
            self.connected.wait()
            with socket.create_connection(("127.0.0.1", self._target)) as there:
                back = threading.Thread(target=self._pump, args=(there, here))
                back.start()
                self._pump(here, there)
                back.join()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.connected.wait()
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self.connected.set()
        # Wakes the thread that accepts.
        socket.create_connection((self._host, self.port)).close()
        for thread in self._threads:
            thread.join()
