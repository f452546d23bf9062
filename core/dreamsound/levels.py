"""How loud a sound is and how high it peaks, measured in one pass over its blocks.

Every meter takes blocks of shape [channels, n], n arbitrary, and keeps an amount of memory that
does not grow with the length of the sound, but for the 8 bytes a 100 ms that loudness gating
needs. Blocks are cut anew into slabs of a fixed size before any arithmetic, so how a sound was
cut cannot show in the result.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.float32]
LevelKind = Literal["lufs", "rms"]

# BS.1770-4 Annex 3, table 4 gives 1.41 (+1.5 dB) to positions 60 to 120 degrees to the side at ear
# height and 1 to all others, LFE left out. The orders are those of WAVE and FLAC; the names:
# b back (beyond 120 degrees, so weight 1), s surround (90 to 110 degrees, so weight 1.41).
# pyloudnorm weighs 4 channels as the first four of L R C Ls Rs; here they are quad, as in
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
}
_RATES_HZ = (8000, 192000)

_LOUDNESS_OFFSET = -0.691  # BS.1770-4 eq. 2: undoes the K weighting's gain at 997 Hz
_ABSOLUTE_GATE_POWER = 10 ** ((-70.0 - _LOUDNESS_OFFSET) / 10)  # BS.1770-4 eq. 6
_RELATIVE_GATE = 0.1  # -10 LU, BS.1770-4 eq. 6
_HOPS_A_SECOND = 10  # 75 % overlap of 400 ms blocks: one hop is 100 ms
_HOPS_A_BLOCK = 4

_CHUNK = 128  # samples the recursion advances by at once: 64 is slower, 256 hardly faster
_SLAB = 128 * _CHUNK  # samples worked on at once: 1 MiB of float64 at 8 channels
_NEGLIGIBLE_STATE = 1e-60  # far above the subnormals (1e-308), which slow every product down

_OVERSAMPLING = 4  # BS.1770-4 Annex 2
# Silence around the sound, in samples: what rings over its ends can be 2 dB above what does not.
_PEAK_PADDING = 64

_ACTIVE_FLOOR_POWER = 1e-14  # -140 dBFS, under the last bit of 24-bit audio
_ACTIVE_GATE = 0.01  # -20 dB, the relative gate of EBU Tech 3342


@dataclass(frozen=True)
class LevelReading:
    """The level of one sound.

    Attributes
    ----------
    value_db : float
        LUFS or dBFS by `kind`; -inf for silence, or where the gates let nothing through.
    kind : {"lufs", "rms"}
        Integrated loudness, or RMS over all channels (a full-scale sine is -3.01 dBFS).
    """

    value_db: float
    kind: LevelKind


def db(amplitude: float) -> float:
    """Give an amplitude ratio in dB.

    Parameters
    ----------
    amplitude : float
        Linear, 0 or more.

    Returns
    -------
    float
        20 log10(amplitude); -inf for 0.

    Raises
    ------
    ValueError
        When the amplitude is negative or not a number.
    """
    if not amplitude >= 0:
        raise ValueError(f"an amplitude must be 0 or more, not {amplitude}")
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def from_db(level_db: float) -> float:
    """Give the amplitude ratio of a level in dB; the inverse of `db`.

    Parameters
    ----------
    level_db : float
        In dB; -inf is allowed.

    Returns
    -------
    float
        10^(level_db / 20), linear.
    """
    return float(10.0 ** (level_db / 20))


def measure_level(
    blocks: Iterable[Block], sample_rate_hz: int, channels: int, kind: LevelKind | None = None
) -> LevelReading:
    """Measure a sound by loudness if it has one, else by RMS.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, [channels, n]
        The sound; read once.
    sample_rate_hz : int
        8000 to 192000.
    channels : int
        1 to 8.
    kind : {"lufs", "rms"}, optional
        Force the kind. Two sounds are only comparable in one kind: where a soft sound passes the
        gate and its counterpart does not, measure both again as "rms".

    Returns
    -------
    LevelReading
        By default "lufs", or "rms" (dBFS over all channels and samples, unweighted) for sounds
        under 0.4 s, too short for one gating block, and where nothing passes the gates.
        Digital silence and no samples at all are -inf.

    Raises
    ------
    ValueError
        On a rate, a number of channels, a kind or a block that cannot be measured.
    """
    if kind not in (None, "lufs", "rms"):
        raise ValueError(f'kind must be "lufs", "rms" or None, not {kind!r}')
    _check_format(sample_rate_hz, channels)
    meter = None if kind == "rms" else LoudnessMeter(sample_rate_hz, channels)
    energy, count = 0.0, 0
    for block in blocks:
        _check_block(block, channels)
        energy += float(np.square(block, dtype=np.float64).sum())
        count += block.size
        if meter is not None:
            meter.add(block)
    lufs = -math.inf if meter is None else meter.integrated_lufs()
    if kind == "lufs" or lufs > -math.inf:
        return LevelReading(lufs, "lufs")
    return LevelReading(db(math.sqrt(energy / max(count, 1))), "rms")


def loudness_lufs(blocks: Iterable[Block], sample_rate_hz: int, channels: int) -> float:
    """Measure integrated loudness.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, [channels, n]
        The sound; read once.
    sample_rate_hz : int
        8000 to 192000.
    channels : int
        1 to 8.

    Returns
    -------
    float
        LUFS; -inf for sounds under 0.4 s or where nothing passes the gates, for which
        `measure_level` has an answer.

    Raises
    ------
    ValueError
        On a rate, a number of channels or a block that cannot be measured.
    """
    meter = LoudnessMeter(sample_rate_hz, channels)
    for block in blocks:
        meter.add(block)
    return meter.integrated_lufs()


def true_peak(blocks: Iterable[Block], sample_rate_hz: int, channels: int) -> float:
    """Measure the true peak over all channels.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, [channels, n]
        The sound; read once.
    sample_rate_hz : int
        8000 to 192000.
    channels : int
        1 to 8.

    Returns
    -------
    float
        Linear, 1.0 = 0 dBTP; see `TruePeakMeter`.

    Raises
    ------
    ValueError
        On a rate, a number of channels or a block that cannot be measured.
    """
    meter = TruePeakMeter(sample_rate_hz, channels)
    for block in blocks:
        meter.add(block)
    return meter.finish()


def match_gain_db(reference: LevelReading, measured: LevelReading, limit_db: float | None) -> float:
    """Give the gain that brings one sound to the level of another.

    Parameters
    ----------
    reference, measured : LevelReading
        The level to reach and the level there is, of one kind.
    limit_db : float or None
        The most gain allowed, in dB; None for no limit. A cut is never limited.

    Returns
    -------
    float
        In dB; 0.0 when either sound has no level (-inf).

    Raises
    ------
    ValueError
        When one reading is loudness and the other RMS.
    """
    if -math.inf in (reference.value_db, measured.value_db):
        return 0.0
    if reference.kind != measured.kind:
        raise ValueError(
            f"cannot match {measured.kind} to {reference.kind}: measure both with one kind"
        )
    gain_db = reference.value_db - measured.value_db
    return gain_db if limit_db is None else min(gain_db, limit_db)


def peak_safe_gain_db(
    gain_db: float, true_peak_linear: float, ceiling_dbtp: float = -1.0
) -> tuple[float, float]:
    """Lower a gain until the true peak after it stays at or under a ceiling.

    Parameters
    ----------
    gain_db : float
        The gain wanted, in dB.
    true_peak_linear : float
        True peak before the gain, linear.
    ceiling_dbtp : float
        Highest true peak allowed; the default is the maximum of EBU R 128.

    Returns
    -------
    gain_db : float
        The gain to use: levels are lowered, never limited.
    lowered_db : float
        By how much it is under the gain wanted; 0.0 when it is not.

    Raises
    ------
    ValueError
        When the true peak is negative or not a number.
    """
    safe_db = ceiling_dbtp - db(true_peak_linear)
    if gain_db <= safe_db:
        return gain_db, 0.0
    return safe_db, gain_db - safe_db


def active_rms(
    envelope_power: npt.NDArray[np.float64],
) -> tuple[float, npt.NDArray[np.bool_]]:
    """Give the RMS of the part of a sound where something sounds.

    Parameters
    ----------
    envelope_power : ndarray of float64, [frames]
        Mean power of consecutive frames of equal length, over all channels; 0 or more.

    Returns
    -------
    rms : float
        Linear, over the active frames; 0.0 when there are none.
    active : ndarray of bool, [frames]
        Which frames passed the gates.

    Raises
    ------
    ValueError
        When the envelope is not one-dimensional.

    Notes
    -----
    Two gates: frames above 1e-14 (-140 dBFS), and of these the ones at or above -20 dB re their
    own mean power, as loudness range has it [1]_.

    References
    ----------
    .. [1] EBU Tech 3342 (2016), Loudness Range, section 2.2.
    """
    if envelope_power.ndim != 1:
        raise ValueError(f"the envelope must have one axis, not shape {envelope_power.shape}")
    active = envelope_power > _ACTIVE_FLOOR_POWER
    if not active.any():
        return 0.0, active
    active &= envelope_power >= _ACTIVE_GATE * envelope_power[active].mean()
    return math.sqrt(envelope_power[active].mean()), active


class LoudnessMeter:
    """Integrated loudness of ITU-R BS.1770-4 and -5.

    Parameters
    ----------
    sample_rate_hz : int
        8000 to 192000.
    channels : int
        1 to 8: mono, L R, L R C, L R Ls Rs, L R C Ls Rs, L R C LFE Ls Rs, L R C LFE Cb Ls Rs or
        L R C LFE Lb Rb Ls Rs. LFE is left out, Ls and Rs weigh 1.41, all others 1.

    Raises
    ------
    ValueError
        When the rate or the number of channels is out of range.

    Notes
    -----
    K weighting, then mean power in blocks of 400 ms every 100 ms, gated at -70 LUFS and then at
    10 LU under the mean of what passed; a last block that is not full is not used [1]_.

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), Annex 1; Annex 3, table 4 for the weights of 7 and 8 channels.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        _check_format(sample_rate_hz, channels)
        self._rate = sample_rate_hz
        self._weights = np.array(_CHANNEL_WEIGHTS[channels])
        self._filter = _ChunkedFilter(k_weighting(sample_rate_hz))
        self._state = np.zeros((channels, self._filter.order))
        self._slabs = _Slabs(np.zeros((channels, _SLAB)))
        self._position = 0  # of the first sample not yet filtered
        self._hops = array("d")  # weighted energy of each full hop
        self._open_hop = 0.0  # and that of the hop not yet full

    def add(self, block: Block) -> None:
        """Take in the next samples.

        Parameters
        ----------
        block : ndarray of float32, [channels, n]
            n may be 0.

        Raises
        ------
        ValueError
            When the block has another shape, is not floating point or not finite.
        """
        _check_block(block, len(self._weights))
        for slab in self._slabs.push(block):
            power, self._state = self._weighted_power(slab)
            full, self._open_hop = self._split_into_hops(power)
            self._hops.extend(full)
            self._position += _SLAB

    def integrated_lufs(self) -> float:
        """Give the loudness of all samples so far.

        Returns
        -------
        float
            LUFS; -inf before the first 0.4 s, and when nothing passes the gates.
        """
        # What an earlier slab left behind the rest does no harm: the filter is causal.
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
        # Hop k ends before sample k * rate // 10: at 11025 Hz hops of 1102 and 1103 samples take
        # turns, where a fixed number would drift away from the clock.
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
        8000 to 192000.
    channels : int
        1 to 8.

    Raises
    ------
    ValueError
        When the rate or the number of channels is out of range.

    Notes
    -----
    The larger of the sample peak and the peak after band-limited interpolation to 4 times the
    rate, with silence before and after the sound. A peak between two of those samples reads too
    low by -20 log10(cos(pi f / (4 rate))) dB at most: 0.69 dB at half the rate, 0.17 dB at a
    quarter [1]_. The interpolator passes up to 0.46 times the rate; above, it sees less and the
    sample peak stands.

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), Annex 2 and its Attachment 1.
    """

    def __init__(self, sample_rate_hz: int, channels: int) -> None:
        import soxr  # here, so that loudness need not load it

        _check_format(sample_rate_hz, channels)
        self._channels = channels
        self._stream = soxr.ResampleStream(
            sample_rate_hz, _OVERSAMPLING * sample_rate_hz, channels, dtype="float32", quality="HQ"
        )
        self._slabs = _Slabs(np.zeros((channels, _SLAB), dtype=np.float32))
        self._peak = 0.0
        self._finished = False
        self._interpolate_padding()

    def add(self, block: Block) -> None:
        """Take in the next samples.

        Parameters
        ----------
        block : ndarray of float32, [channels, n]
            n may be 0.

        Raises
        ------
        ValueError
            When the block has another shape, is not floating point or not finite, or when
            `finish` was called before.
        """
        _check_block(block, self._channels)
        if self._finished:
            raise ValueError("this meter is finished; start a new one")
        for slab in self._slabs.push(block):
            self._interpolate(slab)

    def finish(self) -> float:
        """End the sound and give its peak; later calls give it again.

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

    def _interpolate(self, slab: Block, last: bool = False) -> None:
        between = self._stream.resample_chunk(slab.T, last)
        for samples in (slab, between):
            # Two reductions, because np.abs would copy.
            self._peak = max(self._peak, float(samples.max(initial=0.0)))
            self._peak = max(self._peak, -float(samples.min(initial=0.0)))


