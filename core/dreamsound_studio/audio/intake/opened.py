"""An open sound file: samples in the order of WAVE, whatever the file and its parts are like."""

from __future__ import annotations

import bisect
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from dreamsound_studio.audio.intake.pieced import PiecedFile
from dreamsound_studio.audio.samples import BLOCK_SAMPLES
from dreamsound_studio.audio.speakers import SpeakerLayout


class OpenedSound:
    """An open sound file.

    Parameters
    ----------
    name : str
        The file's path, for messages.
    parts : list of soundfile.SoundFile
        The file, or its parts one after the other: of one rate and number of channels.
    speakers : SpeakerLayout
        Of its channels, as they are read.
    order : tuple of int or None
        Which channel of the file is at each place; None if all keep their places.

    Attributes
    ----------
    warning : str
        What is wrong with the file, and what was done about it; empty for a proper one.
    frames, samplerate, channels : int
        Samples in each channel, Hz, and the number of channels.
    format, subtype, extra_info : str
        As ``soundfile.SoundFile`` has them.
    """

    def __init__(
        self,
        name: str,
        parts: list[Any],
        speakers: SpeakerLayout,
        order: tuple[int, ...] | None,
    ) -> None:
        self.name, self.speakers, self.warning = name, speakers, ""
        parts = self._alike(parts)
        self._parts, self._skipped = parts, 0
        self._order = None if order is None else list(order)
        self._ends = list(itertools.accumulate(part.frames for part in parts))
        self._place = 0
        first = parts[0]
        self.frames: int = self._ends[-1]
        self.samplerate: int = first.samplerate
        self.channels: int = first.channels
        self.format: str = first.format
        self.subtype: str = first.subtype
        self.extra_info: str = first.extra_info

    @property
    def title(self) -> str:
        """The title, or an empty text."""
        return str(self._parts[0].title)

    @property
    def comment(self) -> str:
        """The comment, or an empty text."""
        return str(self._parts[0].comment)

    def copy_metadata(self) -> dict[str, str]:
        """Return all text fields that are not empty."""
        fields: dict[str, str] = self._parts[0].copy_metadata()
        return fields

    def skip(self, samples: int) -> None:
        """Leave samples at the start of the first part out."""
        self._skipped = samples
        self._ends = [end - samples for end in self._ends]
        self.frames = self._ends[-1]
        self.seek(0)

    def tell(self) -> int:
        """Return the sample that is read next."""
        return self._place

    def seek(self, place: int) -> int:
        """Go to a sample, and return its number."""
        number = min(bisect.bisect_right(self._ends, place), len(self._parts) - 1)
        if not self._parts[number].seekable():
            return self._read_up_to(place)
        skipped = 0 if number else self._skipped
        self._parts[number].seek(place - self._start_of(number) + skipped)
        self._place = place
        return place

    def _read_up_to(self, place: int) -> int:
        """Go to a sample of a file of one part whose decoder only goes on, such as GSM 6.10's."""
        import soundfile

        if place < self._place:
            name = self._parts[0].name
            self._parts[0].close()
            if isinstance(name, PiecedFile):
                name.seek(0)
            self._parts[0] = soundfile.SoundFile(name)
            self._place = 0
        while self._place < place and len(self.read(min(place - self._place, BLOCK_SAMPLES))):
            pass
        return self._place

    def read(
        self, frames: int = -1, dtype: str = "float32", always_2d: bool = True
    ) -> npt.NDArray[Any]:
        """Return up to so many samples from the current one on, ``[samples, channels]``.

        Parameters
        ----------
        frames : int, optional
            Samples in each channel; -1 for all.
        dtype : str, optional
            As ``soundfile.SoundFile.read`` takes it.
        always_2d : bool, optional
            Whether a sound of one channel has two dimensions too.
        """
        left = self.frames - self._place
        left = left if frames < 0 else min(frames, left)
        found: list[npt.NDArray[Any]] = []
        number = min(bisect.bisect_right(self._ends, self._place), len(self._parts) - 1)
        while True:
            block = self._parts[number].read(left, dtype, always_2d=True)
            found.append(block)
            left -= len(block)
            self._place += len(block)
            if left <= 0 or self._place < self._ends[number] or number + 1 == len(self._parts):
                break
            number += 1
            self._parts[number].seek(0)
        values = found[0] if len(found) == 1 else np.concatenate(found)
        if self._order is not None:
            values = values[:, self._order]
        return values if always_2d or self.channels > 1 else values[:, 0]

    def close(self) -> None:
        """Close the file."""
        for part in self._parts:
            _close(part)

    def _alike(self, parts: list[Any]) -> list[Any]:
        """Return the parts up to the first of another rate or number of channels."""
        first = parts[0]
        for number, part in enumerate(parts):
            if (part.samplerate, part.channels) != (first.samplerate, first.channels):
                channels = "channel" if part.channels == 1 else "channels"
                self.warning = (
                    f"after {sum(one.frames for one in parts[:number]) / first.samplerate:.2f} s "
                    f"the file changes to {part.samplerate} Hz, {part.channels} {channels}, and "
                    "is not read further: split it there, or convert it to WAV"
                )
                for left_out in parts[number:]:
                    _close(left_out)
                return parts[:number]
        return parts

    def _start_of(self, number: int) -> int:
        return self._ends[number - 1] if number else 0


def _close(part: Any) -> None:
    part.close()
    if isinstance(part.name, PiecedFile):
        part.name.close()
