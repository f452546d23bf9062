"""The bed of a learned filter."""

from __future__ import annotations

import numpy as np
import pytest

from dreamsound_studio.audio.channels import Layout
from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.bed import beds_of
from dreamsound_studio.dsp.envelope import Envelope
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.recipe import Recipe

RATE_HZ = 16_000


def beds(**fields: object) -> list[Samples]:
    random = np.random.default_rng(3)
    sound = (0.1 * random.standard_normal((2, RATE_HZ))).astype(np.float32)
    clip = Clip.from_array(sound, RATE_HZ)
    plan = Plan.of(Recipe.make(class_="Bird", method="sculpt", **fields))
    envelope = Envelope.of(clip.samples, RATE_HZ)
    return beds_of(plan, clip.samples, clip, Layout(False), envelope)


def test_materials_have_one_channel_for_all_and_noise_has_its_own() -> None:
    assert [bed.channels for bed in beds()] == [2, 1]
    assert [bed.channels for bed in beds(bed="chirps")] == [1]
    left, right = beds(bed="pink")[0].array()
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


def test_materials_that_follow_the_envelope_have_that_of_each_channel() -> None:
    assert [bed.channels for bed in beds(follow_envelope=1.0)] == [2, 2]


@pytest.mark.parametrize("bed", ["pink", "noise", "clicks", "voices", "mixed"])
def test_each_bed_has_the_level_asked_for(bed: str) -> None:
    for sound in beds(bed=bed, bed_level_db=-20.0):
        rms = np.sqrt(np.mean(np.square(sound.array())))
        assert 20 * np.log10(rms / 0.1) == pytest.approx(-20, abs=0.2)
