"""Clips: sound files read into memory."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dreamsound_studio.audio.cut import Cut
from dreamsound_studio.audio.decode import TRUNCATED, bits_of, fault_of, open_sound, read_part
from dreamsound_studio.audio.formats import MAX_CHANNELS, Bits
from dreamsound_studio.audio.riff import is_bw64
from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.audio.speakers import UNKNOWN, SpeakerLayout
from dreamsound_studio.errors import AudioFileError

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 384_000


class AudioFileWarning(UserWarning):
    """A sound file was read, but it is damaged."""


@dataclass
class Clip:
    """A sound in memory or on disk.

    Attributes
    ----------
    samples : Samples
        Float32 ``[channels, samples]``, full scale 1.0.
    sample_rate_hz : int
        8000 to 384000.
    path : pathlib.Path or None
        The file it was read from.
    bits : {"16", "24", "32f"}
        The source file's sample format, or the nearest one that a render can have.
    start : int
        First sample of the clip within the file; 0 unless it is a span.
    before, after : numpy.ndarray
        Float32 ``[channels, n]``: the file just before and after the clip, so that the model hears
        a span in its surroundings.
    cut : Cut or None
        The pieces of the file, if the clip is more than a plain span; `start` then counts from the
        beginning of the cut.
    speakers : SpeakerLayout
        The speakers of the channels, which have the order of WAVE; unknown if the file does not
        say.
    is_bw64 : bool
        Whether it was read from a BW64, as which its renders in WAV are written too.
    """

    samples: Samples
    sample_rate_hz: int
    path: Path | None = None
    bits: Bits = "32f"
    start: int = 0
    before: FloatArray = field(default_factory=lambda: np.zeros((1, 0), np.float32))
    after: FloatArray = field(default_factory=lambda: np.zeros((1, 0), np.float32))
    cut: Cut | None = None
    speakers: SpeakerLayout = UNKNOWN
    is_bw64: bool = False

    def __post_init__(self) -> None:
        if self.before.shape[0] != self.channels:
            self.before = np.zeros((self.channels, 0), np.float32)
        if self.after.shape[0] != self.channels:
            self.after = np.zeros((self.channels, 0), np.float32)
        check_shape(self.name, self.channels, self.samples.length, self.sample_rate_hz)

    @classmethod
    def from_array(cls, array: Any, sample_rate_hz: int) -> Clip:
        """Make a clip from an array ``[channels, samples]`` or ``[samples]``, full scale 1.0.

        Parameters
        ----------
        array : array_like
            The samples; converted to float32, not copied if they already are.
        sample_rate_hz : int
            8000 to 384000.

        Returns
        -------
        Clip

        Raises
        ------
        AudioFileError
            The shape, rate or values are invalid.
        """
        values = np.atleast_2d(np.asarray(array, dtype=np.float32))
        if values.ndim != 2:
            raise AudioFileError(
                f"Invalid shape for samples: {values.shape}. Pass [channels, samples] or [samples]."
            )
        if values.shape[0] > MAX_CHANNELS >= values.shape[1]:
            raise AudioFileError(
                f"Invalid shape for samples: {values.shape}. Transpose it to [channels, samples]."
            )
        clip = cls(Samples.of(values), sample_rate_hz)
        check_finite(clip.name, clip.samples, sample_rate_hz)
        return clip

    @property
    def channels(self) -> int:
        """Number of channels."""
        return self.samples.channels

    @property
    def file_start(self) -> int | None:
        """First sample within the file; None for a cut that is more than a plain span."""
        if self.cut is None:
            return self.start
        first = self.cut.file_start
        return None if first is None else first + self.start

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples.length / self.sample_rate_hz

    @property
    def name(self) -> str:
        """The file's path, or a placeholder for a clip without one."""
        return str(self.path) if self.path else "the clip"


def check_shape(name: str, channels: int, length: int, sample_rate_hz: int) -> None:
    """Raise `AudioFileError` if a sound is empty or has an unsupported rate or channel count."""
    if length < 1:
        raise AudioFileError(f"{name}: no samples")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioFileError(f"{name}: {channels} channels; 1 to {MAX_CHANNELS} are supported")
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise AudioFileError(
            f"{name}: sample rate {sample_rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are "
            "supported. Resample the file first."
        )


def read_clip(
    path: str | os.PathLike[str], span: tuple[int, int] | None = None, context_samples: int = 0
) -> Clip:
    """Read a sound file, or a span of it.

    Parameters
    ----------
    path : path_like
        Any format that libsndfile reads: WAV, RF64, W64, AIFF, CAF, FLAC, OGG, Opus, MP3.
    span : (int, int), optional
        First sample, and one past the last; the end may lie beyond the end of the file.
    context_samples : int, optional
        Length of the surroundings read into `Clip.before` and `Clip.after`.

    Returns
    -------
    Clip

    Raises
    ------
    AudioFileError
        The file is missing, empty, not audio or unreadable, contains NaN or infinity, or has an
        unsupported rate or channel count.

    Warns
    -----
    AudioFileWarning
        The file is shorter than its header says; the samples present are read.
    """
    with open_sound(path) as sound:
        total, channels, rate = sound.frames, sound.channels, sound.samplerate
        check_shape(str(path), channels, total, rate)
        start, stop = span or (0, total)
        stop = min(stop, total)
        if start >= stop:
            raise AudioFileError(
                f"{path}: the span from {start / rate:.2f} s is empty; the file is "
                f"{total / rate:.2f} s long"
            )
        samples = read_part(sound, path, start, stop)
        # A stream that breaks off in the middle delivers less than its header states.
        done = samples.length
        fault = fault_of(sound) if stop == total else ""
        if done < stop - start:
            fault = TRUNCATED
        before = read_part(sound, path, max(start - context_samples, 0), start)
        end = min(stop + context_samples, total) if done == stop - start else stop
        after = read_part(sound, path, stop, end)
        bits, speakers = bits_of(sound), sound.speakers
    if done == 0:
        raise AudioFileError(f"{path}: damaged file, no samples could be decoded")
    if fault:
        text = f"{path}: {fault}; {done / rate:.2f} s were read"
        warnings.warn(text, AudioFileWarning, stacklevel=2)
    for part, first in ((before, start - before.length), (samples, start), (after, stop)):
        check_finite(str(path), part, rate, first)
    around = (before.array(), after.array())
    return Clip(
        samples, rate, Path(path), bits, start, *around, speakers=speakers, is_bw64=is_bw64(path)
    )


def check_finite(name: str, samples: Samples, sample_rate_hz: int, offset: int = 0) -> None:
    """Raise `AudioFileError` for NaN or infinity; `offset` is added to the position reported."""
    bad, first = 0, 0
    for start, block in samples.blocks():
        # One sum checks the whole block, at a tenth of the cost of testing each sample.
        with np.errstate(invalid="ignore", over="ignore"):
            if np.isfinite(np.sum(block)):
                continue
        wrong = np.any(~np.isfinite(block), axis=0)
        if np.any(wrong) and not bad:
            first = offset + start + int(np.argmax(wrong))
        bad += int(np.sum(wrong))
    if bad:
        raise AudioFileError(
            f"{name}: contains NaN or infinity (samples affected: {bad}, the first at "
            f"{first / sample_rate_hz:.3f} s). Repair the file or export it again."
        )
