"""Textures: the statistics of a sound in a layer, and dreams that take them on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import dreamsound_studio as dreamsound
from dreamsound_studio.audio.clip import Clip, read_clip
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream.dreamer import Dreamer
from dreamsound_studio.dream.ear import Ear
from dreamsound_studio.dream.guide import layer_of
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective import objective_of
from dreamsound_studio.dream.objective_functions import ObjectiveFunction
from dreamsound_studio.dream.texture import TextureObjective, statistics_of
from dreamsound_studio.models.yamnet.network import YamNet
from dreamsound_studio.recipe.recipe import Recipe

pytestmark = pytest.mark.yamnet

RATE = 16_000
LAYER = "layer3/pointwise_conv/relu"
Sound = npt.NDArray[np.float32]


def ticking(seconds: float = 2.5, seed: int = 5) -> Sound:
    """Return soft noise with a tone that comes and goes, ``[1, n]``."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = 0.01 * np.random.default_rng(seed).standard_normal(len(time))
    tone = 0.2 * np.sin(2 * np.pi * 900 * time) * (np.sin(2 * np.pi * 3 * time) > 0.3)
    return (noise + tone)[None].astype(np.float32)


def noise(seconds: float = 3.0, seed: int = 1) -> Sound:
    values = 0.05 * np.random.default_rng(seed).standard_normal((1, round(seconds * RATE)))
    return values.astype(np.float32)


@pytest.fixture
def ticks(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "ticks.wav", ticking().T, RATE, subtype="FLOAT")
    return tmp_path / "ticks.wav"


def objective(model: YamNet, text: str, **more: Any) -> ObjectiveFunction:
    return objective_of(Recipe.make(objective=text), model, **more)[0]


def ear_of(model: YamNet, what: ObjectiveFunction, block_patches: int = 32) -> Ear:
    hop = model.published_hop_frames
    return Ear(model, what, RATE, hop_frames=hop, block_patches=block_patches)


def heard(ear: Ear, sound: Sound, shift: float | None = None) -> float:
    return ear.hear(Mono(Samples.of(sound)), ear.grid(sound.shape[1], shift), (0,)).loss


def slope_of(ear: Ear, sound: Sound, shift: float | None) -> tuple[Sound, float]:
    into = Samples(1, sound.shape[1])
    grid = ear.grid(sound.shape[1], shift)
    loss = ear.gradient(Mono(Samples.of(sound)), grid, (0,), into).loss
    return into.array()[0].copy(), loss


def test_statistics_are_those_of_the_layer_over_all_patches(yamnet: YamNet) -> None:
    # Patches of 0.48 s hop fill this sound to its end: every frame counts in full.
    clip = Clip.from_array(ticking()[:, : yamnet.patch_samples + 3 * 7680], RATE)
    found = layer_of(clip, yamnet, LAYER).astype(np.float64)
    assert found.shape == (4, 24, 16, 128)
    mean, covariance = statistics_of(clip, yamnet, (LAYER,))[LAYER]
    by_time = found.reshape(-1, 16, 128)
    np.testing.assert_allclose(mean, by_time.mean(axis=0), rtol=1e-4, atol=1e-5)
    expected = np.cov(by_time[:, 5].T, bias=True)
    np.testing.assert_allclose(covariance[5], expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("layer", ["layer1/relu", LAYER, "layer13", "embeddings"])
def test_a_sound_has_its_own_texture(yamnet: YamNet, ticks: Path, layer: str) -> None:
    own = objective(yamnet, f'texture:"{ticks}":{layer}')
    assert heard(ear_of(yamnet, own), ticking()) == pytest.approx(0, abs=1e-6)
    assert heard(ear_of(yamnet, own, 2), ticking()) == pytest.approx(0, abs=1e-6)
    # Another part of the same texture is nearer than another texture.
    near, far = (heard(ear_of(yamnet, own), sound) for sound in (ticking(5.0, seed=8), noise()))
    assert far < 2 * near < 0


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        (0.37, "texture:{}"),
        (None, "2*texture:{}:layer5 - 0.3*texture:{}:embeddings"),
        (0.9, "class:Whistling + texture:{}:layer1"),
    ],
)
def test_blocks_change_neither_value_nor_gradient(
    yamnet: YamNet, ticks: Path, shift: float | None, text: str
) -> None:
    what = objective(yamnet, text.replace("{}", f'"{ticks}"'))
    sound = noise(4.0)
    whole, loss = slope_of(ear_of(yamnet, what), sound, shift)
    assert np.any(whole)
    for block_patches in (1, 3):
        ear = ear_of(yamnet, what, block_patches)
        assert ear.grid(sound.shape[1], shift).count > 2 * block_patches
        part, again = slope_of(ear, sound, shift)
        assert np.max(np.abs(part - whole)) <= 1e-5 * np.max(np.abs(whole))
        assert again == pytest.approx(loss, rel=1e-5)
        assert heard(ear, sound, shift) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("layer", [LAYER, "layer7", "embeddings"])
