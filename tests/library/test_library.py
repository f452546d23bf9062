"""The library: what is found, what is kept, and what is found again."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.library.library import Library, library_path, open_library
from dreamsound_studio.library.records import (
    DreamRecord,
    LibraryError,
    LibraryInputError,
    RenderRecord,
)

PLAIN = DreamRecord(
    source="/sounds/Straße_012.wav",
    source_sha256="ab" * 32,
    start=0,
    length=48_000,
    sample_rate_hz=48_000,
    channels=2,
    recipe={"class": "Whistling", "steps": 3, "strength": 0.05},
    model="yamnet",
    weights_sha256="cd" * 32,
    engine_version="0.1.0",
    class_name="Whistling",
    score_before=0.1,
    score_after=0.9,
    scores={"Whistling": (0.1, 0.9)},
)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "library.sqlite")


def render(path: Path, content: bytes) -> RenderRecord:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return RenderRecord.of("dream", path)


def test_a_dream_comes_back_as_it_was_added(library: Library, tmp_path: Path) -> None:
    files = (render(tmp_path / "a.wav", b"one"), render(tmp_path / "b.wav", b"two"))
    dream = replace(PLAIN, renders=files, tags=("soft", "Night"), stars=2, notes="at dawn")
    number = library.add(dream)
    kept = library.get(number)
    assert kept == replace(dream, id=number, ended=kept.ended, tags=("Night", "soft"))
    with pytest.raises(LibraryInputError, match="No dream 99"):
        library.get(99)


def test_dreams_are_listed_newest_first_page_by_page(library: Library) -> None:
    numbers = [library.add(PLAIN) for _ in range(5)]
    assert [dream.id for dream in library.list()] == numbers[::-1]
    assert [dream.id for dream in library.list(2, 1)] == numbers[-2:-4:-1]
    assert library.count() == 5


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "strasse"},
        {"text": "STRA 012"},
        {"text": "whist"},
        {"text": "über"},
        {"text": "uber needle"},
        {"class_name": "whistling"},
        {"preset": "turn to birds"},
        {"model": "YAMNET"},
        {"tag": "KEEP"},
        {"stars_at_least": 4},
        {"since": "2026-02-01", "until": "2026-02-01"},
        {"text": "needle", "since": "2026-01-15", "stars_at_least": 1},
    ],
)
def test_one_dream_is_found_among_others(library: Library, asked: dict[str, object]) -> None:
    other = replace(
        PLAIN, source="/whistles/other.wav", class_name="Cat", model="musicnn", scores={},
        ended="2026-01-01T12:00:00+00:00",
    )  # fmt: skip
    library.add(replace(other, source="/strasse/012/x.wav"))  # its folder does not count as a name
    wanted = replace(
        PLAIN, preset="Turn to birds", tags=("Keep",), stars=4, notes="A needle. Über!",
        ended="2026-02-01T12:00:00+00:00",
    )  # fmt: skip
    number = library.add(wanted)
    library.add(replace(other, ended="2026-03-01T12:00:00+00:00"))
    assert [dream.id for dream in library.search(**asked)] == [number]  # type: ignore[arg-type]


def test_what_is_changed_is_found_by_what_it_is_now(library: Library) -> None:
    number = library.add(replace(PLAIN, tags=("old",), stars=1))
    library.tag(number, add=["new", "NEW"], remove=["OLD"])
    library.star(number, 5)
    library.note(number, "a word")
    assert library.get(number).tags == ("new",)
    assert library.search(tag="new", stars_at_least=5, text="word")
    assert not library.search(tag="old")
    for bad in (-1, 6):
        with pytest.raises(LibraryInputError, match="Use 0 to 5"):
            library.star(number, bad)
    with pytest.raises(LibraryInputError, match="Invalid tag"):
        library.tag(number, add=["\x1b[2J"])


def test_a_forgotten_dream_is_gone_and_its_files_stay(library: Library, tmp_path: Path) -> None:
    file = render(tmp_path / "a.wav", b"one")
    first, second = (library.add(replace(PLAIN, renders=(file,))) for _ in range(2))
    with pytest.raises(LibraryInputError):
        library.forget(first, 99)  # all, or none
    assert library.count() == 2
    library.forget(first)
    assert [dream.id for dream in library.search("strasse")] == [second]
    assert (tmp_path / "a.wav").read_bytes() == b"one"
    library.forget(second)
    assert library.add(PLAIN) > second  # no number is given twice


def test_renders_that_moved_are_found_by_their_hash(library: Library, tmp_path: Path) -> None:
    names = ("same", "changed", "gone", "moved", "renamed")
    files = {name: render(tmp_path / "out" / f"{name}.wav", name.encode() * 9) for name in names}
    numbers = {n: library.add(replace(PLAIN, renders=(file,))) for n, file in files.items()}
    out, far = tmp_path / "out", tmp_path / "far" / "away"
    far.mkdir(parents=True)
    (out / "changed.wav").write_bytes(b"something")
    (out / "gone.wav").unlink()
    shutil.move(out / "moved.wav", far / "moved.wav")
    shutil.move(out / "renamed.wav", out / "else.wav")
    checks = {check.dream: check for check in library.verify([tmp_path / "far"]).renders}
    states = {name: checks[number].state for name, number in numbers.items()}
    assert states == {
        "same": "same", "changed": "changed", "gone": "missing", "moved": "moved",
        "renamed": "moved",
    }  # fmt: skip
    assert library.get(numbers["moved"]).renders[0].path == str(far / "moved.wav")
    assert library.get(numbers["renamed"]).renders[0].path == str(out / "else.wav")
    assert len(library.verify().of("same")) == 3  # and it is remembered


def test_a_render_that_another_took_the_place_of_says_so(library: Library, tmp_path: Path) -> None:
    first = library.add(replace(PLAIN, renders=(render(tmp_path / "a.wav", b"one"),)))
    library.add(replace(PLAIN, renders=(render(tmp_path / "a.wav", b"two"),)))
    assert library.get(first).renders[0].state == "replaced"
    assert [check.dream for check in library.verify().of("replaced")] == [first]


def test_what_is_exported_is_what_is_there(library: Library, tmp_path: Path) -> None:
    file = render(tmp_path / "a.wav", b"one")
    notes = '=1+1, "quoted"\nand a line; \udcff'
    library.add(replace(PLAIN, tags=("a", "b c"), notes=notes, renders=(file,)))
    library.add(PLAIN)
    exported = json.loads("".join(library.export("json")))
    assert exported == json.loads(json.dumps([dream.as_dict() for dream in library.every()]))
    rows = list(csv.DictReader("".join(library.export("csv")).splitlines(keepends=True)))
    assert [row["source"] for row in rows] == [PLAIN.source] * 2
    assert rows[0]["tags"] == "a, b c"
    assert rows[0]["notes"].startswith('=1+1, "quoted"\nand a line')
    assert json.loads(rows[0]["recipe"]) == PLAIN.recipe
    assert json.loads(rows[0]["renders"])[0]["sha256"] == file.sha256


def test_a_path_need_not_be_text(library: Library, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.wav"))
    number = library.add(replace(PLAIN, source=str(path), renders=(render(path, b"one"),)))
    assert library.get(number).source == str(path)
    assert library.verify().of("same")


ADD = """
import sys
from pathlib import Path
from dreamsound_studio.library.library import Library
from dreamsound_studio.library.records import DreamRecord
with Library(Path(sys.argv[1])) as library:
    for number in range(40):
        library.add(DreamRecord(f"/{sys.argv[2]}_{number}.wav", "0", 0, 1, 48000, 1, {}, "yamnet",
                                "1", "0", "Cat"))
