"""What is heard, sample by sample, without a sound card."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.playback.level import measured_level, safe_gain, softest_gains_db
from dreamsound_desktop.playback.mixer import CEILING, Mixer, Voice, with_channels
from dreamsound_desktop.playback.output import NULL, Output, OutputError, _library, output_names
from dreamsound_desktop.playback.player import Player
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


def test_a_device_takes_the_mixers_samples_until_it_is_closed(qtbot):
    """The device of miniaudio that plays for nobody: in its own thread, in real time."""
    mixer = playing(Voice(Held(0.5)))
    output = Output(mixer, backends=[NULL])
    qtbot.waitUntil(lambda: mixer.place > RATE // 20)
    assert mixer.levels().peak == pytest.approx([0.5, 0.5])
    assert not output.is_lost
    output.close()
    place = mixer.place
    qtbot.wait(60)
    assert mixer.place == place


def test_it_plays_to_the_end_and_the_device_stays_for_the_next_sound(qtbot):
    player = Player(backends=[NULL])
    reasons = []
    player.silent.connect(reasons.append)
    with qtbot.waitSignal(player.stopped):
        player.play(Voice(Held(0.1, RATE // 10)), 0.0, 0.1)
    assert player.seconds == pytest.approx(0.1)
    output = player._output
    player.play(Voice(Held(0.5)), 0.0, 1.0)
    assert player._output is output
    qtbot.waitUntil(lambda: player.seconds > 0.05)
    player.stop()
    player._idle.setInterval(0)
    player._idle.start()
    qtbot.waitUntil(lambda: player._output is None)
    assert reasons == []
    player.close()


def test_a_sound_of_another_rate_is_played_at_its_own(qtbot):
    player = Player(backends=[NULL])
    player.play(Voice(Held(0.5)), 0.0, 1.0)
    other = Held(0.5, 96_000)
    other.sample_rate_hz = 96_000
    player.play(Voice(other), 0.0, 1.0)
    assert player._output._device.sample_rate == 96_000
    qtbot.waitUntil(lambda: player.mixer.place > 0)
    player.close()


def test_a_device_that_is_unplugged_is_replaced_where_it_stopped(qtbot):
    player = Player(backends=[NULL])
    player.play(Voice(Held(0.5, 10 * RATE)), 0.0, 10.0)
    lost = player._output
    qtbot.waitUntil(lambda: player.seconds > 0)
    lost._device.stop()  # as the system does it
    place = player.seconds
    qtbot.waitUntil(lambda: player._output is not lost, timeout=5000)
    qtbot.waitUntil(lambda: player.seconds > place)
    assert player.seconds < place + 3
    player.close()


def test_another_device_goes_on_at_the_same_place(qtbot, monkeypatch):
    player = Player(backends=[NULL])
    player.play(Voice(Held(0.5)), 0.0, 1.0)
    opened = []
    real = Output
    monkeypatch.setattr(
        "dreamsound_desktop.playback.player.Output",
        lambda mixer, name, backends: (
            opened.append((name, mixer.place)) or real(mixer, "", backends)
        ),
    )
    qtbot.waitUntil(lambda: player.seconds > 0.02)
    player.use_device("Headphones")
    player.use_device("Headphones")
    ((name, place),) = opened
    assert (name, player.is_playing) == ("Headphones", True)
    assert 0.02 * RATE < place <= player.mixer.place
    player.close()


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("library", "miniaudio is not installed"),
        ("device", "no audio device found"),
        ("refused", "cannot be opened (-1)"),
    ],
)
def test_without_a_sound_device_the_playhead_moves_and_the_reason_is_reported(
    qtbot, monkeypatch, reason, says
):
    def fail(*_):
        raise OutputError(reason, "-1" if reason == "refused" else "")

    monkeypatch.setattr("dreamsound_desktop.playback.player.Output", fail)
    player = Player()
    reasons = []
    player.silent.connect(reasons.append)
    with qtbot.waitSignal(player.stopped, timeout=3000):
        player.play(Voice(Held(0.1, RATE // 5)), 0.0, 0.2)
    (said,) = reasons
    assert says in said
    assert player.seconds == pytest.approx(0.2, abs=0.01)
    player.close()


def test_without_miniaudio_there_is_no_device_and_none_is_listed(monkeypatch):
    _library.cache_clear()
    monkeypatch.setitem(sys.modules, "miniaudio", None)
    assert output_names() == []
    with pytest.raises(OutputError, match="library"):
        Output(Mixer(RATE))
    _library.cache_clear()


def test_a_device_that_plays_for_nobody_counts_only_when_asked_for(monkeypatch):
    """Where there is no sound service, miniaudio takes this one, and all would seem well."""
    import miniaudio

    real = miniaudio.PlaybackDevice

    def device(*given, **named):
        return real(*given[:-1], [miniaudio.Backend.NULL], **named)

    monkeypatch.setattr(miniaudio, "PlaybackDevice", device)
    with pytest.raises(OutputError, match="device"):
        Output(Mixer(RATE))


def test_source_and_takes_are_as_loud_as_the_softest(tmp_path):
    source = OpenSound(write_sound(tmp_path / "a.wav", 4.0))
    quiet = tmp_path / "b.wav"
    import soundfile

    values = source.read(48_000, 144_000)
    soundfile.write(quiet, 0.1 * values.T, RATE, subtype="FLOAT")
    take = OpenSound(quiet)
    levels = [measured_level(source), measured_level(take, source, 48_000)]
    assert softest_gains_db(levels) == pytest.approx([-20.0, 0.0], abs=0.1), "the source is cut"
    assert safe_gain(take) == 1.0
    soundfile.write(tmp_path / "c.wav", 4 * values.T, RATE, subtype="FLOAT")
    hot = OpenSound(tmp_path / "c.wav")
    gain = safe_gain(hot)
    assert gain * np.abs(4 * values).max() <= 10 ** (-1 / 20) + 1e-3
    levels.append(measured_level(hot, source, 48_000))
    gains = softest_gains_db(levels)
    assert gains == pytest.approx([-20.0, 0.0, -32.04], abs=0.1), "louder never wins"
    for gain, level in zip(gains, levels, strict=True):
        assert 20 * np.log10(level.peak) + gain <= -0.99
    far = measured_level(hot, hot)
    assert softest_gains_db([far, type(far)(36.0, 0.001)]) == pytest.approx([-24.0, 12.0])
