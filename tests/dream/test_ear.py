"""The gradient: chunked, at any rate and length, against finite differences."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.sample_memory import SampleMemory
from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dream import ear as ears
from dreamsound_studio.dream.ear import BEST, Ear
from dreamsound_studio.dream.evaluation import Evaluation
from dreamsound_studio.dream.gradient_pass import GradientPass, gradients
from dreamsound_studio.dream.mono import Mono
from dreamsound_studio.dream.objective_functions import ClassObjective
from dreamsound_studio.dream.patch_grid import PatchGrid
from dreamsound_studio.dsp import threads
from dreamsound_studio.dsp.resample import Resampler
from dreamsound_studio.errors import RenderCancelled
from dreamsound_studio.models.yamnet.network import YamNet

Sound = npt.NDArray[np.float32]
WHISTLING = 35


def noise(channels: int, length: int, seed: int = 0) -> Sound:
    values = 0.1 * np.random.default_rng(seed).standard_normal((channels, length))
    return values.astype(np.float32)


def ear_of(
    model: YamNet, rate_hz: int, objective: Any = None, block_patches: int = 64, **more: Any
) -> Ear:
    return Ear(
        model,
        objective or ClassObjective("logit"),
        rate_hz,
        hop_frames=model.published_hop_frames,
        block_patches=block_patches,
        **more,
    )


def gradient_of(
    ear: Ear,
    sound: Sound,
    shift: float | None = None,
    channel: int | None = None,
    class_index: int | None = WHISTLING,
    context: tuple[Sound, Sound] | None = None,
) -> tuple[Sound, Evaluation]:
    """Return dL/dx of the mono mix or a channel ``[n]``, and what was heard."""
    mono = Mono(Samples.of(sound), channel, *(context or (None, None)))
    into = Samples(1, sound.shape[1])
    heard = ear.gradient(mono, ear.grid(sound.shape[1], shift), (class_index,), into)
    return into.array()[0], heard


def relative_error(found: Sound, expected: Sound) -> float:
    return float(np.max(np.abs(found - expected)) / np.max(np.abs(expected)))


@pytest.mark.yamnet
@pytest.mark.parametrize("shift", [None, 0.0, 0.37])
def test_a_chunked_gradient_equals_the_unchunked(yamnet: YamNet, shift: float | None) -> None:
    sound = noise(2, 200_000)
    whole, heard = gradient_of(ear_of(yamnet, 48_000), sound, shift)
    assert ear_of(yamnet, 48_000).grid(200_000, shift).count > 7
    for block_patches in (1, 3, 8):
        chunked, again = gradient_of(
            ear_of(yamnet, 48_000, block_patches=block_patches), sound, shift
        )
        # In another block a value near 0 may leave a ReLU on its other side: no measure of peaks.
        assert np.linalg.norm(chunked - whole) <= 1e-4 * np.linalg.norm(whole)
        assert again.loss == pytest.approx(heard.loss, rel=1e-5)
        np.testing.assert_allclose(again.scores, heard.scores, atol=1e-6)


@pytest.mark.yamnet
@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 44_100, 192_000])
def test_at_any_rate_it_is_the_models_own_gradient_sent_back(yamnet: YamNet, rate_hz: int) -> None:
    import tensorflow as tf

    sound = noise(1, rate_hz + 321, seed=rate_hz)
    resampler = Resampler(rate_hz, 16_000)
    count = resampler.length_out(sound.shape[1])
    first, last = resampler.rows_for(0, count)
    start, stop = resampler.input_range(first, last)
    segment = tf.constant(np.pad(sound[0], (-start, stop - sound.shape[1])))
    with tf.GradientTape() as tape:
        tape.watch(segment)
        heard = resampler.apply(segment)[:count]
    slope, _ = gradient_of(ear_of(yamnet, 16_000), heard.numpy()[None])
    expected = tape.gradient(heard, segment, slope).numpy()[-start:][: sound.shape[1]]
    found, _ = gradient_of(ear_of(yamnet, rate_hz, block_patches=2), sound)
    # Another order of sums may send a value near 0 through the other side of a ReLU.
    assert relative_error(found, expected) <= 1e-4


@pytest.mark.yamnet
def test_it_equals_finite_differences_in_48_khz_stereo(yamnet: YamNet) -> None:
    ear = ear_of(yamnet, 48_000)
    sound = noise(2, 96_000)
    gradient, _ = gradient_of(ear, sound)
    assert gradient.shape == (96_000,)
    grid = ear.grid(96_000, None)

    def loss(values: Sound) -> float:
        return ear.hear(Mono(Samples.of(values)), grid, (WHISTLING,)).loss

    time = np.linspace(0, 1, 96_000)
    for window in (time < 0.6, time > 0.6, np.sin(4 * time) ** 2):
        direction = (gradient * window).astype(np.float32)
        # Smaller, and float32 rounds the difference away; larger, and |X| is no longer straight.
        step = np.float32(1e-4 / np.linalg.norm(direction))
        for channels in ([0], [1], [0, 1]):
            moved = np.zeros_like(sound)
            moved[channels] = step * direction
            slope = (loss(sound + moved) - loss(sound - moved)) / 2
            # Both channels together move the mono mix by as much; one alone by half.
            expected = float(np.dot(gradient, step * direction)) * len(channels) / 2
            assert slope == pytest.approx(expected, rel=0.03)


@pytest.mark.yamnet
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
def test_linked_channels_are_heard_as_their_mean(yamnet: YamNet, channels: int) -> None:
    ear, sound = ear_of(yamnet, 16_000), noise(channels, 20_000)
    found, _ = gradient_of(ear, sound, 0.2)
    mean = sound.mean(axis=0, keepdims=True)
    assert relative_error(found, gradient_of(ear, mean, 0.2)[0]) <= 1e-3


@pytest.mark.yamnet
def test_a_channels_gradient_is_added_to_that_channel_alone(yamnet: YamNet) -> None:
    ear, sound = ear_of(yamnet, 16_000), noise(3, 20_000)
    alone, _ = gradient_of(ear, sound[1:2], 0.2)
    into = Samples(3, 20_000)
    into.write(0, np.ones((3, 20_000), np.float32))
    ear.gradient(Mono(Samples.of(sound), 1), ear.grid(20_000, 0.2), (WHISTLING,), into, 1)
    np.testing.assert_array_equal(into.array()[[0, 2]], 1)
    np.testing.assert_allclose(into.array()[1] - 1, alone, atol=1e-5 * np.max(np.abs(alone)))


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the machine have a number of cores."""

    def has(number: int) -> None:
        monkeypatch.setattr(threads, "available_cores", lambda: number)
        monkeypatch.setattr(ears, "block_threads", lambda: number)

    return has


