"""``dreamsound rpp``: a project dreamed without REAPER, by the real network."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dreamsound_reaper.rpp.reading import items_of, takes_of
from dreamsound_reaper.rpp.text import read_project
from dreamsound_reaper.run import jobs as run_jobs
from dreamsound_reaper.run import run as run_module
from dreamsound_reaper.take_note import TakeNote
from dreamsound_studio.cli import main
from dreamsound_studio.queue.store.store import QUEUE_VARIABLE, Store
from dreamsound_studio.queue.worker.options import WorkerOptions
from dreamsound_studio.queue.worker.worker import Worker

from .facts_made import RATE, tone
from .projects import ITEM, SECTION, project_text

pytestmark = pytest.mark.yamnet
GONE = ITEM.replace("whistle.wav", "gone.wav").replace("782C69}", "782C71}")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A project of three items, one of which plays a file that is not there."""
    folder = tmp_path / "My Söng's"
    folder.mkdir()
    tone(folder / "whistle.wav", 3.0, 900, channels=2)
    tone(folder / "drums.wav", 2.0, 500, channels=2)
    text = project_text(ITEM.replace("      SM 0 0.1 + 0.5 0.7 -0.25\n", ""), SECTION, GONE)
    (folder / "song.rpp").write_bytes(text.replace("\n", "\r\n").encode())
    return folder / "song.rpp"


