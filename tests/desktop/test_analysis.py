"""Peaks, tiles and axes are what a naive look at the samples says."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamsound_desktop.analysis import spectrogram
from dreamsound_desktop.analysis.disk_cache import DiskCache
from dreamsound_desktop.analysis.open_sound import OpenSound
from dreamsound_desktop.analysis.peaks import BASE, PeakPyramid
from dreamsound_desktop.analysis.scales import FrequencyAxis, decibels, note_name, time_text
from dreamsound_desktop.analysis.spectrogram import TILE, TileKey, make_rough_tile, make_tile
from dreamsound_desktop.playback.level import safe_gain
from dreamsound_studio.errors import AudioFileError

from .conftest import write_sound


@pytest.mark.parametrize(
    ("name", "subtype"),
    [
        ("a.wav", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.rf64", "PCM_24"),
        ("a.wav", "PCM_32"), ("a.flac", "PCM_24"), ("a.aiff", "PCM_16"), ("a.ogg", "VORBIS"),
    ],
)  # fmt: skip
def test_any_part_of_any_file_is_read_as_libsndfile_reads_it(tmp_path, name, subtype):
    path = write_sound(tmp_path / name, 1.0, subtype=subtype)
    whole = soundfile.read(path, dtype="float32", always_2d=True)[0].T
    sound = OpenSound(path)
    assert (sound.channels, sound.length) == whole.shape
    for start, stop in ((0, 100), (5_000, 9_000), (47_000, 48_000)):
        # A decoder that seeks in a lossy stream may differ in its last bit.
        tolerance = 1e-4 if subtype == "VORBIS" else 1e-7
        assert np.abs(sound.read(start, stop) - whole[:, start:stop]).max() <= tolerance
    around = sound.read(-10, sound.length + 10)
    assert not around[:, :10].any()
    assert not around[:, -10:].any()
    sound.close()


def test_a_file_that_goes_away_or_changes_is_noticed(sound_path):
    sound = OpenSound(sound_path)
    assert not sound.has_changed()
    write_sound(sound_path, 1.0)
    assert sound.has_changed()
    sound_path.unlink()
    assert sound.has_changed()
    with pytest.raises(AudioFileError, match=r"swell\.wav"):
        sound.read(0, 100)


def test_a_file_that_is_rewritten_shorter_is_reported_in_plain_words(sound_path):
    sound = OpenSound(sound_path)
    write_sound(sound_path, 0.5)
    with pytest.raises(AudioFileError, match="shorter since it was opened"):
        sound.read(sound.length - 100, sound.length)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_what_is_not_a_number_is_silence_in_pictures_and_in_what_plays(tmp_path, name):
    values = np.full((9600, 2), 0.25, np.float32)
    values[100], values[5000], values[7000] = np.nan, np.inf, -np.inf
    soundfile.write(tmp_path / name, values, 48_000, subtype="FLOAT")
    sound = OpenSound(tmp_path / name)
    assert not sound.read(100, 101).any()
    pyramid = PeakPyramid(sound.channels, sound.length)
    pyramid.build(sound)
    assert all(np.isfinite(level).all() for level in pyramid.levels)
    tile = make_tile(sound, TileKey(1024, -1, 0, 0), lambda _: None)
    assert tile.shape[1] == 38
    assert 0 < safe_gain(sound) < 10
    sound.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    length=st.integers(1, 30_000),
    channels=st.integers(1, 8),
    seed=st.integers(0, 9),
    share=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    columns=st.integers(1, 300),
)
def test_columns_hold_what_the_samples_do(tmp_path_factory, length, channels, seed, share, columns):
    path = tmp_path_factory.mktemp("p") / "a.wav"
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (length, channels)).astype(np.float32)
    soundfile.write(path, values, 48_000, subtype="FLOAT")
    sound = OpenSound(path)
    pyramid = PeakPyramid(channels, length)
    pyramid.build(sound)
    assert pyramid.is_whole
    start, stop = sorted(round(one * length) for one in share)
    found = pyramid.columns(start, max(stop, start + 1), columns)
    stop = max(stop, start + 1)
    for column in range(found.lowest.shape[1]):
        first = round(found.start + column * found.step)
        whole = values[first : first + round(found.step)]
        # The last column need not hold what lies behind the part that was asked for.
        asked = values[first : min(first + round(found.step), max(stop, first + 1))]
        lowest, highest = found.lowest[:, column], found.highest[:, column]
        assert (lowest >= whole.min(axis=0) - 1e-3).all()
        assert (lowest <= asked.min(axis=0) + 1e-3).all()
        assert (highest <= whole.max(axis=0) + 1e-3).all()
        assert (highest >= asked.max(axis=0) - 1e-3).all()
    # All that was asked for is there, in about as many columns as can be distinguished.
    assert found.start <= start
    assert found.start + found.step * found.lowest.shape[1] >= min(stop, length)
    assert found.lowest.shape[1] <= 2 * columns + 2 or found.step == BASE


def test_a_pyramid_shows_what_is_filled_while_it_is_built(sound_path):
    sound = OpenSound(sound_path)
    pyramid = PeakPyramid(sound.channels, sound.length)
    shares = []
    pyramid.build(sound, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    stopped = PeakPyramid(sound.channels, sound.length)
    stopped.build(sound, is_wanted=lambda: False)
    assert not stopped.is_whole
    assert stopped.columns(0, sound.length, 100).highest.max() == 0


def _whole(sound: OpenSound, fft_size: int, level: int) -> np.ndarray:
    """The spectrogram of a whole sound, frame by frame."""
    hop = fft_size // 4
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fft_size) / fft_size)
    window /= window.sum() / 2
    frames = []
    for start in range(0, sound.length, hop):
        values = sound.read(start - fft_size // 2, start + fft_size // 2).mean(axis=0)
        frames.append(np.abs(np.fft.rfft(values * window)))
    group = 1 << level
    frames += [frames[-1] * 0] * (-len(frames) % group)
    columns = np.array(frames).reshape(-1, group, fft_size // 2 + 1).max(axis=1)
    return 20 * np.log10(columns.T + 1e-10)


@pytest.mark.parametrize("level", [0, 2, 5])
def test_tiles_side_by_side_are_the_whole_picture(tmp_path, monkeypatch, level):
    monkeypatch.setattr(spectrogram, "TILE", 64)
    sound = OpenSound(write_sound(tmp_path / "a.wav", 6.0))

    def get(key: TileKey) -> np.ndarray:
        tile = make_tile(sound, key, get)
        assert tile is not None
        return tile

    width = 64 * (128 << level)
    tiles = [get(TileKey(512, -1, level, n)) for n in range(-(-sound.length // width))]
    together = np.concatenate(tiles, axis=1)
    expected = _whole(sound, 512, level)
    columns = min(together.shape[1], expected.shape[1])
    assert columns >= sound.length // (128 << level)
    shown = decibels(together[:, : columns - 1].astype(float))
    assert np.abs(shown - np.clip(expected[:, : columns - 1], -127.5, 0)).max() <= 0.51


def test_a_full_scale_sine_is_0_db(tmp_path):
    path = tmp_path / "sine.wav"
    sine = np.sin(2 * np.pi * 1500 * np.arange(48_000) / 48_000)
    soundfile.write(path, sine.astype(np.float32), 48_000, subtype="FLOAT")
    tile = make_tile(OpenSound(path), TileKey(2048, 0, 0, 0), lambda _: None)
    assert decibels(float(tile[64, 40])) == pytest.approx(0.0, abs=0.5)


def test_a_rough_tile_is_as_large_as_the_exact_one(sound_path):
    sound = OpenSound(sound_path)
    key = TileKey(2048, -1, 0, 0)
    exact = make_tile(sound, key, lambda _: None)
    rough = make_rough_tile(sound, key)
    assert rough.shape == exact.shape
    assert abs(int(rough.max()) - int(exact.max())) <= 12
    assert make_tile(sound, key, lambda _: None, is_wanted=lambda: False) is None


@pytest.mark.parametrize("scale", ["linear", "log", "mel"])
def test_an_axis_and_back(scale):
    axis = FrequencyAxis(scale, 24_000)
    places = np.linspace(0.01, 1, 50)
    for place in places:
        assert axis.place(axis.hertz(place)) == pytest.approx(place)
    assert axis.hertz(1.0) == pytest.approx(24_000)
    edges = axis.bin_edges(512, 2048, 48_000)
    assert (np.diff(edges) > 0).all()
    assert edges[-1] == 1024
    tile = np.arange(1025, dtype=np.uint16)[:, None].repeat(3, axis=1).astype(np.uint8)
    assert spectrogram.rows_of(tile, edges).shape == (512, 3)
    assert all(0 <= place <= 1 for place, _ in axis.ticks())


def test_rows_narrower_than_a_bin_show_what_lies_between_bins():
    edges = FrequencyAxis("log", 24_000).bin_edges(512, 2048, 48_000)
    narrow = np.flatnonzero(np.diff(edges) < 1)
    assert len(narrow) > 200
    ramp = np.linspace(0, 255, 1025).astype(np.uint8)[:, None].repeat(2, axis=1)
    steep = np.minimum(np.arange(1025) * 10, 250).astype(np.uint8)[:, None].repeat(2, axis=1)
    rows = spectrogram.rows_of(steep, edges)[:, 0].astype(int)
    low = rows[narrow[narrow < np.searchsorted(edges, 20)]]
    assert np.diff(low).min() >= 0
    assert np.diff(low).max() <= 10  # a bin's step is spread over the rows between
    assert len(set(low)) > 100
    centres = (edges[1:] + edges[:-1]) / 2
    np.testing.assert_allclose(low, centres[: len(low)] * 10, atol=1)
    # A row of several bins still shows the loudest of them.
    ramp[900] = 255
    row = int(np.searchsorted(edges, 900.5)) - 1
    assert spectrogram.rows_of(ramp, edges)[row, 0] == 255


def test_notes_and_times():
    assert note_name(440.0) == "A4"
    assert note_name(261.63) == "C4"
    assert note_name(450.0) == "A4 +39"
    assert time_text(62.5) == "1:02.500"
    assert time_text(3661.0, 0) == "1:01:01"
    assert time_text(59.9996, 3) == "1:00.000"


def test_the_cache_keeps_what_was_used_last_and_no_more(tmp_path):
    cache = DiskCache(tmp_path / "c", limit_bytes=10_000)
    for number in range(5):
        cache.put(f"a{number}", np.full(2_000, number, np.uint8))
    assert cache.size() <= 10_000 + 5 * 128
    assert (cache.get("a4") == 4).all()
    assert cache.get("nothing") is None
    cache.put("huge", np.zeros(20_000, np.uint8))
    assert cache.get("huge") is None
    cache.clear()
    assert cache.get("a4") is None


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path):
    (tmp_path / "file").write_text("")
    cache = DiskCache(tmp_path / "file")
    cache.put("a", np.zeros(3, np.uint8))
    assert cache.get("a") is None


def test_a_broken_file_of_the_cache_is_not_taken(tmp_path):
    cache = DiskCache(tmp_path)
    cache.put("a", np.zeros(3, np.uint8))
    for path in tmp_path.glob("*/*"):
        path.write_bytes(b"\x93NUMPY garbage")
    assert cache.get("a") is None


def test_a_tile_has_1024_columns():
    assert TileKey(2048, -1, 3, 2).start == 2 * TILE * 512 * 8