@pytest.mark.yamnet
def test_the_number_of_cores_changes_no_byte(yamnet: YamNet, cores: Callable[[int], None]) -> None:
    ear, sound = ear_of(yamnet, 48_000, block_patches=4), noise(2, 400_000)
    found = []
    for number in (1, 2, 5):
        cores(number)
        gradient, heard = gradient_of(ear, sound, 0.3)
        again = ear.hear(Mono(Samples.of(sound)), ear.grid(400_000, None))
        found.append((gradient.tobytes(), heard.loss, again.loss, again.scores.tobytes()))
    assert ear.grid(400_000, 0.3).count > 16
    assert found[0] == found[1] == found[2]


@pytest.mark.yamnet
def test_passes_side_by_side_are_those_alone(yamnet: YamNet, cores: Callable[[int], None]) -> None:
    """Sounds of two rates at once; each gradient reaches its own channel."""
    cores(3)
    ears_ = [ear_of(yamnet, 16_000, block_patches=16), ear_of(yamnet, 48_000, block_patches=16)]
    sounds = [noise(1, 40_000, seed) for seed in (1, 2)]
    into, alone = Samples(2, 40_000), Samples(2, 40_000)
    shares: list[float] = []
    made = []
    for channel, (ear, sound) in enumerate(zip(ears_, sounds, strict=True)):
        grid, mono = ear.grid(40_000, 0.2), Mono(Samples.of(sound))
        add = partial(into.add_to_channel, channel)
        made.append(GradientPass(ear, mono, grid, BEST, add))
        ear.gradient(mono, grid, BEST, alone, channel)
    heard = gradients(made, shares.append)
    for channel in range(2):
        assert relative_error(into.array()[channel], alone.array()[channel]) <= 1e-4
        mono, grid = made[channel].sound, made[channel].grid
        assert heard[channel].class_index == ears_[channel].hear(mono, grid).class_index
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.yamnet
def test_a_pass_that_is_stopped_writes_no_more(
    yamnet: YamNet, cores: Callable[[int], None]
) -> None:
    cores(4)
    ear, sound = ear_of(yamnet, 16_000, block_patches=2), noise(1, 400_000)
    into = Samples(1, 400_000)
    grid = ear.grid(400_000, 0.5)

    def stop(share: float) -> None:
        if share > 0.2:
            raise RenderCancelled("stopped")

    with pytest.raises(RenderCancelled):
        ear.gradient(Mono(Samples.of(sound)), grid, (WHISTLING,), into, between_blocks=stop)
    written = into.array().copy()
    assert np.any(written)
    assert not np.any(written[0, 200_000:])
    time.sleep(0.2)
    np.testing.assert_array_equal(into.array(), written)


@pytest.mark.yamnet
@pytest.mark.parametrize(
    ("block_patches", "patches", "passes", "size"),
    [(32, 7, 1, 4), (32, 7, 2, 7), (32, 1, 1, 1), (32, 40, 1, 10), (32, 400, 1, 16), (1, 9, 1, 1)],
)
def test_blocks_leave_work_for_two_threads(
    yamnet: YamNet, block_patches: int, patches: int, passes: int, size: int
) -> None:
    ear = ear_of(yamnet, 16_000, block_patches=block_patches)
    assert ear.block_size(patches, passes) == size


