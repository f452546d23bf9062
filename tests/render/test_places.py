"""Names of a dream's files with a number."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.render.places import (
    SIDECAR,
    first_free,
    next_free,
    put_in_free_places,
    renumbered,
)


def places_in(folder: Path) -> dict[str, Path]:
    return {
        "dream": folder / "a.b_dream.wav",
        f"dream{SIDECAR}": folder / "a.b_dream.wav.json",
        "hardcut": folder / "a.b_hardcut.wav",
    }


def test_files_are_numbered_together(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    second = renumbered(places, 1, 2)
    names = [path.name for path in second.values()]
    assert names == ["a.b_dream_2.wav", "a.b_dream_2.wav.json", "a.b_hardcut_2.wav"]
    assert renumbered(second, 2, 1) == places
    places["dream"].touch()
    second[f"dream{SIDECAR}"].touch()
    assert first_free(lambda new: renumbered(places, 1, new)) == 3
    assert next_free(places, 1) == (renumbered(places, 1, 3), 3)


def test_a_name_that_is_taken_meanwhile_is_left_with_all_others(tmp_path: Path) -> None:
    places, asked = places_in(tmp_path), []
    partial = {name: tmp_path / f".{name}" for name in places}
    for path in partial.values():
        path.write_text("mine")

    def take(asked_for: dict[str, Path], number: int) -> None:
        asked.append(number)
        if number < 3:  # another process is faster, twice
            asked_for["hardcut"].write_text("other")

    put_in_free_places(partial, places, 1, take)
    assert asked == [1, 2, 3]
    assert {path.read_text() for path in renumbered(places, 1, 3).values()} == {"mine"}
    assert len(list(tmp_path.iterdir())) == 5


def test_another_error_is_none_of_a_name(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    with pytest.raises(AudioFileError, match="No such file"):
        put_in_free_places({"dream": tmp_path / "none"}, places, 1, lambda *_: None)