def k_weighting(sample_rate_hz: float) -> npt.NDArray[np.float64]:
    """Give the K weighting of BS.1770 at any rate.

    Parameters
    ----------
    sample_rate_hz : float
        Above 3364, twice the corner of the shelf.

    Returns
    -------
    ndarray of float64, [2, 6]
        The shelf and the high pass, each as b0 b1 b2 a0 a1 a2 with a0 = 1.

    Notes
    -----
    BS.1770 has coefficients for 48 kHz and wants the same response at other rates. The analogue
    prototypes behind them [2]_, through the bilinear transform, give the tables at 48 kHz to 1e-8.

    The table's high pass has the numerator 1 -2 1, not divided by a0, and so a passband gain of
    +0.043 dB. Keeping 1 -2 1 at every rate, as [2]_ and pyloudnorm's "DeMan" do, makes that gain
    grow as the rate falls (+0.26 dB at 8 kHz); here it is held at its value at 48 kHz. The
    response is then that of 48 kHz within 0.01 dB from 44.1 kHz up, 0.04 dB at 22.05 kHz, 0.07
    dB at 16 kHz and 0.29 dB at 8 kHz (at the shelf, where the transform bends the frequencies).

    References
    ----------
    .. [1] ITU-R BS.1770-4 (2015), tables 1 and 2.
    .. [2] B. De Man, "Evaluation of implementations of the EBU R128 loudness measurement",
       145th AES Convention, 2018.
    """
    high, band, corner, q = 1.584864701130855, 1.258720930232562, 1681.974450955533, 0.707175236955
    k = math.tan(math.pi * corner / sample_rate_hz)
    a0 = 1 + k / q + k * k
    poles = [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    zeros = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]
    shelf = [zero / a0 for zero in zeros] + poles

    corner, q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * corner / sample_rate_hz)
    k_48 = math.tan(math.pi * corner / 48000)
    a0 = 1 + k / q + k * k
    gain = (1 + k_48 / q + k_48 * k_48) / a0
    poles = [1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, [gain, -2 * gain, gain, *poles]])