@pytest.fixture
def worker(tmp_path: Path, yamnet: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A queue of the test's own, and a worker in a thread instead of a process."""
    path = tmp_path / "queue/queue.sqlite"
    monkeypatch.setenv(QUEUE_VARIABLE, str(path))
    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", lambda _: yamnet)
    monkeypatch.setattr(run_jobs, "ensure_worker", lambda _: False)
    monkeypatch.setattr(run_module, "POLL_S", 0.02)
    store = Store(path)
    worker = Worker(store, WorkerOptions(checkpoint_every_s=0.0), lambda _: None)
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield
    worker.leave()
    thread.join(30)
    store.close()


Rpp = Callable[..., tuple[int, str, str]]


@pytest.fixture
def rpp(worker: None, capsys: pytest.CaptureFixture[str]) -> Rpp:
    def rpp(*words: object) -> tuple[int, str, str]:
        code = main(["rpp", *map(str, words), "--class", "Bell", "--steps", "1"])
        report = capsys.readouterr()
        return code, report.out, report.err

    return rpp


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")


def test_the_new_project_has_the_dreams_and_every_old_line(rpp, song):
    new = song.with_name("new.rpp")
    before = song.read_bytes()
    code, _, report = rpp(song, "--items", "all", "--out", new)
    assert code == 4  # one was left out
    assert "plays the missing file" in report
    assert "6 new takes" in report
    assert song.read_bytes() == before
    # All old lines are there, in their order, and none has changed.
    rest = iter(lines(new))
    assert all(line in rest for line in lines(song))
    assert all(line.endswith(b"\r") for line in lines(new)[:-1])
    found = {one.item.guid: one for one in items_of(read_project(new))}
    plain, section, gone = found.values()
    assert [len(takes_of(one.block)) for one in (plain, section, gone)] == [4, 4, 1]
    take = plain.item.take
    assert take.name == "whistle - dream Bell"
    assert (take.values["D_PLAYRATE"], take.values["D_VOL"]) == (1.5, 0.5)
    assert take.source.file == "Audio/DreamSound/whistle_dream.wav"
    reversed_take = section.item.take
    assert reversed_take.source.section is None
    assert reversed_take.channel_mode == 0
    assert reversed_take.values["D_PAN"] == 0.25
    assert soundfile.info(song.parent / reversed_take.source.file).channels == 1
    note = TakeNote.of_text(take.ext)
    assert note.recipe["class"] == "Bell"
    assert note.class_name == "Bell"


def test_files_of_the_recipe_are_seen_from_here(rpp, song, tmp_path, monkeypatch):
    """Not from the folder of the jobs, nor from that of the project."""
    target = tone(tmp_path / "target.wav", 1.0, 700)
    monkeypatch.chdir(tmp_path)
    new = song.with_name("new.rpp")
    words = ("--items", "rev drums", "--method", "target", "--target", "target.wav")
    code, _, messages = rpp(song, *words, "--out", new)
    assert code == 0, messages
    (found,) = (one for one in items_of(read_project(new)) if one.item.label.startswith("rev"))
    note = TakeNote.of_text(found.item.take.ext)
    assert note.recipe["target"] == str(target)


def test_a_dream_lies_where_the_sound_was(rpp, song):
    """The new take of a reversed section, against the file: the peak of correlation is at 0."""
    new = song.with_name("new.rpp")
    rpp(song, "--items", "rev drums", "--out", new, "--strength", "0.001")
    (found,) = (one for one in items_of(read_project(new)) if one.item.label.startswith("rev"))
    take = found.item.take
    dream, rate = soundfile.read(song.parent / take.source.file)
    source, _ = soundfile.read(song.parent / "drums.wav")
    first = round(0.25 * rate)
    played = source[first : first + round(1.5 * rate), 0][::-1]
    at, length = round(0.1 * rate), rate
    wanted = played[at : at + length]
    begin = round(take.start_offset_s * rate)
    scores = {}
    for lag in range(-20, 21):
        got = dream[max(begin + lag, 0) :][:length]
        scores[lag] = float(np.dot(got, wanted[: len(got)]))
    assert max(scores, key=scores.get) == 0
    assert rate == RATE


def test_going_on_from_the_new_project(rpp, song):
    """What was written is read again: the dream is dreamed as a take with its file."""
    new, newer = song.with_name("new.rpp"), song.with_name("newer.rpp")
    assert rpp(song, "--out", new)[0] == 4
    code, printed, _ = rpp(
        new, "--items", "whistle", "--out", newer, "--json", "--renders", "dream"
    )
    assert code == 0
    plan = json.loads(printed)
    assert len(plan["items"][0]["takes"]) == 1
    (found,) = (one for one in items_of(read_project(newer)) if "whistle" in one.item.label)
    assert len(takes_of(found.block)) == 5
    assert sum(take.is_active for take in takes_of(found.block)) == 1


def test_items_that_have_one_guid(rpp, tmp_path):
    """Each gets its own dream, whatever its GUID; a name does not change the exit code."""
    tone(tmp_path / "a.wav", 1.0)
    tone(tmp_path / "b.wav", 1.0, channels=2)
    plain = re.sub(r"      SM .*\n", "", ITEM).replace("NAME whistle.wav", 'NAME "left out"')
    text = project_text(*(plain.replace("whistle.wav", f"{name}.wav") for name in "ab"))
    (tmp_path / "song.rpp").write_text(text)
    code, _, _ = rpp(tmp_path / "song.rpp", "--out", tmp_path / "new.rpp", "--renders", "dream")
    assert code == 0
    found = list(items_of(read_project(tmp_path / "new.rpp")))
    files = [tmp_path / one.item.take.source.file for one in found]
    assert [soundfile.info(path).channels for path in files] == [1, 2]


def test_onto_a_new_track_and_glued(rpp, song):
    track = song.with_name("track.rpp")
    assert rpp(song, "--items", "rev drums", "--out", track, "--placement", "track")[0] == 0
    items = list(items_of(read_project(track)))
    assert [one.item.track.name for one in items] == ["Voice's one"] * 3 + ["Voice's one - dreams"]
    assert (items[3].item.position_s, items[3].item.length_s) == (4.0, 1.0)
    assert items[3].item.take.name == "rev drums - dream Bell"
    assert len(takes_of(items[3].block)) == 3
    glued = song.with_name("glued.rpp")
    code, _, report = rpp(song, "--items", "all", "--out", glued, "--placement", "glue")
    assert code == 4
    assert "stretched" in report
    assert len(list(items_of(read_project(glued)))) == 4


def test_colours_and_paths_of_other_systems(rpp, tmp_path):
    tone(tmp_path / "a.wav", 1.0)
    item = ITEM.replace("whistle.wav", "a.wav").replace('FILE "a.wav"', 'FILE ".\\a.wav"')
    item = re.sub(r"      SM .*\n", "", item).replace("PLAYRATE 1.5", "PLAYRATE 1")
    text = project_text(item, version="7.08/macOS-arm64").replace('"Audio"', '""')
    (tmp_path / "song.rpp").write_text(text)
    code, _, report = rpp(
        tmp_path / "song.rpp", "--out", tmp_path / "new.RPP", "--renders", "dream"
    )
    assert (code, "1 new take" in report) == (0, True)
    written = (tmp_path / "new.RPP").read_text()
    assert f"TAKECOLOR {0x1000000 | 148 << 16 | 103 << 8 | 219} B" in written  # macOS
    assert 'FILE "DreamSound/a_dream.wav"' in written


ODD = """      TKM 0.5 hit 0
      TKM 1.2 "two words" 16777471
      TKM 2.9 outside
      SAMPLEEDITS 1 1 44100
      <SPLS 0
        SPL 161 -0.9
      >
"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A Windows project with markers, edits and bytes that are not UTF-8, in a folder track."""
    folder = tmp_path / "old"
    (folder / "sounds").mkdir(parents=True)
    tone(folder / "sounds/whistle.wav", 3.0, 900, channels=2)
    tone(folder / "caf.wav", 3.0, 700).rename(
        os.fsdecode(os.fsencode(folder) + "/caf\xe9.wav".encode("latin-1"))
    )
    first = re.sub(r"      SM .*\n", "      SM 0 0 + 1 1 + 5 9 0.5\n" + ODD, ITEM)
    first = first.replace('"whistle.wav"', '"sounds\\\\whistle.wav" 1').replace(
        "LOOP 1\n", "LOOP 0\n      ALLTAKES 1\n"
    )
    second = SECTION.replace("drums.wav", "caf\xe9.wav").replace("rev drums", "caf\xe9 d")
    text = project_text(first, second, head="", version="7.08/win64")
    text = text.replace("    TRACKID", "    ISBUS 2 -1\n    TRACKID").replace("Voice", "V\xe9")
    (folder / "song.rpp").write_bytes(text.encode("latin-1"))
    return folder / "song.rpp"


def test_all_of_a_take_comes_into_another_folder(rpp, odd):
    before = odd.read_bytes()
    new = odd.parent.parent / "new"
    new.mkdir()
    words = ("--items", "all", "--renders", "dream", "--handle", "0.2")
    code, _, report = rpp(odd, *words, "--out", new / "n.rpp")
    assert code == 0, report
    assert "plays all takes at once" in report
    assert "sample edits" in report
    assert odd.read_bytes() == before
    content = (new / "n.rpp").read_bytes()
    for line in before.split(b"\n"):  # names keep their bytes; files are found from the new folder
        assert line in content or b"FILE" in line
    assert b'FILE "..\\old\\sounds\\whistle.wav" 1' in content
    assert b'FILE "../old/caf\xe9.wav"' in content
    assert f"TAKECOLOR {0x1000000 | 219 << 16 | 103 << 8 | 148} R".encode() in content
    first, second = items_of(read_project(new / "n.rpp"))
    take = first.item.take
    markers = take.stretch_markers
    # 0.8 s at rate 1.5, and the handle begins with the file.
    assert [round(one[0], 6) for one in markers] == [0.0, 1.0, 1.2]
    assert markers[-1][1] == pytest.approx(1.4)
    assert [(round(at, 6), name, colour) for at, name, colour in take.take_markers] == [
        (0.5, "hit", 0), (1.2, "two words", 16777471)
    ]  # fmt: skip
    assert second.item.take.name == "caf\xe9 d - dream Bell"
    for found in (first, second):
        assert Path(new, found.item.take.source.file).is_file()


def test_a_new_track_ends_the_folder_that_it_is_in(rpp, odd):
    new = odd.with_name("track.rpp")
    code, _, report = rpp(
        odd, "--items", "caf\xe9", "--placement", "track", "--renders", "dream", "--out", new
    )
    assert code == 0, report
    tracks = read_project(new).root.blocks("TRACK")
    assert [track.line("ISBUS")[1:] for track in tracks] == [["0", "0"], ["2", "-1"]]


def test_media_are_searched_beside_the_project_and_in_further_folders(rpp, odd, tmp_path):
    moved = tmp_path / "elsewhere/deep"
    moved.mkdir(parents=True)
    sound = odd.parent / "sounds/whistle.wav"
    sound.rename(moved / sound.name)
    new = odd.with_name("found.rpp")
    words = (odd, "--items", "whistle", "--renders", "dream", "--out", new)
    code, _, report = rpp(*words)
    assert (code, "missing file" in report) == (2, True)
    code, _, report = rpp(*words, "--media", tmp_path / "none")
    assert (code, report.count("\n")) == (2, 1)
    code, _, report = rpp(*words, "--media", moved.parent)
    assert code == 0, report
    assert not (odd.parent / "sounds" / sound.name).exists()
    (moved / sound.name).rename(odd.parent / sound.name)
    code, _, report = rpp(*words[:-1], odd.with_name("beside.rpp"))
    assert code == 0, report


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("song.rpp", "--out", "song.rpp"), "the project itself"),
        (("song.rpp", "--out", "there.rpp"), "exists"),
        (("song.rpp", "--out", "no/such/new.rpp"), "no such folder"),
        (("song.rpp", "--out", "new.wav"), "name the new project"),
        (("song.rpp", "--out", "new.rpp", "--span", "0:1"), "leave out --span"),
        (("song.rpp", "--out", "new.rpp", "--items", "guitar"), "no items match"),
        (("song.rpp", "there.rpp", "--out", "new.rpp"), "one project at a time"),
        (("gone.rpp", "--out", "new.rpp"), "No such file"),
        (("junk.rpp", "--out", "new.rpp"), "is not a REAPER project"),
        (("song.rpp", "--out", "new.rpp", "--class", "Bellll"), "Bell"),
        (("song.rpp", "--out", "new.rpp", "--format", "mp4"), "format"),
    ],
)
def test_bad_input_is_one_line_and_2(song, monkeypatch, capsys, tmp_path, words, message):
    monkeypatch.chdir(song.parent)
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue/queue.sqlite"))
    (song.parent / "there.rpp").write_text("x")
    (song.parent / "junk.rpp").write_bytes(b"\0\1")
    before = sorted(song.parent.iterdir())
    assert main(["rpp", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert sorted(song.parent.iterdir()) == before


def test_nothing_dreamed_writes_nothing(song, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv(QUEUE_VARIABLE, str(tmp_path / "queue/queue.sqlite"))
    new = song.with_name("new.rpp")
    assert main(["rpp", str(song), "--items", "gone", "--out", str(new)]) == 2
    report = capsys.readouterr().err
    assert "no item was dreamed" in report
    assert not new.exists()
    assert not list((tmp_path / "queue/rpp").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_files_whose_names_are_not_utf8_are_dreamed(rpp: Rpp, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    tone(tmp_path / "whistle.wav", 2.0, 900, channels=2).rename(tmp_path / f"{name}.wav")
    text = project_text(ITEM.replace("      SM 0 0.1 + 0.5 0.7 -0.25\n", ""))
    old = tmp_path / f"{name}.rpp"
    content = text.replace("whistle", name).encode("utf-8", "surrogateescape")
    old.write_bytes(content)
    code, _, err = rpp(old, "--items", "all", "--method", "add", "--renders", "dream")
    assert code == 0, err
    new = (tmp_path / f"{name} dreams.rpp").read_bytes()
    assert new.count(b'caf\xe9.wav"') >= content.count(b'caf\xe9.wav"')
    assert "café_dream.wav".encode() in new
    assert old.read_bytes() == content