"""


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "library.sqlite"
    names = ("ant", "bee", "cow")
    running = [subprocess.Popen([sys.executable, "-c", ADD, str(path), name]) for name in names]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    with Library(path) as library:
        assert library.count() == 120
        assert all(len(library.search(name)) == 40 for name in names)


@pytest.mark.parametrize("kind", ["garbage", "other program", "newer", "folder"])
def test_a_file_that_is_no_library_is_reported_and_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "library.sqlite"
    if kind == "garbage":
        path.write_bytes(b"no database at all " * 200)
    elif kind == "folder":
        path.mkdir()
    else:
        if kind == "newer":
            Library(path).close()
        with sqlite3.connect(path) as connection:
            lines = {"newer": "PRAGMA user_version = 99", "other program": "CREATE TABLE t (x)"}
            connection.execute(lines[kind])
        connection.close()
    before = None if kind == "folder" else path.read_bytes()
    with pytest.raises(LibraryError) as raised:
        Library(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    assert before is None or path.read_bytes() == before


def test_the_library_may_be_elsewhere_or_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DREAMSOUND_LIBRARY", str(tmp_path / "mine.sqlite"))
    assert library_path() == tmp_path / "mine.sqlite"
    monkeypatch.setenv("DREAMSOUND_LIBRARY", "Off")
    assert open_library() is None
    monkeypatch.delenv("DREAMSOUND_LIBRARY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert library_path() == tmp_path / "dreamsound" / "library.sqlite"


@pytest.fixture(scope="module")
def one_dream(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(tmp_path_factory.mktemp("library") / "library.sqlite")
    library.add(PLAIN)
    return library


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60), date=st.one_of(st.none(), st.text(max_size=12)))
def test_whatever_is_searched_for_is_an_answer(
    one_dream: Library, text: str, date: str | None
) -> None:
    try:
        found = one_dream.search(text, class_name=text or None, since=date)
    except LibraryInputError as error:
        said = str(error)
    else:
        said = ""
        assert len(found) <= 1
    assert "\n" not in said
    assert "Whistling".startswith(text) <= bool(one_dream.search(text))
