"""Why a download fails: no network, a proxy, a login page or a refusal, each in its line."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.store.download import download
from dreamsound_studio.models.store.failures import is_web_page, reason_of_failure

PAGE = b"\n<!DOCTYPE html><html><title>Hotel WiFi</title></html>"


class Gate(http.server.BaseHTTPRequestHandler):
    """A server, a login page or a proxy, by its class attributes."""

    status = 200
    content = b"file"

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def do_CONNECT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def gate() -> Iterator[tuple[type[Gate], str]]:
    """A server on this machine, and its address."""

    class Fresh(Gate):
        pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Fresh, f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def proxy_at(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Set the proxies of the environment; None for none."""

    def set_proxy(host: str | None) -> None:
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.delenv(name, raising=False)
            if host is not None:
                monkeypatch.setenv(name, f"http://me:secret@{host}")

    set_proxy(None)
    return set_proxy


def failure(address: str, folder: Path) -> str:
    with pytest.raises(ModelError) as raised:
        download(address, folder / "got")
    text = str(raised.value)
    assert text.startswith(f"{address}: ")
    assert "\n" not in text
    assert "secret" not in text
    assert list(folder.iterdir()) == []
    return text.removeprefix(f"{address}: ")


def test_a_server_that_refuses_is_reached(gate, proxy_at, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server, host = gate
    server.status = 403
    text = failure(f"http://{host}/file", tmp_path)
    assert text.startswith("HTTP 403 (Forbidden): 127.0.0.1 is reached, but refuses the download")
    assert "no network" not in text


def test_a_login_page_is_not_taken_for_the_file(gate, proxy_at, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server, host = gate
    server.content = PAGE
    text = failure(f"http://{host}/file", tmp_path)
    assert text.startswith("a web page came from 127.0.0.1 in place of the file")
    assert text.endswith("open a browser and log in")
    assert not is_web_page(b"PK\x03\x04")
    assert not is_web_page(b"\x1f\x8b\x08")


def test_a_proxy_that_wants_a_login_is_named(gate, proxy_at, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server, host = gate
    server.status = 407
    proxy_at(host)
    for scheme in ("http", "https"):
        text = failure(f"{scheme}://example.org/file", tmp_path)
        assert text.startswith("HTTP 407 (Proxy Authentication Required) through the proxy "), text
        assert text.endswith(f"set {scheme}_proxy to http://USER:PASSWORD@{host}")


def test_a_proxy_that_lets_nothing_through_is_named(gate, proxy_at, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    server, host = gate
    server.status = 403
    proxy_at(host)
    text = failure("https://example.org/file", tmp_path)
    assert text == (
        f"HTTP 403 (Forbidden): the proxy {host} does not let connections to example.org through"
    )


def test_a_proxy_that_is_not_there_is_named(proxy_at, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with socket.socket() as given_back:
        given_back.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{given_back.getsockname()[1]}"
    proxy_at(host)
    text = failure("https://example.org/file", tmp_path)
    assert text.startswith("connection failed (")
    assert text.endswith(f"refused) through the proxy {host} of https_proxy")


def test_without_a_network_names_do_not_resolve(
    proxy_at,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    text = failure("https://tfhub.dev/file", tmp_path)
    assert text == "no network: the name tfhub.dev does not resolve"
    proxy_at("proxy.example:8080")
    text = failure("https://tfhub.dev/file", tmp_path)
    assert text == (
        "no network, or no such proxy: the name of the proxy proxy.example:8080 does not resolve"
    )


def test_a_certificate_of_a_proxy_is_not_taken_for_no_network(proxy_at) -> None:  # type: ignore[no-untyped-def]
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    text = reason_of_failure(error, "https://tfhub.dev/file")
    assert text.startswith("the certificate of tfhub.dev is not trusted (self-signed certificate)")
    assert "SSL_CERT_FILE" in text
