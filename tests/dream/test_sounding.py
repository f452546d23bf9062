"""Dreams by `sculpt` keep the source's level, image and rest, and stay under the ceiling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
import soxr

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.material import Material
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.dream import Dream

RATE = 32_000
SECONDS = 2.0
Sound = npt.NDArray[np.float32]
#: Short, and fast enough that gains go far.
QUICK: dict[str, Any] = {"method": "sculpt", "class_": "Bird", "steps": 8, "rate_db": 5.0}


def noise(channels: int = 1) -> Sound:
    random = np.random.default_rng(3)
    return (0.1 * random.standard_normal((channels, round(SECONDS * RATE)))).astype(np.float32)


def chord() -> Sound:
    time = np.arange(round(SECONDS * RATE)) / RATE
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 554, 1318, 2960))
    return np.asarray(0.1 * tones, np.float32)[None]


def clicks() -> Sound:
    """Return clicks of 2 ms, near full scale, over very soft noise."""
    sound = 0.01 * noise()
    shape = np.exp(-np.arange(256) / 64) * np.random.default_rng(6).standard_normal(256)
    for start in range(RATE // 10, sound.shape[1] - 256, RATE // 4):
        sound[0, start : start + 256] += shape
    return np.asarray(0.85 * sound / np.max(np.abs(sound)), np.float32)


def dreamed(model: Model, sound: Sound, **fields: Any) -> tuple[Sound, list[str]]:
    """Return the dream as it is rendered, and the warnings."""
    dreamer = Dreamer(Clip.from_array(sound, RATE), Recipe.make(**(QUICK | fields)), model)
    list(dreamer.steps())
    made = Dream(**vars(dreamer.result()))
    return made.render("dream"), made.warnings


def level_db(sound: npt.NDArray[Any]) -> float:
    return float(10 * np.log10(max(np.mean(np.square(sound, dtype=np.float64)), 1e-20)))


@pytest.mark.yamnet
@pytest.mark.parametrize("source", [noise, chord, clicks])
def test_it_is_as_loud_as_the_source_and_under_the_ceiling(yamnet: Model, source: Any) -> None:
    sound = source()
    made, _ = dreamed(yamnet, sound)
    assert level_db(made - sound) > level_db(sound) - 12
    between = soxr.resample(np.pad(made[0].astype(float), 500), RATE, 8 * RATE, "VHQ")
    peak = max(np.max(np.abs(between)), np.max(np.abs(made)))
    assert 20 * np.log10(peak) <= -0.9
    meter = pyloudnorm.Meter(RATE)
    loudness = [meter.integrated_loudness(one[0].astype(float)) for one in (sound, made)]
    assert loudness[1] == pytest.approx(loudness[0], abs=1)


@pytest.mark.yamnet
def test_outside_the_band_it_is_the_source(yamnet: Model) -> None:
    sound = noise()
    made, _ = dreamed(yamnet, sound, band_low_hz=1000.0, band_high_hz=4000.0)
    window = np.hanning(sound.shape[1])
    spectra = [np.fft.rfft(one[0] * window) for one in (sound, made - sound)]
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    for inside, outside in (
        (False, hertz < 800),
        (False, hertz > 5000),
        (True, abs(hertz - 2000) < 500),
    ):
        was, change = (level_db(np.abs(one[outside])) for one in spectra)
        assert (change - was > -20) if inside else (change - was < -50)


@pytest.mark.yamnet
def test_where_the_strength_is_0_it_is_the_source(yamnet: Model) -> None:
    sound = noise()
    made, _ = dreamed(yamnet, sound, strength_over_time="0:0, 1:0, 1.1:1")
    before, after = slice(0, round(0.95 * RATE)), slice(round(1.2 * RATE), None)
    assert level_db((made - sound)[:, before]) < level_db(sound) - 90
    assert level_db((made - sound)[:, after]) > level_db(sound) - 12


@pytest.mark.yamnet
def test_linked_channels_keep_their_image_with_the_bed(yamnet: Model) -> None:
    sound = np.concatenate([noise(), 0.25 * noise(), 0 * noise()])
    made, _ = dreamed(yamnet, sound, bed="mixed")
    assert level_db(made - sound) > level_db(sound) - 12
    np.testing.assert_allclose(made[1], made[0] / 4, atol=1e-4)
    assert not np.any(made[2])


@pytest.mark.yamnet
def test_what_has_no_effect_is_said_in_one_line_each(yamnet: Model) -> None:
    _, warnings = dreamed(yamnet, noise(), steps=1, threshold_db=-30.0, strength=0.2)
    assert [text for text in warnings if "no effect" in text] == [
        "strength has no effect: the method sculpt does not use it",
        "threshold_db has no effect: the method sculpt does not use it",
    ]


def test_a_band_above_the_sound_is_refused() -> None:
    clip = Clip.from_array(noise(), RATE)

    def material(low_hz: float) -> Material:
        plan = Plan.of(Recipe.make(**QUICK, band_low_hz=low_hz))
        return Material.of(plan, clip, {"target": None, "target_b": None}, None, lambda _: None)

    with pytest.raises(RecipeError, match=r"band_low_hz 16000: .* ends at 16000 Hz\. Use a lower"):
        material(16_000.0)
    assert material(15_000.0).source.length == clip.samples.length
