"""The methods' table, and each formula against a plain numpy version of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.filter import FilterJob, HardCut
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

Array = npt.NDArray[np.floating]
RATE = 16_000


@pytest.mark.parametrize(
    ("method", "flip", "choices"),
    [
        ("add", False, ("add", "none", "gradient")),
        ("filter", False, ("replace", "gradient", "input")),
        ("filter", True, ("replace", "input", "gradient")),
        ("filter-add", False, ("add", "input", "gradient")),
        ("filter-add", True, ("add", "gradient", "input")),
        ("target", False, ("add", "target", "gradient")),
        ("target", True, ("add", "gradient", "target")),
    ],
)
def test_the_table_is_that_of_the_design(method: str, flip: bool, choices: tuple[str, ...]) -> None:
    target = "t.wav" if method == "target" else None
    recipe = Plan.of(Recipe.make(method=method, flip=flip, target=target))
    assert (recipe.combine, recipe.mask_from, recipe.carrier) == choices


def test_open_fields_take_the_methods_values_and_given_ones_stay() -> None:
    recipe = Plan.of(Recipe.make(method="filter-add", knee_db=3.0))
    assert recipe.knee_db == 3.0
    assert recipe.strength == METHODS["filter-add"].strength
    assert recipe.threshold_db == METHODS["filter-add"].threshold_db


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"method": "target"}, "target"),
        ({"method": "add", "target": "t.wav"}, "does not use"),
        ({"mask_from": "target"}, "needs a target"),
        ({"class_": "target"}, "needs a target"),
        ({"carrier": "input"}, "mask_from"),
    ],
)
def test_choices_that_contradict_a_method_are_errors(fields: dict[str, str], word: str) -> None:
    with pytest.raises(RecipeError, match=word):
        Plan.of(Recipe.make(**fields))


def stft(x: Array, size: int, hop: int) -> Array:
    """Return spectra by the definition: frames from ``-(size - hop)``, periodic Hann."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    count = -(-(x.shape[-1] + size - hop) // hop)
    padded = np.pad(x, [(0, 0), (size - hop, count * hop + size)])
    frames = np.stack([padded[:, k * hop : k * hop + size] for k in range(count)], axis=1)
    return np.fft.rfft(frames * window)


