"""Dreams by `sculpt`: with every objective and every field of a recipe, and again to the byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.control import Control
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.patient import PatientDreamer
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.jobs.checkpoint import Checkpoints
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.recipe import Recipe
from dreamsound_studio.render.mixer import filtered, hardcut

RATE = 16_000
pytestmark = pytest.mark.yamnet
#: Coarse and short, to be quick.
QUICK: dict[str, Any] = {
    "method": "sculpt",
    "class_": "Siren",
    "steps": 3,
    "gain_grid": "24x50ms",
    "rate_db": 3.0,
    "patch_hop": 0.5,
    "natural": 0.0,
    "listen_noise_db": -60.0,
    "listen_windows": False,
}


def noise(seconds: float = 1.2, channels: int = 1, rate: int = RATE) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(3)
    return (0.1 * random.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def recipe(**fields: Any) -> Recipe:
    # An objective stands in place of a class.
    given = {"class_": None} if {"objective", "layer"} & set(fields) else {}
    return Recipe.make(**(QUICK | given | fields))


def dreamed(
    model: Model, sound: npt.NDArray[np.float32], rate: int = RATE, **fields: Any
) -> RawDream:
    dreamer = Dreamer(Clip.from_array(sound, rate), recipe(**fields), model)
    list(dreamer.steps())
    return dreamer.result()


def rms(sound: npt.NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def test_the_objective_rises_and_the_level_stays(yamnet: Model) -> None:
    sound = noise(3.0)
    # Without the air, which is dropped by default, the level would be lower by as much.
    dream = dreamed(yamnet, sound, steps=25, air="mask")
    assert dream.final.loss > dream.initial.loss + 3
    assert rms(dream.samples.array()) == pytest.approx(rms(sound), rel=0.01)
    assert dream.learned is not None
    gains = dream.learned.decibels()
    assert 3 < np.abs(gains).max() <= 40


@pytest.mark.parametrize(
    "fields",
    [
        {"class_": "follow"},
        {"class_": "patch", "rate_db": 1.0},
        {"layer": "layer3/pointwise_conv"},
        {"objective": "channel:layer11/pointwise_conv:42"},
        {"objective": "unit:layer11/pointwise_conv:0,0,42"},
        {"objective": "class:Siren - 0.5*class:Speech + 0.1*layer:layer7/pointwise_conv"},
    ],
    ids=str,
)
def test_it_works_with_every_objective(yamnet: Model, fields: dict[str, Any]) -> None:
    dream = dreamed(yamnet, noise(), steps=16, bed="none", **fields)
    losses = [event.loss for event in dream.steps]
    assert len(losses) == 16
    assert dream.final.loss > dream.initial.loss
    assert np.all(np.isfinite(dream.samples.array()))


def test_it_works_with_sounds_as_objectives(yamnet: Model, shared_audio: Path) -> None:
    whistle, cat = shared_audio / "whistle.wav", shared_audio / "cat.wav"
    for objective in (f'guide:"{cat}"', f'direction:"{cat}"-"{whistle}"'):
        dream = dreamed(yamnet, noise(), steps=16, bed="none", objective=objective)
        assert dream.final.loss > dream.initial.loss


@pytest.mark.parametrize(
    "fields",
    [
        {"gain_grid": "binsx50ms"},
        {"gain_grid": "12x100ms + 48x20ms"},
        {"bed": "none"},
        {"bed": "noise"},
        {"bed": "clicks", "follow_envelope": 1.0},
        {"bed": "tones"},
        {"bed": "mixed"},
        {"natural": 10.0, "listen_windows": True},
        {"natural": 30.0, "at": "score"},
        {"octaves": 2},
        {"start": "noise"},
        {"masking": "under"},
        {"damp_above": 1.0, "pull_to_source": 1.0},
        {"strength_over_steps": "1:1, 3:0.1"},
        {"wet": 0.5},
        {"jitter": False},
        {"listens": 3},
        {"listen_speed": 0.5, "listen_tilt": 0.99},
        {"listens": 1, "listen_speed": 0.0, "listen_noise_db": -120.0},
        {"air": "drop"},
        {"air": "keep"},
        {"air": "octave"},
        {"restore_level": False},
    ],
    ids=str,
)
def test_it_works_with_every_field(yamnet: Model, fields: dict[str, Any]) -> None:
    sound = noise(rate=24_000)
    dream = dreamed(yamnet, sound, 24_000, **fields)
    values = dream.samples.array()
    assert values.shape == sound.shape
    assert np.all(np.isfinite(values))
    assert not np.allclose(values, sound, atol=1e-3)


@pytest.mark.parametrize("channels", ["linked", "independent", "mid-side"])
def test_it_works_with_all_channels(yamnet: Model, channels: str) -> None:
    sound = noise(channels=2)
    sound[1] *= 0.5
    dream = dreamed(yamnet, sound, channels=channels, bed="none")
    assert dream.learned is not None
    assert dream.learned.grids[0].shape[0] == (1 if channels == "linked" else 2)
    assert dream.samples.channels == 2


def test_linked_channels_keep_the_stereo_image(yamnet: Model) -> None:
    sound = np.repeat(noise(), 2, axis=0)
    sound[1] *= 0.5
    made = dreamed(yamnet, sound, bed="none").samples.array()
    np.testing.assert_allclose(made[0], 2 * made[1], atol=1e-5)


def test_nothing_changes_outside_the_band(yamnet: Model) -> None:
    sound = noise()
    made = dreamed(yamnet, sound, band_low_hz=3000.0, steps=6).samples.array()
    change = np.abs(np.fft.rfft((made[0] - sound[0]) * np.hanning(sound.shape[1])))
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    outside, inside = change[hertz < 2400], change[hertz > 3500]
    assert 20 * np.log10(rms(outside) / rms(inside)) < -60


def test_air_outside_the_band_is_not_dropped(yamnet: Model) -> None:
    sound = noise(rate=24_000)
    made = dreamed(yamnet, sound, 24_000, band_high_hz=3000.0, steps=3).samples.array()
    change = np.abs(np.fft.rfft((made[0] - sound[0]) * np.hanning(sound.shape[1])))
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / 24_000)
    assert 20 * np.log10(rms(change[hertz > 3600]) / rms(change[hertz < 2500])) < -60


def test_the_air_is_kept_on_request(yamnet: Model) -> None:
    sound = noise(rate=48_000)
    made = dreamed(yamnet, sound, 48_000, air="keep").samples.array()
    change = np.abs(np.fft.rfft(made[0] - sound[0]))
    hertz = np.fft.rfftfreq(sound.shape[1], 1 / 48_000)
    assert rms(change[hertz > 9000]) < 1e-2 * rms(change[hertz < 7000])


def test_fades_leave_the_ends_as_they_are(yamnet: Model) -> None:
    sound = noise()
    made = dreamed(yamnet, sound, fade_in_s=0.4, fade_out_s=0.3).samples.array()
    change = made - sound
    assert abs(change[0, 0]) < 1e-6
    assert rms(change[:, :1600]) < 0.2 * rms(change[:, 8000:11000])
    assert abs(change[0, -1]) < 1e-5


def test_depth_over_time_is_a_curve(yamnet: Model) -> None:
    sound = noise(2.0)
    made = dreamed(
        yamnet, sound, strength_over_time="0:0, 0.8:0, 1.2:1", bed="none"
    ).samples.array()
    change = made - sound
    assert rms(change[:, : int(0.7 * RATE)]) < 0.1 * rms(change[:, int(1.3 * RATE) :])


def test_a_file_can_be_the_bed(yamnet: Model, shared_audio: Path) -> None:
    from dreamsound_studio.api import dream

    cat = shared_audio / "cat.wav"
    made = dream(noise(), RATE, model=yamnet, **QUICK, bed_file=str(cat))
    other = dream(noise(), RATE, model=yamnet, **QUICK)
    assert made.others["bed_file"] == cat
    assert not np.allclose(made.samples.array(), other.samples.array(), atol=1e-3)


def test_an_earlier_dream_is_continued(yamnet: Model) -> None:
    first = dreamed(yamnet, noise())
    clip = Clip.from_array(noise(), RATE)
    start = Clip.from_array(first.samples.array(), RATE)
    dreamer = Dreamer(clip, recipe(), yamnet, start=start)
    list(dreamer.steps())
    assert dreamer.result().final.loss > first.final.loss


def test_the_renders_are_of_the_learned_filter(yamnet: Model) -> None:
    dream = dreamed(yamnet, noise(), bed="none", steps=6)
    # Without a bed the source's share is the dream.
    np.testing.assert_allclose(filtered(dream).array(), dream.samples.array(), atol=1e-5)
    sound = hardcut(dream).array()
    assert np.all(np.isfinite(sound))
    assert rms(sound) > 0


def test_it_resumes_from_a_checkpoint_to_the_same_bytes(yamnet: Model, tmp_path: Path) -> None:
    clip = Clip.from_array(noise(channels=2), RATE)
    given = recipe(steps=5, channels="independent", gain_grid="12x100ms + 24x50ms")
    dreamer = PatientDreamer(clip, given, yamnet)
    checkpoints = Checkpoints(tmp_path / "checkpoints", {}, 0.0)
    for event in dreamer.steps():
        if event.step == 3:
            assert checkpoints.offer(dreamer.dreamer) is not None
    undisturbed = dreamer.result()
    found = checkpoints.newest()
    assert found is not None
    again = PatientDreamer(clip, given, yamnet, snapshot=found[0])
    assert [event.step for event in again.steps()] == [4, 5]
    resumed = again.result()
    np.testing.assert_array_equal(resumed.samples.array(), undisturbed.samples.array())
    assert undisturbed.learned is not None
    assert resumed.learned is not None
    for one, other in zip(resumed.learned.grids, undisturbed.learned.grids, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_dream_that_is_finished_early_is_that_of_fewer_steps(yamnet: Model) -> None:
    control = Control()
    clip = Clip.from_array(noise(), RATE)
    dreamer = Dreamer(clip, recipe(steps=50), yamnet, control=control)
    for event in dreamer.steps():
        if event.step == 2:
            control.finish()
    np.testing.assert_array_equal(
        dreamer.result().samples.array(), dreamed(yamnet, noise(), steps=2).samples.array()
    )


def test_the_sound_kept_at_a_step_is_that_of_as_many_steps(yamnet: Model) -> None:
    clip = Clip.from_array(noise(), RATE)
    dreamer = Dreamer(clip, recipe(steps=4), yamnet, keep_every=2)
    list(dreamer.steps())
    np.testing.assert_array_equal(
        dreamer.result().kept[2].array(), dreamed(yamnet, noise(), steps=2).samples.array()
    )


def test_the_level_of_the_source_plays_no_part(yamnet: Model) -> None:
    loud, soft = (dreamed(yamnet, noise() * gain).samples.array() for gain in (1, 0.01))
    # Moving a sound by rounding moves the gradient by up to a hundredth.
    assert np.corrcoef(loud[0], soft[0])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"mask_from": "gradient"}, "mask_from gradient: the method sculpt learns its filter"),
        ({"carrier": "target"}, "carrier target: the method sculpt learns its filter"),
        ({"combine": "add"}, "combine add: the method sculpt learns its filter"),
        ({"flip": True}, "nothing to swap"),
        ({"gain_grid": "much"}, "gain_grid: 'much' is not BANDSxTIME"),
        ({"method": "add", "combine": "learn"}, "combine learn is the method sculpt"),
    ],
)
def test_what_contradicts_is_refused_in_one_line(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(RecipeError) as caught:
        recipe(**fields)
    assert why in str(caught.value)


def test_a_missing_bed_is_asked_for(yamnet: Model) -> None:
    with pytest.raises(RecipeError, match=r"Missing bed_file: pass the sound of a\.wav"):
        Dreamer(Clip.from_array(noise(), RATE), recipe(bed_file="a.wav"), yamnet)


def test_a_redo_of_the_plan_is_the_same_recipe() -> None:
    """What a render notes, every field filled, is taken again."""
    from dreamsound_studio.recipe.plan import Plan

    plan = Plan.of(recipe())
    again = Plan.of(Recipe.make(**plan.as_dict()))
    assert again.as_dict() == plan.as_dict()
