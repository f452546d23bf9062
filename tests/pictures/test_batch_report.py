"""Which sounds a batch takes, and what its report says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.pictures.batch_report import BatchReport, Row, sounds_in


def tree(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def test_sounds_are_found_by_their_endings_and_in_order(tmp_path: Path) -> None:
    tree(tmp_path, "b.WAV", "a.flac", "notes.txt", ".hidden.wav", "sub/c.mp3", ".git/d.wav")
    out = tmp_path / "out"
    found = [sound.path.name for sound in sounds_in([tmp_path], False, out)]
    assert found == ["a.flac", "b.WAV"]
    deep = sounds_in([tmp_path], True, out)
    assert [(sound.path.name, str(sound.below)) for sound in deep] == [
        ("a.flac", "."), ("b.WAV", "."), ("c.mp3", "sub"),
    ]  # fmt: skip


def test_what_a_batch_made_is_not_taken_again(tmp_path: Path) -> None:
    tree(tmp_path, "a.wav", "out/a_dream.wav", "out/sub/b_dream.wav")
    for out in (tmp_path / "out", tmp_path / "sub" / ".." / "out"):
        assert [s.path.name for s in sounds_in([tmp_path], True, out)] == ["a.wav"]


def test_a_sound_that_is_named_twice_is_taken_once(tmp_path: Path) -> None:
    tree(tmp_path, "a.wav", "b.wav")
    places = [tmp_path / "b.wav", tmp_path, tmp_path]
    found = [sound.path.name for sound in sounds_in(places, False, tmp_path / "out")]
    assert found == ["b.wav", "a.wav"]


def test_a_place_without_sounds_is_an_error(tmp_path: Path) -> None:
    tree(tmp_path, "sub/a.wav")
    with pytest.raises(AudioFileError, match="--recursive"):
        sounds_in([tmp_path], False, tmp_path / "out")
    with pytest.raises(AudioFileError, match="no such folder"):
        sounds_in([tmp_path / "gone"], False, tmp_path / "out")


def test_the_report_gives_the_outcome_of_each(tmp_path: Path) -> None:
    done = Row(1, "in/a & b.wav", str(tmp_path), "done", class_name="Cat", before=0.1, after=0.9,
               renders={"dream": str(tmp_path / "a & b_dream.wav")},
               warnings=["softer"])  # fmt: skip
    failed = Row(2, "in/<c>.wav", str(tmp_path), "failed", "is broken")
    skipped = Row(3, "in/d.wav", str(tmp_path), "skipped", "its renders are there")
    report = BatchReport.beginning(tmp_path, [done, failed, skipped])
    report.seconds = 3725
    report.write()
    text = (tmp_path / "batch_report.txt").read_text()
    assert text.startswith("1 done, 1 skipped, 1 failed, of 3, in 1 h 2 min\n")
    assert "failed: in/<c>.wav: is broken" in text
    assert "warnings: 1, see batch_report.html" in text
    report = json.loads((tmp_path / "batch_report.json").read_text())
    assert [row["state"] for row in report["inputs"]] == ["done", "failed", "skipped"]
    page = (tmp_path / "batch_report.html").read_text()
    assert "&lt;c&gt;.wav" in page
    assert "<c>" not in page
    assert 'src="a%20%26%20b_dream.wav"' in page
    assert "Cat 0.100 → 0.900" in page
    assert page.index("is broken") < page.index("Cat 0.100")
    assert "softer" in page


def test_an_earlier_report_is_kept(tmp_path: Path) -> None:
    BatchReport.beginning(tmp_path, []).write()
    second = BatchReport.beginning(tmp_path, [])
    assert second.name == "batch_report_2"
    second.write()
    assert len(list(tmp_path.iterdir())) == 6