def istft(spectra: Array, length: int, size: int, hop: int) -> Array:
    """Return the least-squares inverse of :func:`stft`."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = np.fft.irfft(spectra) * window
    out = np.zeros((spectra.shape[0], (frames.shape[1] + 1) * hop + size))
    total = np.zeros(out.shape[1])
    for k in range(frames.shape[1]):
        out[:, k * hop : k * hop + size] += frames[:, k]
        total[k * hop : k * hop + size] += window**2
    lead = size - hop
    return (out / np.maximum(total, 1e-9))[:, lead : lead + length]


def hard_cut(y: Array, threshold_db: float, size: int, hop: int) -> Array:
    """Return H(y) for the hard cut by span."""
    magnitude = np.abs(stft(y, size, hop))
    return (magnitude >= magnitude.max() * 10 ** (threshold_db / 20)).astype(float)


def phrase(seconds: float = 1.3, seed: int = 0) -> Array:
    """Return a gliding tone in noise, ``[1, n]`` at 16 kHz."""
    t = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(t))
    tone = np.sin(2 * np.pi * (900 * t + 500 * t**2))
    return (0.2 * tone + 0.01 * noise)[None].astype(np.float32)


def one_step(model: Model, method: str, flip: bool) -> RawDream:
    clip = Clip.from_array(phrase(), RATE)
    target = Clip.from_array(phrase(seed=1)[:, ::-1].copy(), RATE)
    recipe = Recipe.make(
        paper=True,
        method=method,
        flip=flip,
        target="t.wav" if method == "target" else None,
        class_="Whistling",
        at="logit",
        steps=1,
        strength=0.01,
        threshold_db=-30.0,
        threshold_ref="span",
        knee_db=0.0,
        air="mask",
    )
    dreamer = Dreamer(clip, recipe, model, target=target if method == "target" else None)
    list(dreamer.steps())
    return dreamer.result()


@pytest.mark.yamnet
@pytest.mark.parametrize(
    ("method", "flip"),
    [
        ("add", False),
        ("filter", False),
        ("filter", True),
        ("filter-add", False),
        ("filter-add", True),
        ("target", False),
        ("target", True),
    ],
)
def test_a_step_is_the_formula_of_the_paper(yamnet: Model, method: str, flip: bool) -> None:
    dream = one_step(yamnet, method, flip)
    x, g = dream.entering.array().astype(float), dream.gradient.array().astype(float)
    length, size, hop = x.shape[1], 2048, 512
    assert np.std(g) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(x, phrase())
    sounds = {
        "x": x,
        "g": g,
        "t": dream.targets.first.array().astype(float) if dream.targets.first else x,
    }
    mask, carrier = {
        ("filter", False): "gx",
        ("filter", True): "xg",
        ("filter-add", False): "xg",
        ("filter-add", True): "gx",
        ("target", False): "tg",
        ("target", True): "gt",
        ("add", False): "xg",
    }[method, flip]
    passed = hard_cut(sounds[mask], -30.0, size, hop)
    filtered = istft(passed * stft(sounds[carrier], size, hop), length, size, hop)
    expected = x + 0.01 * (g if method == "add" else filtered)
    if method == "filter":
        expected = filtered
    error = dream.samples.array() - expected
    # A bin that lies on the threshold may fall on either side of it in float32.
    assert np.sqrt(np.mean(error**2)) < 1e-3 * np.sqrt(np.mean(expected**2))


@pytest.mark.yamnet
@pytest.mark.parametrize("method", ["add", "filter-add", "target"])
@pytest.mark.parametrize("follow_envelope", [0.0, 1.0])
def test_strength_is_the_share_of_the_sources_level_that_a_step_adds(
    yamnet: Model, method: str, follow_envelope: float
) -> None:
    sound = phrase()
    sound[:, 8000:12_000] = 0
    target = Clip.from_array(phrase(seed=1), RATE) if method == "target" else None
    recipe = Recipe.make(
        method=method,
        target="t.wav" if target else None,
        class_="Whistling",
        steps=1,
        strength=0.02,
        follow_envelope=follow_envelope,
    )
    dreamer = Dreamer(Clip.from_array(sound, RATE), recipe, yamnet, target=target)
    list(dreamer.steps())
    change = dreamer.result().samples.array() - sound
    # 10 ms frames; the phrase is stationary, so its active parts are all but the pause.
    active = np.r_[0:8000, 12_000 : sound.shape[1]]
    level = np.sqrt(np.mean(change[:, active] ** 2) / np.mean(sound[:, active] ** 2))
    assert level == pytest.approx(0.02, rel=0.02)


def test_filtering_in_blocks_is_filtering_at_once() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 300_000)).astype(np.float32)
    recipe = Plan.of(
        Recipe.make(method="filter", threshold_db=-20.0, threshold_ref="span", knee_db=0.0)
    )
    out = Samples(2, x.shape[1])
    job = FilterJob(Samples.of(x), Samples.of(x))
    HardCut(recipe, 48_000, 7500.0).run(job, out)
    expected = istft(hard_cut(x, -20.0, 2048, 512) * stft(x, 2048, 512), x.shape[1], 2048, 512)
    assert np.sqrt(np.mean((out.array() - expected) ** 2)) < 1e-4


def band_level(x: Array, low_hz: float, high_hz: float, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(x, axis=1)) ** 2
    hertz = np.fft.rfftfreq(x.shape[1], 1 / rate)
    return 10 * np.log10(spectrum[:, (hertz > low_hz) & (hertz < high_hz)].sum() + 1e-20)


@pytest.mark.yamnet
@pytest.mark.parametrize("method", ["filter", "filter-add"])
def test_air_is_kept_filtered_or_dropped(yamnet: Model, method: str) -> None:
    rate = 48_000
    noise = np.random.default_rng(0).standard_normal((1, rate)).astype(np.float32) * 0.1
    before = band_level(noise, 9_000, 23_000, rate)
    after = {}
    for air in ("keep", "mask", "drop"):
        recipe = Recipe.make(
            method=method, air=air, steps=1, restore_level=False, threshold_db=-20.0
        )
        dreamer = Dreamer(Clip.from_array(noise, rate), recipe, yamnet)
        list(dreamer.steps())
        after[air] = band_level(dreamer.result().samples.array(), 9_000, 23_000, rate)
    assert after["keep"] == pytest.approx(before, abs=0.1)
    assert after["drop"] < before - 40
    if method == "filter":
        # The gradient has nothing there: what the filter decides is to take it away.
        assert after["mask"] < before - 20


@pytest.mark.yamnet
def test_restoring_the_level_leaves_the_air_as_it_was(yamnet: Model) -> None:
    rate = 48_000
    noise = np.random.default_rng(0).standard_normal((1, rate)).astype(np.float32) * 0.1

    def changes_db(restore_level: bool) -> list[float]:
        """Return the change of the model's band, and of the air above it."""
        recipe = Recipe.make(
            method="filter",
            steps=3,
            threshold_db=-40.0,
            threshold_ref="span",
            knee_db=0.0,
            class_="Whistling",
            restore_level=restore_level,
        )
        dreamer = Dreamer(Clip.from_array(noise, rate), recipe, yamnet)
        list(dreamer.steps())
        sound = dreamer.result().samples.array()
        return [
            band_level(sound, *band, rate) - band_level(noise, *band, rate)
            for band in ((0, 7_400), (9_000, 23_000))
        ]

    assert changes_db(restore_level=False) == pytest.approx([-2.5, 0], abs=1)
    assert changes_db(restore_level=True) == pytest.approx([0, 0], abs=0.1)
