"""The mixer: plays one of several sounds on one timeline, switching without a gap. No Qt here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from dreamsound_studio.audio.samples import FloatArray
from dreamsound_studio.dsp.levels import from_db
from dreamsound_studio.errors import DreamSoundError

#: Cross-fade between sounds.
CROSSFADE_S: Final = 0.005
#: Fade at start and stop, and at the loop point.
FADE_S: Final = 0.005
#: Sample ceiling of the output, whatever the files contain.
CEILING: Final = from_db(-1.0)


class Readable(Protocol):
    """A source of samples, such as `OpenSound`."""

    sample_rate_hz: int
    channels: int
    length: int

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``[channels, stop - start]``, zeros outside."""


@dataclass(frozen=True)
class Voice:
    """A sound on a document's timeline.

    Attributes
    ----------
    sound : Readable
        Its samples, at the document's rate.
    start : int
        Position of its first sample on the timeline.
    gain : float
        Matches the level of the other voices; keeps the true peak at or below -1 dBTP.
    around : Readable or None
        Sound to play before the start and after the end.
    around_gain : float
        Gain of `around`.
    """

    sound: Readable
    start: int = 0
    gain: float = 1.0
    around: Readable | None = None
    around_gain: float = 1.0

    def read(self, start: int, stop: int) -> FloatArray:
        """Return a part of the timeline, ``[channels, stop - start]``."""
        inner = self.sound.read(start - self.start, stop - self.start) * np.float32(self.gain)
        end = self.start + self.sound.length
        if self.around is None or (self.start <= start and stop <= end):
            return inner
        outer = self.around.read(start, stop) * np.float32(self.around_gain)
        outer = with_channels(outer, inner.shape[0])
        first, last = np.clip([self.start - start, end - start], 0, stop - start)
        outer[:, first:last] = inner[:, first:last]
        return outer


@dataclass
class Levels:
    """Meter values: peak and mean power per channel since the last reading."""

    peak: list[float] = field(default_factory=list)
    rms: list[float] = field(default_factory=list)


