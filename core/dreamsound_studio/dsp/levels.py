"""Levels of whole sounds, and the gains that match them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.loudness import LoudnessMeter, TruePeakMeter, check_block, check_format

LevelKind = Literal["lufs", "rms"]

_ACTIVE_FLOOR_POWER = 1e-14  # -140 dBFS, below the last bit of 24-bit audio
_ACTIVE_GATE = 0.01  # -20 dB, the relative gate of EBU Tech 3342


@dataclass(frozen=True)
class LevelReading:
    """The level of one sound.

    Attributes
    ----------
    value_db : float
        LUFS or dBFS by `kind`; -inf for silence, or where nothing passes the gates.
    kind : {"lufs", "rms"}
        Integrated loudness, or RMS over all channels (a full-scale sine is -3.01 dBFS).
    """

    value_db: float
    kind: LevelKind


def db(amplitude: float) -> float:
    """Convert an amplitude ratio to dB.

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
        The amplitude is negative or NaN.
    """
    if not amplitude >= 0:
        raise ValueError(f"invalid amplitude {amplitude}: must be 0 or more")
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def from_db(level_db: float) -> float:
    """Convert a level in dB to an amplitude ratio; the inverse of `db`.

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
    blocks: Iterable[FloatArray], sample_rate_hz: int, channels: int, kind: LevelKind | None = None
) -> LevelReading:
    """Measure a sound by loudness if possible, else by RMS.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, [channels, n]
        The sound; read once.
    sample_rate_hz : int
        8000 to 384000.
    channels : int
        1 to 24.
    kind : {"lufs", "rms"}, optional
        Force the kind. Two sounds are only comparable in one kind: if a soft sound passes the gate
        and its counterpart does not, measure both again as "rms".

    Returns
    -------
    LevelReading
        By default "lufs", or "rms" (dBFS over all channels and samples, unweighted, without each
        channel's offset) for sounds under 0.4 s, too short for one gating block, and where nothing
        passes the gates.
        -inf for digital silence or no samples.

    Raises
    ------
    ValueError
        The rate, number of channels, kind or a block is invalid.
    """
    if kind not in (None, "lufs", "rms"):
        raise ValueError(f'invalid kind {kind!r}: must be "lufs", "rms" or None')
    check_format(sample_rate_hz, channels)
    meter = None if kind == "rms" else LoudnessMeter(sample_rate_hz, channels)
    energy, sums, count = 0.0, np.zeros(channels), 0
    for block in blocks:
        check_block(block, channels)
        energy += float(np.square(block, dtype=np.float64).sum())
        sums += block.sum(axis=1, dtype=np.float64)
        count += block.size
        if meter is not None:
            meter.add(block)
    lufs = -math.inf if meter is None else meter.integrated_lufs()
    if kind == "lufs" or lufs > -math.inf:
        return LevelReading(lufs, "lufs")
    offsets = float(np.square(sums).sum()) * channels / max(count, 1)
    return LevelReading(db(math.sqrt(max(energy - offsets, 0.0) / max(count, 1))), "rms")


def true_peak(blocks: Iterable[FloatArray], sample_rate_hz: int, channels: int) -> float:
    """Measure the true peak over all channels.

    Parameters
    ----------
    blocks : iterable of ndarray of float32, [channels, n]
        The sound; read once.
    sample_rate_hz : int
        8000 to 384000.
    channels : int
        1 to 24.

    Returns
    -------
    float
        Linear, 1.0 = 0 dBTP; see `TruePeakMeter`.

    Raises
    ------
    ValueError
        The rate, number of channels or a block is invalid.
    """
    meter = TruePeakMeter(sample_rate_hz, channels)
    for block in blocks:
        meter.add(block)
    return meter.finish()


def match_gain_db(reference: LevelReading, measured: LevelReading, limit_db: float | None) -> float:
    """Return the gain that matches one sound to the level of another.

    Parameters
    ----------
    reference, measured : LevelReading
        The level to reach and the current level, of the same kind.
    limit_db : float or None
        The largest gain allowed, in dB; None for no limit. A cut is never limited.

    Returns
    -------
    float
        In dB; 0.0 if either sound has no level (-inf).

    Raises
    ------
    ValueError
        One reading is loudness and the other RMS.
    """
    if -math.inf in (reference.value_db, measured.value_db):
        return 0.0
    if reference.kind != measured.kind:
        raise ValueError(
            f"cannot match {measured.kind} to {reference.kind}. Measure both with one kind."
        )
    gain_db = reference.value_db - measured.value_db
    return gain_db if limit_db is None else min(gain_db, limit_db)


def peak_safe_gain_db(
    gain_db: float, true_peak_linear: float, ceiling_dbtp: float = -1.0
) -> tuple[float, float]:
    """Lower a gain until the true peak stays at or below a ceiling.

    Parameters
    ----------
    gain_db : float
        The desired gain, in dB.
    true_peak_linear : float
        True peak before the gain, linear.
    ceiling_dbtp : float
        Highest true peak allowed; the default is the maximum of EBU R 128.

    Returns
    -------
    gain_db : float
        The safe gain.
    lowered_db : float
        The reduction from the desired gain; 0.0 if none.

    Raises
    ------
    ValueError
        The true peak is negative or NaN.
    """
    safe_db = ceiling_dbtp - db(true_peak_linear)
    if gain_db <= safe_db:
        return gain_db, 0.0
    return safe_db, gain_db - safe_db


def active_rms(
    envelope_power: npt.NDArray[np.float64],
) -> tuple[float, npt.NDArray[np.bool_]]:
    """Return the RMS of the active part of a sound.

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
        The envelope is not one-dimensional.

    Notes
    -----
    Two gates: frames above 1e-14 (-140 dBFS), and of these the ones at or above -20 dB re their
    own mean power, as in loudness range [1]_.

    References
    ----------
    .. [1] EBU Tech 3342 (2016), Loudness Range, section 2.2.
    """
    if envelope_power.ndim != 1:
        raise ValueError(f"invalid envelope shape {envelope_power.shape}: must have one axis")
    active = envelope_power > _ACTIVE_FLOOR_POWER
    if not active.any():
        return 0.0, active
    active &= envelope_power >= _ACTIVE_GATE * envelope_power[active].mean()
    return math.sqrt(envelope_power[active].mean()), active
