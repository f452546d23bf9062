"""The recipe travels in the render."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import DreamSoundError, RecipeError
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.note import PREFIX, read_document, read_note, tags_of, with_note

NOTE: dict[str, Any] = {
    "engine": "0",
    "source": {"name": "夜.wav", "sha256": "ab" * 32, "start": 7, "samples": 101},
    "recipe": Recipe.make(class_="Hi-hat", objective=None, steps=3).as_dict(),
}


def written(path: Path, tags: dict[str, str]) -> Path:
    values = np.linspace(-0.5, 0.5, 101, dtype=np.float32)[None]
    write_blocks(
        path, [values], length=101, channels=1, sample_rate_hz=8000,
        file_format=path.suffix[1:], bits="24", tags=tags,
    )  # type: ignore[arg-type]  # fmt: skip
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("comment", [None, "recorded at dawn", f"{PREFIX}old"])
def test_what_is_written_is_read(tmp_path: Path, ending: str, comment: str | None) -> None:
    source = {"title": "Bird", "artist": "Ö"} | ({"comment": comment} if comment else {})
    path = written(tmp_path / f"source.{ending}", source)
    tags = tags_of(path)
    kept = {"comment": comment} if comment == "recorded at dawn" else {}
    assert tags == {"title": "Bird", "artist": "Ö"} | kept
    render = written(tmp_path / f"render.{ending}", with_note(tags, NOTE, "dream"))
    assert read_note(render) == {"render": "dream", **NOTE}
    assert read_document(render) == read_note(render)
    assert tags_of(render) == tags
    before, _ = soundfile.read(path)
    after, _ = soundfile.read(render)
    np.testing.assert_array_equal(before, after)


def test_a_note_beyond_what_libsndfile_reads_is_read(tmp_path: Path) -> None:
    note = NOTE | {"long": "x" * 5000}
    assert read_note(written(tmp_path / "a.wav", with_note({}, note, "dream")))["long"]


def test_a_list_behind_the_samples_of_an_rf64_is_read(tmp_path: Path) -> None:
    line = (PREFIX + json.dumps({"render": "dream", **NOTE})).encode() + b"\0"
    line += b"\0" * (len(line) % 2)
    info = b"INFOICMT" + len(line).to_bytes(4, "little") + line
    plain = written(tmp_path / "plain.wav", {}).read_bytes()
    place = plain.index(b"data")
    size = int.from_bytes(plain[place + 4 : place + 8], "little")
    samples = plain[place + 8 : place + 8 + size] + b"\0" * (size % 2)
    tail = b"LIST" + len(info).to_bytes(4, "little") + info
    body = plain[12:place] + b"data\xff\xff\xff\xff" + samples + tail
    sizes = (len(body) + 40).to_bytes(8, "little") + size.to_bytes(8, "little") + bytes(12)
    ds64 = b"ds64" + len(sizes).to_bytes(4, "little") + sizes
    path = tmp_path / "rf64.wav"
    path.write_bytes(b"RF64\xff\xff\xff\xffWAVE" + ds64 + body)
    assert read_note(path) == {"render": "dream", **NOTE}


def test_a_sound_without_a_recipe_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe found"):
        read_note(written(tmp_path / "a.wav", {"comment": "nothing"}))
    with pytest.raises(RecipeError, match="recipe in this file is invalid"):
        read_note(written(tmp_path / "a.wav", {"comment": f"{PREFIX}[]"}))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_broken_file_is_an_error_and_no_crash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "broken.wav"
    content = bytearray(written(path, with_note({}, NOTE, "dream")).read_bytes())
    places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=20)):
        content[place] = value
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        note = read_note(path)
    except DreamSoundError as error:
        said = str(error)
    else:
        said = ""
        assert isinstance(note["recipe"], dict)
    assert "\n" not in said
