"""Precision fast: near float32, refused where it would be slow; and bfloat16 of earlier recipes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.ears import unheard
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.dream.records import RawDream
from dreamsound_studio.errors import RecipeError
from dreamsound_studio.models.network import Model
from dreamsound_studio.recipe.document import recipe_from
from dreamsound_studio.recipe.plan import Plan
from dreamsound_studio.recipe.precision import INSTEAD, check_precision
from dreamsound_studio.recipe.recipe import Recipe

Sound = npt.NDArray[np.float32]
RATE = 16_000
NATIVE = "dreamsound_studio.recipe.precision.multiplies_bfloat16"


@pytest.fixture
def sound_named(shared_audio: Path) -> Callable[[str], Sound]:
    """Four seconds of a shared sound, mono."""

    def make(name: str) -> Sound:
        values, rate = soundfile.read(shared_audio / f"{name}.wav", dtype="float32", always_2d=True)
        mono = soxr.resample(np.ascontiguousarray(values.mean(axis=1)), rate, RATE, "VHQ")
        return np.asarray(mono[: 4 * RATE], np.float32)

    return make


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with bfloat16; where this one has none, TensorFlow computes the same slowly."""
    monkeypatch.setattr(NATIVE, lambda: True)


def dreamed(model: Model, sound: Sound, **fields: object) -> RawDream:
    clip = Clip.from_array(sound[None], RATE)
    dreamer = Dreamer(clip, Recipe.make(method="add", **fields), model)
    list(dreamer.steps())
    return dreamer.result()


@pytest.mark.yamnet
@pytest.mark.parametrize("name", ["whistle", "drums"])
def test_fast_climbs_nearly_the_gradient_of_float32(
    yamnet: Model, sound_named: Callable[[str], Sound], name: str
) -> None:
    sound = sound_named(name)
    found, scores = [], []
    for precision in ("float32", "fast"):
        ear = Ear(yamnet, ClassObjective("logit"), RATE, hop_frames=48, precision=precision)
        into = Samples(1, len(sound))
        signal = Mono(Samples.of(sound[None]))
        scores.append(ear.gradient(signal, ear.grid(len(sound), 0.5), (35,), into).score)
        found.append(into.array()[0].copy())
    alike = np.corrcoef(*found)[0, 1]
    assert 0.96 <= alike < 0.9999
    assert scores[1] == pytest.approx(scores[0], abs=0.005)


@pytest.mark.yamnet
@pytest.mark.usefixtures("native")
def test_fast_ends_at_the_score_of_float32(
    yamnet: Model, sound_named: Callable[[str], Sound]
) -> None:
    sound = sound_named("whistle")
    ends = []
    for seed in range(4):
        exact, fast = (
            dreamed(yamnet, sound, steps=10, seed=seed, precision=one)
            for one in ("float32", "fast")
        )
        ends.append((exact.final.score, fast.final.score))
        assert fast.recipe.precision == "fast"
        assert not np.array_equal(fast.samples.array(), exact.samples.array())
        assert fast.warnings == exact.warnings == []
    # A single dream ends where the last bits of its gradients lead it.
    by_exact, by_fast = np.mean(ends, axis=0)
    assert by_fast == pytest.approx(by_exact, abs=0.05)


def test_fast_is_refused_where_the_processor_has_no_bfloat16(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(NATIVE, lambda: False)
    check_precision(Recipe())
    with pytest.raises(RecipeError, match=r"AVX512_BF16 or AMX_BF16.*Use precision float32"):
        check_precision(Recipe.make(precision="fast"))


@pytest.mark.yamnet
def test_a_dream_is_refused_too(yamnet: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NATIVE, lambda: False)
    with pytest.raises(RecipeError, match="AVX512_BF16"):
        dreamed(yamnet, np.ones(RATE, np.float32), precision="fast")


@pytest.mark.yamnet
def test_an_earlier_recipe_of_bfloat16_dreams_in_float32_and_says_so(yamnet: Model) -> None:
    sound = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    old = recipe_from({"schema_version": 2, "method": "add", "precision": "bfloat16"})
    clip = Clip.from_array(sound[None], RATE)
    dreamer = Dreamer(clip, old.model_copy(update={"steps": 1}), yamnet)
    list(dreamer.steps())
    dream = dreamer.result()
    assert dream.warnings == [INSTEAD]
    assert dream.recipe.precision == Plan.of(old).precision == "float32"
    usual = dreamed(yamnet, sound, steps=1)
    np.testing.assert_array_equal(dream.samples.array(), usual.samples.array())


@pytest.mark.yamnet
def test_a_network_without_it_hears_in_float32(yamnet: Model) -> None:
    asked = Recipe.make(precision="fast")
    assert unheard(asked, yamnet) == ()
    yamnet_only = yamnet.precisions
    try:
        yamnet.precisions = ("float32",)
        assert unheard(asked, yamnet) == ("precision",)
        ear = Ear(yamnet, ClassObjective("logit"), RATE, hop_frames=48, precision="fast")
        assert ear.precision == "float32"
    finally:
        yamnet.precisions = yamnet_only
