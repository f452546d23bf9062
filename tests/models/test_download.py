"""Fetching one file, from servers that behave in every way but well."""

from __future__ import annotations

import hashlib
import http.server
import multiprocessing
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dreamsound_studio.models.store.download as module
from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.store.download import download

CONTENT = bytes(range(256)) * 800  # 200 kB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Sends a file, with ranges; class attributes say what goes wrong."""

    content = CONTENT
    tag: str | None = '"one"'
    break_at: list[int]  # each connection ends at this byte of the file
    stall_at: list[int]  # the same, but it stays open and silent
    statuses: list[int]  # what the first requests are answered with
    ranges = True
    lengths = True
    asked: list[tuple[str, str | None, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Range"], self.headers["If-Range"]))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        if self.statuses:
            self.send_response(self.statuses.pop(0))
            self.end_headers()
            return
        start = self._start()
        self.send_response(206 if start else 200)
        if start:
            size = len(self.content)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        if self.lengths:
            self.send_header("Content-Length", str(len(self.content) - start))
        if self.tag is not None:
            self.send_header("ETag", self.tag)
        self.end_headers()
        if self.break_at:
            self.wfile.write(self.content[start : self.break_at.pop(0)])
        elif self.stall_at:
            self.wfile.write(self.content[start : self.stall_at.pop(0)])
            self.wfile.flush()
            time.sleep(0.6)
        else:
            self.wfile.write(self.content[start:])

    def _start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        same = self.headers["If-Range"] in (None, self.tag)
        return int(match[1]) if match and self.ranges and same else 0

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[type[Server]]:
    class Fresh(Server):
        break_at: list[int] = []  # noqa: RUF012 - each test makes its own class
        stall_at: list[int] = []  # noqa: RUF012
        statuses: list[int] = []  # noqa: RUF012
        asked: list[tuple[str, str | None, str | None]] = []  # noqa: RUF012
        address = ""

    http_server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    http_server.daemon_threads = True
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Fresh.address = f"http://127.0.0.1:{http_server.server_address[1]}"
    yield Fresh
    http_server.shutdown()
    thread.join()
    http_server.server_close()


@pytest.fixture
def get(server: type[Server], tmp_path: Path) -> Callable[..., bytes]:
    def run(path: str = "/file", **given: object) -> bytes:
        place = tmp_path / "got"
        place.unlink(missing_ok=True)
        download(f"{server.address}{path}", place, **given)  # type: ignore[arg-type, attr-defined]
        assert sorted(p.name for p in tmp_path.iterdir()) == ["got"]
        return place.read_bytes()

    return run


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


KEPT = [".got.partial", ".got.partial.json"]


def test_a_file_comes_whole_and_tells_how_far_it_is(
    get: Callable[..., bytes], server: type[Server]
) -> None:
    progress: list[tuple[int, int | None]] = []
    assert get("/moved", on_progress=lambda *at: progress.append(at), sha256=SHA256) == CONTENT
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [path for path, _, _ in server.asked] == ["/moved", "/file"]
    server.lengths = False
    progress.clear()
    assert get(on_progress=lambda *at: progress.append(at)) == CONTENT
    assert progress[-1] == (len(CONTENT), None)


@pytest.mark.parametrize("places", [[1], [100_000], [199_999], [50_000, 120_000, 199_000], [0]])
def test_a_connection_that_breaks_is_taken_up_where_it_was(
    get: Callable[..., bytes], server: type[Server], places: list[int]
) -> None:
    server.break_at = list(places)
    assert get() == CONTENT
    ranges = [asked[1] for asked in server.asked]
    assert ranges == [None, *(f"bytes={place}-" if place else None for place in places)]
    assert {asked[2] for asked in server.asked[1:] if asked[1]} <= {'"one"'}


def test_what_is_kept_is_gone_on_with_by_the_next_fetch(
    get: Callable[..., bytes], server: type[Server], tmp_path: Path
) -> None:
    server.break_at = [40_000, 60_000, 80_000, 90_000]
    with pytest.raises(ModelError, match=r"114800 bytes missing; 0\.1 MB kept") as raised:
        get()
    assert "\n" not in str(raised.value)
    assert left(tmp_path) == KEPT
    server.asked.clear()
    assert get() == CONTENT
    assert [asked[1] for asked in server.asked] == ["bytes=90000-"]


def test_another_file_on_the_server_is_fetched_from_its_start(
    get: Callable[..., bytes], server: type[Server]
) -> None:
    server.break_at = [50_000] * 4
    with pytest.raises(ModelError):
        get()
    server.break_at, server.content, server.tag = [], CONTENT[::-1], '"two"'
    assert get() == CONTENT[::-1]


@pytest.mark.parametrize("tag", [None, 'W/"weak"'])
def test_without_a_strong_tag_only_a_known_hash_allows_to_go_on(
    get: Callable[..., bytes], server: type[Server], tag: str | None
) -> None:
    server.tag = tag
    server.break_at = [50_000]
    assert get() == CONTENT
    assert [asked[1] for asked in server.asked] == [None, None]
    server.asked.clear()
    server.break_at = [50_000]
    assert get(sha256=SHA256) == CONTENT
    assert [asked[1] for asked in server.asked] == [None, "bytes=50000-"]


def test_a_server_without_ranges_sends_it_all_again(
    get: Callable[..., bytes], server: type[Server]
) -> None:
    server.ranges = False
    server.break_at = [50_000]
    assert get() == CONTENT


def test_an_unavailable_range_starts_again(get: Callable[..., bytes], server: type[Server]) -> None:
    server.break_at = [50_000]
    server.statuses = []
    real = Server.do_GET

    def refuse_ranges(self: Server) -> None:
        if self.headers["Range"] and not server.statuses:
            server.statuses.append(416)
        real(self)

    server.do_GET = refuse_ranges  # type: ignore[method-assign]
    assert get() == CONTENT


def test_a_wrong_checksum_leaves_nothing(get: Callable[..., bytes], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"sha256 {SHA256[:12]}, expected 000000000000"):
        get(sha256="0" * 64)
    assert left(tmp_path) == []


def test_more_than_is_allowed_is_not_fetched(
    get: Callable[..., bytes], server: type[Server], tmp_path: Path
) -> None:
    for server.lengths in (True, False):
        with pytest.raises(ModelError, match=r"larger than the limit of 0 MB, discarded"):
            get(most_bytes=100_000)
        assert left(tmp_path) == []


def test_a_server_that_falls_silent_is_asked_again(
    get: Callable[..., bytes], server: type[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    server.stall_at = [70_000]
    assert get() == CONTENT
    assert [asked[1] for asked in server.asked] == [None, "bytes=70000-"]


def test_a_server_that_stays_silent_is_given_up(
    get: Callable[..., bytes],
    server: type[Server],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    server.stall_at = [10, 10, 10, 10, 10]
    with pytest.raises(ModelError, match=r"no response for 0\.1 s"):
        get()
    assert left(tmp_path) == KEPT


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, 2)])
def test_what_the_server_answers_is_reported(
    get: Callable[..., bytes], server: type[Server], status: int, requests: int
) -> None:
    server.statuses = [status] * 5
    with pytest.raises(ModelError, match=f"HTTP {status}"):
        get()
    assert len(server.asked) == requests


def test_a_busy_server_is_asked_again(get: Callable[..., bytes], server: type[Server]) -> None:
    server.statuses = [503]
    assert get() == CONTENT


def test_a_dead_server_is_reported_at_once(tmp_path: Path) -> None:
    with socket.socket() as taken_and_given_back:
        taken_and_given_back.bind(("127.0.0.1", 0))
        port = taken_and_given_back.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"connection failed .*refused") as raised:
        download(f"http://127.0.0.1:{port}/file", tmp_path / "got")
    assert time.monotonic() - started < 5
    assert "\n" not in str(raised.value)
    assert left(tmp_path) == []


def test_a_proxy_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(
        ModelError, match=r"through the proxy 127\.0\.0\.1:9 of http_proxy"
    ) as raised:
        download("http://example.org/file", tmp_path / "got")
    assert "secret" not in str(raised.value)


def test_a_place_that_cannot_be_written_is_an_error_of_the_system(
    server: type[Server], tmp_path: Path
) -> None:
    with pytest.raises(OSError, match="No such file"):
        download(f"{server.address}/file", tmp_path / "none" / "got")  # type: ignore[attr-defined]


def _fetch(address: str, place: str) -> None:
    download(address, Path(place))


def test_two_processes_fetch_once(server: type[Server], tmp_path: Path) -> None:
    server.stall_at = [len(CONTENT) - 1]  # long enough for the other to come
    spawn = multiprocessing.get_context("spawn")
    given = (f"{server.address}/file", str(tmp_path / "got"))  # type: ignore[attr-defined]
    both = [spawn.Process(target=_fetch, args=given) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert left(tmp_path) == ["got"]
    assert sum(asked[1] is None for asked in server.asked) == 1
