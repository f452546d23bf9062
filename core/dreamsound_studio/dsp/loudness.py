"""Loudness and true peak, measured in one pass over a sound's blocks.

Every meter takes blocks of shape [channels, n], n arbitrary, and uses a fixed amount of memory,
whatever the length of the sound, except for the 8 bytes per 100 ms that loudness gating needs.
Blocks are recut into slabs of a fixed size before any arithmetic, so the block sizes do not affect
the result.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.weighting import CHUNK_SAMPLES, ChunkedFilter, k_weighting

# BS.1770-4 Annex 3, table 4 gives 1.41 (+1.5 dB) to positions 60 to 120 degrees to the side at ear
# height and 1 to all others, without LFE. Channel orders are those of WAVE and FLAC; the names:
# b back (beyond 120 degrees, so weight 1), s surround (90 to 110 degrees, so weight 1.41).
# pyloudnorm weights 4 channels as the first four of L R C Ls Rs; here they are quad, as in
# libebur128, because a WAVE file of 4 channels is front pair and rear pair. It stops at 5.
_CHANNEL_WEIGHTS: dict[int, tuple[float, ...]] = {
    1: (1.0,),  # mono counts once, as in BS.1770: 3 dB under the same signal on two channels
    2: (1.0, 1.0),  # L R
    3: (1.0, 1.0, 1.0),  # L R C
    4: (1.0, 1.0, 1.41, 1.41),  # L R Ls Rs
    5: (1.0, 1.0, 1.0, 1.41, 1.41),  # L R C Ls Rs
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),  # L R C LFE Ls Rs
    7: (1.0, 1.0, 1.0, 0.0, 1.0, 1.41, 1.41),  # L R C LFE Cb Ls Rs
    8: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41),  # L R C LFE Lb Rb Ls Rs
    12: (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41, 1.0, 1.0, 1.0, 1.0),  # and four above: 7.1.4
}
_MOST_CHANNELS = 24
_RATES_HZ = (8000, 384000)

_LOUDNESS_OFFSET = -0.691  # BS.1770-4 eq. 2: undoes the K weighting's gain at 997 Hz
_ABSOLUTE_GATE_POWER = 10 ** ((-70.0 - _LOUDNESS_OFFSET) / 10)  # BS.1770-4 eq. 6
_RELATIVE_GATE = 0.1  # -10 LU, BS.1770-4 eq. 6
_HOPS_A_SECOND = 10  # 75 % overlap of 400 ms blocks: one hop is 100 ms
_HOPS_A_BLOCK = 4

_SLAB = 128 * CHUNK_SAMPLES  # samples worked on at once: 1 MiB of float64 at 8 channels

_OVERSAMPLING = 4  # BS.1770-4 Annex 2
# Silence around the sound, in samples: ringing beyond its ends can be 2 dB above the sound itself.
_PEAK_PADDING = 64


class LoudnessMeter:
    """Integrated loudness of ITU-R BS.1770-4 and -5.

    Parameters
    ----------
    sample_rate_hz : int
        8000 to 384000.
    channels : int
        1 to 24: mono, L R, L R C, L R Ls Rs, L R C Ls Rs, L R C LFE Ls Rs, L R C LFE Cb Ls Rs,
        L R C LFE Lb Rb Ls Rs, and that with four above. LFE is left out, Ls and Rs have weight
        1.41, all others 1, and so has each of any other number of channels.

    Raises
    ------
    ValueError
        The rate or the number of channels is out of range.

    Notes
    -----
    K weighting, then mean power in blocks of 400 ms every 100 ms, gated at -70 LUFS and then at
    10 LU below the mean of what passed; an incomplete last block is not used [1]_.

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), Annex 1; Annex 3, table 4 for the weights of 7 and 8 channels.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        check_format(sample_rate_hz, channels)
        self._rate = sample_rate_hz
        self._weights = np.array(_CHANNEL_WEIGHTS.get(channels, (1.0,) * channels))
        self._filter = ChunkedFilter(k_weighting(sample_rate_hz))
        self._state = np.zeros((channels, self._filter.order))
        self._slabs = _Slabs(np.zeros((channels, _SLAB)))
        self._position = 0  # of the first sample not yet filtered
        self._hops = array("d")  # weighted energy of each full hop
        self._open_hop = 0.0  # and that of the hop not yet full

    def add(self, block: FloatArray) -> None:
        """Add the next samples.

        Parameters
        ----------
        block : ndarray of float32, [channels, n]
            n may be 0.

        Raises
        ------
        ValueError
            The block has another shape, is not floating point or not finite.
        """
        check_block(block, len(self._weights))
        for slab in self._slabs.push(block):
            power, self._state = self._weighted_power(slab)
            full, self._open_hop = self._split_into_hops(power)
            self._hops.extend(full)
            self._position += _SLAB

    def integrated_lufs(self) -> float:
        """Return the loudness of all samples so far.

        Returns
        -------
        float
            LUFS; -inf before the first 0.4 s, and when nothing passes the gates.
        """
        # Old samples after the rest in the buffer do no harm: the filter is causal.
        power, _ = self._weighted_power(self._slabs.slab)
        full, _ = self._split_into_hops(power[: self._slabs.rest().shape[1]])
        hops = np.concatenate([self._hops, full])
        if len(hops) < _HOPS_A_BLOCK:
            return -math.inf
        energy = np.lib.stride_tricks.sliding_window_view(hops, _HOPS_A_BLOCK).sum(axis=1)
        ends = np.arange(len(hops) + 1) * self._rate // _HOPS_A_SECOND
        block_power = energy / (ends[_HOPS_A_BLOCK:] - ends[:-_HOPS_A_BLOCK])
        loud = block_power[block_power > _ABSOLUTE_GATE_POWER]
        if not len(loud):
            return -math.inf
        gated = loud[loud > _RELATIVE_GATE * loud.mean()]
        return _LOUDNESS_OFFSET + 10 * math.log10(gated.mean())

    def _weighted_power(
        self, slab: npt.NDArray[Any]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        filtered, state = self._filter.run(slab, self._state)
        return self._weights @ np.square(filtered), state

    def _split_into_hops(self, power: npt.NDArray[np.float64]) -> tuple[list[float], float]:
        # Hop k ends before sample k * rate // 10: at 11025 Hz, hops of 1102 and 1103 samples
        # alternate, where a fixed number would drift.
        last = (_HOPS_A_SECOND * (self._position + len(power) + 1) - 1) // self._rate
        full: list[float] = []
        energy, start = self._open_hop, 0
        for hop in range(len(self._hops) + 1, last + 1):
            end = hop * self._rate // _HOPS_A_SECOND - self._position
            full.append(energy + float(power[start:end].sum()))
            energy, start = 0.0, end
        return full, energy + float(power[start:].sum())


class TruePeakMeter:
    """True peak of ITU-R BS.1770-4 Annex 2, over all channels.

    Parameters
    ----------
    sample_rate_hz : int
        8000 to 384000.
    channels : int
        1 to 24.

    Raises
    ------
    ValueError
        The rate or the number of channels is out of range.

    Notes
    -----
    The larger of the sample peak and the peak after band-limited interpolation to 4 times the
    rate, with silence before and after the sound. A peak between two of those samples reads at
    most -20 log10(cos(pi f / (4 rate))) dB too low: 0.69 dB at half the rate, 0.17 dB at a quarter
    [1]_. The interpolator passes up to 0.46 times the rate; above, it sees less and the sample peak
    decides.

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), Annex 2 and its Attachment 1.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        import soxr  # here, so that loudness does not load it

        check_format(sample_rate_hz, channels)
        self._channels = channels
        self._stream = soxr.ResampleStream(
            sample_rate_hz, _OVERSAMPLING * sample_rate_hz, channels, dtype="float32", quality="HQ"
        )
        self._slabs = _Slabs(np.zeros((channels, _SLAB), dtype=np.float32))
        self._peak = 0.0
        self._finished = False
        self._interpolate_padding()

    def add(self, block: FloatArray) -> None:
        """Add the next samples.

        Parameters
        ----------
        block : ndarray of float32, [channels, n]
            n may be 0.

        Raises
        ------
        ValueError
            The block has another shape, is not floating point or not finite, or `finish` was called
            before.
        """
        check_block(block, self._channels)
        if self._finished:
            raise ValueError("this meter is finished; create a new one")
        for slab in self._slabs.push(block):
            self._interpolate(slab)

    def finish(self) -> float:
        """End the sound and return its peak; later calls return it again.

        Returns
        -------
        float
            Linear, 1.0 = 0 dBTP; 0.0 for silence or no samples at all.
        """
        if not self._finished:
            self._interpolate_padding()
            self._interpolate(self._slabs.rest(), last=True)
            self._finished = True
        return self._peak

    def _interpolate_padding(self) -> None:
        for slab in self._slabs.push(np.zeros((self._channels, _PEAK_PADDING), np.float32)):
            self._interpolate(slab)

    def _interpolate(self, slab: FloatArray, last: bool = False) -> None:
        between = self._stream.resample_chunk(slab.T, last)
        for samples in (slab, between):
            # Two reductions, because np.abs would make a copy.
            self._peak = max(self._peak, float(samples.max(initial=0.0)))
            self._peak = max(self._peak, -float(samples.min(initial=0.0)))


class _Slabs:
    """Cuts blocks of any length into slabs of one length, in a reused buffer."""

    def __init__(self, buffer: npt.NDArray[Any]) -> None:
        self.slab = buffer
        self._filled = 0

    def push(self, block: FloatArray) -> Iterator[npt.NDArray[Any]]:
        size, start = self.slab.shape[1], 0
        while start < block.shape[1]:
            taken = min(block.shape[1] - start, size - self._filled)
            self.slab[:, self._filled : self._filled + taken] = block[:, start : start + taken]
            start += taken
            self._filled = (self._filled + taken) % size
            if self._filled == 0:
                yield self.slab

    def rest(self) -> npt.NDArray[Any]:
        return self.slab[:, : self._filled]


def check_format(sample_rate_hz: int, channels: int) -> None:
    """Raise `ValueError` for an unsupported rate or channel count."""
    if not _RATES_HZ[0] <= sample_rate_hz <= _RATES_HZ[1]:
        raise ValueError(
            f"invalid sample rate {sample_rate_hz}: must be {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz"
        )
    if not 1 <= channels <= _MOST_CHANNELS:
        raise ValueError(f"invalid number of channels {channels}: must be 1 to {_MOST_CHANNELS}")


def check_block(block: FloatArray, channels: int) -> None:
    """Raise `ValueError` for a block other than finite float samples ``[channels, n]``."""
    if block.ndim != 2 or block.shape[0] != channels:
        raise ValueError(f"invalid block shape {list(block.shape)}: must be [{channels}, n]")
    if block.dtype.kind != "f":
        raise ValueError(f"invalid block type {block.dtype}: must be floating point")
    if not np.isfinite(block).all():
        # One such sample would stay in the filter forever and make the reading NaN.
        raise ValueError("the block contains NaN or infinity")
