"""Objectives that are sounds: guides and directions, on the real network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.dream.guide import GuideObjective, Vectors, layer_of
from dreamsound_studio.dream.objective import objective_of
from dreamsound_studio.errors import AudioFileError, RecipeError
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

RATE = 16_000
LAYER = "layer14/pointwise_conv/relu"


def write(path: Path, values: npt.NDArray[np.floating]) -> Path:
    soundfile.write(path, values, RATE, subtype="FLOAT")
    return path


@pytest.fixture
def bells(tmp_path: Path) -> Path:
    time = np.arange(2 * RATE) / RATE
    strike = time % 0.5
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (523, 1230, 2210, 3400))
    return write(tmp_path / "bells.wav", 0.1 * tones * np.exp(-6 * strike))


@pytest.fixture
def wind(tmp_path: Path) -> Path:
    noise = np.random.default_rng(3).standard_normal(2 * RATE)
    return write(tmp_path / "wind.wav", 0.1 * np.convolve(noise, np.ones(9) / 3, "same"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    time = np.arange(2 * RATE) / RATE
    tone = 0.2 * np.sin(2 * np.pi * (300 * time + 60 * time**2))
    hiss = 0.02 * np.random.default_rng(9).standard_normal(len(time))
    return write(tmp_path / "source.wav", tone + hiss)


def embedding(clip: Clip, model: YamNet) -> npt.NDArray[np.float64]:
    mean = layer_of(clip, model, "embeddings").mean(axis=0).astype(np.float64)
    return mean / np.linalg.norm(mean)


@pytest.mark.slow
def test_a_guide_draws_towards_itself_and_not_to_another_sound(
    yamnet: YamNet, source: Path, bells: Path, wind: Path
) -> None:
    before = read_clip(source)
    recipe = Recipe.make(objective=f'guide:"{bells}"', steps=10)
    dreamed = Clip.from_array(dreamsound.dream(source, recipe, model=yamnet).samples.array(), RATE)
    change = {}
    for name, path in (("guide", bells), ("control", wind)):
        other = embedding(read_clip(path), yamnet)
        change[name] = (embedding(dreamed, yamnet) - embedding(before, yamnet)) @ other
    assert change["guide"] > 0.05
    assert change["guide"] > change["control"] + 0.05


@pytest.mark.slow
def test_a_direction_is_followed(yamnet: YamNet, source: Path, bells: Path, wind: Path) -> None:
    recipe = Recipe.make(objective=f'direction:"{wind}"-"{bells}"', steps=5)
    result = dreamsound.dream(source, recipe, model=yamnet)
    losses = [event.loss for event in result.steps]
    assert losses[-1] > losses[0]
    axis = embedding(read_clip(wind), yamnet) - embedding(read_clip(bells), yamnet)
    dreamed = Clip.from_array(result.samples.array(), RATE)
    assert (embedding(dreamed, yamnet) - embedding(read_clip(source), yamnet)) @ axis > 0.02


def test_a_guide_matches_itself_best(yamnet: YamNet, bells: Path, wind: Path) -> None:
    objective, _ = objective_of(Recipe.make(objective=f'guide:"{bells}"'), yamnet)
    assert isinstance(objective, GuideObjective)
    assert objective.layer == LAYER
    np.testing.assert_allclose(np.linalg.norm(objective.features.values, axis=1), 1, rtol=1e-5)

    def match(path: Path) -> float:
        found = layer_of(read_clip(path), yamnet, LAYER)
        sizes = np.linalg.norm(found, axis=-1, keepdims=True)
        unit = found / np.maximum(sizes, 1e-9)
        return float(objective.values({LAYER: unit}, np.array([0])).numpy().mean())

    assert match(bells) > 0.9
    assert match(wind) < match(bells) - 0.2


def test_two_layers_of_one_sound_are_what_the_network_says(yamnet: YamNet, source: Path) -> None:
    found = layer_of(read_clip(source), yamnet, LAYER)
    pooled = layer_of(read_clip(source), yamnet, "embeddings")
    assert found.shape[1:] == (3, 2, 1024)
    # YAMNet's embedding is the mean of its last layer, not of this one.
    last = layer_of(read_clip(source), yamnet, "layer14/pointwise_conv/relu")
    np.testing.assert_allclose(pooled, last.mean(axis=(1, 2)), rtol=1e-4, atol=1e-5)


def test_sounds_that_cannot_guide_are_reported(yamnet: YamNet, tmp_path: Path, bells: Path) -> None:
    short = write(tmp_path / "short.wav", 0.1 * np.ones(8_000))
    with pytest.raises(RecipeError, match=r"0\.50 s long, shorter than a yamnet patch \(0\.97 s\)"):
        objective_of(Recipe.make(objective=f'guide:"{short}"'), yamnet)
    with pytest.raises(RecipeError, match="hears no difference"):
        objective_of(Recipe.make(objective=f'direction:"{bells}"-"{bells}"'), yamnet)
    with pytest.raises(AudioFileError, match=r"none\.wav"):
        objective_of(Recipe.make(objective='guide:"none.wav"'), yamnet)


def test_vectors_are_equal_where_their_numbers_are() -> None:
    one, same, other = (Vectors(np.full((2, 3), x, np.float32)) for x in (1, 1, 2))
    assert one == same != other
    assert len({one, same, other}) == 2
    assert Vectors(np.ones((3, 2), np.float32)) != one
