"""What each file format can hold, and the rounding to what it stores."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.errors import AudioFileError

Bits = Literal["16", "24", "32f"]
FileFormat = Literal["wav", "aiff", "flac", "ogg", "opus", "mp3"]
FORMATS: tuple[str, ...] = get_args(FileFormat)

#: More can neither be dreamed nor stored.
MAX_CHANNELS = 8
#: Of the formats that store samples as they are; the others have no bits.
FORMAT_BITS: dict[str, tuple[Bits, ...]] = {
    "wav": ("16", "24", "32f"),
    "aiff": ("16", "24", "32f"),
    "flac": ("16", "24"),
}
LOSSY = tuple(name for name in FORMATS if name not in FORMAT_BITS)
#: Sample rates of those that do not take every one, Hz: RFC 6716 (Opus), ISO 11172-3 and 13818-3.
FORMAT_RATES_HZ: dict[str, tuple[int, ...]] = {
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
FORMAT_CHANNELS: dict[str, int] = {"mp3": 2}


def check_bits(file_format: str, bits: str) -> None:
    """Raise `AudioFileError`, naming what can, where a format cannot hold `bits`."""
    if bits not in FORMAT_BITS.get(file_format, ()):
        able = ", ".join(name for name, widths in FORMAT_BITS.items() if bits in widths)
        why = "stores no samples of so many bits" if file_format in LOSSY else f"cannot hold {bits}"
        raise AudioFileError(f"{file_format} {why}: these hold {bits}: {able}")


def check_holds(file_format: str, sample_rate_hz: int, channels: int, name: str) -> None:
    """Raise `AudioFileError`, naming what can, where a format cannot hold a sound.

    Parameters
    ----------
    file_format : str
        Of :data:`FORMATS`.
    sample_rate_hz, channels : int
        Of the sound.
    name : str
        What the error calls it.
    """
    if _holds(file_format, sample_rate_hz, channels):
        return
    able = ", ".join(other for other in FORMATS if _holds(other, sample_rate_hz, channels))
    plural = "channel" if channels == 1 else "channels"
    raise AudioFileError(
        f"{name}: {file_format} cannot hold {channels} {plural} at {sample_rate_hz} Hz; these can: "
        f"{able}"
    )


def _holds(file_format: str, sample_rate_hz: int, channels: int) -> bool:
    rates = FORMAT_RATES_HZ.get(file_format)
    most = FORMAT_CHANNELS.get(file_format, channels)
    return (rates is None or sample_rate_hz in rates) and channels <= most


class Rounding:
    """Rounds samples to what a file stores, block after block; with dither at 16 bits.

    The dither is triangular, of 2 steps peak to peak, and added before rounding, so that the error
    has a mean and a power that do not depend on the sound (Lipshitz, Wannamaker and Vanderkooy,
    "Quantization and Dither", J. Audio Eng. Soc. 40, 1992). It is the same for the same seed.

    Parameters
    ----------
    bits : {"16", "24", "32f"}
        What is stored; float is left as it is.
    seed : int
        Of the dither.
    """

    def __init__(self, bits: Bits, seed: int = 0) -> None:
        self._bits = bits
        self._random = np.random.default_rng(seed) if bits == "16" else None

    def __call__(self, block: FloatArray) -> FloatArray:
        """Return a block as it is stored, float32 (exact up to 24 bits)."""
        if self._random is None:
            return quantise(block, self._bits)
        step = np.float32(2.0**-15)
        # Of the time's order, so that the length of a block does not matter.
        drawn = self._random.random((block.shape[1], 2, block.shape[0]), np.float32)
        return quantise(block + (drawn[:, 0] - drawn[:, 1]).T * step, self._bits)


def quantise(block: FloatArray, bits: Bits) -> FloatArray:
    """Round samples to what a file with `bits` stores, as float32 (exact up to 24 bits)."""
    if bits == "32f":
        return block
    scale = np.float32(2 ** (int(bits) - 1))
    rounded: FloatArray = np.clip(np.rint(block * scale), -scale, scale - 1) / scale
    return rounded
