"""A sound file that stays open while it is shown: random access from any thread."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.decode import open_sound, sound_file
from dreamsound_studio.audio.riff import chunks_of
from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.errors import AudioFileError
from dreamsound_studio.jobs.stamp import FileStamp

#: WAV subtypes that are memory-mapped: bytes per sample.
MAPPED = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
#: Samples decoded before the requested ones after a seek.
PREROLL = 8192


class OpenSound:
    """A sound file with random access.

    Memory-maps plain WAV and RF64 window by window, so that hours cost no memory. Decodes every
    other format through libsndfile, one reader at a time.

    Parameters
    ----------
    path : pathlib.Path
        Any format the engine reads.

    Attributes
    ----------
    sample_rate_hz, channels, length : int
        Of the file; `length` in samples.
    stamp : FileStamp or None
        Identity of the file at the time it was opened.

    Raises
    ------
    AudioFileError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with open_sound(path) as sound:
            self.sample_rate_hz: int = sound.samplerate
            self.channels: int = sound.channels
            self.length: int = sound.frames
            self.subtype: str = sound.subtype
            self.format: str = sound.format
        if self.length < 1:
            raise AudioFileError(f"{path} contains no audio. Choose another file")
        self.stamp = FileStamp.of(path)
        self._lock = threading.Lock()
        self._decoder: Any = None
        self._data_start = self._find_data()

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.length / self.sample_rate_hz

    def has_changed(self) -> bool:
        """Return whether the file has been removed or changed since it was opened."""
        return self.stamp is None or not self.path.is_file() or not self.stamp.fits(self.path)

    def read(self, start: int, stop: int) -> FloatArray:
        """Return float32 ``[channels, stop - start]``; zeros outside the sound.

        Raises
        ------
        AudioFileError
            The file has been removed, or cannot be decoded there.
        """
        inner_start, inner_stop = max(start, 0), min(stop, self.length)
        out = np.zeros((self.channels, max(stop - start, 0)), np.float32)
        if inner_start < inner_stop:
            values = self.frames(inner_start, inner_stop)
            place = inner_start - start
            # A file truncated since it was opened returns fewer samples.
            target = out[:, place : place + len(values)]
            if values.dtype == np.float32:
                target[:] = values.T
            else:
                np.multiply(values.T, np.float32(1 / full_scale(values)), out=target)
        return out

    def frames(self, start: int, stop: int, is_rough: bool = False) -> npt.NDArray[Any]:
        """Return ``[samples, channels]`` in the file's type: int16, int32 (24 bits up), float32.

        With `is_rough`, 24-bit files return their upper 16 bits. NaN and infinity become silence.
        """
        try:
            if self._data_start is not None:
                return _finite(self._mapped(start, stop, is_rough))
            return _finite(self._decoded(start, stop))
        except (OSError, RuntimeError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or "cannot be read"
            if isinstance(error, ValueError) and self._data_start is not None:
                # The mapped region lies beyond the end of the file.
                reason = "the file has become shorter since it was opened. Reopen it"
            raise AudioFileError(f"{self.path}: {reason}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None

    def _find_data(self) -> int | None:
        size = MAPPED.get(self.subtype)
        if self.format not in ("WAV", "WAVEX", "RF64") or size is None:
            return None
        with self.path.open("rb") as file:
            whole = self.path.stat().st_size
            for chunk in chunks_of(file):
                if chunk.name == b"data":
                    ends = chunk.start + self.length * self.channels * size
                    return chunk.start if ends <= whole else None
        return None

    def _mapped(self, start: int, stop: int, is_rough: bool) -> npt.NDArray[Any]:
        size = MAPPED[self.subtype]
        frame = size * self.channels
        place = (self._data_start or 0) + start * frame
        count = (stop - start) * self.channels
        # Map one window per access: the mapping never grows to the length of the sound.
        if size == 3:
            # Read each sample with the byte before it; the header guarantees one for the first
            # sample.
            raw = np.memmap(self.path, np.uint8, "r", place - 1, (count * 3 + 1,))
            if is_rough:
                upper = np.ndarray((count,), "<i2", raw, 2, (3,))
                return np.ascontiguousarray(upper).reshape(-1, self.channels)
            wide = np.ndarray((count,), "<i4", raw, 0, (3,)) & np.int32(-256)
            return wide.reshape(-1, self.channels)
        kind = "<i2" if size == 2 else "<f4"
        return np.array(np.memmap(self.path, kind, "r", place, (count,))).reshape(-1, self.channels)

    def _decoded(self, start: int, stop: int) -> npt.NDArray[Any]:
        with self._lock:
            if self._decoder is None:
                self._decoder = sound_file(self.path)
            if self._decoder.tell() != start:
                # A lossy stream needs the preceding frames to decode the following ones.
                first = max(start - PREROLL, 0)
                self._decoder.seek(first)
                self._decoder.read(start - first, dtype="float32")
            values: npt.NDArray[Any] = self._decoder.read(
                stop - start, dtype="float32", always_2d=True
            )
            return values


def _finite(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return `values` with NaN and infinity replaced by 0: neither plots nor speakers take them."""
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return values


def full_scale(values: npt.NDArray[Any]) -> float:
    """Return the full-scale value of the dtype of `OpenSound.frames`."""
    return {"i2": 2.0**15, "i4": 2.0**31}.get(values.dtype.str[1:], 1.0)
