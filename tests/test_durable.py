"""What a power cut must not undo is on the disk before anything says that it exists."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from dreamsound_studio.durable import make_folder, sync_files, sync_folders
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.files import check_folder_writable, put_in_place
from dreamsound_studio.jobs.report import RenderFact
from dreamsound_studio.queue.worker.ready import ReadyJob

needs_folders = pytest.mark.skipif(os.name == "nt", reason="Windows keeps names by itself")


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What waits for the disk and what is renamed, in order."""
    found: list[str] = []
    fsync, link, replace = os.fsync, os.link, Path.replace

    def synced(number: int) -> None:
        inode = os.fstat(number).st_ino
        places = [tmp_path, *tmp_path.rglob("*")]
        found.extend(f"sync {place.name}" for place in places if place.stat().st_ino == inode)
        fsync(number)

    def linked(source: Path, target: Path) -> None:
        found.append(f"rename {target.name}")
        link(source, target)

    def replaced(source: Path, target: Path) -> Path:
        found.append(f"rename {target.name}")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "link", linked)
    monkeypatch.setattr(Path, "replace", replaced)
    return found


@needs_folders
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_wait_for_the_disk_once_a_job(
    tmp_path: Path, order: list[str], overwrite: bool
) -> None:
    partial = {name: tmp_path / f".{name}.partial" for name in ("dream", "gradient")}
    places = {name: tmp_path / f"{name}.wav" for name in partial}
    for path in partial.values():
        path.write_bytes(b"sound")
    put_in_place(partial, places, overwrite)
    assert order == [
        "sync .dream.partial",
        "sync .gradient.partial",
        "rename dream.wav",
        "rename gradient.wav",
        f"sync {tmp_path.name}",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dream.wav", "gradient.wav"]


@needs_folders
def test_files_that_a_dead_worker_has_moved_are_waited_for_too(
    tmp_path: Path, order: list[str]
) -> None:
    moved, partial = tmp_path / "dream.wav", tmp_path / ".gradient.partial"
    places = {"dream": moved, "gradient": tmp_path / "gradient.wav"}
    for path in (moved, partial):
        path.write_bytes(b"sound")
    sha256 = hashlib.sha256(b"sound").hexdigest()
    files = {
        name: RenderFact(str(tmp_path / f".{name}.partial"), str(place), sha256)
        for name, place in places.items()
    }
    assert ReadyJob(files, False, {"warnings": []}, None).put_in_place() == {"warnings": []}
    folder = f"sync {tmp_path.name}"
    assert order == [
        "sync dream.wav",
        folder,
        "sync .gradient.partial",
        "rename gradient.wav",
        folder,
    ]


def test_a_disk_that_only_now_has_no_room_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    partial, place = tmp_path / ".partial", tmp_path / "dream.wav"
    partial.write_bytes(b"sound")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioFileError, match=r"dream\.wav: cannot write: No space left"):
        put_in_place({"dream": partial}, {"dream": place}, False)
    assert not place.exists()


@needs_folders
def test_the_names_of_new_folders_are_kept_too(tmp_path: Path, order: list[str]) -> None:
    check_folder_writable(tmp_path / "a" / "b")
    assert order == ["sync a", f"sync {tmp_path.name}"]
    make_folder(tmp_path / "a" / "b")
    assert len(order) == 2


def test_a_folder_that_cannot_wait_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cannot(_: int) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", cannot)
    sync_folders([tmp_path, tmp_path / "missing"])


@pytest.mark.skipif(sys.platform != "darwin", reason="only macOS has F_FULLFSYNC")
def test_the_drives_own_cache_is_emptied_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    asked: list[int] = []
    monkeypatch.setattr(fcntl, "fcntl", lambda _, what: asked.append(what))
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"sound")
    sync_files(paths)
    assert asked == [fcntl.F_FULLFSYNC]
