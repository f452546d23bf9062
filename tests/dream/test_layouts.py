"""Ambisonics and sounds of many channels, dreamed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.audio.speakers import SpeakerLayout
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.models.yamnet.network import YamNet
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.mixer import RenderMixer
from dreamsound_studio.render.options import RenderOptions

RATE = 16_000
#: How strongly a sound from one direction is in W, Y, Z and X.
GAINS = np.float32([[1.0], [0.5], [-0.3], [0.2]])


def field() -> npt.NDArray[np.float32]:
    """A tone that comes from one direction, in first-order ambisonics."""
    time = np.arange(RATE) / RATE
    sound = 0.2 * np.sin(2 * np.pi * (900 + 300 * time) * time).astype(np.float32)
    hiss = 0.01 * np.random.default_rng(4).standard_normal(RATE).astype(np.float32)
    return np.asarray(GAINS * (sound + hiss))


def dreamed(values: npt.NDArray[np.float32], yamnet: YamNet, **fields: object) -> Dreamer:
    clip = Clip(Samples.of(values), RATE, speakers=SpeakerLayout(0, is_ambisonic=True))
    recipe = Recipe.make(class_="Whistling", steps=1, **fields)
    dreamer = Dreamer(clip, recipe, yamnet)
    for _ in dreamer.steps():
        pass
    return dreamer


@pytest.mark.yamnet
def test_a_gradient_is_added_to_w_alone(yamnet: YamNet) -> None:
    values = field()
    dream = dreamed(values, yamnet, method="add").result()
    more = dream.samples.array() - values
    assert np.sqrt(np.mean(more[0] ** 2)) > 1e-3
    assert not np.any(more[1:])
    # Heard as W: other channels change nothing.
    other = values * np.float32([[1], [0], [3], [0]])
    assert dreamed(other, yamnet, method="add").result().initial == dream.initial
    gradient = next(RenderMixer(dream, RenderOptions(), "32f", []).blocks("gradient"))
    assert np.any(gradient[0])
    assert not np.any(gradient[1:])


@pytest.mark.yamnet
def test_a_learned_filter_leaves_a_sound_where_it_is(yamnet: YamNet) -> None:
    dream = dreamed(field(), yamnet, method="sculpt", bed="none").result()
    made = dream.samples.array()
    assert np.max(np.abs(made[0] - field()[0])) > 1e-3
    np.testing.assert_allclose(made, GAINS * made[:1], atol=1e-5)


@pytest.mark.yamnet
def test_a_sound_without_w_is_dreamed_channel_by_channel(yamnet: YamNet) -> None:
    values = field() * np.float32([[0], [1], [1], [1]])
    dreamer = dreamed(values, yamnet, method="add")
    assert "W is silent" in dreamer.warnings[0]
    assert np.all(np.any(dreamer.result().samples.array() - values, axis=1)[1:])
