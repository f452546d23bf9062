"""One file from the network, whole or not at all; a fetch that broke off goes on where it was."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError

#: A server that says nothing for so long is given up.
PATIENCE_SECONDS = 30.0
#: So often a broken fetch is taken up again, with a pause that grows by this each time.
TRIES = 4
PAUSE_SECONDS = 0.5
MOST_BYTES = 512 * 2**20
BLOCK_BYTES = 2**16
#: Answers that may be others a moment later.
PASSING_STATUS = (408, 429, 500, 502, 503, 504)

Progress = Callable[[int, int | None], object]


@dataclass(frozen=True)
class _Fetch:
    """One file to be fetched, and what is there of it."""

    address: str
    place: Path
    sha256: str | None
    most_bytes: int
    on_progress: Progress

    @property
    def partial(self) -> Path:
        return self.place.with_name(f".{self.place.name}.partial")

    @property
    def sidecar(self) -> Path:
        return self.place.with_name(f".{self.place.name}.partial.json")


class _BrokenOffError(Exception):
    """The connection ended before the file did; it may be tried again."""


def download(
    address: str,
    place: Path,
    *,
    sha256: str | None = None,
    most_bytes: int = MOST_BYTES,
    on_progress: Progress | None = None,
) -> None:
    """Fetch one file whole or not at all.

    Parameters
    ----------
    address : str
        Where it is; redirects are followed, and the proxies of the environment are used.
    place : pathlib.Path
        Where it goes. What is there of an unfinished one lies beside it, and is gone on with by the
        next fetch if the server still has the same file.
    sha256 : str, optional
        What it has to be.
    most_bytes : int, optional
        More than this is not fetched.
    on_progress : callable, optional
        Called with the bytes so far, and those in all or None where the server does not tell.

    Raises
    ------
    ModelError
        It cannot be fetched, is another than it should be, or too large.
    """
    fetch = _Fetch(address, place, sha256, most_bytes, on_progress or (lambda *_: None))
    with _alone(place):
        if place.is_file():  # another process was faster
            return
        _fetch_in_tries(fetch)
        if sha256 is not None:
            with fetch.partial.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                _forget(fetch)
                raise ModelError(
                    f"{address} sent another file than is published (sha256 {found[:12]}, not "
                    f"{sha256[:12]}): nothing is kept"
                )
        fetch.partial.replace(place)
        _forget(fetch)


def _fetch_in_tries(fetch: _Fetch) -> None:
    tries = 0.0
    while True:
        before = _size(fetch.partial)
        try:
            _attempt(fetch)
        except _BrokenOffError as error:
            # What brings nothing at all is not tried as often.
            tries += 1 if _size(fetch.partial) > before else 2
            if tries >= TRIES:
                kept = _size(fetch.partial)
                more = f"; {kept / 1e6:.1f} MB are kept, and the next time goes on from there"
                raise ModelError(f"{fetch.address} {error}{more if kept else ''}") from error
            time.sleep(PAUSE_SECONDS * tries)
        else:
            return


def _attempt(fetch: _Fetch) -> None:
    """Fetch what is missing; raise `_BrokenOffError` if there is a point in another try."""
    start, validator = _resumable(fetch)
    headers = {"User-Agent": "dreamsound", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    request = urllib.request.Request(fetch.address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            _receive(fetch, answer, start)
    except urllib.error.HTTPError as error:
        status, reason = error.code, error.reason
        error.close()  # it holds the connection
        if status == 416:  # what is kept is not the start of what is there now
            _forget(fetch)
            raise _BrokenOffError("has another file now") from error
        told = f"answers {status} ({reason}){_proxy_of(fetch.address) if status == 407 else ''}"
        if status in PASSING_STATUS:
            raise _BrokenOffError(told) from error
        raise ModelError(f"{fetch.address} {told}") from error
    except urllib.error.URLError as error:
        told = f"cannot be reached ({error.reason}){_proxy_of(fetch.address)}"
        if isinstance(error.reason, TimeoutError):
            raise _BrokenOffError(told) from error
        raise ModelError(f"{fetch.address} {told}") from error
    except TimeoutError as error:
        raise _BrokenOffError(
            f"has said nothing for {PATIENCE_SECONDS:g} s{_proxy_of(fetch.address)}"
        ) from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise _BrokenOffError(f"broke off ({error})") from error


def _receive(fetch: _Fetch, answer: Any, start: int) -> None:
    """Write what the server sends behind what is there, or anew where it sends all of it."""
    total: int | None = None
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if not match or int(match[1]) != start:
            _forget(fetch)
            raise _BrokenOffError("sent another part than was asked for")
        total = int(match[2])
    else:
        start = 0
        length = answer.headers.get("Content-Length")
        total = int(length) if length is not None and length.isdigit() else None
        validator = _validator(answer.headers)
        fetch.sidecar.write_text(json.dumps({"address": fetch.address, "validator": validator}))
    done = start
    if total is not None and total > fetch.most_bytes:
        _too_large(fetch)
    with fetch.partial.open("ab" if start else "wb") as file:
        while block := _read(answer):
            done += len(block)
            if done > fetch.most_bytes:
                file.close()
                _too_large(fetch)
            file.write(block)
            fetch.on_progress(done, total)
    if total is not None and done < total:
        raise _BrokenOffError(f"broke off: {total - done} bytes are missing")


def _read(answer: Any) -> bytes:
    try:
        # Not read(): that waits for a whole block, and loses what came before a timeout.
        block: bytes = answer.read1(BLOCK_BYTES)
    except http.client.IncompleteRead as error:
        return error.partial
    return block


def _resumable(fetch: _Fetch) -> tuple[int, str | None]:
    """Return from where the fetch can go on, and what tells the server that it is the same file."""
    try:
        noted = json.loads(fetch.sidecar.read_text())
        fits = noted["address"] == fetch.address
        validator = noted["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        return 0, None
    if not fits or (validator is None and fetch.sha256 is None):
        return 0, None
    return _size(fetch.partial), validator


def _validator(headers: Any) -> str | None:
    tag = headers.get("ETag")
    if tag and not tag.startswith("W/"):
        return str(tag)
    changed = headers.get("Last-Modified")
    return str(changed) if changed else None


def _too_large(fetch: _Fetch) -> None:
    _forget(fetch)
    raise ModelError(
        f"{fetch.address} sends more than {fetch.most_bytes / 1e6:.0f} MB: nothing is kept"
    )


def _forget(fetch: _Fetch) -> None:
    fetch.partial.unlink(missing_ok=True)
    fetch.sidecar.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _proxy_of(address: str) -> str:
    """Return the words about the proxy that an address is reached through, without its password."""
    parts = urllib.parse.urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy is None or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    host = proxy.rpartition("@")[2].rpartition("//")[2]
    return f" through the proxy {host} of {parts.scheme}_proxy"


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold a lock beside `place` that the system takes back when its holder dies."""
    path = place.with_name(f".{place.name}.lock")
    while True:
        with path.open("a+b") as file:
            while not _try_lock(file):
                time.sleep(0.2)
            # Its last holder may have removed it in the meantime.
            if _same_file(path, file):
                try:
                    yield
                finally:
                    with suppress(OSError):
                        path.unlink()
                return


def _same_file(path: Path, file: Any) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False


def _try_lock(file: Any) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