class Mixer:
    """Produces the output samples, block by block.

    All methods are thread-safe.

    Parameters
    ----------
    sample_rate_hz : int
        Of the timeline.
    channels : int
        Output channels; voices with another channel count are converted.
    """

    def __init__(self, sample_rate_hz: int, channels: int = 2) -> None:
        self.sample_rate_hz = sample_rate_hz
        self.channels = channels
        self._lock = threading.RLock()
        self._voice: Voice | None = None
        self._leaving: Voice | _Shifted | None = None
        self._left = 0
        self._place = 0
        self._length = 0
        self._loop: tuple[int, int] | None = None
        self._volume = 1.0
        self._volume_now = 0.0
        self._playing = False
        self._levels = Levels([0.0] * channels, [0.0] * channels)
        self.failure = ""

    @property
    def place(self) -> int:
        """The next sample of the timeline."""
        with self._lock:
            return self._place

    @property
    def is_playing(self) -> bool:
        """Whether the mixer is playing."""
        with self._lock:
            return self._playing

    @property
    def voice(self) -> Voice | None:
        """The current voice."""
        with self._lock:
            return self._voice

    def play(self, voice: Voice, length: int) -> None:
        """Play a voice from the playhead; cross-fades from the current voice.

        Parameters
        ----------
        voice : Voice
            The voice to play.
        length : int
            End of the timeline; playback stops there.
        """
        with self._lock:
            if self._playing and self._voice is not None and voice is not self._voice:
                self._leaving = self._voice
                self._left = round(CROSSFADE_S * self.sample_rate_hz)
            self._voice = voice
            self._length = length
            self._playing = True
            self.failure = ""

    def switch(self, voice: Voice | None) -> None:
        """Switch to another voice without changing the play state."""
        with self._lock:
            if voice is None:
                self._playing, self._voice = False, None
            elif self._playing:
                self.play(voice, self._length)
            else:
                self._voice = voice

    def stop(self) -> None:
        """Stop after a short fade."""
        with self._lock:
            self._playing = False

    def seek(self, place: int) -> None:
        """Move the playhead; cross-fades while playing."""
        with self._lock:
            if self._playing and self._voice is not None:
                self._leaving = _Shifted(self._voice, self._place - place)
                self._left = round(CROSSFADE_S * self.sample_rate_hz)
            self._place = max(place, 0)

    def loop(self, part: tuple[int, int] | None) -> None:
        """Loop a part of the timeline; None ends the loop."""
        with self._lock:
            self._loop = part if part is not None and part[1] > part[0] else None

    def set_volume(self, gain: float) -> None:
        """Set the volume, 0..1; changes are smoothed over a few milliseconds."""
        with self._lock:
            self._volume = min(max(gain, 0.0), 1.0)

    def levels(self) -> Levels:
        """Return the meter values and reset them."""
        with self._lock:
            levels = Levels(list(self._levels.peak), list(self._levels.rms))
            self._levels.peak = [peak * 0.5 for peak in self._levels.peak]
            return levels

    def give(self, count: int) -> FloatArray:
        """Return the next samples, ``[channels, count]``.

        Playback stops if a sound can no longer be read; `failure` holds the reason.
        """
        with self._lock:
            out = np.zeros((self.channels, count), np.float32)
            target = self._volume if self._playing else 0.0
            if self._voice is not None and (target > 0 or self._volume_now > 0):
                self._fill(out)
                self._apply_volume(out, target)
                # Files may be louder than measured: keep samples below the ceiling.
                np.clip(out, -CEILING, CEILING, out=out)
            else:
                self._volume_now = target
            self._meter(out)
            return out

    def _fill(self, out: FloatArray) -> None:
        done = 0
        while done < out.shape[1]:
            end = self._loop[1] if self._loop else self._length
            if self._place >= end:
                if not self._loop or not self._playing:
                    self._playing = False
                    return
                self._leaving = _Shifted(self._voice, self._place - self._loop[0])
                self._left = round(CROSSFADE_S * self.sample_rate_hz)
                self._place = self._loop[0]
            count = min(out.shape[1] - done, max(end - self._place, 1))
            part = self._read(self._voice, count)
            if self._left > 0 and self._leaving is not None:
                self._cross(part, count)
            out[:, done : done + count] = part
            self._place += count
            done += count

    def _cross(self, part: FloatArray, count: int) -> None:
        """Cross-fade from the previous voice to the current one."""
        whole = round(CROSSFADE_S * self.sample_rate_hz)
        count = min(count, self._left)
        before = self._read(self._leaving, count)
        share = (whole - self._left + np.arange(count, dtype=np.float32)) / whole
        # Renders of one sound correlate, so amplitudes add up: fade linearly in amplitude.
        part[:, :count] = part[:, :count] * share + before * (1 - share)
        self._left -= count
        if self._left <= 0:
            self._leaving = None

    def _read(self, voice: Any, count: int) -> FloatArray:
        try:
            values = voice.read(self._place, self._place + count)
        except DreamSoundError as error:
            self.failure = str(error)
            self._playing = False
            return np.zeros((self.channels, count), np.float32)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        return with_channels(values, self.channels)

    def _apply_volume(self, out: FloatArray, target: float) -> None:
        step = 1 / (FADE_S * self.sample_rate_hz)
        change = target - self._volume_now
        ramp = self._volume_now + np.sign(change) * step * np.arange(1, out.shape[1] + 1)
        ramp = np.minimum(ramp, target) if change >= 0 else np.maximum(ramp, target)
        out *= ramp.astype(np.float32)
        self._volume_now = float(ramp[-1]) if out.shape[1] else self._volume_now

    def _meter(self, out: FloatArray) -> None:
        if out.shape[1]:
            peaks = np.max(np.abs(out), axis=1)
            self._levels.peak = [
                max(float(new), old) for new, old in zip(peaks, self._levels.peak, strict=True)
            ]
            self._levels.rms = [float(x) for x in np.sqrt(np.mean(np.square(out), axis=1))]


@dataclass(frozen=True)
class _Shifted:
    """A voice at another position on the timeline, used to fade out a loop."""

    voice: Any
    by: int

    def read(self, start: int, stop: int) -> FloatArray:
        values: FloatArray = self.voice.read(start + self.by, stop + self.by)
        return values


def with_channels(values: FloatArray, channels: int) -> FloatArray:
    """Return a sound with another channel count, for playback.

    Mono goes to all outputs. Of surplus channels, odd ones go left and even ones right, at a level
    that cannot clip.
    """
    given = values.shape[0]
    if given == channels:
        return values
    if given == 1:
        return np.repeat(values, channels, axis=0)
    out = np.zeros((channels, values.shape[1]), np.float32)
    for channel in range(given):
        out[channel % channels] += values[channel]
    out /= np.float32(-(-given // channels))
    return out
