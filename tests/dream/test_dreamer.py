"""The loop: it raises what it should, keeps levels, stops when asked, and repeats itself."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import AudioFileError, RecipeError, RenderCancelled
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.recipe import Recipe

Array = npt.NDArray[np.float32]
RATE = 16_000
LOW_LAYER = "layer3/pointwise_conv"
pytestmark = pytest.mark.yamnet


def chirp(seconds: float = 1.5, channels: int = 1, rate: int = RATE) -> Array:
    t = np.arange(round(seconds * rate)) / rate
    tone = 0.2 * np.sin(2 * np.pi * (1200 * t + 400 * np.sin(2 * np.pi * 2 * t)))
    noise = np.random.default_rng(1).standard_normal((channels, len(t))) * 0.003
    return (tone + noise).astype(np.float32)


def dreamed(clip: Clip, yamnet: Model, lent: Clip | None = None, /, **fields: object) -> RawDream:
    dreamer = Dreamer(clip, Recipe.make(**({"method": "add"} | fields)), yamnet, target=lent)
    list(dreamer.steps())
    return dreamer.result()


def rms(x: Array) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def two_seconds(path: Path) -> Clip:
    clip = read_clip(path)
    return Clip.from_array(clip.samples.read(0, 2 * clip.sample_rate_hz), clip.sample_rate_hz)


@pytest.fixture(scope="module")
def whistle(shared_audio: Path) -> Clip:
    return read_clip(shared_audio / "whistle.wav")


@pytest.fixture(scope="module")
def cat(shared_audio: Path) -> Clip:
    return read_clip(shared_audio / "cat.wav")


@pytest.mark.parametrize("gain_db", [0, -40])
@pytest.mark.parametrize("method", ["add", "filter-add", "target"])
def test_the_defaults_raise_the_objective(
    yamnet: Model, whistle: Clip, cat: Clip, method: str, gain_db: int
) -> None:
    values = whistle.samples.array() * np.float32(10 ** (gain_db / 20))
    clip = Clip.from_array(values, whistle.sample_rate_hz)
    target = cat if method == "target" else None
    named = str(cat.path) if target else None
    dream = dreamed(clip, yamnet, target, method=method, target=named)
    assert len(dream.steps) == 10
    assert dream.final.loss > dream.initial.loss + 0.5
    assert dream.final.score > dream.initial.score
    if target is not None:
        assert dream.final.class_name == "Animal"


@pytest.mark.parametrize("gain_db", [0, -40])
def test_filter_removes_and_keeps_the_level(yamnet: Model, whistle: Clip, gain_db: int) -> None:
    source = whistle.samples.array() * np.float32(10 ** (gain_db / 20))
    clip = Clip.from_array(source, whistle.sample_rate_hz)
    dream = dreamed(clip, yamnet, method="filter")
    sound = dream.samples.array()
    assert 20 * np.log10(rms(sound) / rms(source)) == pytest.approx(0, abs=0.1)

    left = dreamed(clip, yamnet, method="filter", restore_level=False).samples.array()
    assert 20 * np.log10(rms(left) / rms(source)) < -3


def test_paper_gradient_is_the_authors(
    yamnet: Model, saved_model_folder: Path, shared_audio: Path
) -> None:
    import soxr
    import tensorflow as tf

    whistle = read_clip(shared_audio / "whistle.wav")
    heard = soxr.resample(whistle.samples.array()[0], whistle.sample_rate_hz, RATE)
    dream = dreamed(Clip.from_array(heard, RATE), yamnet, paper=True, steps=1)
    published = tf.saved_model.load(str(saved_model_folder))
    x = tf.constant(heard.astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = tf.reduce_mean(published(x)[0], axis=0)
        best = tf.reduce_max(scores)
    own = tape.gradient(best, x).numpy()
    assert dream.final.class_index == int(np.argmax(scores))
    assert np.corrcoef(own, dream.gradient.array()[0])[0, 1] > 0.9995


def test_same_recipe_same_sound_and_another_seed_another(yamnet: Model) -> None:
    clip = Clip.from_array(chirp(), RATE)
    first, again, other = (
        dreamed(clip, yamnet, steps=2, seed=seed).samples.array() for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert rms(first - other) > 1e-3 * rms(first)


def test_jitter_evens_the_gradient_out(yamnet: Model) -> None:
    noise = np.random.default_rng(1).standard_normal((1, 6 * RATE)).astype(np.float32) * 0.1
    clip = Clip.from_array(noise, RATE)

    def ends_db(jitter: bool) -> tuple[float, float]:
        """Return the level of g in the first and the last half second, re. the middle."""
        power = np.zeros(noise.shape[1])
        for name in ("Whistling", "Animal"):
            for seed in range(6 if jitter else 1):
                dream = dreamed(clip, yamnet, steps=1, seed=seed, jitter=jitter, class_=name)
                power += dream.gradient.array()[0].astype(float) ** 2
        half, middle = RATE // 2, power[2 * RATE : 4 * RATE].mean()
        first, last = (
            10 * np.log10(part.mean() / middle) for part in (power[:half], power[-half:])
        )
        return float(first), float(last)

    assert max(ends_db(jitter=False)) < -2
    assert max(abs(level) for level in ends_db(jitter=True)) < 1.5


def test_a_patch_that_hardly_reaches_the_sound_does_not_rule_the_gradient(yamnet: Model) -> None:
    noise = np.random.default_rng(0).standard_normal((1, 72_000)).astype(np.float32) * 0.1
    clip = Clip.from_array(noise, RATE)
    # With this seed the last patch of the first step reaches into the sound by 79 samples. Were
    # there silence behind them, g would be 40 dB stronger in them than before.
    recipe = Recipe.make(method="add", steps=1, class_="Whistling", seed=120)
    dreamer = Dreamer(clip, recipe, yamnet)
    list(dreamer.steps())
    gradient = dreamer.result().gradient.array()[0]
    assert rms(gradient[-160:]) < 4 * rms(gradient[RATE:-RATE])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sound_shorter_than_a_patch_becomes_more_of_what_it_is(
    yamnet: Model, shared_audio: Path, seed: int
) -> None:
    drums = read_clip(shared_audio / "drums.wav")
    values = drums.samples.array()
    hit = int(np.argmax(np.abs(values[0]) > 0.3))
    clip = Clip.from_array(values[:, hit : hit + 13_230], drums.sample_rate_hz)
    dream = dreamed(clip, yamnet, seed=seed)
    assert dream.final.loss > dream.initial.loss + 2
    # The attack, where the window of the first frame is near 0, is dreamed too.
    attack = dream.gradient.array()[0, :220]
    assert 20 * np.log10(rms(attack) / rms(dream.gradient.array())) > -20


def test_what_is_added_does_not_depend_on_the_level_and_follows_the_envelope(
    yamnet: Model, whistle: Clip
) -> None:
    changes = []
    for peak_dbfs in (-6, -46):
        values = whistle.samples.array()
        values = values * np.float32(10 ** (peak_dbfs / 20) / np.max(np.abs(values)))
        dream = dreamed(Clip.from_array(values, whistle.sample_rate_hz), yamnet, steps=1)
        changes.append(20 * np.log10(rms(dream.samples.array() - values) / rms(values)))
    assert changes[0] == pytest.approx(changes[1], abs=0.5)


def test_follow_envelope_stays_out_of_the_pauses(yamnet: Model) -> None:
    sound = chirp(3.0)
    sound[:, RATE : 2 * RATE] *= 0.001
    clip = Clip.from_array(sound, RATE)
    pause = slice(int(1.2 * RATE), int(1.8 * RATE))

    def in_pause_db(amount: float) -> float:
        dream = dreamed(clip, yamnet, steps=2, follow_envelope=amount)
        change = dream.samples.array() - sound
        return 20 * np.log10(rms(change[:, pause]) / rms(change))

    assert in_pause_db(1.0) < in_pause_db(0.0) - 20


def test_cancel_stops_between_blocks(yamnet: Model) -> None:
    shares: list[float] = []

    def stop(share: float) -> None:
        shares.append(share)
        if len(shares) == 4:
            control.cancel()

    control = Control(stop)
    recipe = Recipe.make(method="add", steps=50, block_patches=1, class_="Whistling")
    dreamer = Dreamer(Clip.from_array(chirp(), RATE), recipe, yamnet, control=control)
    with pytest.raises(RenderCancelled):
        list(dreamer.steps())
    assert len(shares) == 4


def test_finish_keeps_the_last_whole_step(yamnet: Model) -> None:
    control = Control()
    clip = Clip.from_array(chirp(), RATE)
    dreamer = Dreamer(
        clip, Recipe.make(method="add", steps=50), yamnet, control=control, keep_every=1
    )
    for event in dreamer.steps():
        if event.step == 2:
            control.finish()
    dream = dreamer.result()
    assert [event.step for event in dream.steps] == [1, 2]
    two = dreamed(clip, yamnet, steps=2)
    np.testing.assert_array_equal(dream.samples.array(), two.samples.array())
    assert set(dream.kept) >= {1}
    one = dreamed(clip, yamnet, steps=1)
    np.testing.assert_array_equal(dream.kept[1].array(), one.samples.array())


def test_a_dream_goes_on_from_an_earlier_one(yamnet: Model) -> None:
    clip = Clip.from_array(chirp(), RATE)
    first = dreamed(clip, yamnet, steps=2)
    start = Clip.from_array(first.samples.array().copy(), RATE)
    dreamer = Dreamer(clip, Recipe.make(method="add", steps=1), yamnet, start=start)
    list(dreamer.steps())
    on = dreamer.result()
    np.testing.assert_array_equal(on.entering.array(), first.samples.array())
    # The step is as large as the source's level asks for, whatever the start's is.
    change = rms(on.samples.array() - on.entering.array())
    assert change == pytest.approx(0.05 * rms(clip.samples.array()), rel=0.2)
    short = Clip.from_array(chirp(1.0), RATE)
    with pytest.raises(AudioFileError, match="same"):
        Dreamer(clip, Recipe.make(method="add"), yamnet, start=short)
    silent = Clip.from_array(np.zeros_like(chirp()), RATE)
    with pytest.raises(AudioFileError, match="silent"):
        Dreamer(clip, Recipe.make(method="add"), yamnet, start=silent)


def test_follow_changes_its_class_and_a_name_does_not(yamnet: Model) -> None:
    clip = Clip.from_array(chirp(), RATE)
    named = dreamed(clip, yamnet, steps=2, class_="dog")
    assert {event.class_name for event in named.steps} == {"Dog"}
    followed = dreamed(clip, yamnet, steps=1, class_="follow", jitter=False)
    assert followed.steps[0].class_index == dreamed(clip, yamnet, steps=1).steps[0].class_index
    many = dreamed(clip, yamnet, steps=1, class_="follow", jitter=False, block_patches=1)
    assert many.steps[0].class_index == followed.steps[0].class_index


def test_a_layers_energy_rises(yamnet: Model) -> None:
    dream = dreamed(Clip.from_array(chirp(), RATE), yamnet, layer="layer7", strength=0.005)
    assert dream.final.loss > 1.05 * dream.initial.loss


def test_silence_is_never_what_is_heard_most(yamnet: Model) -> None:
    dream = dreamed(Clip.from_array(chirp() * np.float32(1e-3), RATE), yamnet, steps=1)
    assert dream.final.class_name != "Silence"


def test_sounds_that_cannot_be_dreamed_say_so(yamnet: Model) -> None:
    silent = Clip.from_array(np.zeros((1, 8000)), RATE)
    with pytest.raises(AudioFileError, match="silent"):
        Dreamer(silent, Recipe.make(method="add"), yamnet)
    with pytest.raises(RecipeError, match="mid-side"):
        Dreamer(Clip.from_array(chirp(), RATE), Recipe.make(channels="mid-side"), yamnet)


def test_a_silent_mono_mix_falls_back_to_the_channels(yamnet: Model) -> None:
    one = chirp()
    clip = Clip.from_array(np.concatenate([one, -one]), RATE)
    dream = dreamed(clip, yamnet, steps=1)
    assert any("mono mix" in text for text in dream.warnings)
    assert rms(dream.samples.array() - clip.samples.array()) > 0


@pytest.mark.parametrize("channels", ["linked", "independent", "mid-side"])
def test_stereo_in_every_way_of_treating_it(yamnet: Model, channels: str) -> None:
    sound = chirp(1.0, channels=2)
    sound[1] *= 0.5
    dream = dreamed(Clip.from_array(sound, RATE), yamnet, steps=1, channels=channels)
    change = dream.samples.array() - sound
    assert np.isfinite(change).all()
    assert rms(change[0]) > 0
    if channels == "linked":
        # One gradient for both, each following its own channel's envelope.
        ratio = rms(change[1]) / rms(change[0])
        assert ratio == pytest.approx(0.5, abs=0.1)


def test_progress_rises_to_the_end_of_a_step_whatever_the_channels(yamnet: Model) -> None:
    shares: list[float] = []
    clip = Clip.from_array(chirp(channels=3) * np.array([[1], [0.5], [2]], np.float32), RATE)
    recipe = Recipe.make(
        method="add", steps=1, channels="independent", class_="Dog", block_patches=2
    )
    list(Dreamer(clip, recipe, yamnet, control=Control(shares.append)).steps())
    assert len(shares) >= 6
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_side_that_is_silent_stays_silent(yamnet: Model) -> None:
    sound = np.repeat(chirp(1.0), 2, axis=0)
    dream = dreamed(Clip.from_array(sound, RATE), yamnet, steps=2, channels="mid-side")
    left, right = dream.samples.array()
    np.testing.assert_allclose(left, right, atol=1e-7)


@pytest.mark.parametrize("length", [1, 2, 100])
def test_the_shortest_sounds_can_be_dreamed(yamnet: Model, length: int) -> None:
    sound = np.full((1, length), 0.5, np.float32)
    dream = dreamed(Clip.from_array(sound, 48_000), yamnet, steps=1, class_="Clicking")
    assert dream.samples.array().shape == (1, length)
    assert np.isfinite(dream.samples.array()).all()


def test_a_span_hears_what_is_around_it(yamnet: Model) -> None:
    whole = chirp(3.0)
    middle = slice(RATE, 2 * RATE)
    clip = Clip.from_array(whole[:, middle].copy(), RATE)
    alone = dreamed(clip, yamnet, steps=1, class_="Whistling").gradient.array()
    clip.before, clip.after = whole[:, :RATE].copy(), whole[:, 2 * RATE :].copy()
    inside = dreamed(clip, yamnet, steps=1, class_="Whistling").gradient.array()
    assert np.corrcoef(alone[0], inside[0])[0, 1] < 0.99


def test_a_replace_loop_stops_when_nothing_is_left(yamnet: Model) -> None:
    dream = dreamed(
        Clip.from_array(chirp(), RATE),
        yamnet,
        method="filter",
        threshold_db=-3.0,
        threshold_ref="span",
        knee_db=0.0,
        class_="Dog",
    )
    assert len(dream.steps) < 10
    assert any("energy" in text for text in dream.warnings)
    assert np.isfinite(dream.samples.array()).all()


# -- steps that overshoot -------------------------------------------------------------------------


def test_a_step_that_overshoots_is_made_again_at_half_the_strength(
    yamnet: Model, whistle: Clip
) -> None:
    """At the strength of a class, `add` lowers a low layer's own energy."""
    dream = dreamed(whistle, yamnet, layer=LOW_LAYER, strength=0.02)
    assert dream.final.loss > dream.initial.loss
    first = dream.steps[0]
    assert first.halvings > 0
    assert first.strength == 0.02 / 2**first.halvings
    # What was halved once stays so.
    strengths = [event.strength for event in dream.steps]
    assert all(later <= earlier for earlier, later in itertools.pairwise(strengths))
    assert not [text for text in dream.warnings if "lower than it began" in text]