class _ChunkedFilter:
    """A cascade of two biquads that advances `_CHUNK` samples by one matrix product.

    A recursion sample by sample is slow in Python. In state-space form the output over a chunk is
    linear in its samples and in the state before it, and so is the state after it. The products
    with the samples are taken for all chunks of a slab at once; only the 4 numbers of state go
    from chunk to chunk in a loop.
    """

    order = 4

    def __init__(self, biquads: npt.NDArray[np.float64]) -> None:
        a, b, c, d = _state_space(biquads)
        powers = [np.eye(self.order)]
        for _ in range(_CHUNK):
            powers.append(a @ powers[-1])
        self._advance = powers[_CHUNK].T
        self._state_to_output = np.stack([c @ power for power in powers[:_CHUNK]], axis=1)
        impulse = np.concatenate([[d], b @ self._state_to_output[:, :-1]])
        lag = np.arange(_CHUNK)[None, :] - np.arange(_CHUNK)[:, None]
        to_output = np.where(lag >= 0, impulse[lag], 0.0)
        to_state = np.stack([power @ b for power in reversed(powers[:_CHUNK])])
        self._from_samples = np.hstack([to_output, to_state])

    def run(
        self, slab: npt.NDArray[Any], state: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        channels, samples = slab.shape
        chunks = samples // _CHUNK
        forced = slab.reshape(channels * chunks, _CHUNK) @ self._from_samples
        forced = forced.reshape(channels, chunks, _CHUNK + self.order)
        drive = forced[:, :, _CHUNK:]
        before = np.empty((channels, chunks, self.order))
        state = np.where(np.abs(state) < _NEGLIGIBLE_STATE, 0.0, state)
        for chunk in range(chunks):
            before[:, chunk] = state
            state = state @ self._advance + drive[:, chunk]
        filtered = forced[:, :, :_CHUNK] + before @ self._state_to_output
        return filtered.reshape(channels, samples), state


def _state_space(
    biquads: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    """Give a b c d of state' = a state + b x, y = c state + d x, for two biquads in a row."""
    (b0, b1, b2, _, a1, a2), (e0, e1, e2, _, f1, f2) = biquads.tolist()
    first = np.array([b1 - a1 * b0, b2 - a2 * b0])  # transposed direct form II
    second = np.array([e1 - f1 * e0, e2 - f2 * e0])
    a = np.array([[-a1, 1, 0, 0], [-a2, 0, 0, 0], [0, 0, -f1, 1], [0, 0, -f2, 0]])
    a[2:, 0] = second  # the first one's output, which is its first state, drives the second
    return a, np.concatenate([first, second * b0]), np.array([e0, 0.0, 1.0, 0.0]), b0 * e0


class _Slabs:
    """Cuts blocks of any length into slabs of one length, in a buffer that is used again."""

    def __init__(self, buffer: npt.NDArray[Any]) -> None:
        self.slab = buffer
        self._filled = 0

    def push(self, block: Block) -> Iterator[npt.NDArray[Any]]:
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


def _check_format(sample_rate_hz: int, channels: int) -> None:
    if not _RATES_HZ[0] <= sample_rate_hz <= _RATES_HZ[1]:
        raise ValueError(f"the rate must be {_RATES_HZ[0]} to {_RATES_HZ[1]}, not {sample_rate_hz}")
    if channels not in _CHANNEL_WEIGHTS:
        raise ValueError(f"1 to 8 channels can be measured, not {channels}")


def _check_block(block: Block, channels: int) -> None:
    if block.ndim != 2 or block.shape[0] != channels:
        raise ValueError(f"the block must have shape [{channels}, n], not {list(block.shape)}")
    if block.dtype.kind != "f":
        raise ValueError(f"the block must be floating point, not {block.dtype}")
    if not np.isfinite(block).all():
        # One such sample would stay in the filter for ever and make the reading NaN.
        raise ValueError("the block has samples that are not finite")
