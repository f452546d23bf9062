"""What is heard, sample by sample, without a sound card."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.playback.level import heard_gain
from dreamsound_desktop.playback.mixer import CEILING, Mixer, Voice, with_channels
from dreamsound_desktop.playback.player import MixerDevice, Player
from dreamsound_studio.errors import AudioFileError

from .conftest import write_sound

RATE = 48_000
FADE = 240


class Held:
    """A sound of one value in each channel, or of its sample numbers."""

    sample_rate_hz = RATE

    def __init__(self, value: float, length: int = RATE, channels: int = 2) -> None:
        self.value, self.length, self.channels = value, length, channels

    def read(self, start: int, stop: int) -> np.ndarray:
        places = np.arange(start, stop)
        inside = (places >= 0) & (places < self.length)
        return np.repeat((inside * self.value).astype(np.float32)[None], self.channels, axis=0)


class Ramp(Held):
    def read(self, start: int, stop: int) -> np.ndarray:
        places = np.arange(start, stop) / self.length * self.value
        return np.repeat(places.astype(np.float32)[None], self.channels, axis=0)


def playing(voice: Voice, length: int = RATE, start: int = 0) -> Mixer:
    mixer = Mixer(RATE)
    mixer.seek(start)
    mixer.play(voice, length)
    return mixer


def test_it_fades_in_plays_and_stops_at_the_end():
    mixer = playing(Voice(Held(0.5, 2_000)), 2_000)
    out = np.concatenate([mixer.give(500) for _ in range(6)], axis=1)
    assert out[0, 0] < 0.01
    assert np.allclose(out[:, FADE:2_000], 0.5, atol=1e-6)
    assert not out[:, 2_000:].any()
    assert not mixer.is_playing


def test_from_one_voice_to_another_there_is_no_gap_and_no_jump():
    mixer = playing(Voice(Held(0.5)))
    mixer.give(1_000)
    mixer.switch(Voice(Held(0.25)))
    out = mixer.give(1_000)[0]
    assert out[0] == pytest.approx(0.5, abs=0.01)
    assert np.abs(np.diff(out)).max() < 0.005
    assert out.min() >= 0.249
    assert np.allclose(out[FADE:], 0.25, atol=1e-6)
    assert mixer.place == 2_000


def test_voices_lie_on_one_time_line():
    """Both are heard where they belong: sample 600 of the line is sample 100 of the take."""
    ramp = Ramp(1.0, RATE)
    take = Voice(ramp, start=500)
    mixer = playing(take, start=0)
    out = mixer.give(1_000)[0]
    assert out[600] == pytest.approx(100 / RATE, abs=1e-6)


def test_around_a_take_its_source_goes_on():
    take = Voice(Held(0.2, 100), start=1_000, around=Held(0.4), around_gain=0.5)
    part = take.read(900, 1_200)
    assert np.allclose(part[:, :100], 0.2)
    assert np.allclose(part[:, 100:200], 0.2)
    take = Voice(Held(0.7, 100), start=1_000, around=Held(0.4), around_gain=0.5)
    assert np.allclose(take.read(1_000, 1_100), 0.7)
    assert np.allclose(take.read(1_100, 1_110), 0.2)


def test_a_loop_begins_again_with_a_fade():
    mixer = playing(Voice(Ramp(0.8, 4_000)), 4_000)
    mixer.loop((1_000, 2_000))
    mixer.seek(1_000)
    out = np.concatenate([mixer.give(333) for _ in range(12)], axis=1)[0]
    assert mixer.is_playing
    assert 1_000 <= mixer.place <= 2_000
    assert np.abs(np.diff(out[FADE:])).max() < 0.01
    assert out[1_500] == pytest.approx(0.8 * 1_500 / 4_000, abs=1e-3)


def test_nothing_is_above_the_ceiling_and_nothing_is_not_a_number():
    mixer = playing(Voice(Held(7.0)))
    mixer.give(1_000)
    assert mixer.give(1_000).max() == pytest.approx(CEILING)
    mixer = playing(Voice(Held(float("nan"))))
    assert np.isfinite(mixer.give(1_000)).all()


def test_volume_goes_without_a_jump():
    mixer = playing(Voice(Held(0.5)))
    mixer.give(1_000)
    mixer.set_volume(0.0)
    out = mixer.give(1_000)[0]
    assert np.abs(np.diff(out)).max() < 0.005
    assert out[-1] == 0


def test_a_file_that_goes_away_stops_and_says_so():
    class Gone(Held):
        def read(self, start, stop):
            raise AudioFileError("a.wav: No such file")

    mixer = playing(Voice(Gone(1.0)))
    assert not mixer.give(500).any()
    assert not mixer.is_playing
    assert "a.wav" in mixer.failure


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_any_number_of_channels_is_heard_on_two(channels):
    out = with_channels(np.full((channels, 10), 0.9, np.float32), 2)
    assert out.shape == (2, 10)
    assert out.max() <= 0.9 + 1e-6
    assert out.min() > 0


def test_the_meter_tells_peak_and_rms():
    mixer = playing(Voice(Held(0.5)))
    mixer.give(1_000)
    mixer.give(1_000)
    levels = mixer.levels()
    assert levels.peak == pytest.approx([0.5, 0.5])
    assert levels.rms == pytest.approx([0.5, 0.5])


def test_the_device_gives_the_mixers_samples_as_bytes(qapp):
    mixer = playing(Voice(Held(0.5)))
    player = Player()
    device = MixerDevice(mixer, player)
    device.open(MixerDevice.OpenModeFlag.ReadOnly)
    assert device.isSequential()
    assert device.bytesAvailable() > 10_000
    device.read(8 * 1_000)
    values = np.frombuffer(bytes(device.read(8 * 500).data()), np.float32).reshape(-1, 2)
    assert values.shape == (500, 2)
    assert np.allclose(values, 0.5)
    player.close()


def test_without_a_sound_device_the_playhead_moves_and_the_reason_is_reported(qtbot, monkeypatch):
    player = Player()
    reasons = []
    player.silent.connect(reasons.append)
    monkeypatch.setitem(__import__("sys").modules, "PySide6.QtMultimedia", None)
    player.play(Voice(Held(0.1, RATE // 5)), 0.0, 0.2)
    with qtbot.waitSignal(player.stopped, timeout=3000):
        pass
    assert reasons
    assert player.seconds == pytest.approx(0.2, abs=0.01)
    player.close()


@pytest.fixture
def sound_devices(monkeypatch):
    """Two sound devices that pull nothing; returns on which a sink was opened, and what it says."""
    from types import SimpleNamespace

    try:
        from PySide6 import QtMultimedia
    except ImportError as error:  # it needs libpulse, which a bare Linux does not have
        if os.environ.get("CI"):
            raise
        pytest.skip(f"QtMultimedia cannot be loaded: {error}")
    from PySide6.QtCore import QObject, Signal

    device_calls = SimpleNamespace(opened=[], error="NoError")

    class Devices(QObject):
        audioOutputsChanged = Signal()  # noqa: N815

        @staticmethod
        def audioOutputs():  # noqa: N802
            names = ("Speakers", "Headphones")
            return [
                SimpleNamespace(
                    description=lambda name=name: name,
                    isNull=bool,
                    isFormatSupported=lambda _: True,
                )
                for name in names
            ]

        @classmethod
        def defaultAudioOutput(cls):  # noqa: N802
            return cls.audioOutputs()[0]

    class Sink(QObject):
        def __init__(self, device, form, parent):
            super().__init__(parent)
            device_calls.opened.append(device.description())
            device_calls.sink, device_calls.form = self, form

        def setBufferSize(self, size):  # noqa: N802
            device_calls.buffer = size

        def start(self, device):
            device_calls.device = device

        def error(self):
            return SimpleNamespace(name=device_calls.error)

        def stop(self): ...
        def suspend(self): ...
        def resume(self): ...

    monkeypatch.setattr(QtMultimedia, "QMediaDevices", Devices)
    monkeypatch.setattr(QtMultimedia, "QAudioSink", Sink)
    return device_calls


def test_it_goes_on_playing_when_the_device_is_changed(qapp, sound_devices):
    player = Player()
    player.play(Voice(Held(0.5)), 0.0, 1.0)
    assert sound_devices.opened == ["Speakers"]
    assert sound_devices.buffer == RATE // 10 * 2 * 4, "100 ms"
    player.use_device("Headphones")
    assert sound_devices.opened == ["Speakers", "Headphones"]
    sound_devices.device.read(8 * 1_000)
    values = np.frombuffer(bytes(sound_devices.device.read(8 * 500).data()), np.float32)
    assert np.allclose(values, 0.5), "on the new device too"
    player._devices.audioOutputsChanged.emit()
    assert len(sound_devices.opened) == 3, "devices came or went"
    player.close()


def test_a_device_that_cannot_be_opened_is_reported_and_the_playhead_moves(qtbot, sound_devices):
    sound_devices.error = "OpenError"
    player = Player()
    reasons = []
    player.silent.connect(reasons.append)
    player.play(Voice(Held(0.1, RATE // 5)), 0.0, 0.2)
    with qtbot.waitSignal(player.stopped, timeout=3000):
        pass
    assert "cannot be opened" in reasons[0]
    player.close()


def test_takes_are_brought_to_the_level_of_their_source(tmp_path):
    source = OpenSound(write_sound(tmp_path / "a.wav", 4.0))
    quiet = tmp_path / "b.wav"
    import soundfile

    values = source.read(48_000, 144_000)
    soundfile.write(quiet, 0.1 * values.T, RATE, subtype="FLOAT")
    take = OpenSound(quiet)
    assert heard_gain(take, source, 48_000, is_matched=True) == pytest.approx(10.0, rel=0.02)
    assert heard_gain(take, source, 48_000, is_matched=False) == 1.0
    soundfile.write(tmp_path / "c.wav", 4 * values.T, RATE, subtype="FLOAT")
    hot = OpenSound(tmp_path / "c.wav")
    gain = heard_gain(hot, None, 0, is_matched=False)
    assert gain * np.abs(4 * values).max() <= 10 ** (-1 / 20) + 1e-3
