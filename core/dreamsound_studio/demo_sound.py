"""The demo sound: somebody whistles a phrase in a room.

It is synthesised from sines and noise, so the demo needs no recording and every machine dreams the
same sound.

    python -m dreamsound_studio.demo_sound OUT.wav
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamsound_studio.errors import AudioFileError, DreamSoundError, RecipeError
from dreamsound_studio.files import atomic

Wave = NDArray[np.float64]

PHRASE_S = 6.2
PEAK_DBFS = -6.0
LOWEST_SAMPLE_RATE_HZ = 16_000


@dataclass(frozen=True)
class WhistledNote:
    """One whistled note; the pitch glides into it from the note before, unless there is a pause."""

    start_s: float
    length_s: float
    pitch_hz: float
    level: float = 1.0
    vibrato_cents: float = 18.0


# Up a broken chord, a sigh, and a long note that falls away, like whistling to oneself.
NOTES = (
    WhistledNote(0.35, 0.42, 1174.7, 0.80, 8),
    WhistledNote(0.77, 0.30, 1480.0, 0.88, 8),
    WhistledNote(1.07, 0.83, 1760.0, 1.00, 22),
    WhistledNote(2.20, 0.24, 1568.0, 0.82, 6),
    WhistledNote(2.44, 0.24, 1760.0, 0.90, 6),
    WhistledNote(2.68, 0.62, 1318.5, 0.86, 20),
    WhistledNote(3.72, 0.30, 1480.0, 0.84, 8),
    WhistledNote(4.02, 1.05, 1174.7, 0.90, 14),
)
PHRASE_ENDS_S = (1.90, 3.30, 5.07)
BREATHS_S = ((0.02, 0.28), (1.97, 0.20), (3.40, 0.27))  # start and length of each breath


def demo_phrase(seed: int = 0, sample_rate_hz: int = 48_000) -> NDArray[np.float32]:
    """Synthesise a whistled phrase with breath and room.

    A sine with vibrato, drift and faint harmonics glides over eight notes, with band noise around
    the pitch and a little broadband air. Each pause has a breath; a small stereo room (early
    reflections and decaying noise, different left and right) surrounds it all.

    Parameters
    ----------
    seed : int
        Seed of the noise, drift and room. The notes are the same for every seed.
    sample_rate_hz : int
        16000 or higher; it does not affect the pitch.

    Returns
    -------
    numpy.ndarray
        float32 `[2, samples]`, 6.2 s long, with a peak of -6 dBFS. The same seed and rate give the
        same samples on the same machine.

    Raises
    ------
    RecipeError
        If the sample rate is below 16000 Hz.
    """
    if sample_rate_hz < LOWEST_SAMPLE_RATE_HZ:
        raise RecipeError(
            f"Invalid sample rate for the demo sound: {sample_rate_hz} Hz."
            f" Use {LOWEST_SAMPLE_RATE_HZ} Hz or more."
        )
    rng = np.random.default_rng(seed)
    count = round(PHRASE_S * sample_rate_hz)
    seconds = np.arange(count) / sample_rate_hz

    dry = _whistle(seconds, sample_rate_hz, rng) + _breaths(seconds, sample_rate_hz, rng)
    wet = np.stack([_convolve(dry, room)[:count] for room in _room(sample_rate_hz, rng)])
    wet *= np.clip((PHRASE_S - seconds) / 0.25, 0.0, 1.0)
    wet *= 10 ** (PEAK_DBFS / 20) / np.abs(wet).max()
    return wet.astype(np.float32)


def _whistle(seconds: Wave, sample_rate_hz: int, rng: np.random.Generator) -> Wave:
    """Return the dry whistle: tone, the noise around its pitch, and air."""
    count = seconds.size
    cents, level = _score(seconds, sample_rate_hz)
    cents = cents + 7.0 * _unit_noise(count, sample_rate_hz, 0.0, 3.0, rng)
    cents = cents + 2.5 * _unit_noise(count, sample_rate_hz, 8.0, 25.0, rng)
    pitch_hz = 440.0 * 2.0 ** (cents / 1200.0)
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / sample_rate_hz

    shimmer = 1.0 + 0.06 * _unit_noise(count, sample_rate_hz, 1.0, 12.0, rng)
    tone = np.sin(phase) + 0.02 * np.sin(2 * phase + 0.7) + 0.006 * np.sin(3 * phase + 2.0)
    # Noise around the pitch: slow noise in both quadratures, shifted up to the tone.
    narrow = _unit_noise(count, sample_rate_hz, 0.0, 160.0, rng) * np.sin(phase)
    narrow += _unit_noise(count, sample_rate_hz, 0.0, 160.0, rng) * np.cos(phase)
    air = _unit_noise(count, sample_rate_hz, 1_500.0, 7_000.0, rng)
    return level * (shimmer * tone + 0.035 * narrow) + 0.006 * np.sqrt(level) * air


def _score(seconds: Wave, sample_rate_hz: int) -> tuple[Wave, Wave]:
    """Return the melody per sample: cents above 440 Hz, and the level 0..1."""
    cents = np.full(seconds.size, _cents(NOTES[0].pitch_hz))
    level = np.zeros(seconds.size)
    for note in NOTES:
        since_s = seconds - note.start_s
        # Each note holds until the next: smoothing the steps makes the glide.
        cents[since_s >= 0] = _cents(note.pitch_hz)
        level[(since_s >= 0) & (since_s < note.length_s)] = note.level
    cents = _smooth(cents, 0.100, sample_rate_hz)
    level = np.maximum(_smooth(level, 0.070, sample_rate_hz), 0.0)  # an FFT leaves -1e-17

    for note in NOTES:
        since_s = np.clip(seconds - note.start_s, 0.0, note.length_s)
        depth = note.vibrato_cents * np.clip((since_s - 0.15) / 0.35, 0.0, 1.0)
        depth *= np.clip((note.length_s - since_s) / 0.08, 0.0, 1.0)
        wobble = np.sin(2 * np.pi * 5.4 * since_s)
        cents += depth * wobble
        level *= 1.0 + 0.004 * depth * wobble
    for start_s in (NOTES[0].start_s, NOTES[3].start_s, NOTES[6].start_s):  # scoop into a phrase
        cents -= 130.0 * np.exp(-np.abs(seconds - start_s) / 0.045)
    for end_s in PHRASE_ENDS_S:  # and let the last note sag
        cents -= 90.0 * np.exp(-np.abs(seconds - end_s) / 0.05)
    return cents, level


def _breaths(seconds: Wave, sample_rate_hz: int, rng: np.random.Generator) -> Wave:
    """Return the breaths in the pauses, and the faint room air with them."""
    mouth = _unit_noise(seconds.size, sample_rate_hz, 900.0, 5_500.0, rng)
    chest = _unit_noise(seconds.size, sample_rate_hz, 250.0, 1_200.0, rng)
    level = np.zeros(seconds.size)
    for start_s, length_s in BREATHS_S:
        along = np.clip((seconds - start_s) / length_s, 0.0, 1.0)
        level += np.sin(np.pi * along**1.4) ** 2  # swells, and ends faster than it began
    floor = _unit_noise(seconds.size, sample_rate_hz, 80.0, 3_000.0, rng)
    return level * (0.018 * mouth + 0.010 * chest) + 0.0006 * floor


def _room(sample_rate_hz: int, rng: np.random.Generator) -> Wave:
    """Return the impulse responses `[2, samples]` of a small, bright room."""
    length_s = 0.9
    count = round(length_s * sample_rate_hz)
    seconds = np.arange(count) / sample_rate_hz
    room = np.zeros((2, count))
    # High bands decay sooner; noise is independent in each ear.
    for low_hz, high_hz, reverberation_s, gain in (
        (120.0, 900.0, 0.75, 0.8),
        (900.0, 3_000.0, 0.62, 1.0),
        (3_000.0, 7_500.0, 0.38, 0.7),
    ):
        decay = np.exp(-np.log(1000.0) * seconds / reverberation_s)
        for ear in room:
            ear += gain * decay * _unit_noise(count, sample_rate_hz, low_hz, high_hz, rng)
    room *= np.clip((seconds - 0.012) / 0.02, 0.0, 1.0)  # the late part fades in after the early
    room *= 0.22 / np.sqrt(np.sum(room**2, axis=1, keepdims=True))
    for delay_s, left, right in (
        (0.0000, 1.00, 0.94),
        (0.0031, 0.05, 0.19),
        (0.0067, 0.17, -0.06),
        (0.0113, -0.08, 0.12),
        (0.0159, 0.11, 0.05),
        (0.0222, -0.04, -0.09),
        (0.0287, 0.06, 0.06),
    ):
        room[:, round(delay_s * sample_rate_hz)] += (left, right)
    return room


def _unit_noise(
    count: int, sample_rate_hz: int, low_hz: float, high_hz: float, rng: np.random.Generator
) -> Wave:
    """Return Gaussian noise between two frequencies, with soft edges and an RMS of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequency_hz = np.fft.rfftfreq(count, 1 / sample_rate_hz)
    spectrum /= np.sqrt(1.0 + (frequency_hz / high_hz) ** 6)
    if low_hz > 0:
        spectrum *= 1.0 - 1.0 / np.sqrt(1.0 + (frequency_hz / low_hz) ** 6)
    noise = np.fft.irfft(spectrum, count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _smooth(curve: Wave, width_s: float, sample_rate_hz: int) -> Wave:
    """Return the curve smoothed by a Hann window of this width: steps become S-shaped glides."""
    width = round(width_s * sample_rate_hz) | 1
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(curve, width // 2, mode="edge")
    return _convolve(padded, window / window.sum())[width - 1 : width - 1 + curve.size]


def _convolve(sound: Wave, response: Wave) -> Wave:
    """Return the full convolution, by FFT."""
    count = sound.size + response.size - 1
    size = 1 << (count - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[:count]


def _cents(pitch_hz: float) -> float:
    return float(1200.0 * np.log2(pitch_hz / 440.0))


def main(arguments: list[str] | None = None) -> int:
    """Write the phrase as a 24-bit file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dreamsound_studio.demo_sound")
    parser.add_argument("out", type=Path, help="output file, .wav or .flac")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sample-rate-hz", type=int, default=48_000)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    options = parser.parse_args(arguments)
    try:
        _write(options.out, options.seed, options.sample_rate_hz, options.overwrite)
    except DreamSoundError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _write(out: Path, seed: int, sample_rate_hz: int, overwrite: bool) -> None:
    import soundfile

    if out.exists() and not overwrite:
        raise AudioFileError(f"{out}: already exists. Use another name or pass --overwrite.")
    try:
        phrase = demo_phrase(seed, sample_rate_hz)
        # The ending tells libsndfile the format.
        with atomic(out, ending=f".unfinished{out.suffix}") as partial:
            soundfile.write(partial, phrase.T, sample_rate_hz, subtype="PCM_24")
    except (OSError, ValueError, TypeError, soundfile.SoundFileError) as error:
        raise AudioFileError(f"{out}: cannot write: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
