"""``dreamsound batch`` and ``plot``: whole folders, and pictures of what came of them."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import matplotlib.image as mpimg
import numpy as np
import pytest
import soundfile

from dreamsound_studio.library.library import Library
from dreamsound_studio.models.yamnet.network import YamNet

from .conftest import Command, chirp, process, write_sound

GIVEN = ("--method", "add", "--class", "Cat", "--steps", 2, "--renders", "dream")


@pytest.fixture
def loaded(yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The model that is loaded already, and how often it was asked for."""
    calls: list[int] = []

    def load(_: object) -> YamNet:
        calls.append(1)
        return yamnet

    monkeypatch.setattr("dreamsound_studio.models.load.load_weights", load)
    return calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two sounds of one name, and one that is broken."""
    for place in ("in", "in/deep"):
        (tmp_path / place).mkdir()
        write_sound(tmp_path / place / "bird.wav", chirp(0.5 + 0.1 * len(place)))
    (tmp_path / "in/broken.wav").write_text("no sound")
    return tmp_path / "in"


def wavs(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*.wav")}


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_folder_is_dreamed_and_what_fails_is_reported(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path, jobs: int
) -> None:
    out = tmp_path / "out"
    outcome = command(
        "batch", folder, "--out", out, "--recursive", "--keep-tree", "--jobs", jobs, *GIVEN
    )
    assert outcome.code == 4
    assert wavs(out) == {"bird_dream.wav", "deep/bird_dream.wav"}
    assert outcome.out.startswith("2 done, 1 failed, of 3, in ")
    assert "broken.wav: not a readable sound file" in outcome.out
    assert len(loaded) == 1
    reports = json.loads((out / "batch_report.json").read_text())["inputs"]
    states = {Path(row["input"]).name + row["out"][-4:]: row["state"] for row in reports}
    assert states == {"bird.wav/out": "done", "broken.wav/out": "failed", "bird.wavdeep": "done"}
    for row in reports:
        if row["state"] == "done":
            assert row["after"] > row["before"]
            assert row["seconds"] > 0
            for picture in row["pictures"].values():
                assert mpimg.imread(out / picture).std() > 0.01
    page = (out / "batch_report.html").read_text()
    assert 'src="deep/bird_dream.wav"' in page


def test_a_batch_makes_what_render_makes(
    command: Command, dream: Command, loaded: list[int], folder: Path, tmp_path: Path
) -> None:
    given = (*GIVEN, "--format", "flac")
    bird = folder / "bird.wav"
    assert dream(bird, "--out", tmp_path / "one", *given).code == 0
    assert command("batch", bird, "--out", tmp_path / "two", *given).code == 0
    one, two = (tmp_path / place / "bird_dream.flac" for place in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_renders_of_one_name_are_never_lost(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    flat = ("batch", folder, "--recursive", "--out", out, *GIVEN)
    refused = command(*flat)
    assert (refused.code, wavs(out)) == (4, {"bird_dream.wav"})
    assert refused.out.count("exists") == 1
    assert command(*flat, "--clash", "number", "--jobs", 2).code == 4
    assert wavs(out) == {"bird_dream.wav", "bird_dream_2.wav", "bird_dream_3.wav"}
    again = command(*flat, "--clash", "skip")
    assert again.out.startswith("2 skipped, 1 failed")
    assert len(loaded) == 2  # nothing to dream, nothing to load


def test_a_quiet_batch_prints_only_what_failed(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = ("--recursive", "--keep-tree", "--out", out, "-q", *GIVEN)
    quiet = command("batch", folder, *given)
    assert (quiet.code, quiet.out) == (4, "")
    failure, *remarks = quiet.err.splitlines()
    assert "broken.wav: not a readable sound file" in failure
    assert "ETA" not in quiet.err
    assert all("warnings: " in line or "softer than" in line for line in remarks)
    assert (out / "batch_report.txt").read_text().startswith("2 done, 1 failed")


def test_a_failure_names_its_sound_once(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = ("batch", folder / "bird.wav", folder / "broken.wav", "--out", out, *GIVEN)
    assert command(*given).code == 4
    again = command(*given)
    first, second = [line for line in again.err.splitlines() if "failed: " in line]
    assert first.startswith(f"1/2 failed: {out}/bird_dream.wav: ")
    assert first.partition(" ETA ")[0].endswith("pass --overwrite.")
    assert second.startswith(f"2/2 failed: {folder}/broken.wav: not a readable sound file")
    (summary,) = [line for line in again.out.splitlines() if "broken" in line]
    assert summary.startswith(f"failed: {folder}/broken.wav: not a readable sound file")


def test_where_nothing_can_be_dreamed_is_one_line(command: Command, tmp_path: Path) -> None:
    outcome = command("batch", tmp_path, "--out", tmp_path / "out")
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert not (tmp_path / "out").exists()


def test_a_batch_that_is_cancelled_still_reports(yamnet: YamNet, tmp_path: Path) -> None:
    for number in range(20):  # more than are done before the signal arrives
        write_sound(tmp_path / f"{number:02d}.wav", chirp(3.0))
    given = ("--method", "add", "--class", "Cat", "--steps", "20", "--renders", "dream")
    running = process("batch", tmp_path, "--out", tmp_path / "out", *given)
    try:
        while not list((tmp_path / "out").glob("*.wav")) and running.poll() is None:
            time.sleep(0.01)
        running.send_signal(signal.SIGTERM)
        _, messages = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 5, messages
    report = json.loads((tmp_path / "out/batch_report.json").read_text())["inputs"]
    states = [row["state"] for row in report]
    assert states[0] == "done"
    assert states[-1] == "not begun"
    assert len(list((tmp_path / "out").glob("*.wav"))) == states.count("done")
    assert not list((tmp_path / "out").glob(".*"))


def test_finished_dreams_are_in_the_library(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place = tmp_path / "library.sqlite"
    monkeypatch.setenv("DREAMSOUND_LIBRARY", str(place))
    bird, out = folder / "bird.wav", tmp_path / "far" / "away" / "out"
    assert command("batch", bird, "--out", out, *GIVEN, "--preset", "Turn to birds").code == 0
    with Library(place) as library:
        (dream,) = library.search("bird", class_name="cat", preset="turn to birds")
        assert library.verify().of("same")
    assert (dream.source, dream.channels) == (str(bird), 1)
    assert (dream.score_after or 0) > (dream.score_before or 0)
    assert dream.recipe["steps"] == 2
    assert [Path(render.path) for render in dream.renders] == [out / "bird_dream.wav"]
    # The library also knows where the source of a render is.
    assert command("redo", out / "bird_dream.wav").code == 0
    place.write_bytes(b"not a library at all" * 100)
    broken = command("batch", bird, "--out", tmp_path / "out2", *GIVEN)
    (row,) = json.loads((tmp_path / "out2/batch_report.json").read_text())["inputs"]
    assert (broken.code, row["state"]) == (0, "done")
    assert any("not added to the library" in line for line in row["warnings"])


def test_a_render_is_drawn_beside_its_source(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    given = ("--method", "add", "--span", "0.0:0.4", "--class", "Cat", "--steps", 3)
    given += ("--renders", "all")
    assert command("render", folder / "bird.wav", "--out", out, *given).code == 0
    renders = sorted(out.glob("*.wav"))
    outcome = command("plot", *renders, "--source", folder / "bird.wav")
    assert outcome.code == 0
    pictures = [Path(line) for line in outcome.out.splitlines()]
    assert pictures == [Path(f"{path}.png") for path in renders]
    drawn = [mpimg.imread(path) for path in pictures]
    assert len({image.tobytes() for image in drawn}) == len(renders)
    assert all(image.shape[0] > 900 for image in drawn)  # with the score trace
    again = command("plot", renders[0], folder / "bird.wav", "--source", folder / "bird.wav")
    assert (again.code, len(again.messages)) == (2, 2)
    assert "exists" in again.messages[0]
    assert "no recipe found" in again.messages[1]
    assert np.array_equal(mpimg.imread(pictures[0]), drawn[0])


def test_a_dry_run_reads_every_sound_and_writes_nothing(command: Command, tmp_path: Path) -> None:
    sounds, out = tmp_path / "sounds", tmp_path / "out"
    sounds.mkdir()
    write_sound(sounds / "good.wav", chirp())
    (sounds / "broken.wav").write_bytes(b"not a sound")
    outcome = command("batch", sounds, "--out", out, "--dry-run")
    assert outcome.code == 4
    assert outcome.out == f"would dream {sounds / 'good.wav'} into {out}\n"
    (line,) = outcome.err.splitlines()
    assert "broken.wav" in line
    assert not out.exists()


def test_a_batch_lists_what_it_leaves_out_and_why(
    command: Command, loaded: list[int], folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("DREAMSOUND_FFMPEG", "off")
    (folder / "broken.wav").unlink()
    (folder / "notes.txt").write_text("notes")
    (folder / "rain.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(99))
    (folder / ".hidden.wav").write_bytes(b"x")
    out = tmp_path / "out"
    outcome = command("batch", folder, "--out", out, *GIVEN)
    assert outcome.code == 0
    report = json.loads((out / "batch_report.json").read_text())
    left = {Path(one["input"]).name: one["why"] for one in report["left_out"]}
    assert left.keys() == {"notes.txt", "rain.m4a", ".hidden.wav", "deep"}
    assert left["notes.txt"] == "not a sound, by its ending .txt"
    assert left["deep"] == "a folder: pass --recursive to take the sounds in it"
    assert "needs ffmpeg" in left["rain.m4a"]
    for text in (outcome.out, *((out / f"batch_report.{end}").read_text() for end in ("txt",))):
        assert "notes.txt: not a sound" in text
    assert "left out: 4" in (out / "batch_report.html").read_text()


@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_names_of_any_kind_get_renders_of_their_own(
    command: Command, loaded: list[int], tmp_path: Path
) -> None:
    sounds = tmp_path / "in"
    sounds.mkdir()
    for name in (b"kick.wav", b"kick.flac", b"caf\xe9.wav", b"caf\xe8.wav", b"bad\xff.wav"):
        path = os.fsdecode(os.fsencode(sounds) + b"/" + name)
        write_sound(Path(path).with_name("a.wav"), chirp(0.5))
        if name == b"kick.flac":
            soundfile.write(path, chirp(0.5).T, 16_000)
            (sounds / "a.wav").unlink()
        elif name.startswith(b"bad"):
            (sounds / "a.wav").unlink()
            Path(path).write_text("no sound")
        else:
            (sounds / "a.wav").rename(path)
    out = tmp_path / "out"
    assert command("batch", sounds, "--out", out, *GIVEN).code == 4
    assert wavs(out) == {
        "kick_wav_dream.wav", "kick_flac_dream.wav", "caf-_wav_dream.wav", "caf-_wav_2_dream.wav",
    }  # fmt: skip
    assert "caf\\xe9.wav" in (out / "batch_report.html").read_text(encoding="utf-8")
    assert "bad\\xff.wav: not a readable" in (out / "batch_report.txt").read_text(encoding="utf-8")
    rows = json.loads((out / "batch_report.json").read_text())["inputs"]
    assert {os.fsencode(row["input"]) for row in rows} == {
        os.fsencode(path) for path in sounds.iterdir()
    }
