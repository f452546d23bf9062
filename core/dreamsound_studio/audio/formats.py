"""The capabilities of each file format, and rounding to what a file stores."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.audio.speakers import SpeakerLayout
from dreamsound_studio.errors import AudioFileError

Bits = Literal["16", "24", "32f"]
FileFormat = Literal["wav", "aiff", "caf", "flac", "ogg", "opus", "mp3"]
FORMATS: tuple[str, ...] = get_args(FileFormat)

#: The most channels that can be dreamed and stored: 22.2, and third-order ambisonics have fewer.
MAX_CHANNELS = 24
#: Bit depths of the formats that store samples as they are; the others have none.
FORMAT_BITS: dict[str, tuple[Bits, ...]] = {
    "wav": ("16", "24", "32f"),
    "aiff": ("16", "24", "32f"),
    "caf": ("16", "24", "32f"),
    "flac": ("16", "24"),
}
LOSSY = tuple(name for name in FORMATS if name not in FORMAT_BITS)
#: Formats limited to certain sample rates, Hz: RFC 6716 (Opus), ISO 11172-3 and 13818-3.
FORMAT_RATES_HZ: dict[str, tuple[int, ...]] = {
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
    "mp3": (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
}
#: The highest sample rate that libvorbis encodes, Hz.
FORMAT_MOST_HZ: dict[str, int] = {"ogg": 200_000}
FORMAT_CHANNELS: dict[str, int] = {"flac": 8, "mp3": 2}


def check_bits(file_format: str, bits: str) -> None:
    """Raise `AudioFileError`, listing alternatives, if a format cannot hold `bits`."""
    if bits not in FORMAT_BITS.get(file_format, ()):
        able = ", ".join(name for name, widths in FORMAT_BITS.items() if bits in widths)
        why = "has no bit depth" if file_format in LOSSY else f"cannot hold {bits}"
        raise AudioFileError(f"{file_format} {why}. For {bits}, use {able}.")


def check_holds(
    file_format: str,
    sample_rate_hz: int,
    channels: int,
    name: str,
    speakers: SpeakerLayout | None = None,
) -> None:
    """Raise `AudioFileError`, listing alternatives, if a format cannot hold a sound.

    Parameters
    ----------
    file_format : str
        One of :data:`FORMATS`.
    sample_rate_hz, channels : int
        Properties of the sound.
    name : str
        Name of the sound in the error.
    speakers : SpeakerLayout, optional
        Of its channels, where a format has no place for some; by default unknown.
    """
    speakers = speakers or SpeakerLayout()

    def holds(other: str) -> bool:
        return _holds(other, sample_rate_hz, channels) and speakers.fits(other, channels)

    if holds(file_format):
        return
    able = ", ".join(filter(holds, FORMATS))
    plural = "channel" if channels == 1 else "channels"
    what = f"{channels} {plural} at {sample_rate_hz} Hz"
    if _holds(file_format, sample_rate_hz, channels):
        what = f"the layout {speakers.in_words(channels)}"
    raise AudioFileError(f"{name}: {file_format} cannot hold {what}; use {able}")


def _holds(file_format: str, sample_rate_hz: int, channels: int) -> bool:
    rates = FORMAT_RATES_HZ.get(file_format)
    most = FORMAT_CHANNELS.get(file_format, channels)
    is_rate = sample_rate_hz in rates if rates else True
    most_hz = FORMAT_MOST_HZ.get(file_format, sample_rate_hz)
    return is_rate and sample_rate_hz <= most_hz and channels <= most


class Rounding:
    """Rounds samples to what a file stores, block by block, with dither at 16 bits.

    The dither is triangular, 2 steps peak to peak, and added before rounding, so that the mean and
    power of the error do not depend on the sound (Lipshitz, Wannamaker and Vanderkooy,
    "Quantization and Dither", J. Audio Eng. Soc. 40, 1992). The same seed gives the same dither.

    Parameters
    ----------
    bits : {"16", "24", "32f"}
        The sample format to store; float is unchanged.
    seed : int
        Seed of the dither.
    """

    def __init__(self, bits: Bits, seed: int = 0) -> None:
        self._bits = bits
        self._random = np.random.default_rng(seed) if bits == "16" else None

    def __call__(self, block: FloatArray) -> FloatArray:
        """Return a block as stored, float32 (exact up to 24 bits)."""
        if self._random is None:
            return quantise(block, self._bits)
        step = np.float32(2.0**-15)
        # In order of time, so that block length does not matter.
        drawn = self._random.random((block.shape[1], 2, block.shape[0]), np.float32)
        return quantise(block + (drawn[:, 0] - drawn[:, 1]).T * step, self._bits)


def quantise(block: FloatArray, bits: Bits) -> FloatArray:
    """Round samples to `bits`, as float32 (exact up to 24 bits)."""
    if bits == "32f":
        return block
    scale = np.float32(2 ** (int(bits) - 1))
    rounded: FloatArray = np.clip(np.rint(block * scale), -scale, scale - 1) / scale
    return rounded
