"""The player: sends the mixer's output to an audio device, or runs silently without one."""

from __future__ import annotations

import time
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from dreamsound_desktop.playback.mixer import Mixer, Voice
from dreamsound_desktop.playback.output import Output, OutputError
from dreamsound_studio.dsp.levels import from_db

CHANNELS: Final = 2
#: Interval of playhead updates.
TICK_MS: Final = 33
#: A device stays open for so long after the sound, for what is played next.
IDLE_MS: Final = 10_000


class Player(QObject):
    """Plays voices on a document's timeline.

    The audio device is open while it plays, and a while after. Without one the playhead still
    moves, and `silent` reports why there is no sound; one that goes away is replaced by the one
    that is there.

    Parameters
    ----------
    parent : QObject, optional
        Owns the player.
    backends : list of str, optional
        As for `Output`.
    """

    moved = Signal(float)
    started = Signal()
    stopped = Signal()
    failed = Signal(str)
    silent = Signal(str)

    def __init__(self, parent: QObject | None = None, backends: list[str] | None = None) -> None:
        super().__init__(parent)
        self.mixer = Mixer(48_000, CHANNELS)
        self.why_silent = ""
        self._device_name = ""
        self._backends = backends
        self._output: Output | None = None
        self._volume = 1.0
        self._pulled_s = 0.0
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._on_tick)
        self._idle = QTimer(self)
        self._idle.setInterval(IDLE_MS)
        self._idle.setSingleShot(True)
        self._idle.timeout.connect(self._rest)

    @property
    def is_playing(self) -> bool:
        """Whether the player is playing."""
        return self._tick.isActive()

    @property
    def seconds(self) -> float:
        """Position on the timeline."""
        return self.mixer.place / self.mixer.sample_rate_hz

    def play(self, voice: Voice, seconds: float, length_s: float) -> None:
        """Play a voice from a position.

        Parameters
        ----------
        voice : Voice
            The voice to play.
        seconds, length_s : float
            Start position, and length of the timeline.
        """
        rate = voice.sound.sample_rate_hz
        if rate != self.mixer.sample_rate_hz:
            self._close()
            self.mixer = Mixer(rate, CHANNELS)
            self.mixer.set_volume(self._volume)
        if not self.is_playing or abs(seconds - self.seconds) > 1e-3:
            self.mixer.seek(round(seconds * rate))
        self.mixer.play(voice, round(length_s * rate))
        self._open()
        if not self.is_playing:
            self._pulled_s = time.monotonic()
            self._tick.start()
            self.started.emit()

    def switch(self, voice: Voice) -> None:
        """Switch to another voice at the playhead, without a gap."""
        if voice.sound.sample_rate_hz == self.mixer.sample_rate_hz:
            self.mixer.switch(voice)

    def stop(self) -> None:
        """Stop; keep the playhead."""
        if self.is_playing:
            self.mixer.stop()
            self._tick.stop()
            self._idle.start()
            self.stopped.emit()

    def seek(self, seconds: float) -> None:
        """Move the playhead."""
        self.mixer.seek(round(seconds * self.mixer.sample_rate_hz))
        self.moved.emit(seconds)

    def loop(self, part_s: tuple[float, float] | None) -> None:
        """Loop a part; None ends the loop."""
        rate = self.mixer.sample_rate_hz
        self.mixer.loop(
            None if part_s is None else (round(part_s[0] * rate), round(part_s[1] * rate))
        )

    def set_volume_db(self, volume_db: float) -> None:
        """Set the volume; -60 dB mutes."""
        self._volume = 0.0 if volume_db <= -60 else from_db(volume_db)
        self.mixer.set_volume(self._volume)

    def use_device(self, name: str) -> None:
        """Select an audio device; an empty or unknown name selects the system default."""
        if name != self._device_name:
            self._device_name = name
            self._change_device()

    def close(self) -> None:
        """Stop and close the device."""
        self._tick.stop()
        self._idle.stop()
        self.mixer.stop()
        self._close()

    def _open(self) -> None:
        if self._output is not None and not self._output.is_lost:
            return
        self._close()
        try:
            self._output = Output(self.mixer, self._device_name, self._backends)
        except OutputError as error:
            self._say_silent(error)
            return
        self.why_silent = ""

    def _say_silent(self, error: OutputError) -> None:
        reasons = {
            "library": self.tr("miniaudio is not installed"),
            "device": self.tr("no audio device found"),
            "refused": self.tr("the audio device cannot be opened"),
        }
        reason = reasons[error.reason] + (f" ({error.detail})" if error.detail else "")
        if reason != self.why_silent:
            self.why_silent = reason
            self.silent.emit(reason)

    def _on_tick(self) -> None:
        if self._output is not None:
            self._open()  # again, if the device is lost
        now_s = time.monotonic()
        due = round((now_s - self._pulled_s) * self.mixer.sample_rate_hz)
        self._pulled_s = now_s
        if self._output is None and due > 0:
            # Without a device to take samples, advance the timeline in real time.
            self.mixer.give(min(due, self.mixer.sample_rate_hz))
        self.moved.emit(self.seconds)
        if not self.mixer.is_playing:
            self._tick.stop()
            self._idle.start()
            if self.mixer.failure:
                self.failed.emit(self.mixer.failure)
            self.stopped.emit()

    def _change_device(self) -> None:
        """Switch to another device, if one was open."""
        if self._output is not None:
            self._close()
            if self.is_playing:
                self._open()

    def _rest(self) -> None:
        """Release the device, unless something plays."""
        if not self.is_playing:
            self._close()

    def _close(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None
