"""The files of a dream: their names, and all or nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.writer import write_blocks
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.render import write
from dreamsound_studio.render.write import check_places, planned_paths, write_renders

from .conftest import (
    RATE,
    dreamed,
    files,
    noise,
    options,
    source_clip,
    stored,
)


def test_renders_are_named_after_the_source() -> None:
    paths = planned_paths("bird", Path("out"), options("dream", "gradient", format="flac"), (3,))
    assert paths == {
        "dream": Path("out/bird_dream.flac"),
        "gradient": Path("out/bird_gradient.flac"),
        "dream_step3": Path("out/bird_dream_step3.flac"),
    }


# -- all or nothing, and never over anything ------------------------------------------------------


def failing(error: BaseException) -> Callable[..., None]:
    calls = []

    def write(*args: Any, **named: Any) -> None:
        calls.append(args)
        if len(calls) == 2:
            args[0].write_bytes(b"half")
            raise error
        write_blocks(*args, **named)

    return write


@pytest.mark.parametrize("error", [AudioFileError("full"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("overwrite", [False, True])
def test_if_one_render_fails_none_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, overwrite: bool
) -> None:
    clip = source_clip(tmp_path, noise())
    monkeypatch.setattr(write, "write_blocks", failing(error))
    with pytest.raises(type(error)):
        write_renders(dreamed(clip, noise(seed=1)), tmp_path, options(overwrite=overwrite))
    assert files(tmp_path) == {"song.wav"}


@pytest.mark.parametrize("with_links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_links: bool
) -> None:
    if not with_links:  # FAT, some network shares

        def no_links(*_: object) -> None:
            raise OSError("not supported")

        monkeypatch.setattr(os, "link", no_links)
    clip = source_clip(tmp_path, noise())

    def somebody_else(name: str) -> None:
        if name == "difference":
            (tmp_path / "song_gradient.wav").write_text("mine")

    with pytest.raises(AudioFileError, match=r"song_gradient\.wav: cannot write: File exists"):
        write_renders(dreamed(clip, noise(seed=1)), tmp_path, options(), on_progress=somebody_else)
    assert files(tmp_path) == {"song.wav", "song_gradient.wav"}
    assert (tmp_path / "song_gradient.wav").read_text() == "mine"


def test_without_links_renders_are_written_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", no_links)
    clip = source_clip(tmp_path, noise())
    write_renders(dreamed(clip, noise(seed=1)), tmp_path, options("dream"))
    assert files(tmp_path) == {"song.wav", "song_dream.wav"}


def test_a_file_that_exists_is_replaced_only_if_asked(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    dream = dreamed(clip, noise(seed=1))
    (tmp_path / "song_gradient.wav").write_text("mine")
    with pytest.raises(AudioFileError, match=r"song_gradient\.wav: already exists.*--overwrite"):
        write_renders(dream, tmp_path, options())
    assert files(tmp_path) == {"song.wav", "song_gradient.wav"}
    assert (tmp_path / "song_gradient.wav").read_text() == "mine"
    write_renders(dream, tmp_path, options(overwrite=True))
    assert stored(tmp_path / "song_gradient.wav").shape == (1, 2 * RATE)
    assert not list(tmp_path.glob(".*"))


def test_a_source_is_never_written_to(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    dream = dreamed(clip, noise(seed=1))
    target = tmp_path / "target.wav"
    target.write_bytes(b"a target")
    before = (tmp_path / "song.wav").read_bytes()
    out = tmp_path / "out"
    out.mkdir()
    for link, source in ((Path.symlink_to, "song.wav"), (Path.hardlink_to, "target.wav")):
        link(out / "song_dream.wav", tmp_path / source)
        with pytest.raises(AudioFileError, match=r"song_dream\.wav: already exists as a source"):
            write_renders(dream, out, options("dream", overwrite=True), sources=[target])
        (out / "song_dream.wav").unlink()
    # Nor where the render of one sound would take the place of the next.
    with pytest.raises(AudioFileError, match="never replaced"):
        check_places({"dream": tmp_path / "song.wav"}, [tmp_path / "song.wav"], overwrite=True)
    assert (tmp_path / "song.wav").read_bytes() == before
    assert target.read_bytes() == b"a target"
    assert files(out) == set()


def test_a_folder_in_the_place_of_a_render_is_reported(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    (tmp_path / "song_dream.wav").mkdir()
    with pytest.raises(AudioFileError, match=r"song_dream\.wav: is a folder"):
        write_renders(dreamed(clip, noise(seed=1)), tmp_path, options("dream", overwrite=True))


def test_a_name_longer_than_a_disk_allows_is_shortened(tmp_path: Path) -> None:
    clip = source_clip(tmp_path, noise())
    given = options("dream", "gradient")
    written = write_renders(dreamed(clip, noise()), tmp_path, given, stem=f"a{'x' * 300}")
    for name, path in written.paths.items():
        assert path.is_file()
        assert path.name.startswith("ax")
        assert path.name.endswith(f"_{name}.wav")


def test_a_clip_without_a_file_has_a_name_of_its_own(tmp_path: Path) -> None:
    clip = Clip.from_array(noise(), RATE)
    written = write_renders(dreamed(clip, noise(seed=1)), tmp_path / "new", options("dream"))
    assert written.paths["dream"] == tmp_path / "new" / "clip_dream.wav"
    assert soundfile.info(written.paths["dream"]).subtype == "FLOAT"