def test_the_gradient_equals_finite_differences(yamnet: YamNet, ticks: Path, layer: str) -> None:
    ear = ear_of(yamnet, objective(yamnet, f'texture:"{ticks}":{layer}'), 2)
    sound = noise()
    gradient, _ = slope_of(ear, sound, 0.2)
    time = np.linspace(0, 1, sound.shape[1])
    for window in (time < 0.5, time > 0.7, np.sin(9 * time) ** 2):
        direction = gradient * window
        step = (3e-4 * direction / np.linalg.norm(direction)).astype(np.float32)
        slope = (heard(ear, sound + step, 0.2) - heard(ear, sound - step, 0.2)) / 2
        assert slope == pytest.approx(float(np.dot(gradient, step)), rel=0.03)


def test_what_lies_around_a_span_does_not_count(yamnet: YamNet, ticks: Path) -> None:
    """A frame beyond the sound is heard, but belongs to another."""
    ear = ear_of(yamnet, objective(yamnet, f'texture:"{ticks}":layer1'))
    sound, grid = ticking(), ear.grid(ticking().shape[1], 0.5)
    loud = np.full((1, 2 * RATE), 0.1, np.float32) * np.sign(noise(2.0))
    quiet = ear.hear(Mono(Samples.of(sound)), grid, (0,)).loss
    inside = ear.hear(Mono(Samples.of(sound), None, loud, loud), grid, (0,)).loss
    assert inside == pytest.approx(quiet, abs=0.02)
    longer = np.concatenate([loud, sound, loud], axis=1)
    assert heard(ear, longer, 0.5) < quiet - 0.5


def test_a_texture_is_heard_as_loud_as_the_sound(yamnet: YamNet, ticks: Path) -> None:
    from dreamsound_studio.dsp.envelope import Envelope

    own = Envelope.of(read_clip(ticks).samples, RATE).rms
    text = f'texture:"{ticks}"'
    soft = np.float32(0.05) * ticking()
    assert heard(ear_of(yamnet, objective(yamnet, text)), soft) < -0.3
    levelled = objective(yamnet, text, rms=0.05 * own)
    assert heard(ear_of(yamnet, levelled), soft) == pytest.approx(0, abs=1e-4)
    for method in ("add", "sculpt"):
        recipe = Recipe.make(objective=text, method=method, steps=1, bed="none")
        dream = dreamsound.dream(soft, RATE, recipe=recipe, model=yamnet)
        assert dream.initial.loss == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("method", ["add", "filter-add", "target", "sculpt"])
def test_every_method_comes_nearer(yamnet: YamNet, ticks: Path, method: str) -> None:
    recipe = Recipe.make(
        objective=f'texture:"{ticks}"',
        method=method,
        steps=20 if method == "sculpt" else 6,
        target=str(ticks) if method == "target" else None,
        gain_grid="24x50ms",
    )
    dream = dreamsound.dream(noise(), RATE, recipe=recipe, model=yamnet)
    assert dream.final.loss > dream.initial.loss + 0.02
    assert np.all(np.isfinite(dream.render("dream")))
    assert dream.others["texture 1"] == ticks


def test_sculpt_takes_the_texture_of_its_target(yamnet: YamNet, ticks: Path) -> None:
    def dreamed(**aim: Any) -> Any:
        recipe = Recipe.make(method="sculpt", steps=2, gain_grid="12x100ms", **aim)
        return dreamsound.dream(noise(), RATE, recipe=recipe, model=yamnet).render("dream")

    by_name = dreamed(objective=f'texture:"{ticks}"')
    np.testing.assert_array_equal(dreamed(target=str(ticks)), by_name)


def test_a_target_may_be_a_sound_without_a_file(yamnet: YamNet, ticks: Path) -> None:
    recipe = Recipe.make(method="sculpt", steps=2, gain_grid="12x100ms", target="nowhere.wav")
    clip = Clip.from_array(ticking(), RATE)
    made = dreamsound.dream(noise(), RATE, recipe=recipe, model=yamnet, target=clip)
    recipe = recipe.model_copy(update={"target": str(ticks)})
    read = dreamsound.dream(noise(), RATE, recipe=recipe, model=yamnet)
    np.testing.assert_array_equal(made.render("dream"), read.render("dream"))


@pytest.mark.parametrize("method", ["add", "sculpt"])
def test_it_continues_to_the_same_bytes(yamnet: YamNet, ticks: Path, method: str) -> None:
    """With blocks of two patches, so that each step listens twice."""
    recipe = Recipe.make(
        objective=f'texture:"{ticks}" + 0.1*class:Bell',
        method=method,
        steps=4,
        gain_grid="12x100ms",
        block_patches=2,
    )
    clip = Clip.from_array(noise(), RATE)

    def finished(dreamer: Dreamer) -> Sound:
        for _ in dreamer.steps():
            pass
        return dreamer.result().samples.array()

    whole = finished(Dreamer(clip, recipe, yamnet))
    begun = Dreamer(clip, recipe, yamnet)
    for event in begun.steps():
        if event.step == 2:
            break
    again = finished(Dreamer(clip, recipe, yamnet, snapshot=begun.snapshot()))
    np.testing.assert_array_equal(again, whole)


def test_the_default_layers_are_the_models(yamnet: YamNet, ticks: Path) -> None:
    found = objective(yamnet, f'texture:"{ticks}"')
    assert isinstance(found, TextureObjective)
    assert found.taps == yamnet.table.texture_layers
    assert found == objective(yamnet, f'texture:"{ticks}":layer3')
