"""Why a download failed, in plain words: the network, a proxy, a login page, or the server.

What to do differs: without a network one waits or brings the file; a proxy needs a setting; a login
page wants a browser; and a server that refuses will refuse again.
"""

from __future__ import annotations

import re
import socket
import ssl
import urllib.parse
import urllib.request

#: How a proxy that does not open a tunnel is reported by Python.
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\s*(.*)")
#: How a web page begins.
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|head|\?xml|!--)", re.IGNORECASE)


def reason_of_status(status: int, reason: str, address: str) -> str:
    """Return why a server or a proxy answered with an error.

    Parameters
    ----------
    status : int
        HTTP status code.
    reason : str
        Its text.
    address : str
        What was asked for.
    """
    text = f"HTTP {status} ({reason})"
    if status == 407:
        return f"{text}{_login(address)}"
    if status in (401, 403, 451):
        return (
            f"{text}: {_host(address)} is reached{through_proxy(address)}, but refuses the "
            "download, as some networks and countries are refused"
        )
    return text


def reason_of_failure(error: object, address: str) -> str:
    """Return why no connection came about.

    Parameters
    ----------
    error : object
        The reason of a ``urllib.error.URLError``.
    address : str
        What was asked for.
    """
    proxy = proxy_of(address)
    tunnel = _TUNNEL.search(str(error))
    if tunnel is not None and tunnel[1] == "407":
        return f"HTTP 407 ({tunnel[2]}){_login(address)}"
    if tunnel is not None:
        return (
            f"HTTP {tunnel[1]} ({tunnel[2]}): the proxy {proxy} does not let connections to "
            f"{_host(address)} through"
        )
    if isinstance(error, socket.gaierror):
        if proxy is not None:
            return f"no network, or no such proxy: the name of the proxy {proxy} does not resolve"
        return f"no network: the name {_host(address)} does not resolve"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {_host(address)} is not trusted ({error.verify_message}), as "
            "behind a proxy that opens connections: set SSL_CERT_FILE to its certificate"
        )
    return f"connection failed ({error}){through_proxy(address)}"


def is_web_page(beginning: bytes) -> bool:
    """Return whether a file is a web page; no archive begins like one."""
    return _PAGE.match(beginning) is not None


def web_page_from(source: str, address: str) -> str:
    """Return the reason for a web page in place of a file.

    Parameters
    ----------
    source : str
        Where it came from, after redirects.
    address : str
        What was asked for.
    """
    return (
        f"a web page came from {_host(source)} in place of the file{through_proxy(address)}, as "
        "from a network that wants a login: open a browser and log in"
    )


def through_proxy(address: str) -> str:
    """Return a note about the proxy for an address, without its password."""
    proxy = proxy_of(address)
    scheme = urllib.parse.urlsplit(address).scheme
    return "" if proxy is None else f" through the proxy {proxy} of {scheme}_proxy"


def proxy_of(address: str) -> str | None:
    """Return the host of the proxy for an address, or None."""
    parts = urllib.parse.urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/")


def _login(address: str) -> str:
    scheme = urllib.parse.urlsplit(address).scheme
    return (
        f"{through_proxy(address)}, which wants a login: set {scheme}_proxy to "
        f"http://USER:PASSWORD@{proxy_of(address) or 'HOST'}"
    )


def _host(address: str) -> str:
    return urllib.parse.urlsplit(address).hostname or address
