"""Download a file atomically; interrupted downloads resume."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamsound_studio.errors import ModelError
from dreamsound_studio.files import sha256_of
from dreamsound_studio.locks import held
from dreamsound_studio.models.store.failures import (
    is_web_page,
    reason_of_failure,
    reason_of_status,
    through_proxy,
    web_page_from,
)

#: Time limit for a silent server.
PATIENCE_SECONDS = 30.0
#: Most attempts at a broken download, and the pause that grows by this each time.
TRIES = 4
PAUSE_SECONDS = 0.5
MOST_BYTES = 512 * 2**20
#: What stays free on the disk.
RESERVE_BYTES = 64 * 2**20
BLOCK_BYTES = 2**16
#: Status codes that may change a moment later.
PASSING_STATUS = (408, 429, 500, 502, 503, 504)

DownloadProgress = Callable[[int, int | None], object]


@dataclass(frozen=True)
class _Fetch:
    """A file to download, and the state of its partial file."""

    address: str
    place: Path
    sha256: str | None
    most_bytes: int
    on_progress: DownloadProgress

    @property
    def partial(self) -> Path:
        return self.place.with_name(f".{self.place.name}.partial")

    @property
    def sidecar(self) -> Path:
        return self.place.with_name(f".{self.place.name}.partial.json")


class _BrokenOffError(Exception):
    """The connection ended early; retrying makes sense."""


def download(
    address: str,
    place: Path,
    *,
    sha256: str | None = None,
    most_bytes: int = MOST_BYTES,
    on_progress: DownloadProgress | None = None,
) -> None:
    """Download a file atomically.

    Parameters
    ----------
    address : str
        Its URL; redirects are followed, and the proxies of the environment are used.
    place : pathlib.Path
        Target path. A partial download lies beside it; the next download resumes it if the server
        still has the same file.
    sha256 : str, optional
        Expected hash.
    most_bytes : int, optional
        Size limit.
    on_progress : callable, optional
        Called with the bytes so far, and the total or None if unknown.

    Raises
    ------
    ModelError
        It cannot be downloaded, differs from the expected file, or is too large.
    """
    fetch = _Fetch(address, place, sha256, most_bytes, on_progress or (lambda *_: None))
    with held(place.with_name(f".{place.name}.lock")):
        if place.is_file():  # another process was faster
            return
        _fetch_in_tries(fetch)
        if sha256 is not None:
            found = sha256_of(fetch.partial)
            if found != sha256:
                _forget(fetch)
                raise ModelError(
                    f"{address}: unexpected file, discarded (sha256 {found[:12]}, expected "
                    f"{sha256[:12]})"
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
            # An attempt that brings no data counts double.
            tries += 1 if _size(fetch.partial) > before else 2
            if tries >= TRIES:
                kept = _size(fetch.partial)
                more = f"; {kept / 1e6:.1f} MB kept, the next attempt resumes there"
                raise ModelError(f"{fetch.address}: {error}{more if kept else ''}") from error
            time.sleep(PAUSE_SECONDS * tries)
        else:
            return


def _attempt(fetch: _Fetch) -> None:
    """Download the rest; raise `_BrokenOffError` if retrying makes sense."""
    start, validator = _resumable(fetch)
    headers = {"User-Agent": "dreamsound", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    request = urllib.request.Request(fetch.address, headers=headers)
    try:
        # Not urlopen(), which keeps the proxies of its first call in a process.
        with urllib.request.build_opener().open(request, timeout=PATIENCE_SECONDS) as answer:
            _receive(fetch, answer, start)
    except urllib.error.HTTPError as error:
        status, reason = error.code, error.reason
        error.close()  # it holds the connection
        if status == 416:  # the partial file no longer matches the server's
            _forget(fetch)
            raise _BrokenOffError("the file on the server has changed") from error
        reason = reason_of_status(status, reason, fetch.address)
        if status in PASSING_STATUS:
            raise _BrokenOffError(reason) from error
        raise ModelError(f"{fetch.address}: {reason}") from error
    except urllib.error.URLError as error:
        reason = reason_of_failure(error.reason, fetch.address)
        if isinstance(error.reason, TimeoutError):
            raise _BrokenOffError(reason) from error
        raise ModelError(f"{fetch.address}: {reason}") from error
    except TimeoutError as error:
        raise _BrokenOffError(
            f"no response for {PATIENCE_SECONDS:g} s{through_proxy(fetch.address)}"
        ) from error
    except (http.client.HTTPException, ConnectionError) as error:
        raise _BrokenOffError(f"connection lost ({error})") from error


def _receive(fetch: _Fetch, answer: Any, start: int) -> None:
    """Append what the server sends to the partial file, or restart it if it sends the whole."""
    total: int | None = None
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if not match or int(match[1]) != start:
            _forget(fetch)
            raise _BrokenOffError("the server sent the wrong part of the file")
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
    _check_room(fetch, (total or done) - done)
    with fetch.partial.open("ab" if start else "wb") as file:
        while block := _read(answer):
            if done == 0 and is_web_page(block):
                file.close()
                _forget(fetch)
                raise ModelError(f"{fetch.address}: {web_page_from(answer.url, fetch.address)}")
            done += len(block)
            if done > fetch.most_bytes:
                file.close()
                _too_large(fetch)
            file.write(block)
            fetch.on_progress(done, total)
    if total is not None and done < total:
        raise _BrokenOffError(f"connection lost, {total - done} bytes missing")


def _read(answer: Any) -> bytes:
    try:
        # Not read(): that waits for a whole block, and loses data received before a timeout.
        block: bytes = answer.read1(BLOCK_BYTES)
    except http.client.IncompleteRead as error:
        return error.partial
    return block


def _resumable(fetch: _Fetch) -> tuple[int, str | None]:
    """Return the offset to resume at, and the validator that identifies the file."""
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


def _check_room(fetch: _Fetch, size: int) -> None:
    free = shutil.disk_usage(fetch.place.parent).free
    if free < size + RESERVE_BYTES:
        raise ModelError(
            f"{fetch.address}: no room ({size / 1e6:.0f} MB to download, {free / 1e6:.0f} MB free "
            f"in {fetch.place.parent})"
        )


def _too_large(fetch: _Fetch) -> None:
    _forget(fetch)
    raise ModelError(
        f"{fetch.address}: larger than the limit of {fetch.most_bytes / 1e6:.0f} MB, discarded"
    )


def _forget(fetch: _Fetch) -> None:
    fetch.partial.unlink(missing_ok=True)
    fetch.sidecar.unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