@pytest.mark.yamnet
def test_a_gpu_takes_whole_blocks(yamnet: YamNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ears, "has_gpu", lambda: True)
    ear = ear_of(yamnet, 16_000, block_patches=256)
    assert [ear.block_size(patches, passes) for patches, passes in ((1000, 1), (98, 2))] == [
        256
    ] * 2


@pytest.mark.yamnet
def test_one_patch_at_a_time_is_one_block_at_a_time(
    yamnet: YamNet, cores: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where memory holds no more, no two blocks run at once."""
    cores(8)
    monkeypatch.setattr(ears, "free_bytes", lambda: 2**40)
    assert [ear_of(yamnet, 16_000, block_patches=n).threads for n in (1, 2, 32)] == [1, 2, 8]


@pytest.mark.yamnet
def test_sounds_on_disk_have_the_gradient_of_those_in_memory(yamnet: YamNet) -> None:
    ear, sound = ear_of(yamnet, 16_000, block_patches=2), noise(2, 60_000)
    expected, _ = gradient_of(ear, sound, 0.6)
    on_disk = Samples(2, 60_000, SampleMemory(0, 0))
    on_disk.write(0, sound)
    into = Samples(1, 60_000, SampleMemory(0, 0))
    assert on_disk.on_disk
    ear.gradient(Mono(on_disk), ear.grid(60_000, 0.6), (WHISTLING,), into)
    np.testing.assert_array_equal(into.array()[0], expected)


@pytest.mark.yamnet
def test_what_lies_around_is_heard_and_not_dreamed(yamnet: YamNet) -> None:
    # The same patches, once of a whole file and once of a span of it with its surroundings.
    ear, file = ear_of(yamnet, 16_000), noise(1, 70_000)
    inner = slice(20_000, 50_000)
    grid = ear.grid(30_000, 0.4)
    whole = PatchGrid(
        grid.first + inner.start, grid.count, grid.hop, grid.patch, 70_000, context=True
    )
    expected = Samples(1, 70_000)
    ear.gradient(Mono(Samples.of(file)), whole, (WHISTLING,), expected)
    around = (file[:, : inner.start], file[:, inner.stop :])
    found, _ = gradient_of(ear, file[:, inner], 0.4, context=around)
    assert relative_error(found, expected.array()[0, inner]) <= 1e-5


@pytest.mark.yamnet
@pytest.mark.parametrize(
    "sound",
    [
        np.full((1, 1), 0.5, np.float32),
        np.full((1, 9), -1.0, np.float32),
        np.ones((1, 30_000), np.float32),
        1e4 * noise(1, 30_000),
        1e-20 * noise(1, 30_000),
        noise(1, 30_000) * (np.arange(30_000) > 20_000),
        np.eye(1, 30_000, 17_000, dtype=np.float32),
        np.sign(noise(1, 30_000)),
    ],
    ids=["sample", "nine", "dc", "loud", "faint", "half silent", "impulse", "clipped"],
)
@pytest.mark.parametrize("shift", [None, 0.37])
def test_gradients_are_always_numbers(yamnet: YamNet, sound: Sound, shift: float | None) -> None:
    ear = ear_of(yamnet, 16_000)
    found, heard = gradient_of(ear, sound.astype(np.float32), shift)
    assert found.shape == (sound.shape[1],)
    assert np.all(np.isfinite(found))
    assert math.isfinite(heard.loss)
    # The window is 0 at the first sample of a frame, and so is the gradient of a lone sample.
    assert np.any(found) or (sound.shape[1] == 1 and shift is None)


@pytest.mark.yamnet
@pytest.mark.parametrize("block_patches", [2, 64])
def test_the_class_heard_most_is_that_of_the_mean_score(yamnet: YamNet, block_patches: int) -> None:
    time = np.arange(48_000) / 16_000
    sound = (0.3 * np.sin(2 * np.pi * (900 + 300 * time) * time)).astype(np.float32)[None]
    ear = ear_of(yamnet, 16_000, block_patches=block_patches)
    mono, grid = Mono(Samples.of(sound)), ear.grid(48_000, 0.1)
    heard = ear.hear(mono, grid)
    best = int(np.argmax(heard.scores * yamnet.audible_classes))
    shares: list[float] = []
    again = ear.gradient(mono, grid, BEST, Samples(1, 48_000), between_blocks=shares.append)
    assert heard.class_index == again.class_index == best
    assert heard.loss == pytest.approx(again.loss, rel=1e-5)
    assert heard.loss == pytest.approx(ear.hear(mono, grid, (best,)).loss, rel=1e-5)
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.yamnet
def test_a_short_sound_lies_whole_in_one_patch_whatever_the_shift(yamnet: YamNet) -> None:
    ear = ear_of(yamnet, 48_000)
    for shift in (0.0, 0.3, 0.999):
        grid = ear.grid_of_one_patch(14_400, shift)
        assert (grid.count, grid.first) == (1, -int(400 * shift))
    # A sound that fills the patch but for a few samples is pushed over its end.
    assert ear.grid_of_one_patch(46_790, 0.999).count == 2
