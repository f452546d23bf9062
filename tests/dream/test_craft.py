"""The craft at work in the loop, on the real network: each option does what it says."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

import dreamsound_studio as dreamsound
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.dream.stops import reason_to_stop
from dreamsound_studio.dsp.mask import MASK_KINDS, Mask
from dreamsound_studio.dsp.stft import Stft, power_spectrum
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.recipe.method_table import METHODS
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

if TYPE_CHECKING:
    from dreamsound_studio.models.yamnet.network import YamNet

RATE = 24_000
Floats = npt.NDArray[np.float32]


def bird(seconds: float = 1.5, channels: int = 1) -> Clip:
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 1800 + 500 * np.sin(2 * np.pi * 3 * time)
    tone = 0.2 * np.sin(2 * np.pi * np.cumsum(hertz) / RATE)
    wind = np.random.default_rng(5).standard_normal((channels, len(time)))
    return Clip.from_array((tone + 0.005 * wind).astype(np.float32), RATE)


@pytest.fixture
def dream(yamnet: YamNet) -> Any:
    def run(clip: Clip | None = None, **fields: Any) -> RawDream:
        given = {"method": "add", "class_": "Whistling", "steps": 4} | fields
        return dreamsound.dream(clip or bird(), Recipe.make(**given), model=yamnet)

    return run


def change(result: RawDream) -> Floats:
    difference: Floats = result.samples.array() - result.source.samples.array()
    return difference


def share(values: Floats, low_hz: float, high_hz: float) -> float:
    """Share of energy in a band."""
    stft = Stft()
    power = power_spectrum(stft.forward(np.pad(values, [(0, 0), (stft.lead, stft.lead)]))).sum(
        (0, 1)
    )
    hertz = np.arange(stft.bins) * RATE / stft.fft_size
    return float(power[(hertz >= low_hz) & (hertz < high_hz)].sum() / power.sum())


def test_what_is_off_leaves_every_byte_alone(dream: Any) -> None:
    plain = dream().samples.array()
    neutral = dream(
        octaves=1,
        masking="none",
        wet=1.0,
        start="sound",
        damp_above=0.0,
        strength_over_steps="1",
        strength_over_time="0:1, 5:1",
        stop_score=0.999,
    )
    np.testing.assert_array_equal(neutral.samples.array(), plain)


def test_octaves_shape_low_pitches_first(dream: Any, yamnet: YamNet) -> None:
    seen = [Recipe.make(steps=7, octaves=3).octave_of(step) for step in range(1, 8)]
    assert seen == [2, 2, 2, 1, 1, 0, 0]
    # One dream with its jitter tells little: processors that round differently lead it elsewhere.
    high = {1: 0.0, 2: 0.0}
    for octaves, seed in itertools.product((1, 2), (0, 1, 2)):
        made = dream(strength=0.1, octaves=octaves, seed=seed)
        assert len(made.steps) == 4
        # Played twice as fast, 3750 Hz are heard as the top of YAMNet's band.
        high[octaves] += share(change(made), 3900, 12_000)
    assert high[2] < 0.95 * high[1]
    first = Dreamer(
        bird(), Recipe.make(method="add", class_="Whistling", steps=2, octaves=2), yamnet
    )
    next(iter(first.steps()))
    assert first.step_gradient.ear_of(1).resampler.from_hz == 2 * RATE
    assert first._state is not None
    g = first._state.gradient.array()
    assert share(g, 4000, 12_000) < 1e-3 < share(dream(steps=1).gradient.array(), 4000, 12_000)


@pytest.mark.parametrize("channels", [1, 2])
def test_regularisers_pull_the_dream_their_way(dream: Any, channels: int) -> None:
    clip = bird(channels=channels)
    plain = change(dream(clip, strength=0.1))
    near = change(dream(clip, strength=0.1, pull_to_source=5.0))
    assert np.mean(near**2) < 0.8 * np.mean(plain**2)
    damped = dream(clip, strength=0.1, damp_above=5.0, damp_above_hz=5000.0)
    assert share(damped.samples.array(), 5500, 12_000) < 0.8 * share(
        dream(clip, strength=0.1).samples.array(), 5500, 12_000
    )
    for field, axis in (("smooth_time", 1), ("smooth_frequency", 2)):
        smooth = dream(clip, strength=0.1, **{field: 5.0}).samples.array()
        rough = dream(clip, strength=0.1).samples.array()
        assert roughness(smooth, axis) < roughness(rough, axis), field


def roughness(values: Floats, axis: int) -> float:
    magnitude = np.abs(Stft().forward(values))
    return float(np.mean(np.diff(magnitude, axis=axis) ** 2))


def test_masking_keeps_all_that_was_added_under_the_source_or_over_it(dream: Any) -> None:
    from dreamsound_studio.dsp.psychoacoustics import MaskingThreshold

    def masked(result: RawDream) -> float:
        stft = Stft()
        source, more = (
            power_spectrum(stft.forward(np.pad(values, [(0, 0), (stft.lead, stft.lead)])))
            for values in (result.source.samples.array(), change(result))
        )
        return float(np.mean(more <= MaskingThreshold(stft, RATE).of(source)))

    loud = {"strength": 0.2, "backtrack": False}
    plain, under = dream(**loud), dream(**loud, masking="under")
    assert masked(under) > 0.95 > masked(plain)
    assert np.any(change(under))
    over = dream(**loud, masking="over")
    assert np.mean(change(over) ** 2) < np.mean(change(plain) ** 2)


def test_a_band_and_fades_bound_the_change(dream: Any) -> None:
    banded = change(dream(band_low_hz=1000.0, band_high_hz=3000.0))
    assert share(banded, 800, 3700) > 0.999
    for method in ("add", "filter"):
        faded = change(dream(method=method, fade_in_s=0.5, fade_out_s=0.25, follow_envelope=0.0))
        assert np.abs(faded[:, :20]).max() < 0.01 * np.abs(faded).max(), method
        assert np.abs(faded[:, -20:]).max() < 0.01 * np.abs(faded).max(), method


def test_strength_is_automated_over_steps_and_time(dream: Any) -> None:
    one = dream(strength_over_steps="1:1, 1.5:0", steps=3)
    np.testing.assert_array_equal(one.samples.array(), dream(steps=1).samples.array())
    late = change(dream(strength_over_time="0:0, 0.75:0, 0.76:1"))
    assert not np.any(late[:, : round(0.74 * RATE)])
    assert np.any(late[:, round(0.77 * RATE) :])


def test_the_threshold_is_automated_in_the_loop_and_in_the_render(dream: Any) -> None:
    from dreamsound_studio.render.mixer import filter_render

    fields = {"method": "filter", "threshold_db": -30.0, "knee_db": 0.0}
    low = dream(**fields, steps=1)
    shifted = dream(
        method="filter", threshold_db=-10.0, knee_db=0.0, steps=1, threshold_over_steps="-20"
    )
    np.testing.assert_allclose(shifted.samples.array(), low.samples.array(), atol=1e-6)
    np.testing.assert_allclose(
        filter_render(shifted, "hardcut").array(), filter_render(low, "hardcut").array(), atol=1e-6
    )
    in_time = dream(**fields, steps=1, threshold_over_time="0:0, 0.7:0, 0.8:-100")
    plain = low.samples.array()
    assert np.allclose(
        in_time.samples.array()[:, :4000] * (np.linalg.norm(plain) / np.linalg.norm(plain)),
        in_time.samples.array()[:, :4000],
    )
    ratio = [
        np.mean(in_time.samples.array()[:, part] ** 2) / np.mean(plain[:, part] ** 2)
        for part in (slice(0, 14_000), slice(22_000, None))
    ]
    assert ratio[1] > ratio[0]


def test_wet_is_a_mixture(dream: Any) -> None:
    full, half = dream(), dream(wet=0.5)
    np.testing.assert_allclose(change(half), 0.5 * change(full), atol=1e-6)
    assert not np.any(change(dream(wet=0.0)))


@pytest.mark.parametrize("start", ["noise", "silence"])
def test_a_dream_may_start_from_nothing(dream: Any, start: str) -> None:
    result = dream(start=start, steps=12)
    again = dream(start=start, steps=12)
    np.testing.assert_array_equal(result.samples.array(), again.samples.array())
    assert np.any(result.samples.array() != dream(start=start, steps=12, seed=1).samples.array())
    assert result.steps[0].score < 0.1
    assert result.steps[-1].loss > result.steps[0].loss
    source = result.source.samples.array()
    assert abs(np.corrcoef(result.samples.array()[0], source[0])[0, 1]) < 0.2


def test_an_earlier_dream_cannot_start_from_noise(yamnet: YamNet) -> None:
    with pytest.raises(RecipeError, match="start noise: pass an earlier dream"):
        Dreamer(bird(), Recipe.make(start="noise"), yamnet, start=bird())


def test_enough_is_enough(dream: Any) -> None:
    result = dream(steps=40, strength=0.1, stop_score=0.5, backtrack=False)
    assert 1 <= len(result.steps) < 40
    assert result.steps[-1].score >= 0.5
    assert all(event.score < 0.5 for event in result.steps[:-1])
    assert "the score reached" in result.warnings[-1]


def test_a_plateau_ends_a_dream() -> None:
    rising, flat = [0, 1, 2, 3, 4.0], [0, 3, 3.9, 4, 4.01, 4.02, 4.02]
    assert reason_to_stop(rising, 0.1, None, 0.05) is None
    assert "by only 0.02" in str(reason_to_stop(flat, 0.1, None, 0.05))
    assert reason_to_stop(flat[:3], 0.1, None, 0.05) is None
    assert reason_to_stop([], 0.0, 0.5, 0.5) is None


def test_air_gets_an_octave_of_what_is_added_below(dream: Any) -> None:
    for method in ("add", "filter-add"):
        octave, plain = (change(dream(method=method, air=air)) for air in ("octave", "keep"))
        assert share(octave, 7700, 12_000) > 20 * share(plain, 7700, 12_000), method
    replaced = dream(method="filter", air="octave")
    assert share(replaced.samples.array(), 7700, 12_000) > 0


def test_mask_kinds_are_names_for_fields() -> None:
    row = METHODS["filter"]
    for name, kind in MASK_KINDS.items():
        recipe = Plan.of(Recipe.make(method="filter", mask=name))
        assert recipe.threshold_ref == kind.threshold_ref
        assert recipe.knee_db == kind.knee_db
        assert recipe.invert_mask == kind.invert_mask
        assert recipe.threshold_db == (kind.threshold_db or row.threshold_db)
    recipe = Plan.of(Recipe.make(method="filter", mask="hard", knee_db=3.0))
    assert (recipe.knee_db, recipe.threshold_ref) == (3.0, "span")


def test_a_local_mask_keeps_what_stands_out_however_soft() -> None:
    power = np.full((1, 1, 1025), 1e-8, np.float32)
    power[0, 0, 100], power[0, 0, 103], power[0, 0, 500] = 1.0, 0.01, 1e-6
    kept = Mask(-9.0, 0.0, "local").of(power, np.float32(1))
    assert (kept[0, 0, 100], kept[0, 0, 103], kept[0, 0, 500]) == (1, 0, 1)
    span = Mask(-9.0).of(power, np.float32(1))
    assert (span[0, 0, 100], span[0, 0, 500]) == (1, 0)
    # A width at a time gives what every bin by itself would.
    random = np.random.default_rng(2).random((1, 2, 300)).astype(np.float32)
    from dreamsound_studio.dsp.mask import of_neighbours

    top = of_neighbours(random, 0.0)
    for k in (0, 1, 10, 57, 200, 299):
        assert top[0, 0, k] >= random[0, 0, max(0, k - 3) : k + 4].max()


def test_targets_morph_over_the_sound(yamnet: YamNet) -> None:
    time = np.arange(2 * RATE) / RATE
    low = Clip.from_array((0.2 * np.sin(2 * np.pi * 600 * time))[None].astype(np.float32), RATE)
    high = Clip.from_array((0.2 * np.sin(2 * np.pi * 4000 * time))[None].astype(np.float32), RATE)
    recipe = Recipe.make(
        method="target",
        target="low.wav",
        target_b="high.wav",
        steps=2,
        strength=0.2,
        morph="0:0, 2:1",
        follow_envelope=0.0,
    )
    noise = np.random.default_rng(1).standard_normal((1, 2 * RATE)).astype(np.float32)
    clip = Clip.from_array(0.1 * noise, RATE)
    dreamer = Dreamer(clip, recipe, yamnet, target=low, target_b=high)
    list(dreamer.steps())
    more = change(dreamer.result())
    first, last = more[:, :8000], more[:, -8000:]
    assert share(first, 500, 700) > 10 * share(first, 3900, 4100)
    assert share(last, 3900, 4100) > 10 * share(last, 500, 700)
    with pytest.raises(RecipeError, match=r"Missing target_b: pass the sound of high.wav"):
        Dreamer(clip, recipe, yamnet, target=low)


def test_a_channel_that_is_silent_wakes_up(dream: Any, yamnet: YamNet) -> None:
    from dreamsound_studio.dream.guide import layer_of

    layer = "layer13/pointwise_conv/relu"
    heard = layer_of(bird(), yamnet, layer)
    dead = int(np.flatnonzero(heard.max(axis=(0, 1, 2)) == 0)[0])
    result = dream(class_=None, objective=f"channel:{layer}:{dead}", steps=20, strength=0.1)
    woken = layer_of(Clip.from_array(result.samples.array(), RATE), yamnet, layer)
    assert woken[..., dead].max() > 0
    assert result.final.loss > result.initial.loss


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"octaves": 3, "steps": 2}, "2 steps are too few for 3 octaves"),
        ({"band_low_hz": 2000, "band_high_hz": 1000}, "band_low_hz must be below band_high_hz"),
        ({"morph": "0.5"}, "morph needs a target_b"),
        (
            {"method": "add", "air": "octave", "fft_size": 1024, "hop_samples": 512},
            "a quarter of fft_size",
        ),
        ({"strength_over_steps": "1:2, 1:3"}, "^strength_over_steps: "),
        ({"strength_over_time": "0:-1"}, "strength must be 0 or more, not -1"),
        ({"threshold_over_time": "now"}, "^threshold_over_time: "),
        ({"target": "a", "target_b": "b", "morph": "0:2"}, r"must be 0 .* to 1"),
        ({"mask": "gentle"}, "mask: "),
        ({"wet": 1.5}, "wet: use 1 or less"),
    ],
)
def test_what_makes_no_sense_is_reported(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as raised:
        Recipe.make(**fields)
    assert "\n" not in str(raised.value)
