import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from dreamsound_studio.audio.clip import read_clip
from dreamsound_studio.audio.cut import Cut, Piece
from dreamsound_studio.audio.source import CONTEXT_SECONDS, read_cut
from dreamsound_studio.errors import AudioFileError

RATE, LENGTH = 8_000, 40_000


@pytest.fixture(scope="module")
def ramp(tmp_path_factory):
    """Each sample tells its number, the second channel the number that is missing to the end."""
    path = tmp_path_factory.mktemp("cut") / "ramp.wav"
    numbers = np.arange(LENGTH, dtype=np.float32)
    soundfile.write(path, np.stack([numbers, LENGTH - numbers], 1) / LENGTH, RATE, "FLOAT")
    return path


def heard(clip, channel=0):
    return np.rint(clip.samples.array()[channel] * LENGTH).astype(int).tolist()


def numbers(piece):
    found = list(range(piece.start, piece.stop))
    return found[::-1] if piece.is_reversed else found


pieces = st.builds(
    lambda start, length, is_reversed: Piece(
        start=start, stop=min(start + length, LENGTH), is_reversed=is_reversed
    ),
    st.integers(0, LENGTH - 1),
    st.integers(1, 3_000),
    st.booleans(),
)


@given(st.lists(pieces, min_size=1, max_size=5))
def test_the_pieces_are_heard_one_after_another(ramp, chosen):
    cut = Cut(pieces=tuple(chosen))
    clip = read_cut(ramp, cut)
    assert heard(clip) == [number for piece in chosen for number in numbers(piece)]
    assert clip.samples.length == cut.length
    assert clip.cut == cut


@given(st.lists(pieces, min_size=1, max_size=3), st.data())
def test_a_part_of_a_cut_is_that_part(ramp, chosen, data):
    cut = Cut(pieces=tuple(chosen))
    start = data.draw(st.integers(0, cut.length - 1))
    stop = data.draw(st.integers(start + 1, cut.length))
    whole, part = read_cut(ramp, cut), read_cut(ramp, cut, samples=(start, stop))
    assert heard(part) == heard(whole)[start:stop]
    assert part.start == start
    # What is heard around it is what the cut holds there.
    reach = min(start, round(CONTEXT_SECONDS * RATE))
    if reach:
        before = np.rint(part.before[0, -reach:] * LENGTH).astype(int).tolist()
        assert before == heard(whole)[start - reach : start]


def test_a_cut_that_is_a_part_of_the_file_hears_what_is_around_it(ramp):
    clip = read_cut(ramp, Cut(pieces=(Piece(start=10_000, stop=20_000),)))
    plain = read_clip(ramp, (10_000, 20_000), round(CONTEXT_SECONDS * RATE))
    assert np.array_equal(clip.samples.array(), plain.samples.array())
    assert np.array_equal(clip.before, plain.before)
    assert np.array_equal(clip.after, plain.after)
    assert clip.file_start == 10_000


def test_a_reversed_piece_hears_reversed_what_is_around_it(ramp):
    clip = read_cut(ramp, Cut(pieces=(Piece(start=10_000, stop=20_000, is_reversed=True),)))
    assert np.rint(clip.before[0, -1] * LENGTH) == 20_000
    assert np.rint(clip.after[0, 0] * LENGTH) == 9_999
    assert clip.file_start is None


def test_channels_are_chosen_swapped_and_mixed(ramp):
    piece = Piece(start=100, stop=200)
    left = np.arange(100, 200)
    second = read_cut(ramp, Cut(pieces=(piece,), channels=(1,)))
    assert second.channels == 1
    assert heard(second) == (LENGTH - left).tolist()
    swapped = read_cut(ramp, Cut(pieces=(piece,), channels=(1, 0)))
    assert heard(swapped, 1) == left.tolist()
    mono = read_cut(ramp, Cut(pieces=(piece,), is_mono=True))
    assert mono.channels == 1
    assert set(heard(mono)) == {LENGTH // 2}


def test_a_span_of_a_cut_starts_where_it_is_asked_for(ramp):
    cut = Cut(pieces=(Piece(start=1, stop=30_001),))
    clip = read_cut(ramp, cut, "1:2")
    assert clip.start == RATE
    assert clip.samples.length == 2 * RATE - clip.start
    assert clip.file_start == 1 + clip.start


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (Cut(pieces=(Piece(start=0, stop=LENGTH + 1),)), "40000 samples"),
        (Cut(pieces=(Piece(start=0, stop=9),), channels=(2,)), "no channel 3"),
    ],
)
def test_a_cut_beyond_the_file_is_refused(ramp, cut, words):
    with pytest.raises(AudioFileError, match=words):
        read_cut(ramp, cut)


def test_an_empty_span_of_a_cut_is_refused(ramp):
    with pytest.raises(AudioFileError, match="is empty"):
        read_cut(ramp, Cut(pieces=(Piece(start=0, stop=800),)), "1:2")


@pytest.mark.parametrize(
    "wrong",
    [{"pieces": []}, {"pieces": [{"start": 5, "stop": 5}]}, {"pieces": [{"start": -1, "stop": 5}]},
     {"pieces": [{"start": 0, "stop": 5}], "channels": []}],
)  # fmt: skip
def test_what_is_no_cut_is_refused(wrong):
    with pytest.raises(ValidationError):
        Cut.model_validate(wrong)
