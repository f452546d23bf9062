"""What an item plays: each row is checked by rendering a counting ramp and reading it back."""

import itertools
import math

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamsound_reaper.facts import Item, Source, Take
from dreamsound_reaper.pieces import FileInfo, UnfitError
from dreamsound_reaper.spans import played_span
from dreamsound_studio.audio.source import read_cut

RATE, LENGTH = 8_000, 20_011
INFO = FileInfo(LENGTH, RATE, 2)


@pytest.fixture(scope="module")
def ramp(tmp_path_factory):
    """Each sample tells its number, and on the right how many are left."""
    path = tmp_path_factory.mktemp("spans") / "ramp.wav"
    numbers = np.arange(LENGTH, dtype=np.float32)
    soundfile.write(path, np.stack([numbers, LENGTH - numbers], 1) / 2**15, RATE, "FLOAT")
    return path


def file_source() -> Source:
    return Source(type="WAVE", file="ramp.wav", length_s=LENGTH / RATE)


def section(parent: Source, offset_s=0.0, length_s=0.0, is_reversed=False) -> Source:
    report = {"offset_s": offset_s, "length_s": length_s, "is_reversed": is_reversed}
    return Source(type="SECTION", section=report, parent=parent)


#: Names of sources; each with the samples of the file that it plays, as REAPER would.
def plain():
    return file_source(), np.arange(LENGTH, dtype=float)


def reversed_whole():
    return section(file_source(), is_reversed=True), np.arange(LENGTH, dtype=float)[::-1]


def a_section():
    return section(file_source(), 0.5, 1.25), np.arange(4_000, 14_000, dtype=float)


def a_reversed_section():
    return section(file_source(), 0.5, 1.25, True), np.arange(4_000, 14_000, dtype=float)[::-1]


def a_section_of_a_reversed_section():
    inner, played = a_reversed_section()
    return section(inner, 0.25, 0.5), played[2_000:6_000]


def off_the_grid():
    """Between samples on both sides."""
    return section(file_source(), 0.50003, 1.25), np.arange(10_000) + 0.50003 * RATE


def reversed_off_the_grid():
    return section(file_source(), 0.50003, 1.25, True), (np.arange(10_000) + 0.50003 * RATE)[::-1]


SOURCES = [plain, reversed_whole, a_section, a_reversed_section, a_section_of_a_reversed_section,
           off_the_grid, reversed_off_the_grid]  # fmt: skip
OFFSETS = [0.0, 0.1, 1 / 3, 0.30003, -0.2]
RATES = [1.0, 0.5, 1.37]
LENGTHS = [0.1, 0.75, 5.0]


def item_of(source, offset_s, play_rate, length_s, is_loop, mode=0, markers=()) -> Item:
    values = {"D_STARTOFFS": offset_s, "D_PLAYRATE": play_rate, "I_CHANMODE": float(mode)}
    take = Take(name="ramp", values=values, source=source, stretch_markers=markers)
    return Item(length_s=length_s, is_loop=is_loop, take=take)


def expected(played: np.ndarray, offset_s, play_rate, length_s, is_loop) -> np.ndarray:
    """Return the position in the file at each 1/RATE of the source; NaN is silence."""
    at = offset_s * RATE + np.arange(math.floor(length_s * play_rate * RATE + 1e-6))
    size = len(played)
    if is_loop:
        at = np.mod(at + 1e-7, size) - 1e-7
    # Straight between two samples; none is known beyond the last.
    inside = (at >= -1e-6) & (at <= size - 1)
    slope = played[1] - played[0]
    return np.where(inside, played[0] + slope * at, np.nan)


def played_by_new_take(path, found, count) -> np.ndarray:
    """Return the position in the file that the new take plays at each 1/RATE; NaN is silence."""
    sound = np.rint(read_cut(path, found.cut).samples.array()[0] * 2**15)
    at = found.start_offset_s * RATE + np.arange(count)
    before = np.floor(at + 1e-6).astype(int)
    share = at - before
    known = (before >= 0) & (before + (share > 1e-4) < len(sound))
    before = np.clip(before, 0, len(sound) - 1)
    after = np.clip(before + 1, 0, len(sound) - 1)
    value = sound[before] * (1 - share) + sound[after] * share
    # Over the seam of a loop nothing lies between.
    value[np.abs(sound[after] - sound[before]) > 1] = np.nan
    return np.where(known, value, np.nan)


def compare(path, source, played, row, handle_s=0.0) -> None:
    offset_s, play_rate, length_s, is_loop = row
    found = played_span(item_of(source, *row), INFO, handle_s)
    wanted = expected(played, offset_s, play_rate, length_s, is_loop)
    got = played_by_new_take(path, found, len(wanted))
    both = ~np.isnan(wanted) & ~np.isnan(got)
    seams = 3 * (2 + int(length_s * play_rate * RATE / len(played)))
    assert np.sum(~np.isnan(wanted) & np.isnan(got)) <= seams
    assert np.sum(both) > 0
    # A section of a fraction of a sample is looped to the nearest sample.
    assert np.max(np.abs(wanted[both] - got[both])) < (0.51 if is_loop and "off" in row_name(source)
                                                       else 1e-2)  # fmt: skip


def row_name(source) -> str:
    report = source.section
    return "off the grid" if report is not None and report.offset_s == 0.50003 else ""


