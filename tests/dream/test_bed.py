"""The bed has the source's image, and is silent where the filter has no depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.channels import Layout
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dream.bed import beds_of
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

RATE = 16_000
KINDS = ["mixed", "noise", "pink", "clicks", "voices"]


def beds(sound: npt.NDArray[Any], low_hz: float = 0.0, **fields: Any) -> list[FloatArray]:
    plan = Plan.of(Recipe.make(method="sculpt", class_="Bird", **fields))
    clip = Clip.from_array(sound.astype(np.float32), RATE)
    layout = Layout(plan.channels == "mid-side")
    envelope = Envelope.of(layout.encoded(clip.samples), RATE)
    made = beds_of(plan, clip, layout, envelope, low_hz)
    return [layout.decoded(bed).array() for bed in made]


def noise(channels: int = 1, seconds: float = 2.0) -> npt.NDArray[np.float64]:
    random = np.random.default_rng(4)
    return 0.1 * random.standard_normal((channels, round(seconds * RATE)))


def levels(sound: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    return np.sqrt(np.mean(np.square(sound, dtype=np.float64), axis=1))


@pytest.mark.parametrize("layout", ["linked", "independent", "mid-side"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_in_the_middle_or_aside_has_its_bed_there(kind: str, layout: str) -> None:
    one = noise()
    for right in (1.0, 0.25, 0.0):
        for bed in beds(np.concatenate([one, right * one]), bed=kind, channels=layout):
            np.testing.assert_allclose(bed[1], right * bed[0], atol=2e-3 * levels(bed)[0])


@pytest.mark.parametrize("follow", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_each_channel_of_the_bed_is_as_loud_as_the_source_s(kind: str, follow: float) -> None:
    source = noise(3) * np.array([[1.0], [0.5], [0.1]])
    for bed in beds(source, bed=kind, follow_envelope=follow, bed_level_db=-14.0):
        found = levels(bed)
        np.testing.assert_allclose(found / found[0], [1, 0.5, 0.1], rtol=0.1)
        if follow == 0:
            total = np.sqrt(np.mean(found**2) / np.mean(levels(source) ** 2))
            assert 20 * np.log10(total) == pytest.approx(-14, abs=0.3)


def test_a_channel_without_treble_gets_none_from_the_bed() -> None:
    source = noise(2)
    spectrum = np.fft.rfft(source[1])
    spectrum[np.fft.rfftfreq(source.shape[1], 1 / RATE) > 200] = 0
    source[1] = np.fft.irfft(spectrum, source.shape[1])
    for bed in beds(source):
        power = np.abs(np.fft.rfft(bed)) ** 2
        treble = np.fft.rfftfreq(bed.shape[1], 1 / RATE) > 400
        assert power[1, treble].sum() < 1e-4 * power[0, treble].sum()
        assert power[1, ~treble].sum() > 0.1 * power[0, ~treble].sum()


def test_noise_is_as_alike_in_its_channels_as_the_source() -> None:
    common, own = noise(), noise(2)[:, ::-1]
    source = common + own * 0.5
    wanted = np.corrcoef(source)[0, 1]
    assert 0.7 < wanted < 0.9
    found = np.corrcoef(beds(source, bed="pink")[0])[0, 1]
    assert found == pytest.approx(wanted, abs=0.1)


def test_the_bed_fades_with_the_depth() -> None:
    plain = beds(noise(2))
    for bed, whole in zip(
        beds(noise(2), strength_over_time="0:0, 0.5:0, 1:1, 2:3"), plain, strict=True
    ):
        assert not np.any(bed[:, : RATE // 2])
        quarter = round(0.75 * RATE)
        np.testing.assert_allclose(bed[:, quarter], whole[:, quarter] / 2, rtol=1e-3, atol=1e-7)
        # Past 1 the filter goes deeper; the bed does not get louder.
        np.testing.assert_array_equal(bed[:, RATE:], whole[:, RATE:])


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_the_bed_begins_where_the_network_hears(kind: str, channels: int) -> None:
    plain, heard = (beds(noise(channels), low, bed=kind, bed_level_db=-7.0) for low in (0.0, 400.0))
    frequencies = np.fft.rfftfreq(plain[0].shape[1], 1 / RATE)
    deaf, open_ = frequencies < 200, frequencies > 450
    for whole, bed in zip(plain, heard, strict=True):
        before, after = (np.abs(np.fft.rfft(one)) ** 2 for one in (whole, bed))
        assert after[:, deaf].sum() < 1e-3 * after.sum()
        # The rest is as it was, and takes over the level.
        louder = after[:, open_].sum() / before[:, open_].sum()
        assert louder >= 1
        np.testing.assert_allclose(
            after[:, open_].sum(axis=1), louder * before[:, open_].sum(axis=1), rtol=0.2
        )
        assert 20 * np.log10(levels(bed)[0] / levels(whole)[0]) == pytest.approx(0, abs=0.3)
