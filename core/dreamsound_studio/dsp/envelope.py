"""The source's envelope: where it is active, how loud, and a weight that follows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray, Samples
from dreamsound_studio.dsp.levels import active_rms
from dreamsound_studio.errors import AudioFileError

#: Length of an envelope frame; each value is smoothed over five frames, Hann weighted.
FRAME_SECONDS = 0.01
SMOOTHING_FRAMES = 5
#: Largest weight of a frame re. the level of the active parts (12 dB).
MAX_WEIGHT = 4.0
#: Frames per block.
BLOCK_FRAMES = 100


@dataclass(frozen=True)
class Envelope:
    """Level of a sound over time.

    Attributes
    ----------
    frame_samples : int
        Samples in a frame.
    power : numpy.ndarray
        Smoothed mean power, float64 ``[channels, frames]``.
    active : numpy.ndarray
        Whether a frame belongs to the active parts, bool ``[frames]``.
    rms : float
        RMS over the active parts and all channels.
    """

    frame_samples: int
    power: npt.NDArray[np.float64]
    active: npt.NDArray[np.bool_]
    rms: float

    @classmethod
    def of(cls, samples: Samples, sample_rate_hz: int) -> Envelope:
        """Measure a sound.

        Parameters
        ----------
        samples : Samples
            ``[channels, length]``.
        sample_rate_hz : int
            Their rate.

        Returns
        -------
        Envelope

        Raises
        ------
        AudioFileError
            The sound is silent: no frame reaches -140 dBFS.
        """
        frame = max(1, round(FRAME_SECONDS * sample_rate_hz))
        power = frame_power(samples, frame)
        rms, active = active_rms(power.mean(axis=0))
        if rms == 0:
            raise AudioFileError("The sound is silent (peak below -140 dBFS)")
        window = np.hanning(SMOOTHING_FRAMES + 2)[1:-1]
        smooth = np.stack([np.convolve(row, window, "full") for row in power])
        reach = SMOOTHING_FRAMES // 2
        # At the ends the window is shorter, not padded with silence.
        share = np.convolve(np.ones(power.shape[1]), window, "full")
        middle = slice(reach, reach + power.shape[1])
        return cls(frame, smooth[:, middle] / share[middle], active, rms)

    def weights(self, amount: float) -> npt.NDArray[np.float32] | None:
        """Return the weight at each frame's edges, ``[channels, frames + 1]``, or None for 1.

        Parameters
        ----------
        amount : float
            0..1; the weight is ``(envelope / active RMS) ** amount``, at most 12 dB.
        """
        if amount == 0:
            return None
        relative = np.sqrt(self.power) / self.rms
        values = np.minimum(relative, MAX_WEIGHT) ** amount
        padded = np.concatenate([values[:, :1], values, values[:, -1:]], axis=1)
        edges: FloatArray = ((padded[:, 1:] + padded[:, :-1]) / 2).astype(np.float32)
        return edges


def frame_power(samples: Samples, frame_samples: int) -> npt.NDArray[np.float64]:
    """Return each frame's mean power, float64 ``[channels, frames]``; the last may be shorter."""
    count = -(-samples.length // frame_samples)
    power = np.zeros((samples.channels, count))
    for start, block in samples.blocks(frame_samples * BLOCK_FRAMES):
        power[:, start // frame_samples :][:, :BLOCK_FRAMES] = block_powers(block, frame_samples)
    return power


def block_powers(block: FloatArray, frame_samples: int) -> npt.NDArray[np.float64]:
    """Return the mean power of a block's frames, ``[channels, frames]``."""
    channels, length = block.shape
    whole = length // frame_samples
    frames = block[:, : whole * frame_samples].reshape(channels, whole, frame_samples)
    power: npt.NDArray[np.float64] = (
        np.einsum("cfs,cfs->cf", frames, frames).astype(np.float64) / frame_samples
    )
    rest = block[:, whole * frame_samples :]
    if rest.shape[1]:
        tail = np.mean(np.square(rest, dtype=np.float64), axis=1, keepdims=True)
        power = np.concatenate([power, tail], axis=1)
    return power


def weigh(
    block: FloatArray, weights: FloatArray | None, first_frame: int, frame_samples: int
) -> FloatArray:
    """Return a block times the weights, linear within a frame; it starts at `first_frame`.

    Parameters
    ----------
    block : numpy.ndarray
        ``[channels or 1, n]``.
    weights : numpy.ndarray or None
        As returned by :meth:`Envelope.weights`.
    first_frame, frame_samples : int
        Where the block starts, and the length of a frame.

    Returns
    -------
    numpy.ndarray
        ``[channels, n]``.
    """
    if weights is None:
        return block
    count = -(-block.shape[1] // frame_samples)
    edges = weights[:, first_frame : first_frame + count + 1]
    ramp = np.arange(frame_samples, dtype=np.float32) / np.float32(frame_samples)
    curve = edges[:, :-1, None] + (edges[:, 1:, None] - edges[:, :-1, None]) * ramp
    return block * curve.reshape(len(weights), -1)[:, : block.shape[1]]
