"""``import dreamsound_studio as dreamsound``: a dream in one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio import api
from dreamsound_studio.audio.source import CONTEXT_SECONDS, read_source
from dreamsound_studio.control import Control
from dreamsound_studio.dream.records import StepEvent

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

RATE = 16_000


def chirp(seconds: float = 0.6) -> npt.NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * (900 * time + 600 * time**2))).astype(np.float32)[None]


@pytest.fixture
def bird(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "bird.wav", chirp().T, RATE, subtype="FLOAT")
    return tmp_path / "bird.wav"


def recipe(**fields: object) -> dreamsound.Recipe:
    return dreamsound.Recipe.make(**({"steps": 2, "class_": "Whistling"} | fields))


def test_every_public_name_is_there() -> None:
    for name in dreamsound.__all__:
        assert getattr(dreamsound, name) is not None
    assert dreamsound.dream is api.dream  # although a folder of the package has this name
    with pytest.raises(TypeError, match="cannot replace"):
        dreamsound.dream = None  # type: ignore[assignment]
    with pytest.raises(AttributeError, match="no attribute 'nightmare'"):
        _ = dreamsound.nightmare  # type: ignore[attr-defined]


@pytest.mark.yamnet
def test_a_dream_in_five_lines(bird: Path, tmp_path: Path, yamnet: YamNet) -> None:
    before = bird.read_bytes()
    result = dreamsound.dream(bird, recipe(), model=yamnet)
    written = dreamsound.write_renders(result, tmp_path / "out", dreamsound.RenderOptions())
    assert result.samples.array().shape == (1, 9600)
    assert [step.class_name for step in result.steps] == ["Whistling"] * 2
    assert (result.final.class_name, result.model_name) == ("Whistling", "yamnet")
    assert sorted(written.paths) == ["dream", "gradient", "hardcut"]
    assert all(path.is_file() for path in written.paths.values())
    assert bird.read_bytes() == before


@pytest.mark.yamnet
def test_a_clip_in_memory_gives_the_same_and_is_not_changed(bird: Path, yamnet: YamNet) -> None:
    values = chirp()
    heard: list[StepEvent] = []
    clip = dreamsound.Clip.from_array(values, RATE)
    result = dreamsound.dream(clip, recipe(), model=yamnet, on_step=heard.append, keep_every=1)
    assert heard == result.steps
    assert list(result.kept) == [1]
    assert np.array_equal(values, chirp())
    from_file = dreamsound.dream(bird, recipe(), model=yamnet)
    assert np.array_equal(result.samples.array(), from_file.samples.array())
    assert np.max(np.abs(result.samples.array() - values)) > 1e-3


@pytest.mark.yamnet
def test_without_a_model_the_recipes_is_loaded(
    bird: Path, yamnet: YamNet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def load(name: str) -> YamNet:
        asked.append(name)
        return yamnet

    monkeypatch.setattr("dreamsound_studio.api.load_model", load)
    assert len(dreamsound.dream(bird, recipe(steps=1, model="yamnet")).steps) == 1
    dreamsound.dream(bird, recipe(steps=1))
    assert asked == ["yamnet", "auto"]


@pytest.mark.yamnet
def test_the_recipes_target_is_read(bird: Path, tmp_path: Path, yamnet: YamNet) -> None:
    other = chirp(0.3)[:, ::-1].copy()
    soundfile.write(tmp_path / "target.wav", other.T, RATE, subtype="FLOAT")
    shaped = recipe(steps=1, method="target", target=str(tmp_path / "target.wav"))
    read = dreamsound.dream(bird, shaped, model=yamnet)
    assert read.targets.first is not None
    # 0.3 s of target, looped to the 0.6 s of the source.
    np.testing.assert_array_equal(read.targets.first.array(), np.tile(other, 2))
    clip = dreamsound.Clip.from_array(other, RATE)
    given = dreamsound.dream(bird, shaped, target=clip, model=yamnet)
    assert np.array_equal(read.samples.array(), given.samples.array())


@pytest.mark.yamnet
def test_cancelled_keeps_nothing_and_finished_keeps_what_there_is(
    bird: Path, yamnet: YamNet
) -> None:
    control = Control()
    many = recipe(steps=50)
    with pytest.raises(dreamsound.RenderCancelled):
        dreamsound.dream(
            bird, many, model=yamnet, control=control, on_step=lambda _: control.cancel()
        )
    control = Control()
    result = dreamsound.dream(
        bird, many, model=yamnet, control=control, on_step=lambda _: control.finish()
    )
    assert len(result.steps) == 1
    one = dreamsound.dream(bird, recipe(steps=1), model=yamnet)
    assert np.array_equal(result.samples.array(), one.samples.array())


def test_a_span_brings_along_what_is_heard_around_it(tmp_path: Path) -> None:
    values = chirp(10.0)
    soundfile.write(tmp_path / "song.wav", values.T, RATE, subtype="FLOAT")
    clip = read_source(tmp_path / "song.wav", "5:6")
    around = round(CONTEXT_SECONDS * RATE)
    start, stop = 80_000, 96_000  # 5 s is not on the patch grid of 0.48 s
    assert clip.start == start
    np.testing.assert_array_equal(clip.samples.array(), values[:, start:stop])
    np.testing.assert_array_equal(clip.before, values[:, start - around : start])
    np.testing.assert_array_equal(clip.after, values[:, stop : stop + around])
    # A patch at the span's first sample must not run out of sound: musicnn's is the longest.
    assert around >= 187 * 256 + 256
    whole = read_source(tmp_path / "song.wav")
    assert (whole.start, whole.samples.length, whole.before.shape) == (0, 160_000, (1, 0))


def test_a_span_is_of_a_file() -> None:
    with pytest.raises(dreamsound.RecipeError, match="path instead of a clip"):
        dreamsound.dream(dreamsound.Clip.from_array(chirp(), RATE), span="0:1")


def test_bad_input_is_reported_before_a_model_is_loaded(
    bird: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr("dreamsound_studio.api.load_model", never)
    with pytest.raises(dreamsound.AudioFileError, match="No such file"):
        dreamsound.dream(bird.with_name("none.wav"))
    with pytest.raises(dreamsound.RecipeError, match="pass START-END"):
        dreamsound.dream(bird, span="half")
    with pytest.raises(dreamsound.AudioFileError, match=r"none\.wav: No such file"):
        dreamsound.dream(bird, recipe(method="target", target="none.wav"))


@pytest.mark.yamnet
def test_memory_that_runs_out_halves_the_block(
    bird: Path, yamnet: YamNet, little_memory: Callable[..., None]
) -> None:
    smaller = dreamsound.dream(bird, recipe(block_patches=4), model=yamnet)
    little_memory(4)
    events: list[StepEvent] = []
    result = dreamsound.dream(bird, recipe(), model=yamnet, on_step=events.append)
    assert np.array_equal(result.samples.array(), smaller.samples.array())
    assert result.recipe.block_patches == 4
    assert result.warnings[-1] == "out of memory: block_patches halved from 8 to 4"
    assert events == result.steps
    little_memory(0)
    with pytest.raises(dreamsound.MemoryLimitError, match="one patch at a time"):
        dreamsound.dream(bird, recipe(), model=yamnet)
