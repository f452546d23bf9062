"""``dreamsound library``: dreams found, judged, exported and looked for."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from dreamsound_studio.library.library import Library
from dreamsound_studio.library.records import DreamRecord, RenderRecord

from .conftest import Command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of two dreams, of a bird and of a cat."""
    path = tmp_path / "library.sqlite"
    monkeypatch.setenv("DREAMSOUND_LIBRARY", str(path))
    with Library(path) as library:
        for name in ("bird", "cat"):
            file = tmp_path / f"{name}_dream.wav"
            file.write_text(name)
            library.add(
                DreamRecord(
                    f"/sounds/{name}.wav", "0", 0, 1, 48_000, 1, {"steps": 3}, "yamnet", "1", "0",
                    name.title(), 0.125, 0.875, preset="Bones",
                    renders=(RenderRecord.of("dream", file),),
                )
            )  # fmt: skip
    return path


def test_dreams_are_listed_found_and_shown(command: Command, place: Path) -> None:
    listed = command("library", "list").out.splitlines()
    assert ["cat.wav" in listed[0], "bird.wav" in listed[1], len(listed)] == [True, True, 2]
    assert "0.125 → 0.875" in listed[0]
    assert [line for line in listed if "Bird" in line] == command(
        "library", "search", "bi", "--preset", "bones"
    ).out.splitlines()
    nothing = command("library", "search", "--class", "dog")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "No dreams found.\n")
    assert command("library", "search", "--class", "dog", "--json").err == ""
    shown = command("library", "show", 1).out
    assert "steps: 3" in shown
    assert str(place.parent / "bird_dream.wav") in shown
    (found,) = json.loads(command("library", "search", "cat", "--json").out)
    assert (found["id"], found["recipe"]) == (2, {"steps": 3})


def test_dreams_are_judged(command: Command, place: Path) -> None:
    assert command("library", "star", 1, 4).code == 0
    assert command("library", "tag", 1, "keep", "for the trailer").code == 0
    assert command("library", "tag", 1, "keep", "--remove").code == 0
    (line,) = command("library", "search", "--stars", 4).out.splitlines()
    assert "****." in line
    assert "[for the trailer]" in line
    assert command("library", "forget", 2).code == 0
    assert len(command("library", "list").out.splitlines()) == 1
    assert (place.parent / "cat_dream.wav").exists()


def test_the_library_is_exported(command: Command, place: Path, tmp_path: Path) -> None:
    assert len(json.loads(command("library", "export").out)) == 2
    table = tmp_path / "table.csv"
    assert command("library", "export", "--csv", "--out", table).code == 0
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["class_name"] for row in rows] == ["Bird", "Cat"]
    again = command("library", "export", "--csv", "--out", table)
    assert (again.code, "--overwrite" in again.err) == (2, True)


def test_what_moved_is_found_and_what_is_gone_is_reported(
    command: Command, place: Path, tmp_path: Path
) -> None:
    assert command("library", "verify").out == "2 same\n"
    (tmp_path / "far").mkdir()
    (tmp_path / "bird_dream.wav").rename(tmp_path / "far" / "bird_dream.wav")
    (tmp_path / "cat_dream.wav").unlink()
    outcome = command("library", "verify", tmp_path / "far")
    assert outcome.code == 4
    assert outcome.out.splitlines()[-1] == "1 moved, 1 missing"
    (found,) = json.loads(command("library", "search", "bird", "--json").out)
    assert found["renders"][0]["path"] == str(tmp_path / "far" / "bird_dream.wav")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("show", 9), "No dream 9"),
        (("star", 1, 6), "0 to 5"),
        (("search", "--since", "yesterday"), "2026-11-24"),
        (("verify", "nowhere"), "no such folder"),
    ],
)
def test_what_cannot_be_is_one_line(
    command: Command, place: Path, arguments: tuple[object, ...], word: str
) -> None:
    outcome = command("library", *arguments)
    assert (outcome.code, len(outcome.messages)) == (2, 1)
    assert word in outcome.err


def test_a_damaged_library_is_one_line(command: Command, place: Path) -> None:
    place.write_bytes(b"garbage " * 1000)
    outcome = command("library", "list")
    assert (outcome.code, len(outcome.messages)) == (1, 1)
    assert "damaged" in outcome.err
