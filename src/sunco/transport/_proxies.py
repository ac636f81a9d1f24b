"""The proxies that the environment names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies

import attrs

from sunco.errors import ConfigurationError
from sunco.wire import is_loopback

__all__ = ["Proxies", "ProxyURL", "environment_proxies"]

_SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})


class ProxyURL(str):
    """The URL of a proxy, which can hold a password and is not shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ProxyURL('[secret]')"


@attrs.frozen
class Proxies:
    """Which proxy a request goes through.

    Attributes:
        urls: The URLs of the proxies, by the scheme of the request or `"all"`.
        exceptions: Host names and networks that are not proxied, in lower case.
    """

    urls: Mapping[str, ProxyURL] = attrs.field(factory=dict[str, ProxyURL])
    exceptions: tuple[str, ...] = ()

    def proxy_for(self, origin: str) -> ProxyURL | None:
        """The URL of the proxy for an origin; None if it is not proxied.

        Loopback is never proxied: the credential would leave the machine in plain text.
        """
        if not self.urls:
            return None
        parts = urlsplit(origin)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if is_loopback(host) or any(_matches(entry, host, port) for entry in self.exceptions):
            return None
        return self.urls.get(parts.scheme) or self.urls.get("all")

    def socks_variables(self) -> list[str]:
        """The variables that name a SOCKS proxy."""
        return [
            _VARIABLES[scheme]
            for scheme, url in self.urls.items()
            if url.lower().startswith("socks5:")
        ]


def environment_proxies() -> Proxies:
    """Read `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, or the system's settings.

    Raises:
        ConfigurationError: One of them is not the URL of a proxy; its value is not shown.
    """
    urls = {scheme: _checked(scheme) for scheme in _VARIABLES if getproxies().get(scheme)}
    exceptions = (entry.strip().lower() for entry in getproxies().get("no", "").split(","))
    return Proxies(urls, tuple(entry for entry in exceptions if entry))


_VARIABLES: Final = {"http": "HTTP_PROXY", "https": "HTTPS_PROXY", "all": "ALL_PROXY"}


def _checked(scheme: str) -> ProxyURL:
    variable = _VARIABLES[scheme]
    url = getproxies()[scheme]
    url = url if "://" in url else f"http://{url}"
    problem = _problem(url)
    if problem is not None:
        # The URL can hold a password, and tracebacks can be shown with the variables of frames.
        del url
        raise ConfigurationError(f"{variable} {problem}.")
    # The name is resolved by the proxy in either case.
    return ProxyURL(re.sub("^socks5h:", "socks5:", url, flags=re.IGNORECASE))


def _problem(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not the URL of a proxy: check its host and port"
    kind = parts.scheme.lower()
    if kind not in _SCHEMES:
        return f"names a proxy of the kind {kind!r}: http, https and socks5 are supported"
    if not host or port == 0 or re.search(r"[^!-~]", url):
        return "is not the URL of a proxy, as in 'http://proxy.example:3128'"
    return None


def _matches(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name = entry.partition("://")[2] or entry
    network = _network(name)
    if network is not None:
        address = _address(host)
        return address is not None and address in network
    name, separator, digits = name.rpartition(":")
    if not separator:
        name = digits
    elif digits != str(port):
        return False
    name = name.lstrip("*").lstrip(".").strip("[]")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
