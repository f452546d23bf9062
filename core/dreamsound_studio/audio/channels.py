"""What is done to sounds around the loop: channels, surroundings, and a target made to fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dreamsound_studio.audio.clip import Clip
from dreamsound_studio.audio.samples import FloatArray, Samples, peak_of
from dreamsound_studio.errors import AudioFileError

#: A mono mix this far under its channels counts as silent (60 dB).
SILENT_MIX = 1e-6


@dataclass(frozen=True)
class Layout:
    """What the channels of a sound are while it is dreamed: left and right, or mid and side.

    Parameters
    ----------
    mid_side : bool
        Whether two channels are turned into ``(l + r) / 2`` and ``(l - r) / 2``.
    """

    mid_side: bool

    def encode(self, block: FloatArray) -> FloatArray:
        """Return a block ``[channels, n]`` as it is dreamed."""
        if not self.mid_side:
            return block
        return np.stack([(block[0] + block[1]) / 2, (block[0] - block[1]) / 2])

    def decode(self, block: FloatArray) -> FloatArray:
        """Return a block ``[channels, n]`` as it is heard."""
        if not self.mid_side:
            return block
        return np.stack([block[0] + block[1], block[0] - block[1]])

    def encoded(self, samples: Samples) -> Samples:
        """Return a whole sound as it is dreamed; the same one where nothing changes."""
        return self._through(samples, self.encode)

    def decoded(self, samples: Samples) -> Samples:
        """Return a whole sound as it is heard; the same one where nothing changes."""
        return self._through(samples, self.decode)

    def _through(self, samples: Samples, change: Callable[[FloatArray], FloatArray]) -> Samples:
        if not self.mid_side:
            return samples
        out = Samples(samples.channels, samples.length)
        for start, block in samples.blocks():
            out.write(start, change(block))
        return out


def surroundings(
    samples: Samples, before: FloatArray, after: FloatArray, reach: int
) -> tuple[FloatArray, FloatArray]:
    """Return what is heard before and after a sound: its file, and beyond that its mirror image.

    Parameters
    ----------
    samples : Samples
        The sound, ``[channels, length]``.
    before, after : numpy.ndarray
        What the file holds around it, ``[channels, n]``; n may be 0.
    reach : int
        How many samples are needed on either side.

    Returns
    -------
    (numpy.ndarray, numpy.ndarray)
        Each ``[channels, reach or more]``.

    Notes
    -----
    In silence a patch that reaches into the sound by a few milliseconds would be excited by them
    alone: measured, its gradient there is up to 40 dB stronger than anywhere else.
    """
    head = np.concatenate([before, samples.read(0, min(reach + 1, samples.length))], axis=1)
    tail = samples.read(max(samples.length - reach - 1, 0), samples.length)
    tail = np.concatenate([tail, after], axis=1)
    more = max(reach - before.shape[1], 0)
    before = np.pad(head, [(0, 0), (more, 0)], mode="reflect")[:, : more + before.shape[1]]
    more = max(reach - after.shape[1], 0)
    after = np.pad(tail, [(0, 0), (0, more)], mode="reflect")[:, tail.shape[1] - after.shape[1] :]
    return before, after


def fit_target(target: Clip, clip: Clip) -> Samples:
    """Return the target at the clip's rate, looped or cut to its length, with its channels.

    Parameters
    ----------
    target, clip : Clip
        What to fit, and what it has to fit.

    Returns
    -------
    Samples
        ``[clip.channels, clip.samples.length]``. A target with another number of channels gives its
        mono mix to all.
    """
    import soxr

    # No more of the target than the clip is long will be heard.
    needed = math.ceil((clip.seconds + 1) * target.sample_rate_hz)
    sound = target.samples.read(0, min(needed, target.samples.length))
    if target.channels != clip.channels:
        sound = np.broadcast_to(sound.mean(axis=0, keepdims=True), (clip.channels, sound.shape[1]))
    if target.sample_rate_hz != clip.sample_rate_hz:
        sound = soxr.resample(
            np.ascontiguousarray(sound.T), target.sample_rate_hz, clip.sample_rate_hz, "VHQ"
        ).T
    out = Samples(clip.channels, clip.samples.length)
    for start in range(0, out.length, sound.shape[1]):
        out.write(start, sound)
    return out


def check_audible(clip: Clip) -> None:
    """Raise `AudioFileError` for a clip without a single sample but 0."""
    if peak_of(clip.samples) == 0.0:
        raise AudioFileError(f"{clip.name} is silent throughout: there is nothing to dream")


def check_continues(start: Clip, clip: Clip) -> None:
    """Raise `AudioFileError` unless a dream of `clip` can go on from `start`."""
    given, wanted = (
        f"{c.sample_rate_hz} Hz, {c.channels} channels, {c.samples.length} samples"
        for c in (start, clip)
    )
    if given != wanted:
        raise AudioFileError(
            f"{start.name} ({given}) cannot go on from {clip.name} ({wanted}): rate, channels and "
            "length must be the same"
        )


def is_mix_silent(samples: Samples) -> bool:
    """Return whether the channels cancel each other in the mono mix."""
    mixed = whole = 0.0
    for _, block in samples.blocks():
        mixed += float(np.sum(np.square(np.mean(block, axis=0), dtype=np.float64)))
        whole += float(np.sum(np.square(block, dtype=np.float64))) / samples.channels
    return mixed < SILENT_MIX * whole


def energy_of(samples: Samples) -> float:
    """Return the sum of all squared samples."""
    return sum(float(np.sum(np.square(block, dtype=np.float64))) for _, block in samples.blocks())