@pytest.mark.parametrize("make", SOURCES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("is_loop", [False, True], ids=["once", "loop"])
@pytest.mark.parametrize("handle_s", [0.0, 1.0], ids=["bare", "handle"])
def test_the_job_hears_what_the_item_plays(ramp, make, is_loop, handle_s):
    source, played = make()
    for offset_s, play_rate, length_s in itertools.product(OFFSETS, RATES, LENGTHS):
        if not is_loop and offset_s < 0 and offset_s + length_s * play_rate <= 0:
            continue  # nothing of it is heard
        compare(ramp, source, played, (offset_s, play_rate, length_s, is_loop), handle_s)


@given(
    st.sampled_from(SOURCES),
    st.floats(-0.5, 2.4),
    st.floats(0.1, 4.0),
    st.floats(0.01, 3.0),
    st.booleans(),
    st.floats(0.0, 2.0),
)
@settings(max_examples=150)
def test_any_item(ramp, make, offset_s, play_rate, length_s, is_loop, handle_s):
    source, played = make()
    size_s = len(played) / RATE
    audible_s = min(offset_s + length_s * play_rate, size_s) - max(offset_s, 0)
    if not is_loop and audible_s < 4 / RATE:
        return
    if length_s * play_rate * RATE < 8:
        return
    compare(ramp, source, played, (offset_s, play_rate, length_s, is_loop), handle_s)


def test_the_first_sample_is_the_one_before_and_the_rest_is_the_takes_offset():
    found = played_span(item_of(file_source(), 1_000.25 / RATE, 1.0, 100 / RATE, False), INFO)
    (piece,) = found.cut.pieces
    assert piece.start == 1_000
    assert found.start_offset_s * RATE == pytest.approx(0.25)
    assert piece.stop == 1_000 + 101 + 1  # to behind the last, and one more


def test_a_handle_is_as_long_as_the_source_has_it():
    found = played_span(item_of(file_source(), 0.5, 2.0, 0.5, False), INFO, 1.0)
    (piece,) = found.cut.pieces
    assert piece.start == 0  # half a second where two were asked for
    assert found.start_offset_s == pytest.approx(0.5)
    assert piece.stop == LENGTH  # a handle of one second at rate 2 would be 2 s of source
    middle = played_span(item_of(file_source(), 1.0, 1.0, 0.1, False), INFO, 0.5)
    assert middle.cut.pieces[0].start == RATE // 2
    assert middle.start_offset_s == pytest.approx(0.5)


def test_a_whole_file_is_a_plain_job():
    found = played_span(item_of(file_source(), 0.0, 1.0, LENGTH / RATE, True), INFO, 1.0)
    assert found.is_whole
    assert found.start_offset_s == 0.0


@pytest.mark.parametrize(
    ("mode", "channels", "is_mono", "left"),
    [(0, None, False, 0), (1, None, False, 1), (2, (0, 1), True, 0), (3, (0,), False, 0),
     (4, (1,), False, 0)],
)  # fmt: skip
def test_a_channel_mode_is_done_once(ramp, mode, channels, is_mono, left):
    found = played_span(item_of(file_source(), 0.0, 1.0, 0.5, False, mode), INFO)
    assert (found.cut.channels, found.cut.is_mono, found.channel_mode) == (channels, is_mono, left)
    clip = read_cut(ramp, found.cut)
    assert clip.channels == (2 if mode in (0, 1) else 1)
    if mode == 4:
        assert round(clip.samples.array()[0, 0] * 2**15) == LENGTH


def test_channels_of_many():
    four = FileInfo(LENGTH, RATE, 4)
    assert played_span(item_of(file_source(), 0, 1, 0.5, False, 5), four).cut.channels == (2,)
    assert played_span(item_of(file_source(), 0, 1, 0.5, False, 69), four).cut.channels == (2, 3)
    with pytest.raises(UnfitError, match="channel 3 of a 2-channel file"):
        played_span(item_of(file_source(), 0, 1, 0.5, False, 5), INFO)
    mono = FileInfo(LENGTH, RATE, 1)
    for mode in (1, 2, 3, 4):
        found = played_span(item_of(file_source(), 0, 1, 0.5, False, mode), mono)
        assert (found.cut.channels, found.channel_mode) == (None, 0)


def test_stretch_markers_widen_what_is_heard_and_keep_their_places():
    markers = ((0.0, 1.0, 0.0), (0.5, 2.0, 0.0))
    found = played_span(item_of(file_source(), 1.0, 1.0, 0.5, False, markers=markers), INFO)
    (piece,) = found.cut.pieces
    assert piece.start == RATE
    assert piece.stop == 2 * RATE + 1
    assert found.marker_shift_s == pytest.approx(-1.0)
    assert found.start_offset_s == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"is_locked": True}, "locked"),
        ({"take": None}, "empty"),
        ({"take": Take(source=Source(type="MIDI"), is_midi=True)}, "MIDI"),
        ({"take": Take(source=Source(type="_OFFLINE_WAVE", file="a.wav"))}, "offline"),
        ({"take": Take(source=Source(type="CLICK"))}, "plays no audio file"),
        ({"take": Take(source=None)}, "empty"),
        ({"length_s": 0.0}, "no length"),
    ],
)
def test_what_cannot_be_dreamed_says_why(change, why):
    item = item_of(file_source(), 0.0, 1.0, 1.0, False).model_copy(update=change)
    with pytest.raises(UnfitError, match=why):
        played_span(item, INFO)


def test_an_item_beyond_its_source_is_left_out():
    for offset_s in (LENGTH / RATE + 1, -2.0):
        with pytest.raises(UnfitError, match="plays outside its source"):
            played_span(item_of(file_source(), offset_s, 1.0, 1.0, False), INFO)


def test_a_chain_without_end_is_refused():
    source = file_source()
    for _ in range(40):
        source = section(source)
    with pytest.raises(UnfitError, match="too many nested section sources"):
        played_span(item_of(source, 0.0, 1.0, 1.0, False), INFO)
