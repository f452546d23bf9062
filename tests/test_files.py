"""Files: whole or as they were, names that are still free, and hashes."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio import files
from dreamsound_studio.control import Control, between_blocks
from dreamsound_studio.errors import AudioFileError, QueueError, RecipeError, RenderCancelled
from dreamsound_studio.files import (
    HASH_BYTES,
    atomic,
    check_folder_writable,
    free_number,
    numbered,
    partial_beside,
    partial_files,
    put_in_place,
    read_limited,
    rename_free,
    rename_new,
    sha256_of,
    write_atomic,
)


def no_links(*_: object) -> NoReturn:
    """As on FAT and some network shares."""
    raise OSError("not supported")


@pytest.fixture(params=["links", "no links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# -- one file ---------------------------------------------------------------------------------


@settings(deadline=None)
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, content: str) -> None:
    path = tmp_path_factory.mktemp("files") / "a"
    write_atomic(path, content)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt(), ValueError("odd")])
def test_a_write_that_dies_leaves_the_old_file(
    tmp_path: Path, overwrite: bool, error: BaseException
) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")

    def die() -> None:
        with atomic(path, overwrite=overwrite) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)):
        die()
    assert names(tmp_path) == ["note.txt"]
    assert path.read_text() == "old"


def test_a_writer_that_wrote_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a"):
        pass


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("old")
    with atomic(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["note.txt"]


@pytest.mark.usefixtures("file_system")
def test_a_name_that_is_taken_is_replaced_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    write_atomic(path, "mine", overwrite=False)
    with pytest.raises(RecipeError, match=r"note\.txt: already exists\. .*pass --overwrite"):
        write_atomic(path, "yours", overwrite=False, error=RecipeError)
    assert path.read_text() == "mine"
    write_atomic(path, "yours")
    assert path.read_text() == "yours"
    assert names(tmp_path) == ["note.txt"]


@pytest.mark.usefixtures("file_system")
def test_a_name_that_is_taken_while_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"

    def write() -> None:
        with atomic(path, overwrite=False) as partial:
            partial.write_text("yours")
            path.write_text("mine")

    with pytest.raises(FileExistsError):
        write()
    assert path.read_text() == "mine"
    assert names(tmp_path) == ["note.txt"]


@pytest.mark.parametrize("parent", ["none", "file"])
def test_a_file_that_cannot_be_written_raises_the_callers_error(
    tmp_path: Path, parent: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / parent / "a.json"
    with pytest.raises(RecipeError, match=r"a\.json: cannot write: "):
        write_atomic(path, "{}", error=RecipeError)
    with pytest.raises(AudioFileError):
        write_atomic(path, "{}")


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomic(path, b"")
    assert path.exists()


def test_partial_files_are_found_by_their_tag_alone(tmp_path: Path) -> None:
    path = tmp_path / "song.wav"
    mine = [partial_beside(path, "job[1]-") for _ in range(3)]
    for place in [*mine, partial_beside(path, "job1-"), partial_beside(path), path]:
        assert place.parent == tmp_path
        place.touch()
    assert partial_files(tmp_path, "job[1]-") == sorted(mine)


# -- several files, and names -----------------------------------------------------------------


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_several_files_are_renamed_or_none_is(tmp_path: Path, failing: int) -> None:
    partial = {name: tmp_path / f".{name}" for name in "abc"}
    places = {name: tmp_path / name for name in "abc"}
    for name, place in partial.items():
        place.write_text(name)
    taken = places["abc"[failing]]
    taken.write_text("mine")
    with pytest.raises(AudioFileError, match=rf"{taken}: cannot write: File exists"):
        put_in_place(partial, places, overwrite=False)
    assert [name for name in "abc" if places[name].exists()] == [taken.name]
    assert taken.read_text() == "mine"
    # Nothing is lost: it can be tried again.
    put_in_place(partial, places, overwrite=True)
    assert [places[name].read_text() for name in "abc"] == list("abc")


@given(taken=st.sets(st.integers(1, 30)))
def test_the_free_number_is_the_first(taken: set[int]) -> None:
    number = free_number(taken.__contains__)
    assert number not in taken
    assert taken >= set(range(1, number))


@given(name=st.text(), numbers=st.sets(st.integers(1, 1000), min_size=2, max_size=2))
def test_a_number_makes_another_name(name: str, numbers: set[int]) -> None:
    assert len({numbered(name, number) for number in numbers}) == 2
    assert numbered(name, 1) == name
    assert numbered(name, 3, " ") == f"{name} 3"


@pytest.mark.usefixtures("file_system")
def test_a_taken_name_is_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.b.wav").write_text("1")
    made = []
    for content in "23":
        (tmp_path / ".new").write_text(content)
        made.append(rename_free(tmp_path / ".new", tmp_path / "a.b.wav"))
    assert [path.name for path in made] == ["a.b_2.wav", "a.b_3.wav"]
    assert [path.read_text() for path in made] == ["2", "3"]
    assert (tmp_path / "a.b.wav").read_text() == "1"
    assert not (tmp_path / ".new").exists()


def test_of_many_that_want_one_name_each_gets_its_own(tmp_path: Path) -> None:
    everyone, got = threading.Barrier(8, timeout=60), []

    def take(number: int) -> None:
        partial = tmp_path / f".{number}"
        partial.write_text(str(number))
        everyone.wait()
        path = rename_free(partial, tmp_path / "bird.wav")
        got.append((path.name, path.read_text() == str(number)))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = [f"{numbered('bird', number)}.wav" for number in range(1, 9)]
    assert sorted(got) == [(name, True) for name in sorted(wanted)]
    assert names(tmp_path) == sorted(wanted)


def test_an_error_other_than_a_taken_name_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rename_new(tmp_path / "none", tmp_path / "a")
    with pytest.raises(FileNotFoundError):
        rename_free(tmp_path / "none", tmp_path / "a")


# -- hashes and folders -----------------------------------------------------------------------


@settings(deadline=None)
@given(content=st.binary(max_size=100))
def test_the_hash_is_that_of_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "hashed"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "HASH_BYTES", 7)
        assert sha256_of(path) == hashlib.sha256(content).hexdigest()


def test_a_long_hash_can_be_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(2 * HASH_BYTES + 1))
    blocks: list[int] = []
    sha256_of(path, lambda: blocks.append(1))
    assert len(blocks) == 3
    control = Control()
    control.cancel()
    with control.in_charge(), pytest.raises(RenderCancelled):
        sha256_of(path, between_blocks)


def test_a_missing_folder_is_made_and_one_that_cannot_be_is_an_error(tmp_path: Path) -> None:
    check_folder_writable(tmp_path / "a" / "b")
    assert not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(AudioFileError, match=f"Cannot write to the folder {folder}"):
            check_folder_writable(folder)


def test_a_folder_may_be_checked_before_it_is_made(tmp_path: Path) -> None:
    check_folder_writable(tmp_path / "a" / "b", makes_it=False)
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
@pytest.mark.parametrize("makes_it", [True, False])
def test_a_folder_in_which_no_file_can_be_made_is_an_error(makes_it: bool) -> None:
    with pytest.raises(AudioFileError, match="Cannot write to the folder /proc/dreams"):
        check_folder_writable(Path("/proc/dreams"), makes_it=makes_it)


@pytest.mark.parametrize(("size", "is_read"), [(0, True), (10, True), (11, False)])
def test_a_file_is_read_up_to_its_limit(tmp_path: Path, size: int, is_read: bool) -> None:
    path = tmp_path / "job.json"
    path.write_bytes(b"x" * size)
    if is_read:
        assert read_limited(path, 10, QueueError, "too large") == b"x" * size
        return
    with pytest.raises(QueueError, match=r"job\.json: too large$"):
        read_limited(path, 10, QueueError, "too large")


def test_a_file_that_cannot_be_read_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(QueueError, match="none: No such file"):
        read_limited(tmp_path / "none", 10, QueueError, "too large")
