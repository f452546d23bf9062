"""A streamed change of spectra: nothing is lost at the borders of the blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.stft import ComplexArray, Stft
from dreamsound_studio.dsp.streaming import run_stft

LENGTHS = [1, 100, 2047, 50_000]


def noise(channels: int, length: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (channels, length)).astype(np.float32)


def same(spectra: ComplexArray, _first: int) -> ComplexArray:
    return spectra


@pytest.mark.parametrize("stft", [Stft(), Stft(512, 128), Stft(500, 170)], ids=str)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("length", LENGTHS)
def test_without_a_change_the_sound_comes_back(stft: Stft, channels: int, length: int) -> None:
    sound = noise(channels, length)
    into = Samples(channels, length)
    run_stft(stft, Samples.of(sound), into, same)
    assert np.max(np.abs(into.array() - sound)) <= 1e-5


def test_a_sound_may_be_changed_in_place_and_on_disk() -> None:
    sound = noise(2, 50_000)
    on_disk = Samples(2, 50_000, memory_limit_bytes=0)
    on_disk.write(0, sound)
    run_stft(Stft(512, 128), on_disk, on_disk, same)
    assert np.max(np.abs(on_disk.array() - sound)) <= 1e-5
    on_disk.close()


@pytest.mark.parametrize("block_frames", [1, 2, 7, 64])
def test_the_blocks_do_not_show(block_frames: int) -> None:
    stft = Stft(256, 64)
    rng = np.random.default_rng(2)
    gains = rng.uniform(0, 1, (2000, stft.bins)).astype(np.float32)
    seen: list[int] = []

    def filtered(spectra: ComplexArray, first: int) -> ComplexArray:
        seen.extend(range(first, first + spectra.shape[1]))
        return spectra * gains[first : first + spectra.shape[1]]

    source = Samples.of(noise(1, 20_000))
    into, at_once = Samples(1, 20_000), Samples(1, 20_000)
    run_stft(stft, source, into, filtered, block_frames)
    assert seen == list(range(stft.frame_count(20_000)))
    run_stft(stft, source, at_once, filtered, 10**6)
    np.testing.assert_allclose(into.array(), at_once.array(), atol=1e-6)
    assert np.max(np.abs(into.array() - source.array())) > 0.1


def test_a_change_may_return_more_channels() -> None:
    sound = noise(1, 3000)
    into = Samples(2, 3000)
    run_stft(
        Stft(256, 64),
        Samples.of(sound),
        into,
        lambda spectra, _first: np.concatenate([spectra, -2 * spectra]),
    )
    np.testing.assert_allclose(into.array(), [sound[0], -2 * sound[0]], atol=1e-5)
