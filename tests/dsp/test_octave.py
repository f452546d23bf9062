"""Air from below: a steady sinusoid comes out as a steady sinusoid an octave up."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from dreamsound_studio.audio.samples import Samples
from dreamsound_studio.dsp.octave import octave_up
from dreamsound_studio.dsp.stft import Stft, run_stft
from dreamsound_studio.errors import RecipeError

RATE = 48_000
LENGTH = 2 * RATE
TOP_HZ = 7500
TIME = np.arange(LENGTH) / RATE
Doubles = npt.NDArray[np.float64]


def octave(sound: Doubles, stft: Stft) -> Doubles:
    """Return the filled air, less a frame at each end."""
    into = Samples(1, LENGTH)
    run_stft(
        stft,
        Samples.of(sound.astype(np.float32)[None]),
        into,
        lambda spectra, first: octave_up(
            spectra, RATE, TOP_HZ, stft.hop_samples, stft.fft_size, first
        ),
    )
    return into.array()[0, 4096:-4096].astype(np.float64)


def lines(sound: Doubles) -> tuple[Doubles, Doubles]:
    """Return frequencies and the amplitudes that sinusoids there would have."""
    window = np.blackman(len(sound))
    amplitude = 2 * np.abs(np.fft.rfft(sound * window)) / window.sum()
    return np.fft.rfftfreq(len(sound), 1 / RATE), amplitude


@pytest.mark.parametrize("stft", [Stft(), Stft(2048, 256), Stft(1024, 200)], ids=str)
@pytest.mark.parametrize("hz", [5000, 5009, 4995.3, 5000 + RATE / 2048 / 2])
def test_a_sine_comes_out_an_octave_up(stft: Stft, hz: float) -> None:
    out = octave(0.3 * np.sin(2 * np.pi * hz * TIME), stft)
    frequencies, amplitude = lines(out)
    line = np.abs(frequencies - 2 * hz) < 5
    assert frequencies[np.argmax(amplitude)] == pytest.approx(2 * hz, abs=0.6)
    assert 20 * np.log10(amplitude[line].max() / amplitude[~line].max()) > 25
    assert abs(20 * np.log10(amplitude[line].max() / 0.3)) < 1.5
    turning = np.exp(-2j * np.pi * 2 * hz * TIME[4096:-4096]) * out
    smoothing = np.hanning(50)[1:-1] / np.hanning(50).sum()  # 1 ms: the hop takes 4 to 11
    envelope = np.abs(np.convolve(turning, smoothing, "valid"))
    assert 20 * np.log10(envelope.max() / envelope.min()) < 1.5


def test_the_phase_is_twice_the_sines() -> None:
    hz = 5003.0
    out = octave(0.3 * np.sin(2 * np.pi * hz * TIME + 0.4), Stft())
    # Phase 2 (w t + 0.4 - pi / 2), as a cosine.
    expected = np.cos(2 * (2 * np.pi * hz * TIME[4096:-4096] + 0.4 - np.pi / 2))
    assert np.corrcoef(out, expected)[0, 1] > 0.99


def test_two_sines_come_out_as_two() -> None:
    out = octave(
        0.1 * np.sin(2 * np.pi * 4200 * TIME) + 0.2 * np.sin(2 * np.pi * 6500 * TIME), Stft()
    )
    frequencies, amplitude = lines(out)
    for hz, level in ((8400, 0.1), (13_000, 0.2)):
        near = np.abs(frequencies - hz) < 5
        assert abs(20 * np.log10(amplitude[near].max() / level)) < 1.5


def test_only_bins_above_the_band_are_filled_and_only_from_its_upper_half() -> None:
    rng = np.random.default_rng(1)
    stft = Stft()
    shape = (2, 3, stft.bins)
    spectra = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)
    hz = np.arange(stft.bins) * RATE / stft.fft_size
    out = octave_up(spectra, RATE, TOP_HZ, 512, 2048, 7)
    assert (out.shape, out.dtype) == (shape, np.complex64)
    assert not np.any(out[..., hz <= TOP_HZ])
    assert not np.any(out[..., hz > 2 * TOP_HZ])
    assert np.all(out[..., (hz > TOP_HZ + 25) & (hz < 2 * TOP_HZ - 25)] != 0)
    elsewhere = spectra * ((hz < TOP_HZ / 2) | (hz > TOP_HZ))
    assert not np.any(octave_up(elsewhere, RATE, TOP_HZ, 512, 2048))


def test_no_room_above_the_band_leaves_nothing_to_fill() -> None:
    spectra = np.ones((1, 1, 1025), np.complex64)
    assert not np.any(octave_up(spectra, 16_000, 8000, 512, 2048))


def test_a_hop_that_would_beat_is_an_error() -> None:
    with pytest.raises(RecipeError, match=r"Hop of 513 samples.*at most 512"):
        octave_up(np.ones((1, 1, 1025), np.complex64), RATE, TOP_HZ, 513, 2048)
