"""The player: sends the mixer's output to an audio device, or runs silently without one."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Final

from PySide6.QtCore import QIODevice, QObject, QTimer, Signal

from dreamsound_desktop.playback.mixer import Mixer, Voice
from dreamsound_studio.dsp.levels import from_db

CHANNELS: Final = 2
#: Length of the device buffer.
BUFFER_S: Final = 0.1
#: Interval of playhead updates.
TICK_MS: Final = 33
SAMPLE_BYTES: Final = 4
#: Error codes of the audio device that are not faults.
FINE_ERRORS: Final = ("NoError", "UnderrunError")


class MixerDevice(QIODevice):
    """The audio device's source: endless interleaved float32 samples from a mixer."""

    def __init__(self, mixer: Mixer, parent: QObject) -> None:
        super().__init__(parent)
        self.mixer = mixer

    def readData(self, most: int) -> bytes:  # noqa: N802
        """Return at most `most` bytes of the next samples."""
        frame = SAMPLE_BYTES * self.mixer.channels
        count = min(most // frame, 1 << 14)
        return self.mixer.give(count).T.tobytes() if count else b""

    def writeData(self, data: Any, length: int) -> int:  # noqa: N802
        """Write nothing."""
        del data, length
        return -1

    def bytesAvailable(self) -> int:  # noqa: N802
        """Return a count that never runs out: the mixer also supplies silence."""
        return (1 << 16) + super().bytesAvailable()

    def isSequential(self) -> bool:  # noqa: N802
        """Return True: the device cannot seek."""
        return True


class Player(QObject):
    """Plays voices on a document's timeline.

    Opens the audio device on first playback. Without one, or without QtMultimedia, the playhead
    still moves and `silent` reports why there is no sound.
    """

    moved = Signal(float)
    started = Signal()
    stopped = Signal()
    failed = Signal(str)
    silent = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.mixer = Mixer(48_000, CHANNELS)
        self.why_silent = ""
        self._device_name = ""
        self._devices: Any = None
        self._sink: Any = None
        self._device: MixerDevice | None = None
        self._volume = 1.0
        self._pulled_s = 0.0
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self._on_tick)

    @property
    def is_playing(self) -> bool:
        """Whether the player is playing."""
        return self._tick.isActive()

    @property
    def seconds(self) -> float:
        """Position on the timeline."""
        return self.mixer.place / self.mixer.sample_rate_hz

    def prepare(self) -> None:
        """Load what an audio device needs, before the pool measures levels.

        Loading it while soxr runs in the pool deadlocks: see `dreamsound_desktop.background`.
        """
        if self._devices is not None:
            return
        with suppress(ImportError):  # reported on playback
            from PySide6.QtMultimedia import QMediaDevices

            # Follow the system's default device, and survive its removal.
            self._devices = QMediaDevices(self)
            self._devices.audioOutputsChanged.connect(self._change_device)
            QMediaDevices.defaultAudioOutput()

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
        if not self.is_playing:
            self._open()
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
            # Let the fade finish.
            QTimer.singleShot(round(2000 * BUFFER_S), self, self._suspend)
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
        self.mixer.stop()
        self._close()

    def _open(self) -> None:
        if self._sink is not None:
            self._sink.resume()
            return
        try:
            # Imported late: the import fails without libpulse, and the app must still run.
            from PySide6.QtMultimedia import QAudioFormat, QAudioSink, QMediaDevices
        except ImportError as error:
            self._say_silent(str(error))
            return
        self.prepare()
        found = QMediaDevices.defaultAudioOutput()
        for device in QMediaDevices.audioOutputs():
            if device.description() == self._device_name:
                found = device
        if found.isNull():
            self._say_silent(self.tr("no audio device found"))
            return
        form = QAudioFormat()
        form.setSampleRate(self.mixer.sample_rate_hz)
        form.setChannelCount(CHANNELS)
        form.setSampleFormat(QAudioFormat.SampleFormat.Float)
        if not found.isFormatSupported(form):
            rate = self.mixer.sample_rate_hz
            self._say_silent(self.tr("the audio device does not support {0} Hz").format(rate))
            return
        self._device = MixerDevice(self.mixer, self)
        self._device.open(QIODevice.OpenModeFlag.ReadOnly)
        self._sink = QAudioSink(found, form, self)
        self._sink.setBufferSize(
            round(BUFFER_S * self.mixer.sample_rate_hz) * CHANNELS * SAMPLE_BYTES
        )
        self._sink.start(self._device)
        if self._sink.error().name not in FINE_ERRORS:
            self._close()
            self._say_silent(self.tr("the audio device cannot be opened"))
            return
        self.why_silent = ""

    def _say_silent(self, reason: str) -> None:
        if reason != self.why_silent:
            self.why_silent = reason
            self.silent.emit(reason)

    def _on_tick(self) -> None:
        if self._sink is None:
            # Without a device to pull samples, advance the timeline in real time.
            now_s = time.monotonic()
            due = round((now_s - self._pulled_s) * self.mixer.sample_rate_hz)
            self._pulled_s = now_s
            if due > 0:
                self.mixer.give(min(due, self.mixer.sample_rate_hz))
        self.moved.emit(self.seconds)
        if not self.mixer.is_playing:
            self._tick.stop()
            self._suspend()
            if self.mixer.failure:
                self.failed.emit(self.mixer.failure)
            self.stopped.emit()

    def _change_device(self) -> None:
        """Switch to another device, if one was open."""
        if self._sink is not None:
            self._close()
            if self.is_playing:
                self._open()

    def _suspend(self) -> None:
        if self._sink is not None and not self.is_playing:
            self._sink.suspend()

    def _close(self) -> None:
        if self._sink is not None:
            self._sink.stop()
            self._sink.deleteLater()
            self._sink = None
        if self._device is not None:
            self._device.close()
            self._device.deleteLater()
            self._device = None