@pytest.mark.parametrize("name", ["whistle", "drums", "bouzouki"])
def test_the_first_strength_of_a_low_layer_needs_no_halving(
    yamnet: Model, shared_audio: Path, name: str
) -> None:
    dream = dreamed(two_seconds(shared_audio / f"{name}.wav"), yamnet, layer=LOW_LAYER)
    assert dream.final.loss > dream.initial.loss
    assert [event.halvings for event in dream.steps] == [0] * 10
    assert {event.strength for event in dream.steps} == {0.002}


def test_a_step_that_falls_at_every_size_is_made_whole(
    yamnet: Model, whistle: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leads down, as a filtered gradient can, and later steps rise more from there."""
    plain = dreamed(whistle, yamnet, steps=2, backtrack=False)
    monkeypatch.setattr(Dreamer, "_falls", lambda *_: True)
    dream = dreamed(whistle, yamnet, steps=2)
    assert [event.strength for event in dream.steps] == [0.05, 0.05]
    assert [event.halvings for event in dream.steps] == [0, 0]
    np.testing.assert_array_equal(dream.samples.array(), plain.samples.array())


def test_a_step_that_rises_is_left_as_it_is(yamnet: Model, whistle: Clip) -> None:
    dream = dreamed(whistle, yamnet, steps=4)
    assert [event.halvings for event in dream.steps] == [0, 0, 0, 0]
    assert [event.strength for event in dream.steps] == [0.05] * 4


def test_a_step_that_is_steered_is_left_as_it_is(yamnet: Model, whistle: Clip) -> None:
    """It may lower the objective on purpose: what it climbs is less the penalties."""
    dream = dreamed(whistle, yamnet, layer=LOW_LAYER, strength=0.02, damp_above=5.0, steps=3)
    assert [event.strength for event in dream.steps] == [0.02] * 3


def test_a_halved_dream_resumes_to_the_same_bytes(yamnet: Model, whistle: Clip) -> None:
    recipe = Recipe.make(layer=LOW_LAYER, strength=0.02, steps=4)
    dreamer = Dreamer(whistle, recipe, yamnet)
    for event in dreamer.steps():
        if event.step == 2:
            seen = dreamer.snapshot()
            snapshot = dataclasses.replace(
                seen, sounds={name: sound.copy() for name, sound in seen.sounds.items()}
            )
    again = Dreamer(whistle, recipe, yamnet, snapshot=snapshot)
    list(again.steps())
    np.testing.assert_array_equal(again.result().samples.array(), dreamer.result().samples.array())
    assert [e.strength for e in again.result().steps] == [
        e.strength for e in dreamer.result().steps
    ]


def test_a_dream_that_ends_lower_than_it_began_says_so(yamnet: Model, whistle: Clip) -> None:
    # A filter has no strength to halve; this one removes what the class is made of.
    dream = dreamed(whistle, yamnet, method="filter", invert_mask=True, steps=2)
    assert dream.final.loss < dream.initial.loss
    (text,) = [text for text in dream.warnings if "lower than it began" in text]
    assert text.startswith("Whistling: the dream ends lower than it began")
