"""An offset and what lies below 20 Hz are kept, and change nothing of the dream."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.api import dream
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.infrasound import Parted
from dreamsound_studio.dsp.levels import measure_level
from dreamsound_studio.models.yamnet.network import YamNet

RATE = 16_000
Sound = npt.NDArray[np.float64]


def whistle(seconds: float = 2.0, channels: int = 1) -> Sound:
    time_s = np.arange(round(seconds * RATE)) / RATE
    tone = 0.1 * np.sin(2 * np.pi * (1500 * time_s + 20 * np.sin(5 * time_s)))
    return tone + 0.002 * np.random.default_rng(0).standard_normal((channels, len(time_s)))


def slow(kind: str, length: int) -> Sound:
    time_s = np.arange(length) / RATE
    return {
        "offset": np.full(length, 0.3),
        "small offset": np.full(length, -0.02),
        "rumble": 0.3 * np.sin(2 * np.pi * 3 * time_s),
        "drift": np.linspace(-0.2, 0.4, length),
    }[kind]


KINDS = ["offset", "small offset", "rumble", "drift"]


def rms_db(sound: npt.NDArray[Any]) -> float:
    return float(10 * np.log10(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("kind", KINDS)
def test_the_parts_are_the_sound_and_what_lies_below(kind: str) -> None:
    plain = whistle(3.0, 2)
    below = slow(kind, plain.shape[1])
    sound = plain + below * np.array([[1.0], [0.5]])
    parted = Parted.of(Clip.from_array(sound, RATE))
    assert parted.below is not None
    heard = parted.heard.samples.array()
    np.testing.assert_allclose(heard + parted.below.array(), sound, atol=1e-6)
    # The sound itself stays, also at its ends.
    assert rms_db(heard - plain) < rms_db(plain) - 26
    assert abs(rms_db(heard) - rms_db(plain)) < 0.1
    edge = slice(None, RATE // 20)
    assert rms_db(heard[:, edge]) < rms_db(plain) + 3
    whole = parted.whole(parted.heard.samples)
    np.testing.assert_allclose(whole.array(), sound, atol=1e-6)


@pytest.mark.parametrize("hertz", [30.0, 55.0, 440.0])
def test_what_can_be_heard_stays_where_it_is(hertz: float) -> None:
    tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)
    clip = Clip.from_array(tone, RATE)
    parted = Parted.of(clip)
    kept = rms_db(parted.heard.samples.array()) - rms_db(tone)
    assert kept > (-2 if hertz < 40 else -0.4)
    if hertz > 100:
        assert parted.heard is clip
        assert parted.below is None


@pytest.mark.parametrize("length", [1, 100, 4_900, 70_000])
def test_any_length(length: int) -> None:
    sound = np.full((1, length), 0.25) + 0.01 * np.random.default_rng(0).standard_normal(length)
    parted = Parted.of(Clip.from_array(sound, 96_000))
    assert (parted.below is None) == (length < 4_800)
    total = parted.whole(parted.heard.samples).array()
    np.testing.assert_allclose(total, sound, atol=1e-6)


def test_the_surroundings_are_parted_too() -> None:
    sound = (whistle(3.0) + 0.3).astype(np.float32)
    third = RATE
    clip = Clip(
        Samples.of(sound[:, third:-third]), RATE, before=sound[:, :third], after=sound[:, -third:]
    )
    heard = Parted.of(clip).heard
    joined = np.concatenate([heard.before, heard.samples.array(), heard.after], axis=1)
    assert rms_db(joined - (sound - 0.3)) < rms_db(sound - 0.3) - 30


@pytest.mark.yamnet
@pytest.mark.parametrize("method", ["add", "filter-add", "sculpt"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_dream_is_the_same_over_it(yamnet: YamNet, method: str, kind: str) -> None:
    plain = whistle()
    below = slow(kind, plain.shape[1])[None]
    about = {"model": yamnet, "class_": "Bird", "judge": "none", "method": method, "steps": 6}
    clean = dream(plain.astype(np.float32), RATE, **about)
    over = dream((plain + below).astype(np.float32), RATE, **about)
    assert over.final.score == pytest.approx(clean.final.score, abs=0.2)
    changes = [
        rms_db(made.samples.array() - sound)
        for made, sound in ((clean, plain), (over, plain + below))
    ]
    assert changes[1] == pytest.approx(changes[0], abs=1.0)
    # What lay below is there as it was, in the dream.
    made = over.samples.array() - below
    assert Parted.of(Clip.from_array(made, RATE)).below is None
    clean.close()
    over.close()


def test_a_short_sound_s_level_is_without_its_offset() -> None:
    short = whistle(0.2, 2).astype(np.float32)
    offset = short + np.array([[0.3], [-0.2]], np.float32)
    plain, over = (measure_level([sound], RATE, 2, "rms").value_db for sound in (short, offset))
    assert over == pytest.approx(plain, abs=0.05)
