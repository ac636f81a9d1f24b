"""Proxies and certificates of the environment: used, or rejected with the variable's name."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from client.test_session import assert_no_secret
from support.server import OK, Counting, get, post, serving

from sunco import AiohttpTransport, ConfigurationError, HttpxTransport, RetryPolicy, Sunco
from sunco.transport import _common
from sunco.transport._proxies import Proxies, ProxyURL, environment_proxies
from transport.conftest import Made

KINDS: tuple[Callable[[], Any], ...] = (HttpxTransport, AiohttpTransport)


@pytest.fixture(autouse=True)
def _no_other_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")
    for name in (*names, "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    _common.default_tls.cache_clear()
    yield
    _common.default_tls.cache_clear()


@pytest.mark.anyio
async def test_loopback_is_never_proxied(transport: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    direct, proxy = Counting(OK), Counting(OK)
    async with serving(direct) as url, serving(proxy) as proxy_url:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy_url)
        async with transport() as sends:
            await sends.send(post(url))
            await sends.send(post(url.replace("127.0.0.1", "localhost")))
    assert len(direct.requests) == 2
    assert proxy.requests == []


@pytest.mark.anyio
async def test_hosts_of_no_proxy_are_reached_directly_and_others_by_the_proxy(
    transport: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Counting(OK)
    async with serving(proxy) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,::/0,invalid.")
        async with transport() as sends:
            for _ in range(2):
                assert (await sends.send(get("http://acme.test"))).content == b"{}"
    assert len(proxy.requests) == 2
    assert proxy.requests[0].startswith(b"GET http://acme.test/v2 HTTP/1.1\r\n")


EXCEPTIONS: list[tuple[str, list[str], list[str]]] = [
    ("*", ["http://a.test", "https://[2001:db8::1]:8"], []),
    ("acme.test", ["http://acme.test", "https://api.acme.test:8443"], ["http://notacme.test"]),
    (" .acme.test , b.test", ["http://x.acme.test", "http://b.test"], ["http://c.test"]),
    ("*.acme.test", ["http://x.acme.test"], ["http://x.test"]),
    ("ACME.test:8080", ["http://acme.test:8080"], ["http://acme.test", "http://acme.test:81"]),
    ("http://acme.test", ["http://acme.test"], ["http://b.test"]),
    ("acme.test:443", ["https://acme.test"], ["http://acme.test"]),
    ("192.0.2.0/24", ["http://192.0.2.7"], ["http://192.0.3.7", "http://a.test"]),
    ("2001:db8::/32", ["http://[2001:db8::1]"], ["http://[2001:db9::1]", "http://192.0.2.1"]),
    ("[2001:db8::1]", ["http://[2001:db8::1]"], ["http://[2001:db8::2]"]),
    ("", [], ["http://a.test"]),
    (",.,:,*:,//,://,::/999,\ud800", [], ["http://a.test", "http://192.0.2.1"]),
]


@pytest.mark.parametrize(("text", "direct", "proxied"), EXCEPTIONS)
def test_no_proxy_is_understood(text: str, direct: list[str], proxied: list[str]) -> None:
    exceptions = tuple(entry.strip().lower() for entry in text.split(",") if entry.strip())
    proxies = Proxies({"all": ProxyURL("http://proxy.test")}, exceptions)
    assert [origin for origin in direct if proxies.proxy_for(origin) is not None] == []
    assert [origin for origin in proxied if proxies.proxy_for(origin) is None] == []


def test_the_proxy_is_that_of_the_scheme_or_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "socks5h://other.test")
    monkeypatch.setenv("FTP_PROXY", "nonsense://")
    proxies = environment_proxies()
    assert proxies.proxy_for("https://a.test") == "http://proxy.test:3128"
    assert proxies.proxy_for("http://a.test") == "socks5://other.test"
    assert "proxy.test" not in repr(proxies)
    assert Proxies().proxy_for("http://a.test") is None


BAD_PROXIES = [
    ("socks4://user:s3cret@proxy.test", "names a proxy of the kind 'socks4'"),
    ("http://user:s3cret@proxy.test:99999", "is not the URL of a proxy: check its host and port"),
    ("http://user:s3cret@proxy.test:0", "is not the URL of a proxy"),
    ("http://user:s3cret@[::1", "is not the URL of a proxy: check its host and port"),
    ("http://user:s3cret@", "is not the URL of a proxy"),
    ("http://user:s3cret@pro xy.test", "is not the URL of a proxy"),
    ("http://user:s3cret@pr\u00f6xy.test", "is not the URL of a proxy"),
]


@pytest.mark.parametrize(("url", "said"), BAD_PROXIES)
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
def test_a_bad_proxy_is_named_by_its_variable_and_not_shown(
    variable: str, url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, url)
    for kind in KINDS:
        with pytest.raises(ConfigurationError, match=f"{variable} {said}") as caught:
            kind()
        assert_no_secret(caught.value)


def test_a_socks_proxy_needs_an_extra_and_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:s3cret@proxy.test")
    monkeypatch.setitem(sys.modules, "socksio", None)
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY .*SOCKS.*'httpx\[socks\]'") as caught:
        HttpxTransport()
    assert_no_secret(caught.value)
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY .*SOCKS.*HttpxTransport") as caught:
        AiohttpTransport()
    assert_no_secret(caught.value)


def test_a_socks_proxy_with_its_extra_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test")

    def find_spec(_: str) -> object:
        return importlib.util.find_spec("h11")

    monkeypatch.setattr("sunco.transport._httpx.find_spec", find_spec)
    HttpxTransport()


@pytest.mark.anyio
async def test_a_proxy_that_httpx_rejects_is_a_configuration_error_that_shows_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reject(**options: Any) -> None:
        raise ValueError(options["proxy"])

    monkeypatch.setenv("ALL_PROXY", "http://user:s3cret@proxy.test")
    sends = HttpxTransport()
    monkeypatch.setattr("httpx.AsyncClient", reject)
    with pytest.raises(ConfigurationError, match="whose URL httpx does not support") as caught:
        await sends.send(get("http://acme.test"))
    assert_no_secret(caught.value)


BROKEN_TLS: list[tuple[str, str, str]] = [
    ("SSL_CERT_FILE", "missing.pem", "FileNotFoundError"),
    ("SSL_CERT_FILE", "broken.pem", "SSLError"),
    ("SSL_CERT_FILE", "", "IsADirectoryError|SSLError|PermissionError"),
    ("SSL_CERT_DIR", "missing", "no such directory"),
    ("SSLKEYLOGFILE", "missing/keys", "FileNotFoundError"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("row", BROKEN_TLS, ids=str)
async def test_certificates_that_cannot_be_read_are_named_by_their_variable(
    transport: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: tuple[str, str, str]
) -> None:
    variable, name, said = row
    (tmp_path / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n")
    monkeypatch.setenv(variable, str(tmp_path / name))
    events: list[Any] = []
    async with transport() as sends:
        sunco = Sunco(
            key_id="k",
            key_secret="s",
            app_id="a",
            base_url="https://127.0.0.1:1",
            transport=sends,
            retry=RetryPolicy(backoff=1e-6),
            observers=[events.append],
        )
        with pytest.raises(ConfigurationError, match=f"{variable}.*({said})"):
            await sunco.users.get("ada")
    assert [type(event).__name__ for event in events] == ["RequestSent", "RequestFailed"]


def test_certificates_of_a_folder_and_of_certifi_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _common.default_tls().cert_store_stats()["x509_ca"] > 50
    _common.default_tls.cache_clear()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert _common.default_tls().cert_store_stats()["x509_ca"] == 0


def test_broken_certificates_of_the_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certifi.where", lambda: "/nowhere.pem")
    with pytest.raises(ConfigurationError, match="the certificates of certifi: FileNotFound"):
        _common.default_tls()


@pytest.mark.anyio
async def test_a_request_that_is_cancelled_shows_no_secret(transport: Made) -> None:
    caught: list[BaseException] = []

    async def behaviour(_: Any) -> None:
        await anyio.sleep_forever()

    async with serving(behaviour) as url, transport() as sends:

        async def send() -> None:
            try:
                await sends.send(post(url, None))
            except BaseException as error:
                caught.append(error)
                raise

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert_no_secret(caught[0])
